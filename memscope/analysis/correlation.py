"""Rank correlation over examples, with an interval that knows that all examples share the same models."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from memscope.analysis.intervals import t_quantile
from memscope.analysis.jackknife import delete_one_block
from memscope.analysis.roc import mean_ranks
from memscope.errors import OptionError
from memscope.streams import integers, stream

BOOTSTRAP_FROM = 10
"""Blocks of models from which intervals are bootstrapped; with fewer the jackknife is used."""
NORMAL_975 = 1.959963984540054


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


def correlation_over_blocks(
    statistic: Callable[[NDArray[np.int64]], float], blocks: int, *names: int, draws: int = 200
) -> Correlation:
    """A correlation, as a function of how often each of the `blocks` of models counts, with its interval.

    `statistic(times)` computes it with each block counted `times` [blocks] times. From 10 blocks on the standard
    error is that of `draws` bootstrap samples of whole blocks, and the interval value -+ 1.96 standard errors: the
    samples' own quantiles would lie too low, because drawing blocks twice makes scores noisier and noise weakens
    correlations. With fewer blocks it is the delete-one-block jackknife's with Student's t of blocks - 1 degrees of
    freedom; below two blocks NaN. `names` are numbers that name the bootstrap's random stream.
    """
    everything = np.ones(blocks, dtype=np.int64)
    value = statistic(everything)
    if blocks >= BOOTSTRAP_FROM:
        source = stream("correlation bootstrap", blocks, *names)
        drawn = integers(source, blocks, draws * blocks).reshape(draws, blocks)
        error = float(np.std([statistic(np.bincount(row, minlength=blocks)) for row in drawn], ddof=1))
        reach = NORMAL_975 * error
    else:
        single = np.eye(blocks, dtype=np.int64)
        error = float(delete_one_block(lambda block: statistic(everything - single[block]), blocks))
        reach = t_quantile(0.975, blocks - 1) * error if blocks > 1 else float("nan")
    low, high = np.clip([value - reach, value + reach], -1, 1)
    return Correlation(value, error, float(low), float(high))
