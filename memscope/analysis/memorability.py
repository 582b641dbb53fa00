"""What people remember beside what models memorise: memorability against the score, accuracy out and proxies.

Memorability is one number an example, of which only the order counts; it rests on none of the run's models. What is
asked of it is asked twice: over all examples, and within classes, since classes differ in both. Intervals take in the
examples and the models (statistics/crossed.py).

Source of the question: Needell & Bainbridge 2022, 'Embracing new techniques in deep learning for estimating image
memorability', for memorability that networks predict.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.memorisation import Counts
from memscope.analysis.statistics.correlation import rank_correlation
from memscope.analysis.statistics.crossed import CrossedInterval, crossed_intervals, example_intervals
from memscope.analysis.statistics.intervals import Floats
from memscope.analysis.statistics.ties import ordinal
from memscope.analysis.statistics.within import percentiles, within_correlation
from memscope.analysis.trajectories import TYPES, codes_of_counts

CORNERS = (("high", "high"), ("high", "low"), ("low", "high"), ("low", "low"))
"""Memorability, then the score"""


@dataclass(frozen=True)
class Related:
    """Of memorability with something else: over all examples, and within classes."""

    overall: CrossedInterval
    within: CrossedInterval


@dataclass(frozen=True)
class TypeRank:
    """Where the examples of one type of trajectory stand in the order of memorability, from 0 to 1; .5 by chance."""

    type: str
    examples: int
    """That have the type by the raw rule, and a memorability"""
    rank: Related
    """Mean percentile, among all examples and among those of the class"""


def both(memorability: Floats, other: Floats, classes: NDArray[np.int64]) -> Floats:
    """Spearman's correlation [2] over all examples and within classes."""
    return np.array(
        [rank_correlation(memorability, other), within_correlation(memorability, other, classes)], dtype=np.float64
    )


def beside_models(
    memorability: Floats, counts: Counts, classes: NDArray[np.int64], units: NDArray[np.int64]
) -> tuple[Related, Related]:
    """Memorability with the score, and with accuracy out, at one size.

    `memorability` [examples], NaN where it is not known; `counts` [blocks, examples]; `classes` and `units` int
    [examples], units as in `crossed_intervals`.
    """
    known = np.flatnonzero(~np.isnan(memorability))
    values, counts, classes, units = (
        ordinal(memorability[known]),
        counts.of_examples(known),
        classes[known],
        units[known],
    )

    def statistic(of: Counts, kept: NDArray[np.bool_]) -> Floats:
        here, classes_here = values[kept], classes[kept]
        return np.concatenate([both(here, measured[kept], classes_here) for measured in (of.score, of.accuracy_out)])

    found = crossed_intervals(statistic, counts, units)
    return Related(*found[:2]), Related(*found[2:])


def beside_values(memorability: Floats, other: Floats, classes: NDArray[np.int64], units: NDArray[np.int64]) -> Related:
    """Memorability with a number [examples] that is taken as it is, such as a proxy: over the examples alone."""
    known = np.flatnonzero(~np.isnan(memorability + other))
    values, others, classes = ordinal(memorability[known]), ordinal(other[known]), classes[known]
    return Related(*example_intervals(lambda kept: both(values[kept], others[kept], classes[kept]), units[known]))


def ranks_by_type(
    memorability: Floats, counts: Counts, classes: NDArray[np.int64], units: NDArray[np.int64], epsilon: float
) -> list[TypeRank]:
    """The mean percentile of memorability of the examples of each raw type, in the order of TYPES.

    `counts` [blocks, sizes, examples]. Types are named by the same models that the intervals are over.
    """
    known = np.flatnonzero(~np.isnan(memorability))
    values, counts, classes, units = (
        ordinal(memorability[known]),
        counts.of_examples(known),
        classes[known],
        units[known],
    )

    def codes(of: Counts) -> NDArray[np.int8]:
        found = codes_of_counts((of.sum_in, of.n_in, of.sum_out, of.n_out), epsilon)
        found[((of.n_in == 0) | (of.n_out == 0)).any(axis=0)] = -1
        return found

    def statistic(of: Counts, kept: NDArray[np.bool_]) -> Floats:
        named = codes(of)[kept]
        ranks = percentiles(values[kept]), percentiles(values[kept], classes[kept])
        return np.array([mean_of(one, named == code) for one in ranks for code in range(len(TYPES))])

    found = crossed_intervals(statistic, counts, units, 0, 1)
    named = codes(counts.total())
    examples = [int(((named == code) & ~np.isnan(values)).sum()) for code in range(len(TYPES))]
    return [
        TypeRank(name, examples[code], Related(found[code], found[code + len(TYPES)]))
        for code, name in enumerate(TYPES)
    ]


def mean_of(values: Floats, chosen: NDArray[np.bool_]) -> float:
    there = values[chosen & ~np.isnan(values)]
    return float(there.mean()) if len(there) else float("nan")


def ends_of(memorability: Floats, score: Floats, number: int, ways: tuple[str, str]) -> NDArray[np.int64]:
    """Positions of the examples that are farthest in one corner of the two orders, the farthest first.

    `ways` is one of CORNERS. An example is as far in a corner as the nearer of its two percentiles is to that end; of
    those that tie, as many do whose scores do, the one with the larger sum goes first.
    """
    known = ~(np.isnan(memorability) | np.isnan(score))
    ranks = [percentiles(np.where(known, ordinal(values), np.nan)) for values in (memorability, score)]
    far = [rank if way == "high" else 1 - rank for rank, way in zip(ranks, ways, strict=True)]
    there = np.flatnonzero(known)
    nearer, sums = (of(far[0], far[1])[there] for of in (np.minimum, np.add))
    return there[np.lexsort((there, -np.round(sums, 9), -np.round(nearer, 9)))][:number]
