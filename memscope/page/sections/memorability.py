"""What people remember, beside what models memorise: rank correlations at each size, and by type of trajectory."""

import math
from collections.abc import Sequence
from typing import Any

from memscope.findings import memorability as findings
from memscope.findings.screen import Grid
from memscope.page import chart
from memscope.page.chart import Scale
from memscope.page.data import PageData
from memscope.page.html import table
from memscope.page.section import Figure, Headline, Section, of_screen
from memscope.page.sections.stored import is_old, report_in

SCOPES = (("overall", "all images", "first", "circle"), ("within", "within classes", "second", "square"))
"""Field of the report, its name, and how it is drawn"""


def section(data: PageData) -> Section | None:
    report = report_in(data, "memorability")
    if report is None:
        return None
    drawn = []
    if any(not math.isnan(row.score.overall.value) for row in report.sizes):
        drawn = [
            correlations(findings, report, "score", "the memorisation score"),
            correlations(findings, report, "accuracy_out", "accuracy out"),
        ]
    if any(not math.isnan(one.overall.value) for one in report.by_type):
        drawn.append(types(report))
    leads = [Headline(findings.relation(report), drawn[0].id if drawn else "memorability")]
    title = "What people remember"
    return of_screen(
        "memorability", title, findings.screen(report), drawn, leads, out_of_date=is_old(data, "memorability")
    )


def scopes(report: Any) -> Sequence[tuple[str, str, str, str]]:
    return SCOPES if report.classes > 1 else SCOPES[:1]


def correlations(findings: Any, report: Any, measure: str, what: str) -> Figure:
    """Rank correlations of memorability with a measure of the models, over the sizes."""
    axis, rows = report.axis, report.sizes
    series = [
        chart.ranged(name, colour, mark, [getattr(getattr(row, measure), scope) for row in rows])
        for scope, name, colour, mark in scopes(report)
    ]
    known = [row for row in rows if not math.isnan(getattr(row, measure).overall.value)]
    most = max(known, key=lambda row: abs(getattr(row, measure).overall.value), default=None)
    told = "" if most is None else f": {findings.with_ends(getattr(most, measure).overall)} at {axis} {most.size}"
    if most is not None and len(known) > 1:
        told += ", where it is strongest"
    chance = 1.96 / math.sqrt(max(1, min(row.examples for row in rows) - 1))
    ceilings = [getattr(row, measure).ceiling for row in rows]
    bounded = not all(map(math.isnan, ceilings))
    return Figure(
        id=f"memorability-{measure.replace('_', '-')}",
        title=f"Rank correlation of memorability with {what}{told}.",
        about="Positive: images that people remember better have the larger values. Bars: 95 % intervals, over images "
        "and blocks of models, or over images alone where blocks are few. Between the dashed lines: what 95 % of "
        "numbers show that have nothing to do with each other.",
        chart=chart.lines(
            axis,
            [row.size for row in rows],
            Scale(label="rank correlation", lines=((0.0, ""), (chance, "chance"), (-chance, ""))),
            series,
        ),
        table=table(
            f"Rank correlations of memorability with {what}, with 95 % intervals",
            Grid(
                [
                    axis,
                    *(name for _, name, _, _ in scopes(report)),
                    *(["the most that noise leaves"] if bounded else []),
                ],
                [
                    [
                        str(row.size),
                        *(findings.with_ends(getattr(getattr(row, measure), scope)) for scope, *_ in scopes(report)),
                        *([findings.fine(ceiling)] if bounded else []),
                    ]
                    for row, ceiling in zip(rows, ceilings, strict=True)
                ],
            ),
        ),
    )


def types(report: Any) -> Figure:
    """Where the images of each type of trajectory stand in the order of memorability."""
    there = [one for one in report.by_type if one.examples]
    series = [
        chart.ranged(name, colour, mark, [getattr(one, scope) for one in there], bare=True)
        for scope, name, colour, mark in scopes(report)
    ]
    return Figure(
        id="memorability-types",
        title="Where the images of each type of trajectory stand in the order of memorability.",
        about="Mean percentile; 50 where the type has nothing to do with memorability, more where people remember its "
        "images better. Bars: 95 % intervals.",
        chart=chart.rows(
            [one.type for one in there],
            Scale(label="mean percentile of memorability", form="percent", lines=((0.5, "by chance"),)),
            series,
        ),
        table=table(
            "Mean percentiles of memorability, with 95 % intervals",
            Grid(
                ["type, raw", "images", *(name for _, name, _, _ in scopes(report))],
                [
                    [one.type, f"{one.examples:,}", *(percentile(getattr(one, scope)) for scope, *_ in scopes(report))]
                    for one in there
                ],
                left=1,
            ),
        ),
    )


def percentile(found: Any) -> str:
    """47 (43 to 52)"""
    if math.isnan(found.value):
        return "-"
    ends = "" if math.isnan(found.low) else f" ({100 * found.low:.0f} to {100 * found.high:.0f})"
    return f"{100 * found.value:.0f}{ends}"
