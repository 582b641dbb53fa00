"""The most that noise in a score lets anything correlate with it: the ceiling of Pearson's correlation.

A score is truth plus noise, and the truth itself correlates with it only by sqrt(R), where R, its reliability, is the
share of its variance over examples that is true. Scores of two halves of the blocks correlate by the reliability r of
one half, and the score of all blocks, twice as many, has R = 2 r / (1 + r) (Spearman 1910; Brown 1910).

That is right of Pearson's correlation, whatever the truth is like. It is not of Spearman's, where truths pile up at 0
and 1: scores that tie there tie in both halves, and look reliable, although they say nothing of the order of what ties.
Its ceiling is in population/redrawn.py.
"""

from collections.abc import Callable
from itertools import islice
from math import nan, sqrt

import numpy as np

from memscope.analysis.statistics.correlation import Correlation, linear_correlation
from memscope.analysis.statistics.intervals import Floats, t_quantile
from memscope.analysis.statistics.jackknife import Kept, halves_kept, jackknife_error
from memscope.analysis.statistics.more_models import agreement_with
from memscope.analysis.statistics.two_sets import FEWEST_OF_THE_SCORE, mean_of_models

HALVINGS = 20
"""Ways of halving the blocks, at most."""
MEASURABLE = 0.3
"""The lower limit of the reliability, below which nothing can be said of what noise hides."""

MODEL_HALVINGS = 4
"""Ways of halving models"""
LEAST_AGREEMENT = 0.1
"""Rank correlation of two halves below which nothing is said of what noise leaves"""

Agreement = Callable[[Floats, Floats], float]
"""Of two arrays [examples]"""
ScoresOf = Callable[[Kept], Floats]
"""positions of blocks -> the scores [examples] from these blocks alone"""


def reliability(scores_of: ScoresOf, blocks: int) -> Correlation:
    """The reliability of the scores of all the blocks, with its interval (delete-one-block jackknife, t).

    NaN where halves do not agree at all; the interval is NaN below four blocks.
    """
    everything = list(range(blocks))
    value = reliability_of(scores_of, everything, blocks)
    if blocks < FEWEST_OF_THE_SCORE:
        return Correlation(value, nan, nan, nan)
    others = ([block for block in everything if block != out] for out in everything)
    error = float(jackknife_error([reliability_of(scores_of, kept, blocks) for kept in others]))
    reach = t_quantile(0.975, blocks - 1) * error
    low, high = np.clip([value - reach, value + reach], 0, 1)
    return Correlation(value, error, float(low), float(high))


def reliability_of(scores_of: ScoresOf, kept: Kept, blocks: int) -> float:
    """The reliability of scores of so many blocks, as the blocks that are kept have it: the mean correlation of their
    halves, brought from a half's number of blocks to that."""
    half = len(kept) // 2
    if half == 0:
        return nan
    found = []
    for chosen in islice(halves_kept(len(kept), len(kept) - half), HALVINGS):
        one = [kept[position] for position in chosen]
        other = [block for block in kept if block not in one][:half]
        found.append(linear_correlation(scores_of(one), scores_of(other)))
    return agreement_with(float(np.mean(found)), half, blocks)


def rank_ceiling(values: Floats, agreement: Agreement) -> float:
    """The most that noise of the models lets a rank correlation with the mean over models be, [models, examples], NaN
    where a model says nothing; by one way to correlate.

    The root of the agreement of halves of the models, brought to all of them. NaN for one model, and where halves
    hardly agree. It errs upwards: where many values tie for every model, as said above, and by up to .06 where the
    truths are very skewed and five models say something of 70 % of the examples each.
    """
    models = len(values)
    half = models // 2
    if half == 0:
        return nan
    found = []
    for chosen in islice(halves_kept(models, models - half), MODEL_HALVINGS):
        others = [model for model in range(models) if model not in chosen][:half]
        found.append(agreement(mean_of_models(values, chosen), mean_of_models(values, others)))
    agree = float(np.mean(found))
    return sqrt(agreement_with(agree, half, models)) if agree > LEAST_AGREEMENT else nan


def measurable(found: Correlation) -> bool:
    """Whether a ratio to the ceiling says something."""
    return found.low >= MEASURABLE


def pearson_ceiling(found: Correlation) -> float:
    """The correlation of the truth with the score of all blocks; NaN where that is not measurable."""
    return sqrt(found.value) if measurable(found) else nan
