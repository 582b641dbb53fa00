"""Which cheaper stand-ins follow the score: across the images of a size, and over the sizes."""

import math

from memscope.findings import proxies as findings
from memscope.findings.numbers import decimals
from memscope.findings.proxies import leading
from memscope.findings.screen import Grid
from memscope.page import chart
from memscope.page.chart import Scale, Series
from memscope.page.data import PageData
from memscope.page.html import NOTHING, Html, joined, table
from memscope.page.section import Figure, Headline, Section, of_screen
from memscope.page.sections.stored import is_old, report_in
from memscope.reports.proxies import Bounded, ProxiesReport, ProxyFound


def section(data: PageData) -> Section | None:
    report: ProxiesReport | None = report_in(data, "proxies")
    if report is None:
        return None
    drawn = []
    if leading(report):
        drawn.append(across_examples(report))
        if any(one.trend is not None for one in leading(report)):
            drawn.append(across_sizes(report))
    words = [findings.what(report), findings.across_examples(report), findings.follow_sizes(report)]
    leads = [Headline(" ".join(filter(None, words)), drawn[0].id)] if drawn else []
    shown, title = findings.screen(report), "Which cheaper proxies follow it"
    return of_screen("proxies", title, shown, drawn, leads, out_of_date=is_old(data, "proxies"))


def across_examples(report: ProxiesReport) -> Figure:
    """Rank correlations with the score at the largest and the smallest size."""
    found, last = leading(report), len(report.sizes) - 1
    series = [at_size(report, found, last, "first", "circle")]
    if last:
        series.append(at_size(report, found, 0, "second", "ring"))
    ceiling = report.sizes[last].spearman_ceiling
    lines = ((0.0, ""), *(((ceiling, "at most"),) if not math.isnan(ceiling) else ()))
    axis = report.axis
    return Figure(
        id="proxies-images",
        title=f"Rank correlation of each proxy with the score, across images, at {axis} {report.sizes[last].size}"
        + (f" and {axis} {report.sizes[0].size}." if last else "."),
        about="Positive: the way that is expected. Bars: 95 % intervals over models. The line at most: what noise in "
        f"the score leaves at {axis} {report.sizes[last].size}, where that can be told.",
        chart=chart.rows(
            [one.title for one in found], Scale(label="rank correlation with the score", lines=lines), series
        ),
        table=joined(
            [table("Rank correlations, turned to the way that is expected", correlations(report)), sources(report)]
        ),
    )


def at_size(report: ProxiesReport, found: list[ProxyFound], place: int, colour: str, mark: str) -> Series:
    """The correlations at one size, turned so that what is expected is positive."""
    pairs = [(one.sign, one.sizes[place].spearman) for one in found]
    ends = [sorted((sign * each.low, sign * each.high)) for sign, each in pairs]
    return Series(
        name=f"{report.axis} {report.sizes[place].size}",
        colour=colour,
        mark=mark,
        bare=True,
        values=[sign * each.value for sign, each in pairs],
        low=[low for low, _ in ends],
        high=[high for _, high in ends],
    )


def correlations(report: ProxiesReport) -> Grid:
    columns = ["proxy", *(f"{report.axis} {noise.size}" for noise in report.sizes)]
    rows = [[one.title, *(told(each.spearman, one.sign) for each in one.sizes)] for one in leading(report)]
    most = ["the most that noise leaves", *(decimals(noise.spearman_ceiling, 2) for noise in report.sizes)]
    return Grid(columns, [*rows, most], left=1)


def told(found: Bounded, sign: int = 1) -> str:
    return findings.with_ends(found, sign)


def sources(report: ProxiesReport) -> Html:
    """Verdicts in words, and who proposed each."""
    found = leading(report)
    if not found:
        return NOTHING
    rows = [[one.title, one.verdict, one.source] for one in found]
    return table(
        "What follows for each proxy, and where its formula is from", Grid(["proxy", "verdict", "source"], rows, 3)
    )


def across_sizes(report: ProxiesReport) -> Figure:
    """Correlations of what the proxy and the score of each image do over the sizes."""
    found = [(one, one.trend) for one in leading(report) if one.trend is not None]
    slopes = Series(
        name="slopes",
        colour="first",
        mark="circle",
        bare=True,
        values=[trend.slopes.value for _, trend in found],
        low=[trend.slopes.low for _, trend in found],
        high=[trend.slopes.high for _, trend in found],
    )
    level = Series(
        name="by its level alone",
        colour="faint",
        mark="bar",
        bare=True,
        values=[trend.slopes_of_level.value for _, trend in found],
    )
    ceiling = found[0][1].ceiling
    lines = ((0.0, ""), *(((ceiling, "at most"),) if not math.isnan(ceiling) else ()))
    return Figure(
        id="proxies-sizes",
        title=f"Whether a proxy changes with {report.axis} as the score does: correlation of slopes over log size.",
        about="By its level alone: what any one number per image would foretell that has the proxy's level; only what "
        "exceeds that follows the change. Bars: 95 % intervals over models.",
        chart=chart.rows(
            [one.title for one, _ in found], Scale(label="correlation of slopes", lines=lines), [slopes, level]
        ),
        table=table(
            "Correlation of slopes",
            Grid(
                ["proxy", "slopes", "by its level alone", "beyond its level", "at most"],
                [
                    [
                        one.title,
                        told(trend.slopes),
                        told(trend.slopes_of_level),
                        told(trend.slopes_beyond_level),
                        decimals(trend.ceiling, 2),
                    ]
                    for one, trend in found
                ],
                left=1,
            ),
        ),
    )
