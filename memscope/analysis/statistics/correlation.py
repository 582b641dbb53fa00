"""Rank correlation over examples, with an interval for examples that all share the same models."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from memscope.analysis.statistics.intervals import t_quantile
from memscope.analysis.statistics.jackknife import FEWEST_BLOCKS, StatisticOf, delete_one_block
from memscope.analysis.statistics.roc import mean_ranks
from memscope.errors import OptionError


@dataclass(frozen=True)
class Correlation:
    """A correlation and its 95 % interval within [-1, 1]; NaN where it is not defined."""

    value: float
    standard_error: float
    low: float
    high: float


def rank_correlation(first: ArrayLike, second: ArrayLike) -> float:
    """Spearman's rank correlation of two arrays [examples]: Pearson's of the mean ranks.

    Ties, to nine decimals, share the mean of their ranks. Examples with a NaN in either are left out; NaN where
    fewer than three remain or either is constant. Raises OptionError for unequal shapes.
    """
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if one.ndim != 1 or one.shape != other.shape:
        raise OptionError(f"arrays of shapes {one.shape} and {other.shape}, expected [examples] twice")
    defined = ~(np.isnan(one) | np.isnan(other))
    if defined.sum() < 3:
        return float("nan")
    ranks = [mean_ranks(values[defined]) for values in (one, other)]
    centred = [values - values.mean() for values in ranks]
    scale = np.sqrt((centred[0] ** 2).sum() * (centred[1] ** 2).sum())
    return float((centred[0] * centred[1]).sum() / scale) if scale > 0 else float("nan")


def correlation_over_blocks(statistic: StatisticOf, blocks: int) -> Correlation:
    """A correlation, as a function of which of the `blocks` of models are kept, with its interval.

    `statistic(kept)` computes it from the blocks at these positions. The standard error is the delete-one-block
    jackknife's, the interval value -+ t standard errors with blocks - 1 degrees of freedom; below three blocks both are
    NaN. A bootstrap of blocks is no alternative: blocks that are drawn twice make scores noisier, and its errors
    came out 1.15, 1.24 and 1.44 times too wide at 4, 10 and 40 blocks.
    """
    value = float(np.asarray(statistic(list(range(blocks)))))
    error = float(delete_one_block(statistic, blocks))
    reach = t_quantile(0.975, blocks - 1) * error if blocks >= FEWEST_BLOCKS else float("nan")
    low, high = np.clip([value - reach, value + reach], -1, 1)
    return Correlation(value, error, float(low), float(high))


def agreement_of_halves(score_of: Callable[[list[int]], ArrayLike], blocks: Collection[int]) -> float:
    """Rank correlation of the scores from the even-numbered and from the odd-numbered blocks of models.

    `score_of(blocks)` are the scores [examples] from these blocks alone. NaN with fewer than two blocks.
    """
    halves = [[block for block in blocks if block % 2 == part] for part in (0, 1)]
    return rank_correlation(*map(score_of, halves)) if all(halves) else float("nan")
