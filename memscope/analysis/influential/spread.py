"""How much the number of pairs varies by chance: memberships permuted within blocks, all examples together.

V is right whatever targets and examples have to do with each other; the spread around it is not that of independent
pairs. Models that are bad are so on many targets, and an example that is by chance in their subsets has many pairs. So
whole subsets change places within their block: which is the same as changing those of outcomes, and keeps both as they
are together.
"""

import math

import numpy as np

from memscope.analysis.influential.chance import Floats
from memscope.analysis.influential.expected import expected_by_chance
from memscope.analysis.influential.search import Wanted, numbers_of
from memscope.analysis.influential.units import Positions, Units
from memscope.streams import permutation, stream

PERMUTATIONS = 20
TARGETS = 1_000
"""In the sample; beyond it the spread is scaled as if all targets varied together, which makes it too wide"""
MANY = 10_000.0
"""Pairs by chance from which on their number is not summed"""


def permuted_numbers(units: Units, wanted: Wanted, threshold: float, seed: int) -> Floats:
    """Deviations from V of the numbers of helpful and harmful pairs in permutations, [permutations, 2]."""
    targets = units.right.shape[1]
    some = np.sort(permutation(stream("influence targets", seed), targets)[:TARGETS])
    units, wanted = units.about(some), wanted.about(some)
    expected = expected_by_chance(units, wanted, threshold)
    deviations = np.empty((PERMUTATIONS, 2))
    for number in range(PERMUTATIONS):
        found = numbers_of(units.permuted(order_of(units, seed, number)), wanted, threshold)
        deviations[number] = found.helpful.sum() - expected[0], found.harmful.sum() - expected[1]
    return deviations * (targets / max(len(some), 1))


def order_of(units: Units, seed: int, number: int) -> Positions:
    """An order of the units within their blocks; that of a block is the same whichever others there are."""
    order = np.arange(len(units.block))
    for places in units.by_block():
        source = stream("influence permutation", seed, number, int(units.block[places[0]]))
        order[places] = places[permutation(source, len(places))]
    return order


def chance_of(pairs: int, expected: float, spread: float) -> float:
    """The probability of so many pairs or more by chance: negative binomial, with this mean and standard deviation.

    Where the spread is not more than a Poisson number's, it is that. Large numbers are taken for gamma distributed, as
    they are in the limit, with the cube root of that as normal (Wilson & Hilferty 1931).
    """
    if pairs == 0:
        return 1.0
    if expected <= 0:
        return 0.0
    variance = max(spread**2, expected)
    if expected > MANY:
        shape = expected**2 / variance
        z = ((max(pairs - 0.5, 0) / expected) ** (1 / 3) - 1 + 1 / (9 * shape)) * 3 * math.sqrt(shape)
        return 0.5 * math.erfc(z / math.sqrt(2))
    below = np.arange(1, pairs)
    if variance <= expected * (1 + 1e-9):
        first, ratios = -expected, math.log(expected) - np.log(below)
    else:
        size = expected**2 / (variance - expected)
        first = size * math.log(size / (size + expected))
        ratios = np.log((below + size - 1) / below) + math.log(expected / (size + expected))
    logs = first + np.concatenate([[0.0], np.cumsum(ratios)])
    return float(np.clip(1 - np.exp(logs).sum(), 0, 1))
