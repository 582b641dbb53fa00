"""Rank correlation within classes, and ranks within classes: what is there beyond the differences of classes.

    r = sum_c (n_c - 1) r_c / sum_c (n_c - 1)

over the classes c of n_c examples, r_c Spearman's correlation within each. Where nothing is related the variance of r_c
is 1 / (n_c - 1), whatever the distributions are without ties, so these weights are those of the least variance.

Source: Taylor 1987, 'Kendall's and Spearman's correlation coefficients in the presence of a blocking variable'.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.statistics.intervals import Floats

FEWEST = 3
"""Examples of a class, below which it has no correlation"""


def within_correlation(first: Floats, second: Floats, classes: NDArray[np.int64]) -> float:
    """The weighted mean over classes int [examples] of Spearman's correlation of two arrays [examples].

    Examples with a NaN in either are left out, and classes of fewer than three or in which either is constant; NaN
    where no class remains. Ties, to nine decimals, share the mean of their ranks. Of one class it is
    `rank_correlation`.
    """
    known = ~(np.isnan(first) | np.isnan(second))
    if not known.any():
        return float("nan")
    _, member, count = np.unique(classes[known], return_inverse=True, return_counts=True)
    one, other = (ranks_within(values[known], member) - (count[member] + 1) / 2 for values in (first, second))
    squares = [np.bincount(member, ranks**2) for ranks in (one, other)]
    used = (count >= FEWEST) & (squares[0] > 0) & (squares[1] > 0)
    if not used.any():
        return float("nan")
    found = np.bincount(member, one * other)[used] / np.sqrt(squares[0][used] * squares[1][used])
    return float(np.average(found, weights=count[used] - 1))


def within_classes(classes: NDArray[np.int64]) -> Callable[[Floats, Floats], float]:
    """`within_correlation` within these classes, of two arrays of all examples."""
    return lambda one, other: within_correlation(one, other, classes)


def variance_within(values: Floats, classes: NDArray[np.int64]) -> float:
    """The variance of values [n] within their classes, pooled; NaN where no class has two that are known."""
    known = ~np.isnan(values)
    if not known.any():
        return np.nan
    _, member, number = np.unique(classes[known], return_inverse=True, return_counts=True)
    apart = values[known] - (np.bincount(member, values[known]) / number)[member]
    free = int((number - 1).sum())
    return float((apart**2).sum() / free) if free else np.nan


def ranks_within(values: Floats, member: NDArray[np.int64]) -> Floats:
    """The rank of each value [examples] among those of its class, from 1; equal ones share the mean of their ranks.

    `member` int [examples] numbers the classes from 0; no value is NaN.
    """
    rounded = np.round(values, 9)
    order = np.lexsort((rounded, member))
    there, sorted_values = member[order], rounded[order]
    begins = np.ones(len(order), dtype=bool)  # a run of ties within a class
    begins[1:] = (there[1:] != there[:-1]) | (sorted_values[1:] != sorted_values[:-1])
    run = np.cumsum(begins) - 1
    starts = np.flatnonzero(begins)
    lengths = np.diff(np.append(starts, len(order)))
    first_of_class = np.searchsorted(there, np.arange(there[-1] + 1 if len(there) else 0))
    ranks = np.empty(len(order))
    ranks[order] = (starts + (lengths + 1) / 2)[run] - first_of_class[there]
    return ranks


def percentiles(values: Floats, classes: NDArray[np.int64] | None = None) -> Floats:
    """The percentile of each value [examples], (rank - 1/2) / n, among all or those of its class; NaN stays NaN."""
    found = np.full(values.shape, np.nan)
    known = ~np.isnan(values)
    if known.any():
        member = np.zeros(int(known.sum()), dtype=np.int64)
        if classes is not None:
            member = np.unique(classes[known], return_inverse=True)[1]
        found[known] = (ranks_within(values[known], member) - 0.5) / np.bincount(member)[member]
    return found
