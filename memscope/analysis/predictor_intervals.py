"""Intervals of numbers that rest on images, on seeds, and on the models that the target is from, all crossed.

    V = V_images + max(0, V_seeds - V_cells) + max(0, V_blocks - V_cells)

Groups of images are left out in turn, of those that were fitted to and of those that were held out alike many, then
seeds, then blocks of models; what belongs to single cells, an image under a seed or in a block, is in V_images already,
so it is taken off the others (statistics/crossed.py says how, and why). A jackknife over blocks is one in each half: a
block that is left out makes the target of its half noisier, of the halves not alike if they are not alike in size. Of
another run, images and blocks are added.

What the models that it was fitted to do to a fit is in the seeds, which alternate the halves, and in nothing else.

Sources: those of statistics/crossed.py; Efron & Tibshirani 1993, chapter 11; Satterthwaite 1946.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from math import inf, isnan, nan, sqrt
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.predictor_target import Target
from memscope.analysis.statistics.crossed import FEWEST_UNITS, ROUNDS, groups_of
from memscope.analysis.statistics.intervals import Floats, t_quantile
from memscope.analysis.statistics.jackknife import FEWEST_BLOCKS
from memscope.analysis.statistics.two_sets import FEWEST_OF_THE_SCORE
from memscope.streams import permutation, stream

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, eq=False)
class State:
    """What is kept of images, seeds and blocks."""

    kept: NDArray[np.bool_]
    """[seeds, N]"""
    halves: Floats
    """[2, N], the target of either half of the blocks"""
    kept_there: NDArray[np.bool_]
    """[seeds, M]"""
    there: Floats
    """[2, M], the target of either half of another run's blocks"""


@dataclass(frozen=True)
class PredictorInterval:
    """A number and its 95 % interval; NaN where not known."""

    value: float
    low: float
    high: float
    error: float
    degrees: float
    """Of freedom, of its t"""


NOTHING = PredictorInterval(nan, nan, nan, nan, nan)

Part = tuple[Floats, Floats]
"""A part of the variances [keys], and what it adds to the denominator of Satterthwaite's degrees of freedom"""

Numbers = Callable[[State], dict[Key, float]]


def intervals_of(
    numbers: Numbers[Key],
    target: Target,
    units: NDArray[np.int64],
    parts_of: Sequence[NDArray[np.bool_]],
    seeds: int,
    there: Target | None,
    units_there: NDArray[np.int64] | None,
    limits: Callable[[Key], tuple[float, float]],
) -> tuple[dict[Key, PredictorInterval], tuple[str, ...]]:
    """The interval of each of the numbers that a state gives, and what they are over.

    `units` int [N], images of one are copies; `parts_of` bool [N] each, the images that were fitted to and those that
    were held out. Below FEWEST_UNITS units with a target in any part, or of another run, there are no intervals.
    """
    count_there = 0 if there is None else there.examples
    whole = State(
        np.ones((seeds, target.examples), dtype=bool),
        target.halves(),
        np.ones((seeds, count_there), dtype=bool),
        np.zeros((2, 0)) if there is None else there.halves(),
    )
    found = numbers(whole)
    keys = list(found)

    def variances(states: Sequence[State]) -> Floats:
        rows = [numbers(state) for state in states]
        values = np.array([[row[key] for key in keys] for row in rows])
        return (len(values) - 1) / len(values) * ((values - values.mean(axis=0)) ** 2).sum(axis=0)

    known = ~np.isnan(whole.halves.sum(axis=0))
    group, groups, fewest = grouped(units, [part & known for part in parts_of])
    of_images = variances([replace(whole, kept=whole.kept & (group != out)) for out in range(groups)])
    if fewest < FEWEST_UNITS:
        of_images = np.full(len(keys), nan)
    parts = [(of_images, of_images**2 / max(fewest - 1, 1))]
    over = ["images"]
    if seeds >= FEWEST_BLOCKS:
        of_seeds = variances([without_seed(whole, out) for out in range(seeds)])
        cells = np.mean([variances(seed_diagonals(whole, units, turn)) for turn in range(ROUNDS)], axis=0)
        parts.append(beyond_cells(of_seeds, cells, seeds))
        over.append("seeds")
    if target.blocks >= FEWEST_OF_THE_SCORE:
        parts += parts_of_blocks(variances, lambda halves: replace(whole, halves=halves), target, units)
        over.append("models")
    if there is not None and units_there is not None:
        parts += parts_there(variances, whole, there, units_there)
    together = {
        key: interval(
            found[key],
            sum(float(variance[at]) for variance, _ in parts),
            sum(float(divided[at]) for _, divided in parts),
            limits(key),
        )
        for at, key in enumerate(keys)
    }
    return together, tuple(over)


