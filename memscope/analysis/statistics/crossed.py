"""Numbers over examples whose scores come from models: intervals that take in both, the examples and the models.

With other examples, or other models, a correlation over examples would have come out otherwise. Leaving out groups of
examples in turn shows what the examples do, and with it the noise of the models as far as it is each example's own;
leaving out blocks of models shows that noise a second time, beside what the models do to all examples together. So
what belongs to single cells, an example in a block, is taken off once:

    V = V_examples + max(0, V_blocks - V_cells)

V_cells is a jackknife over diagonals: each leaves out one block of every example, not the same one for all, so that
examples and blocks are in every diagonal alike and only cells differ. With V_examples + V_blocks alone, 95 % intervals
of scores of reliability .3 hold 0 in 98 to 99 % of all cases where there is nothing. [ours] Degrees of freedom are
Satterthwaite's, V^2 over the sum of the squares of the three over their own.

Source: Cameron, Gelbach & Miller 2011, 'Robust inference with multiway clustering'; Satterthwaite 1946, 'An approximate
distribution of estimates of variance components'.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import isnan, nan, sqrt

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.memorisation import Counts
from memscope.analysis.statistics.intervals import Floats, t_quantile
from memscope.analysis.statistics.jackknife import jackknife_error
from memscope.analysis.statistics.two_sets import FEWEST_OF_THE_SCORE
from memscope.streams import permutation, stream

GROUPS = 40
"""Of examples, which are left out in turn, at most"""
FEWEST_UNITS = 20
"""Examples, or groups of copies, below which nothing has an interval: a jackknife of fewer is far too narrow"""
ROUNDS = 4
"""Ways of laying the diagonals: of one alone, with four blocks, the variance has three degrees of freedom"""

Statistic = Callable[[Counts, NDArray[np.bool_]], Floats]
"""(counts [..., examples] of some models, bool [examples]: which are kept) -> numbers [n]"""


@dataclass(frozen=True)
class CrossedInterval:
    """A number, its standard error and 95 % interval over examples and blocks of models; NaN where not known."""

    value: float
    error: float
    """Of both; of the examples alone below four blocks"""
    example_error: float
    low: float
    high: float
    degrees: float
    """Of freedom, of its t"""


def crossed_intervals(
    statistic: Statistic, counts: Counts, units: NDArray[np.int64], least: float = -1, most: float = 1
) -> list[CrossedInterval]:
    """The interval of each of the numbers that a statistic gives, within `least` and `most`.

    `counts` [blocks, ..., examples]; `units` int [examples]: examples of one unit, such as copies of an image, are left
    out together. Below four blocks the intervals are over the examples alone; below FEWEST_UNITS units there are none.
    Examples of which nothing is known must not be among them: they would count as degrees of freedom.
    """
    blocks, everyone = len(counts.n_in), np.ones(len(units), dtype=bool)
    total = counts.total()
    value = statistic(total, everyone)
    group = groups_of(units)
    groups = int(group.max(initial=-1)) + 1
    by_example = by_block = by_cell = np.full(value.shape, nan)
    if groups >= FEWEST_UNITS:
        by_example = jackknife_error([statistic(total, group != out) for out in range(groups)])
    if blocks >= FEWEST_OF_THE_SCORE:
        kept = ([block for block in range(blocks) if block != out] for out in range(blocks))
        by_block = jackknife_error([statistic(counts.only(some), everyone) for some in kept])
        rounds = [
            jackknife_error([statistic(total.without(one), everyone) for one in diagonals(counts, units, number)])
            for number in range(ROUNDS)
        ]
        by_cell = np.sqrt(np.mean(np.square(rounds), axis=0))
    return [
        interval_of(*numbers, groups, blocks, least, most)
        for numbers in zip(value.tolist(), by_example.tolist(), by_block.tolist(), by_cell.tolist(), strict=True)
    ]


def interval_of(
    value: float,
    by_example: float,
    by_block: float,
    by_cell: float,
    groups: int,
    blocks: int,
    least: float,
    most: float,
) -> CrossedInterval:
    lacking = blocks >= FEWEST_OF_THE_SCORE and isnan(by_block + by_cell)  # not defined without one of the blocks
    if isnan(value) or isnan(by_example) or lacking:
        return CrossedInterval(value, nan, nan, nan, nan, nan)
    more = 0.0 if isnan(by_block) else max(0.0, by_block**2 - by_cell**2)
    both = by_example**2 + more
    degrees = groups - 1.0
    if both > 0 and more > 0:
        degrees = both**2 / (by_example**4 / (groups - 1) + (by_block**4 + by_cell**4 / ROUNDS) / (blocks - 1))
    reach = t_quantile(0.975, degrees) * sqrt(both)
    low, high = np.clip([value - reach, value + reach], least, most)
    return CrossedInterval(value, sqrt(both), by_example, float(low), float(high), degrees)


def example_intervals(
    statistic: Callable[[NDArray[np.bool_]], Floats], units: NDArray[np.int64], least: float = -1, most: float = 1
) -> list[CrossedInterval]:
    """`crossed_intervals` of what rests on no models, or on models that are taken as they are."""
    group = groups_of(units)
    groups = int(group.max(initial=-1)) + 1
    value = statistic(np.ones(len(units), dtype=bool))
    error = np.full(value.shape, nan)
    if groups >= FEWEST_UNITS:
        error = jackknife_error([statistic(group != out) for out in range(groups)])
    return [
        interval_of(one, each, nan, nan, groups, 0, least, most)
        for one, each in zip(value.tolist(), error.tolist(), strict=True)
    ]


def units_of(near_group: NDArray[np.int32]) -> NDArray[np.int64]:
    """The unit of each example, int64 [examples], from the groups of nearly equal images (-1: alone)."""
    alone = near_group < 0
    units = near_group.astype(np.int64)
    units[alone] = np.arange(alone.sum()) + (units.max(initial=-1) + 1)
    return units


def groups_of(units: NDArray[np.int64]) -> NDArray[np.int64]:
    """The group of each example, int64 [examples]: at most GROUPS, of nearly equal size; a unit is in one of them."""
    known, member = np.unique(units, return_inverse=True)
    order = permutation(stream("groups of examples", len(known)), len(known))
    group = np.empty(len(known), dtype=np.int64)
    group[order] = np.arange(len(known)) % GROUPS
    return group[member]


def diagonals(counts: Counts, units: NDArray[np.int64], number: int) -> list[Counts]:
    """For each block, counts [..., examples] of one block for every example; of all examples alike many of each block.

    Together they are the counts of all blocks.
    """
    blocks = len(counts.n_in)
    known, member = np.unique(units, return_inverse=True)
    offset = permutation(stream("diagonals", number, len(known)), len(known))[member]
    return [counts.of_each((offset + turn) % blocks) for turn in range(blocks)]
