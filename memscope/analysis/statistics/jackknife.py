"""Standard errors where all examples share the same models: jackknives over blocks of models.

The errors of different examples come from the same models, so a mean over examples is 4 to 17 times more variable than
independent examples would make it, and models of one block depend on each other. Whatever is computed from counts
summed over models is therefore computed again without some of the blocks:

    delete_one_block(lambda kept: np.nanmean(counts.only(kept).score), blocks)     means, areas, correlations
    delete_half(lambda kept: share_above(counts.only(kept)), blocks)               shares at a threshold

Means, areas under curves and correlations are smooth in the models, and leaving out one block at a time is right. A
share at a threshold is a count of examples that jump over it: one block moves too few of them, and its error comes out
1.3 to 1.6 times too wide at 10 blocks, 2.3 to 2.8 times at 40. Leaving out half of the blocks at a time gives .8 to 1.2
of the truth at 4 to 40 blocks, with exceptions (tests/counting/test_errors_of_statistics.py), for shares of a tenth and
more. Smaller shares are partly made by noise, and scores from half of the models have more noise: their errors may be
several times too wide.
"""

from collections.abc import Callable, Iterator
from itertools import combinations
from math import comb, exp, lgamma, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from memscope.streams import permutation, stream

Kept = list[int]
"""The positions of the blocks that are not left out, in order"""
StatisticOf = Callable[[Kept], ArrayLike]

FEWEST_BLOCKS = 3
"""Two blocks leave one degree of freedom, which is of no use: its t is 12.7."""
FEWEST_FOR_HALVES = 4
DELETIONS = 40
"""Halves that are left out where there are more ways of choosing them."""


def jackknife_error(leave_one_out: ArrayLike) -> NDArray[np.float64]:
    """Standard error [...] of a statistic from its values without each block in turn, [blocks, ...].

    SE^2 = (B - 1) / B * sum over b of (theta_(b) - mean of theta_(.))^2; NaN with fewer than three blocks,
    and where any of the values is NaN. Source: Efron & Tibshirani 1993, 'An introduction to the
    bootstrap', chapter 11.
    """
    values = np.asarray(leave_one_out, dtype=np.float64)
    blocks = len(values)
    if blocks < FEWEST_BLOCKS:
        return np.full(values.shape[1:], np.nan)
    return np.sqrt((blocks - 1) / blocks * ((values - values.mean(axis=0)) ** 2).sum(axis=0))


def delete_one_block(statistic: StatisticOf, num_blocks: int) -> NDArray[np.float64]:
    """Standard error of a statistic, given as a function of the blocks that are kept, out of 0 to blocks - 1.

    The function may return a number or an array of any one shape; the standard error has that shape. With
    fewer than three blocks it is a single NaN and the function is not called.
    """
    if num_blocks < FEWEST_BLOCKS:
        return np.full((), np.nan)
    everything = range(num_blocks)
    return jackknife_error([np.asarray(statistic([b for b in everything if b != left_out])) for left_out in everything])


def delete_half(statistic: StatisticOf, num_blocks: int) -> NDArray[np.float64]:
    """Standard error of a share at a threshold, or another statistic that is not smooth, as in `delete_one_block`.

    With d = B // 2 blocks left out at a time, SE^2 = (B - d) / d * variance of the statistic over the ways of leaving
    them out: all of them if they are at most 40, else 40 at random, the same for every statistic. The root is divided
    by c4(B), for with few blocks a root mean square is too small on average (.92 at 4 blocks, .97 at 10). NaN below
    four blocks, and where any of the values is NaN. Source: Shao & Wu 1989, 'A general theory for jackknife variance
    estimation', the delete-d jackknife.
    """
    if num_blocks < FEWEST_FOR_HALVES:
        return np.full((), np.nan)
    left_out = num_blocks // 2
    values = np.array([np.asarray(statistic(kept), dtype=np.float64) for kept in halves_kept(num_blocks, left_out)])
    drawn = comb(num_blocks, left_out) > DELETIONS
    return np.sqrt((num_blocks - left_out) / left_out * values.var(axis=0, ddof=int(drawn))) / c4(num_blocks)


def c4(num: int) -> float:
    """The mean of the sample standard deviation of so many normal numbers, over the true one."""
    return sqrt(2 / (num - 1)) * exp(lgamma(num / 2) - lgamma((num - 1) / 2))


def halves_kept(num_blocks: int, left_out: int) -> Iterator[Kept]:
    """The blocks that are kept, for each way of leaving so many out."""
    if comb(num_blocks, left_out) <= DELETIONS:
        yield from map(list, combinations(range(num_blocks), num_blocks - left_out))
        return
    source = stream("jackknife", num_blocks, left_out)
    for _ in range(DELETIONS):
        yield sorted(permutation(source, num_blocks)[left_out:].tolist())
