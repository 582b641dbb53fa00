"""Does a proxy move with memorisation over model size? Its slopes against the score's, example by example.

A proxy has a scale of its own, so it is brought to that of the score by one monotone function for all sizes, fitted to
(proxy, score) at all sizes and examples. A function that is the same for all sizes can bring no change over sizes into
it that the proxy does not have. It is fitted on every other block of the score, and what comes of it is compared with
the other blocks; then the halves are swapped. Nor is it fitted on the examples that it is used for, but on the other
half of them: a function that is free enough would learn how these examples themselves change.

The slope of an example is that of its score over the logarithm of the size, by least squares; less the mean slope it is
what this example does otherwise than the others. Two slopes are correlated, the score's and the mapped proxy's, and
held against

    the ceiling    the correlation that the true slopes have with the score's, sqrt of the slopes' reliability
    the level      a proxy that says of each example one number only, and moves with size for all alike, has slopes on
                   the score's scale, too: large where its level is in the steep part of the function. What the level of
                   the proxy foretells of its own slopes is this part, whatever the form of the proxy; only what goes
                   beyond it follows memorisation across sizes

[ours]
"""

from dataclasses import dataclass, replace
from math import nan, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from memscope.analysis.memorisation import Counts
from memscope.analysis.proxy_agreement import checked, halved
from memscope.analysis.statistics.ceilings import measurable, pearson_ceiling, reliability, reliability_of
from memscope.analysis.statistics.correlation import Correlation
from memscope.analysis.statistics.intervals import Floats
from memscope.analysis.statistics.isotonic import fit_monotone, monotone_values
from memscope.analysis.statistics.jackknife import Kept
from memscope.analysis.statistics.ties import ordinal
from memscope.analysis.statistics.two_sets import NONE, Interval, intervals, mean_of_models
from memscope.errors import OptionError
from memscope.streams import permutation, stream

WINDOW = 40
"""One in so many examples, the nearest in level, are what the level foretells of a slope,"""
FEWEST_NEAR = 15
"""but at least so many."""
NOTHING = 1e-9
"""A standard deviation of slopes that is rounding."""


@dataclass(frozen=True, eq=False)
class Mapped:
    """A proxy on the scale of the score, by functions fitted on each half of the score's blocks, on other examples."""

    values: tuple[Floats, Floats]
    """[sizes, examples] each; NaN where the proxy says nothing"""
    scores: tuple[Floats, Floats]
    """[sizes, examples]: the scores of the halves that the functions were fitted on"""
    increasing: bool | None
    """Whether larger values of the proxy mean more memorised; None where the functions differ in that"""


@dataclass(frozen=True)
class SlopeCeiling:
    """What noise leaves of the score's slopes; the same for every proxy."""

    reliability: Correlation
    """Of the slopes of all the blocks"""
    without: tuple[float, ...]
    """[blocks]: that of the slopes without each block, of one block fewer; NaN where halves do not agree"""


@dataclass(frozen=True)
class SlopeTrend:
    """Whether the slopes of a proxy over size are those of the score."""

    increasing: bool | None
    """Whether larger values of the proxy mean more memorised, over all examples and sizes; None where halves of the
    score, or of the examples, differ in that"""
    correlation: Interval
    """Of the slopes of the mapped proxy and the score, over examples; 0 where the mapped proxy's are all equal"""
    of_level: Interval
    """Of what the proxy's level alone foretells of its slopes, with the score's: the null of one number per example"""
    beyond_level: Interval
    """The first less the second, both from the same models"""
    ceiling: float
    """The correlation of the true slopes with the score's; NaN where its reliability is too low or not known"""
    ratio: Interval
    """The correlation over its ceiling; NaN where there is none"""
    examples: int
    """With a proxy and a score at every size"""


def slope_ceiling(counts: Counts, sizes: ArrayLike) -> SlopeCeiling:
    """The reliability of slopes over size of the score, from counts [blocks, sizes, examples]."""
    weights, blocks = slope_weights(sizes), len(counts.n_in)

    def slopes_of(kept: Kept) -> Floats:
        slopes: Floats = weights @ counts.only(kept).score
        return slopes

    others = [[block for block in range(blocks) if block != out] for out in range(blocks)]
    return SlopeCeiling(
        reliability(slopes_of, blocks), tuple(reliability_of(slopes_of, kept, blocks - 1) for kept in others)
    )


