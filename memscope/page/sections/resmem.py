"""What an explicit memory of residuals adds, and what the residuals of small models foretell of larger ones."""

import math
from dataclasses import replace

from memscope.findings import resmem as findings
from memscope.findings.numbers import decimals, points
from memscope.findings.resmem import Row, measured
from memscope.findings.screen import Grid, Screen, command
from memscope.page import chart
from memscope.page.chart import Scale, Series, with_errors
from memscope.page.data import PageData
from memscope.page.html import table
from memscope.page.section import Figure, Headline, Section, of_screen
from memscope.page.sections.stored import is_old, report_in
from memscope.reports.resmem import ResmemReport


def section(data: PageData) -> Section | None:
    report: ResmemReport | None = report_in(data, "resmem")
    if report is None:
        return None
    rows = measured(report)
    drawn = ([changes(report, rows)] if rows else []) + ([foretold(report)] if report.foretells else [])
    title = "What a residual memory adds (ResMem)"
    leads = [Headline(f"{findings.WHAT} {findings.accuracy(report, rows)}", "resmem-accuracy")] if rows else []
    return of_screen("resmem", title, screen(report, rows), drawn, leads, out_of_date=is_old(data, "resmem"))


def screen(report: ResmemReport, rows: list[Row]) -> Screen:
    """What `memscope resmem` tells; of reports that were stored before the errors on held-out images were, and what
    would tell these."""
    shown = findings.screen(report)
    errors = [(change.test_change_error, change.mean_change_out_error) for _, _, _, change in rows]
    if any(math.isnan(held) and not math.isnan(test) for test, held in errors):
        asked = command("How sure the change on held-out training images is", "resmem", report.run)
        shown = replace(shown, commands=[*shown.commands, asked])
    return shown


def changes(report: ResmemReport, rows: list[Row]) -> Figure:
    """The change of the accuracy on test images and on training images that were held out, with the memory."""
    sizes = [row.size for row, _, _, _ in rows]
    test = [change.test_change for _, _, _, change in rows]
    held = [memory.mean_accuracy_out - base.mean_accuracy_out for _, base, memory, _ in rows]
    test_errors = [change.test_change_error for _, _, _, change in rows]
    held_errors = [change.mean_change_out_error for _, _, _, change in rows]
    largest = max(range(len(rows)), key=lambda place: abs(test[place]))
    return Figure(
        id="resmem-accuracy",
        title=f"Accuracy with the memory less accuracy without it: on test images most at {report.axis} "
        f"{sizes[largest]}, {points(test[largest], test_errors[largest])} points.",
        about="Bars: one standard error, by leaving out blocks of models.",
        chart=chart.lines(
            report.axis,
            sizes,
            Scale(label="change of the accuracy", form="points", lines=((0.0, "no change"),)),
            [
                Series(name="test images", colour="first", mark="circle", **with_errors(test, test_errors)),
                Series(
                    name="held-out training images", colour="second", mark="square", **with_errors(held, held_errors)
                ),
            ],
        ),
        table=table(
            "Changes of the accuracy in points, and the options of the memory",
            Grid(
                [
                    report.axis,
                    "test images",
                    "held-out images",
                    "residual, seen",
                    "residual, not seen",
                    "k",
                    "sigma",
                    "T",
                ],
                [
                    [
                        str(row.size),
                        points(test[place], test_errors[place]),
                        points(held[place], held_errors[place]),
                        decimals(change.mean_residual_in),
                        decimals(change.mean_residual_out),
                        str(row.k),
                        f"{row.sigma:g}",
                        f"{row.temperature:g}",
                    ]
                    for place, (row, _, _, change) in enumerate(rows)
                ],
            ),
        ),
    )


def foretold(report: ResmemReport) -> Figure:
    """Rank correlations of the residual at one size with the score at each larger one."""
    best = max(report.foretells, key=lambda pair: pair.correlation)
    names = [f"{report.axis} {size}" for size in sorted({pair.size for pair in report.foretells})]
    columns = [f"{report.axis} {size}" for size in sorted({pair.larger for pair in report.foretells})]
    cells = [
        {
            "row": f"{report.axis} {pair.size}",
            "column": f"{report.axis} {pair.larger}",
            "value": pair.correlation,
            "low": pair.low,
            "high": pair.high,
        }
        for pair in report.foretells
    ]
    told = {(pair.size, pair.larger): interval(pair.correlation, pair.low, pair.high) for pair in report.foretells}
    larger = sorted({pair.larger for pair in report.foretells})
    return Figure(
        id="foretells",
        title=f"What the residual of a smaller model foretells of the score at a larger one: rank correlations up to "
        f"{interval(best.correlation, best.low, best.high)}.",
        about="Rows: whose residual; columns: whose score, from other blocks of models. In brackets 95 % intervals.",
        chart=chart.matrix(names, columns, cells, down="residual at", across="score at"),
        table=table(
            "Rank correlation of the residual with the score at a larger size",
            Grid(
                ["residual at", *(f"score at {report.axis} {size}" for size in larger)],
                [
                    [f"{report.axis} {size}", *(told.get((size, other), "-") for other in larger)]
                    for size in sorted({pair.size for pair in report.foretells})
                ],
                left=1,
            ),
        ),
    )


def interval(value: float, low: float, high: float) -> str:
    ends = f" ({decimals(low, 2)} to {decimals(high, 2)})" if decimals(low) != "-" else ""
    return f"{decimals(value, 2)}{ends}"
