"""Means of the influence of pairs with their errors, and how sizes differ in them and in the number of pairs.

All pairs share the models, and a model that is wrong is so in many of them: the error of a mean is taken over units. If
e_u is the mean over pairs of (r - p_in) / sqrt(n_in (n_in - 1)) where a unit is trained on the pair's example, and of
-(r - p_out) / sqrt(n_out (n_out - 1)) where it is not, the variance of the mean is about the sum of e_u^2 (a sandwich).
In simulation its intervals cover 90 to 100 %, from one block on, with influence and without.
"""

import math

import numpy as np

from memscope.analysis.influential.chance import Floats
from memscope.analysis.influential.search import PAIRS_AT_ONCE, sides_of
from memscope.analysis.influential.units import Positions, Units
from memscope.analysis.memorisation import NORMAL_975
from memscope.analysis.statistics.intervals import t_quantile
from memscope.reports.ranged import UNKNOWN, Ranged


def mean_influence(units: Units, train: Positions, target: Positions) -> Ranged:
    """The mean influence of pairs in some units, and its interval; pairs that are not defined there are left out."""
    return over_units(*sums_over(units, train, target))


def change_of_influence(smaller: Units, larger: Units, train: Positions, target: Positions) -> Ranged:
    """How much larger the mean influence of the same pairs is in the units of a larger size, of the same subsets."""
    (first, first_parts, pairs), (second, second_parts, _) = (
        sums_over(units, train, target) for units in (smaller, larger)
    )
    return over_units(second - first, second_parts - first_parts, pairs)


def sums_over(units: Units, train: Positions, target: Positions) -> tuple[float, Floats, int]:
    """Sum of the influence of pairs, each unit's part of its error [units], and how many pairs are in it."""
    total, parts, pairs = 0.0, np.zeros(len(units.block)), 0
    for first in range(0, len(train), PAIRS_AT_ONCE):
        here = slice(first, first + PAIRS_AT_ONCE)
        with_it, without, right = sides_of(units, train[here], target[here])
        n_in, n_out = with_it.sum(0), without.sum(0)
        defined = (n_in > 1) & (n_out > 1)
        p_in, p_out = ((right * side).sum(0) / np.maximum(n, 1) for side, n in ((with_it, n_in), (without, n_out)))
        away = with_it * (right - p_in) / np.sqrt(np.maximum(n_in * (n_in - 1), 1))
        away -= without * (right - p_out) / np.sqrt(np.maximum(n_out * (n_out - 1), 1))
        total += float((p_in - p_out)[defined].sum())
        parts += away[:, defined].sum(1)
        pairs += int(defined.sum())
    return total, parts, pairs


def over_units(total: float, parts: Floats, pairs: int) -> Ranged:
    """The mean of a sum over pairs, with the interval of its units' parts."""
    if not pairs:
        return UNKNOWN
    value, error = total / pairs, math.sqrt(float((parts**2).sum())) / pairs
    degrees = len(parts) - 1
    reach = t_quantile(0.975, degrees) * error
    return Ranged(value=value, low=value - reach, high=value + reach, error=error, degrees=float(degrees))


def change_of_number(smaller: Floats, larger: Floats) -> Ranged:
    """How much a sum over training examples [N] changes from one size to another; its error is that of a sum of
    independent examples, each with what it has at both sizes."""
    change = larger - smaller
    value, error = float(change.sum()), math.sqrt(float((change**2).sum()))
    return Ranged(value=value, low=value - NORMAL_975 * error, high=value + NORMAL_975 * error, error=error)
