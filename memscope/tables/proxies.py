"""`memscope proxies` in print."""

import math

from memscope.findings import proxies as findings
from memscope.findings.numbers import decimals, percent
from memscope.reports.proxies import Bounded, ProxiesReport, SameSigns, SameTypes
from memscope.tables.printing import say, show_screen, table


def show(report: ProxiesReport, details: bool = False) -> None:
    """One screen of findings; with `details` all that there is: every size, the trends, the verdicts."""
    if not details or report.failed:
        show_screen(findings.screen(report))
        return
    show_noise(report)
    for place in range(len(report.sizes)):
        show_size(report, place)
    show_trends(report)
    show_variants(report)
    show_verdicts(report)
    for picture in report.figures or ():
        say(f"Wrote {picture}.")


def show_noise(report: ProxiesReport) -> None:
    """What noise in the score leaves to be found."""
    table(
        f"The score of {report.score_models} models in {report.score_blocks} blocks: what noise leaves to be found",
        [report.axis, "reliability", "Pearson at most", "Spearman at most", "dip", "if unimodal"],
        [
            [
                str(row.size),
                between(row.reliability),
                decimals(row.pearson_ceiling, 2),
                decimals(row.spearman_ceiling, 2),
                "-" if row.bimodality is None else decimals(row.bimodality.dip),
                "-" if row.bimodality is None else decimals(row.bimodality.if_unimodal),
            ]
            for row in report.sizes
        ],
    )
    say("At most: not measurable where the lower end of the reliability is below .3. Dip: larger where bimodal.")


def show_size(report: ProxiesReport, place: int) -> None:
    """All proxies, and their variants, across the examples of one size."""
    rows = []
    for one in report.proxies:
        at = one.sizes[place]
        rows.append(
            [
                one.name,
                between(at.spearman),
                between(at.pearson),
                decimals(at.cosine.value, 2),
                between(at.top_spearman),
                between(at.top_pearson),
                decimals(at.auc_flipped, 3),
                percent(at.precision_flipped),
                "-" if at.bimodality is None else decimals(at.bimodality.dip),
            ]
        )
    size = report.sizes[place].size
    table(
        f"Across examples, {report.axis} {size} (95 % intervals)",
        ["proxy", "Spearman", "Pearson", "cosine", "top tenth: Spearman", "Pearson", "flips: AUC", "precision", "dip"],
        rows,
    )
    crossed = [one.name for one in report.proxies if one.sizes[place].half]
    if crossed:
        say(f"{' and '.join(crossed)}: of other blocks of the score's models than the score, both ways.")


def show_trends(report: ProxiesReport) -> None:
    """Slopes, types and signs over the sizes."""
    rows = [(one.name, one.trend) for one in report.proxies if one.trend is not None]
    if not rows:
        return
    table(
        f"Across {report.axis}s: correlation of slopes over log size",
        ["proxy", "slopes", "of its level alone", "beyond it", "at most", "of that"],
        [
            [
                name,
                between(trend.slopes),
                between(trend.slopes_of_level),
                between(trend.slopes_beyond_level),
                decimals(trend.ceiling, 2),
                between(trend.slopes_of_ceiling),
            ]
            for name, trend in rows
        ],
    )
    table(
        f"The same type of trajectory as memorisation's (epsilon {report.epsilon:g}): share of the examples, kappa",
        ["proxy", "by chance", "agree", "if additive", "if another's", "halves of the score", "population"],
        [
            [
                name,
                percent(trend.types.chance),
                agreement(trend.types),
                agreement(trend.types_if_additive),
                agreement(trend.types_if_other),
                agreement(trend.types_of_halves),
                agreement(trend.types_of_population),
            ]
            for name, trend in rows
        ],
    )
    table(
        "The same sign of change: of the examples that are named rising, and falling, on other models",
        ["proxy", "rising", "proxy's", "score's", "size means'", "falling", "proxy's", "score's", "size means'"],
        [[name, *signs(trend.rising), *signs(trend.falling)] for name, trend in rows],
    )


def show_variants(report: ProxiesReport) -> None:
    """How much changes where a proxy is computed as others do."""
    rows = [one for one in report.proxies if one.spearman_with_lead is not None]
    if not rows:
        return
    sizes = [row.size for row in report.sizes]
    table(
        f"Variants: rank correlation with the proxy that leads, by {report.axis}; verdicts",
        ["variant", "of", *map(str, sizes), "across examples", f"across {report.axis}s"],
        [
            [
                one.name,
                one.variant_of or "",
                *(decimals(value, 2) for value in one.spearman_with_lead or ()),
                one.across_examples,
                one.across_sizes or "-",
            ]
            for one in rows
        ],
    )


def show_verdicts(report: ProxiesReport) -> None:
    for one in report.proxies:
        say(f"{one.name} ({one.title}; {one.source}). {one.verdict}")
    for name, reason in report.left_out.items():
        say(f"{name} was left out: {reason}.")


def between(found: Bounded) -> str:
    """A number and its interval."""
    if math.isnan(found.low):
        return decimals(found.value, 2)
    return f"{decimals(found.value, 2)} ({decimals(found.low, 2)} to {decimals(found.high, 2)})"


def agreement(found: SameTypes | None) -> str:
    return "-" if found is None else f"{percent(found.agreement)}, {decimals(found.kappa, 2)}"


def signs(found: SameSigns) -> list[str]:
    return [f"{found.examples:,.0f}", percent(found.proxy), percent(found.score), percent(found.size_means)]
