"""Statistics of two independent sets of models: a score's, in blocks, and those that something else was measured on.

Both are leave-one-out jackknives, and as the sets have no model in common their variances are added. The interval is
value -+ t standard errors, with Satterthwaite's degrees of freedom,

    (v + w)^2 / (v^2 / (B - 1) + w^2 / (G - 1))

for the variances v of B blocks and w of G groups of models.

Source: Satterthwaite 1946, 'An approximate distribution of estimates of variance components'.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import isnan, nan, sqrt

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.statistics.intervals import Floats, t_quantile
from memscope.analysis.statistics.jackknife import FEWEST_BLOCKS, Kept, jackknife_error
from memscope.errors import OptionError

FEWEST_OF_THE_SCORE = 4
"""Blocks of the score's models, below which nothing has an interval"""

StatisticOfBoth = Callable[[Kept, Kept], Floats]
"""(positions of the blocks of the score that are kept, of the models of the proxy) -> numbers, of one shape"""


@dataclass(frozen=True)
class Interval:
    """A number that rests on two sets of models, and its 95 % interval."""

    value: float
    block_error: float
    """Standard error by leaving out each block of the score's models in turn; NaN below four"""
    model_error: float
    """The same of the proxy's models; NaN below three, and then the interval takes in the score's blocks alone"""
    low: float
    high: float
    degrees: float
    """Degrees of freedom of its t; NaN without an interval"""

    @property
    def standard_error(self) -> float:
        """Of both sets, or of the score's blocks alone where the proxy has too few models to tell."""
        return sqrt(self.block_error**2 + (0 if isnan(self.model_error) else self.model_error**2))


NONE = Interval(nan, nan, nan, nan, nan, nan)


def intervals(
    statistic: StatisticOfBoth, blocks: int, model_blocks: NDArray[np.int64], least: float = -1, most: float = 1
) -> list[Interval]:
    """The interval of each of the numbers [n] that a statistic gives, within `least` and `most`.

    `blocks` is the number of the score's blocks; `model_blocks` [models] the block of each model of the proxy. These
    are left out block by block where there are four blocks or more, because models of one block depend on each other,
    and one by one where there are fewer.
    """
    everything, models = list(range(blocks)), list(range(len(model_blocks)))
    groups = model_groups(model_blocks)
    value = statistic(everything, models)
    nothing = np.full(value.shape, np.nan)
    block_error = model_error = nothing
    if blocks >= FEWEST_OF_THE_SCORE:
        with np.errstate(invalid="ignore"):  # forgetting events may be infinitely many
            block_error = jackknife_error([statistic(without(everything, [out]), models) for out in everything])
            if len(groups) >= FEWEST_BLOCKS:
                model_error = jackknife_error([statistic(everything, without(models, out)) for out in groups])
    return [
        _interval(one, by_block, by_model, blocks, len(groups), least, most)
        for one, by_block, by_model in zip(value, block_error, model_error, strict=True)
    ]


def without(positions: Kept, left_out: Kept) -> Kept:
    return [position for position in positions if position not in left_out]


def model_groups(model_blocks: NDArray[np.int64]) -> list[list[int]]:
    """Positions of the models that are left out together."""
    numbers = np.unique(model_blocks)
    if len(numbers) < FEWEST_OF_THE_SCORE:
        return [[model] for model in range(len(model_blocks))]
    return [np.flatnonzero(model_blocks == number).tolist() for number in numbers]


def _interval(
    value: float, block_error: float, model_error: float, blocks: int, groups: int, least: float, most: float
) -> Interval:
    of_blocks, of_models = block_error**2, 0.0 if isnan(model_error) else model_error**2
    both = of_blocks + of_models
    if isnan(value) or isnan(both):
        return Interval(float(value), float(block_error), float(model_error), nan, nan, nan)
    degrees = float(blocks - 1)
    if both > 0:
        degrees = both**2 / (of_blocks**2 / (blocks - 1) + of_models**2 / max(groups - 1, 1))
    reach = t_quantile(0.975, degrees) * sqrt(both)
    low, high = np.clip([value - reach, value + reach], least, most)
    return Interval(float(value), float(block_error), float(model_error), float(low), float(high), float(degrees))


def mean_of_models(values: Floats, kept: Kept) -> Floats:
    """Means [...] over some of the models [models, ...] of what is known of them; NaN where nothing is."""
    some = values[kept]
    known = ~np.isnan(some)
    count = known.sum(axis=0)
    return np.where(count > 0, np.where(known, some, 0).sum(axis=0) / np.maximum(count, 1), np.nan)


def check_apart(model_blocks: NDArray[np.int64], score_blocks: NDArray[np.int64]) -> None:
    """OptionError where a proxy was measured on models that the score rests on, too.

    On the same models noise is common to both: where models interpolate, accuracy out and the score are one number.
    """
    both = sorted(set(model_blocks.tolist()) & set(score_blocks.tolist()))
    if both:
        raise OptionError(
            f"blocks {both} are those of the proxy and of the score, expected blocks of models that have none in "
            "common: on the same models the two correlate by construction"
        )
