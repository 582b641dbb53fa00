"""What the figures of proxies have in common: which are shown, in what order, and what is said of them."""

from collections.abc import Sequence
from math import inf, isfinite, isnan, nan

from memscope.analysis.statistics.jackknife import FEWEST_BLOCKS
from memscope.plots.common.fonts import legible
from memscope.plots.common.style import balanced, truncated
from memscope.reports.proxies import ProxiesReport, ProxyFound
from memscope.text import counted

FOLLOWS, UNKNOWN = "follows", "cannot be told"
SHORT = {"only as its level foretells": "only its level"}
"""Verdicts where a figure has little room for them"""
NOTHING = "not known"
"""Where there is no number to draw"""


def leading(report: ProxiesReport) -> list[ProxyFound]:
    """The proxies that are no variants of others: those with the largest mean correlation first, unknown ones last."""
    names = {proxy.name for proxy in report.proxies}
    return sorted(
        (proxy for proxy in report.proxies if proxy.variant_of not in names),
        key=lambda proxy: -mean_correlation(proxy) if not isnan(mean_correlation(proxy)) else inf,
    )


def mean_correlation(proxy: ProxyFound) -> float:
    """The mean over the sizes of Spearman's correlation with the score, positive the expected way; NaN without any."""
    known = [row.spearman.value for row in proxy.sizes if isfinite(row.spearman.value)]
    return proxy.sign * sum(known) / len(known) if known else nan


def in_lines(text: str, size: float, width: float, most: int = 2, weight: str = "normal") -> list[str]:
    """A name in at most so many lines of so many inches, the last one cut if there is more."""
    lines = balanced(legible(text, weight), size, width, weight)
    if len(lines) > most:
        lines = [*lines[: most - 1], truncated(" ".join(lines[most - 1 :]), size, width, weight)]
    return lines


def across_sizes(shown: Sequence[ProxyFound]) -> list[str]:
    """The verdicts across sizes, of the proxies that have one."""
    return [proxy.across_sizes for proxy in shown if proxy.across_sizes is not None]


def how_many(verdicts: Sequence[str], where: str, it: str) -> str:
    """How many of some proxies follow `it`, in half a sentence that says also of how many that cannot be told."""
    follow, unknown, of = verdicts.count(FOLLOWS), verdicts.count(UNKNOWN), len(verdicts)
    if unknown == of:
        return f"whether {'a proxy follows' if of == 1 else f'{of} proxies follow'} {it} {where} cannot be told"
    rest = f" (of {unknown} it cannot be told)" if unknown else ""
    them = f"{follow} of {of} {'proxy' if of == 1 else 'proxies'}"
    return f"{them} {'follows' if follow == 1 else 'follow'} {it} {where}{rest}"


def models_note(report: ProxiesReport) -> str:
    """From which models proxies and score are."""
    data = "all the training data" if report.on == "full" else "random subsets of the training data"
    blocks = f" in {counted(report.score_blocks, 'block')}" if report.score_blocks else ""
    return (
        f"Proxies were recorded on {counted(report.recorded, 'model')} of each {report.axis}, trained on {data}; the "
        f"score is from {report.score_models:,} other models of each {report.axis}{blocks}. "
        f"{report.examples:,} training examples."
    )


def interval_note(what: str, known: bool, recorded: int = FEWEST_BLOCKS) -> str:
    """What intervals are, or why there are none."""
    if known and recorded < FEWEST_BLOCKS:
        return f"{what}: 95\u00a0% intervals over the score's blocks of models alone, too narrow: few were recorded."
    if known:
        return f"{what}: 95\u00a0% intervals over the score's blocks of models and the proxy's models together."
    return "No intervals: they need four blocks of the score's models."


def titles(shown: Sequence[ProxyFound]) -> str:
    return "; ".join(legible(proxy.title) for proxy in shown)


def sentence(text: str) -> str:
    """With a capital first."""
    return text[:1].upper() + text[1:]