def slope_trend(
    values: ArrayLike,
    model_blocks: ArrayLike,
    counts: Counts,
    score_blocks: ArrayLike,
    sizes: ArrayLike,
    noise: SlopeCeiling,
) -> SlopeTrend:
    """The correlation of slopes over size of a proxy and the score, with its ceiling and nulls.

    `values` float [models, sizes, examples], the same models at every size, NaN where a model says nothing of an
    example; `counts` [blocks, sizes, examples]; blocks as in `agreement_at_size`; `sizes` [sizes], above 0;
    `noise` is the `slope_ceiling` of these counts. The
    covariance of slopes is a mean over the two ways (function from one half, score of the other), so that no noise is
    in both; it is divided by the standard deviation of the slopes of the score of all blocks. Raises OptionError for
    shapes that do not fit, for fewer than two sizes, and where a block is among both.
    """
    proxy, of_models, of_score = checked(values, model_blocks, counts, score_blocks)
    weights = slope_weights(sizes)
    if proxy.ndim != 3 or proxy.shape[1] != len(weights):
        raise OptionError(f"values {proxy.shape} for {len(weights)} sizes, expected [models, sizes, examples]")
    blocks = len(of_score)
    if blocks < 2:
        return SlopeTrend(None, NONE, NONE, NONE, nan, NONE, 0)

    def statistic(kept: Kept, models: Kept) -> Floats:
        mapped = mapped_proxy(mean_of_models(proxy, models), counts, kept)
        own, level = correlations_of_slopes(mapped, weights @ counts.only(kept).score, weights)
        left_out = set(range(blocks)) - set(kept)
        reliable = noise.without[left_out.pop()] if left_out else noise.reliability.value
        return np.array([own, level, own - level, own / sqrt(reliable) if reliable > 0 else nan])

    own, level, beyond, ratio = intervals(statistic, blocks, of_models, -np.inf, np.inf)
    mapped = mapped_proxy(mean_of_models(proxy, list(range(len(proxy)))), counts, list(range(blocks)))
    return SlopeTrend(
        increasing=mapped.increasing,
        correlation=within(own),
        of_level=within(level),
        beyond_level=beyond,
        ceiling=pearson_ceiling(noise.reliability),
        ratio=ratio if measurable(noise.reliability) else NONE,
        examples=int(known_everywhere(mapped).sum()),
    )


def within(found: Interval) -> Interval:
    """The interval of a correlation, within -1 and 1."""
    return replace(found, low=float(np.clip(found.low, -1, 1)), high=float(np.clip(found.high, -1, 1)))


def slope_weights(sizes: ArrayLike) -> Floats:
    """Weights [sizes] whose products with a trajectory add up to its slope over log size, by least squares."""
    given = np.asarray(sizes, dtype=np.float64)
    if given.ndim != 1 or len(np.unique(given)) < 2 or not (given > 0).all():
        raise OptionError(f"sizes {given.tolist()}, expected two or more numbers above 0: a slope needs two sizes")
    centred = np.log(given) - np.log(given).mean()
    return centred / (centred**2).sum()


def mapped_proxy(proxy: Floats, counts: Counts, kept: Kept) -> Mapped:
    """A proxy [sizes, examples] on the scale of the score, as fitted on each half of the blocks that are kept."""
    places = ordinal(proxy)  # a monotone fit sees nothing but the order, and infinity is a place, too
    scores = [counts.only(half).score for half in halved(kept)]
    values = [np.full(proxy.shape, np.nan) for _ in scores]
    ways = set()
    order = permutation(stream("examples of a monotone fit", proxy.shape[1]), proxy.shape[1])
    folds = order[::2], order[1::2]
    for mapped, score in zip(values, scores, strict=True):
        for fitted, used in (folds, folds[::-1]):
            if np.isnan(places[:, fitted] + score[:, fitted]).all():
                continue
            function = fit_monotone(places[:, fitted].ravel(), score[:, fitted].ravel())
            mapped[:, used] = monotone_values(function, places[:, used])
            ways.add(function.increasing)
    return Mapped((values[0], values[1]), (scores[0], scores[1]), ways.pop() if len(ways) == 1 else None)


def known_everywhere(mapped: Mapped) -> NDArray[np.bool_]:
    """Examples that have a proxy and a score from either half at every size."""
    unknown = np.isnan(mapped.values[0] + mapped.scores[0] + mapped.scores[1])
    return np.asarray(~unknown.any(axis=0))


def correlations_of_slopes(mapped: Mapped, all_slopes: Floats, weights: Floats) -> tuple[float, float]:
    """The correlation of the mapped proxy's slopes with the score's, and of what its level foretells of them."""
    known = known_everywhere(mapped)
    if known.sum() < 3 or not (spread := all_slopes[known].std()) > NOTHING:
        return nan, nan
    own, of_level = [], []
    for values, score in zip(mapped.values, mapped.scores[::-1], strict=True):
        score_slopes = weights @ score[:, known]
        slopes = weights @ values[:, known]
        own.append(covariance_with_unit(slopes, score_slopes))
        of_level.append(covariance_with_unit(foretold_by(values[:, known].mean(axis=0), slopes), score_slopes))
    return float(np.mean(own)) / spread, float(np.mean(of_level)) / spread


def covariance_with_unit(proxy: Floats, score: Floats) -> float:
    """The covariance of the score with the proxy brought to a standard deviation of 1; 0 where it does not vary."""
    spread = proxy.std()
    return float(((proxy - proxy.mean()) * score).mean() / spread) if spread > NOTHING else 0.0


def foretold_by(level: Floats, slopes: Floats) -> Floats:
    """What the level of each example says of its slope: the mean slope [examples] of those nearest to it in level."""
    count, reach = len(level), near(len(level)) // 2
    order = np.argsort(level, kind="stable")
    sums = np.concatenate([[0.0], np.cumsum(slopes[order])])
    first = np.clip(np.arange(count) - reach, 0, None)
    last = np.clip(np.arange(count) + reach + 1, None, count)
    found = np.empty(count)
    found[order] = (sums[last] - sums[first]) / (last - first)
    return found


def near(examples: int) -> int:
    """How many of so many examples count as near one in level."""
    return max(examples // WINDOW, FEWEST_NEAR)
