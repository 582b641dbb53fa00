"""Standard errors of statistics of scores, from counts; shares of low and high scores.

analysis/statistics/jackknife.py says which blocks of models are left out for which statistic.
"""

from collections.abc import Callable

import numpy as np

from memscope.analysis.memorisation import Counts
from memscope.analysis.population.estimate import HIGH, LOW
from memscope.analysis.statistics.jackknife import StatisticOf, delete_one_block
from memscope.analysis.statistics.means import mean


def jackknifed(
    counts: Counts,
    statistic: Callable[[Counts], float],
    jackknife: Callable[[StatisticOf, int], np.ndarray] = delete_one_block,
) -> float:
    """Standard error of a statistic of counts [blocks, examples]; NaN if there are too few blocks."""
    return float(jackknife(lambda kept: statistic(counts.only(kept)), len(counts.n_in)))


def share_below(counts: Counts) -> float:
    """The share of scores below LOW among those that are defined."""
    return share_of(counts.score_below(LOW), counts)


def share_above(counts: Counts) -> float:
    """The share of scores above HIGH among those that are defined."""
    return share_of(counts.score_above(HIGH), counts)


def share_of(chosen: np.ndarray, counts: Counts) -> float:
    return mean(chosen[(counts.n_in > 0) & (counts.n_out > 0)])