ROUNDING = 1e-20
"""A variance of what does not depend on what was left out is not always exactly 0"""

Variances = Callable[[Sequence[State]], Floats]
"""States that each lack something -> the variances [keys] of a leave-one-out jackknife"""


def grouped(units: NDArray[np.int64], parts: Sequence[NDArray[np.bool_]]) -> tuple[NDArray[np.int64], int, int]:
    """The group of each image, -1 for one in no part; how many groups there are; and how many the smallest part has."""
    group = np.full(len(units), -1)
    for part in parts:
        group[part] = groups_of(units[part])
    return group, int(group.max()) + 1, min(int(group[part].max(initial=-1)) + 1 for part in parts)


def beyond_cells(alone: Floats, cells: Floats, left_out: int) -> Part:
    """What leaving out so many seeds or blocks shows beyond single cells; as in statistics/crossed.py."""
    divided = (alone**2 + cells**2 / ROUNDS) / (left_out - 1)
    return np.maximum(0, alone - cells), np.where(alone <= cells, 0.0, divided)


def parts_of_blocks(
    variances: Variances, with_halves: Callable[[Floats], State], target: Target, units: NDArray[np.int64]
) -> list[Part]:
    """What the blocks of models of either half bring beyond single cells."""
    kept = np.ones((target.blocks, target.examples), dtype=bool)
    found = []
    for half in (0, 1):
        mine = np.arange(half, target.blocks, 2)
        alone = variances([with_halves(target.halves(without_row(kept, int(out)))) for out in mine])
        cells = [
            variances([with_halves(target.halves(one)) for one in diagonal_keeps(mine, kept, units, turn)])
            for turn in range(ROUNDS)
        ]
        found.append(beyond_cells(alone, np.mean(cells, axis=0), len(mine)))
    return found


def parts_there(variances: Variances, whole: State, there: Target, units: NDArray[np.int64]) -> list[Part]:
    """What another run's images and models bring; NaN, of what rests on them, where there are too few of either."""
    group, groups, _ = grouped(units, [~np.isnan(whole.there.sum(axis=0))])
    images = variances([replace(whole, kept_there=whole.kept_there & (group != out)) for out in range(groups)])
    if groups < FEWEST_UNITS or there.blocks < FEWEST_OF_THE_SCORE:
        unknown = np.where(images <= ROUNDING, 0.0, nan)
        return [(unknown, unknown)]
    models = parts_of_blocks(variances, lambda halves: replace(whole, there=halves), there, units)
    return [(images, images**2 / (groups - 1)), *models]


def interval(value: float, total: float, divided: float, limits: tuple[float, float]) -> PredictorInterval:
    """The interval of a number of this variance in all; `divided` is the denominator of its degrees of freedom."""
    if isnan(value) or isnan(total):
        return replace(NOTHING, value=value)
    degrees = max(1.0, total**2 / divided) if divided > 0 else inf
    reach = t_quantile(0.975, degrees) * sqrt(total) if total > 0 else 0.0
    low, high = np.clip([value - reach, value + reach], *limits)
    return PredictorInterval(value, float(low), float(high), sqrt(total), degrees)


def without_seed(whole: State, out: int) -> State:
    return replace(whole, kept=without_row(whole.kept, out), kept_there=without_row(whole.kept_there, out))


def without_row(kept: NDArray[np.bool_], row: int) -> NDArray[np.bool_]:
    found = kept.copy()
    found[row] = False
    return found


def offsets(units: NDArray[np.int64], name: str, turn: int) -> NDArray[np.int64]:
    """A number of chance for each example, the same for those of one unit, of which equally many are of each kind."""
    known, member = np.unique(units, return_inverse=True)
    return permutation(stream(name, turn, len(known)), len(known))[member]


def seed_diagonals(whole: State, units: NDArray[np.int64], turn: int) -> list[State]:
    """States that each leave out one seed of every image, not the same one for all."""
    seeds = len(whole.kept)
    start = offsets(units, "diagonals of seeds", turn)
    number = np.arange(seeds)[:, np.newaxis]
    return [replace(whole, kept=whole.kept & ((start + step) % seeds != number)) for step in range(seeds)]


def diagonal_keeps(
    mine: NDArray[np.int64], kept: NDArray[np.bool_], units: NDArray[np.int64], turn: int
) -> list[NDArray[np.bool_]]:
    """What is kept, [blocks, N], where each image loses one of these blocks, for each of them once."""
    start = offsets(units, "diagonals of blocks", turn)
    found = []
    for step in range(len(mine)):
        one = kept.copy()
        one[mine[(start + step) % len(mine)], np.arange(len(start))] = False
        found.append(one)
    return found
