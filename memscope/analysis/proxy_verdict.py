"""Does a proxy follow memorisation across examples, and across sizes? A verdict in words, held against its nulls.

Intervals are over models: these examples are the ones that there are. But a proxy that has nothing to do with
memorisation correlates with it over these examples by chance, by 1 / sqrt(N - 1), and would do so with other models. So
a correlation counts as clear where it is beyond both. [ours]
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, sqrt

import numpy as np

from memscope.analysis.proxy_agreement import SizeAgreement
from memscope.analysis.proxy_trend import SlopeTrend
from memscope.analysis.statistics.ceilings import measurable
from memscope.analysis.statistics.correlation import Correlation
from memscope.analysis.statistics.intervals import t_quantile
from memscope.analysis.statistics.two_sets import Interval

FOLLOWS, AGAINST, LEVEL, NOT, UNKNOWN = (
    "follows",
    "goes against",
    "only as its level foretells",
    "does not follow",
    "cannot be told",
)
SMALL = 0.3
"""A correlation that is at most this share of its ceiling is no following."""
MARGIN = 0.05
"""By which slopes must go beyond what the level foretells: smoothing loses as much of slopes that are all level."""


@dataclass(frozen=True)
class Verdict:
    """What can be said of one proxy."""

    across_examples: str
    """FOLLOWS, AGAINST (it is the wrong way round), NOT or UNKNOWN"""
    across_sizes: str | None
    """The same, or LEVEL: it moves as any proxy would that says one number of each example; None of one size"""
    words: str
    """Both, in a sentence or two, with the numbers that decide"""


def verdict(
    agreements: Sequence[SizeAgreement],
    reliabilities: Sequence[Correlation],
    spearman_ceilings: Sequence[float],
    trend: SlopeTrend | None,
    sign: int,
) -> Verdict:
    """The verdict from the proxy's agreement with the score at each size and the trend of its slopes.

    `reliabilities` and `spearman_ceilings` [sizes] are those of the score; `sign` is 1 where larger values of the
    proxy are expected to mean more memorised, else -1.
    """
    across, words = across_examples(agreements, reliabilities, spearman_ceilings, sign)
    if trend is None:
        return Verdict(across, None, words)
    sizes, more = across_sizes(trend, sign)
    return Verdict(across, sizes, f"{words} {more}")


def across_examples(
    agreements: Sequence[SizeAgreement], reliabilities: Sequence[Correlation], ceilings: Sequence[float], sign: int
) -> tuple[str, str]:
    """By Spearman's correlation, at the sizes where the score is reliable enough; what most of these say."""
    there = [
        (one.overall.spearman, one.examples, ceiling)
        for one, reliable, ceiling in zip(agreements, reliabilities, ceilings, strict=True)
        if measurable(reliable) and not isnan(one.overall.spearman.low)
    ]
    if not there:
        return UNKNOWN, "Across examples: cannot be told with so few models."
    found = [direction(spearman, examples, ceiling, sign) for spearman, examples, ceiling in there]
    most = max(dict.fromkeys(found), key=found.count)
    answer = most if 2 * found.count(most) > len(found) else UNKNOWN
    values = [spearman.value for spearman, _, _ in there]
    shares = [abs(spearman.value) / ceiling for spearman, _, ceiling in there if ceiling > 0]
    of_ceiling = f", {span(shares, percent=True)} of the ceiling" if shares else ""
    return answer, (
        f"Across examples: {answer} (Spearman {span(values)}{of_ceiling}; at {found.count(answer)} of {len(found)} "
        "sizes)."
    )


def direction(spearman: Interval, examples: int, ceiling: float, sign: int) -> str:
    """What one size says."""
    if clear(spearman, examples):
        return FOLLOWS if spearman.value * sign > 0 else AGAINST
    largest = max(abs(spearman.low), abs(spearman.high))
    return NOT if largest < SMALL * (1 if isnan(ceiling) else ceiling) else UNKNOWN


def across_sizes(trend: SlopeTrend, sign: int) -> tuple[str, str]:
    """By the correlation of slopes, where those of the score are reliable enough.

    A proxy that moves with the score by being read the other way round than over the examples goes against it, and of
    one whose way differs between halves nothing can be told.
    """
    own, beyond, ratio = trend.correlation, trend.beyond_level, trend.ratio
    if isnan(trend.ceiling) or isnan(own.low) or isnan(beyond.low):
        return UNKNOWN, "Across sizes: cannot be told with so few models."
    answer = UNKNOWN
    if clear(own, trend.examples) and own.value < 0:
        answer = AGAINST
    elif clear(own, trend.examples) and beyond.low > MARGIN:
        ways = {True: 1, False: -1, None: 0}
        answer = {1: FOLLOWS, -1: AGAINST, 0: UNKNOWN}[ways[trend.increasing] * sign]
    elif ratio.high < SMALL:
        answer = NOT
    elif beyond.high < 2 * MARGIN:  # certainly not much further than the level goes
        answer = LEVEL if clear(own, trend.examples) else NOT
    return answer, (
        f"Across sizes: {answer} (slopes correlate by {own.value:.2f}, {own.low:.2f} to {own.high:.2f}, of at most "
        f"{trend.ceiling:.2f}; its level alone reaches {trend.of_level.value:.2f})."
    )


def clear(found: Interval, examples: int) -> bool:
    """Whether a correlation is further from 0 than models and chance over the examples bring it."""
    if isnan(found.low) or examples < 3:
        return False
    chance = sqrt(found.standard_error**2 + 1 / (examples - 1))
    return abs(found.value) > t_quantile(0.975, found.degrees) * chance


def span(values: Sequence[float], percent: bool = False) -> str:
    """.62, or .62 to .81"""
    low, high = float(np.min(values)), float(np.max(values))
    words = [f"{100 * value:.0f}" if percent else f"{value:.2f}" for value in (low, high)]
    return " to ".join(dict.fromkeys(words)) + (" %" if percent else "")
