"""`memscope memorability` in print."""

import math

from memscope.findings import memorability as findings
from memscope.findings.numbers import decimals
from memscope.reports.memorability import MemorabilityReport
from memscope.reports.ranged import Ranged
from memscope.tables.printing import say, show_screen, table, warning


def show(report: MemorabilityReport, details: bool = False) -> None:
    """One screen of findings; with `details` all that there is: every size, types, proxies."""
    if not details:
        show_screen(findings.screen(report))
        return
    show_sizes(report)
    show_types(report)
    show_proxies(report)
    for line in (report.licence, *report.caveats):
        if line:
            warning(line)
    for picture in report.figures or ():
        say(f"Wrote {picture}.")


def show_sizes(report: MemorabilityReport) -> None:
    """Both measures, over all and within classes, with their ceilings."""
    for name, title in (("score", "the memorisation score"), ("accuracy_out", "accuracy out")):
        rows = [(row, getattr(row, name)) for row in report.sizes]
        table(
            f"Rank correlation of memorability ({report.source}) with {title}: 95 % intervals over images and "
            f"{report.blocks} blocks of models",
            [report.axis, "models", "all images", "at most", "in classes", "at most"],
            [
                [
                    str(row.size),
                    f"{row.models:,}",
                    between(found.overall),
                    decimals(found.ceiling, 2),
                    between(found.within),
                    decimals(found.within_ceiling, 2),
                ]
                for row, found in rows
            ],
        )
    say(
        f"In classes: mean over {report.classes} classes, weighted by images less one. At most: if memorability "
        "were the truth behind the measure, and noise in the measure all that hides it; - where that noise is too "
        "large."
    )


def show_types(report: MemorabilityReport) -> None:
    if not report.by_type:
        return
    table(
        f"Mean percentile of memorability by raw type of trajectory (epsilon {report.epsilon:g}); .5 by chance",
        ["type", "images", "all images", "within classes"],
        [[one.type, f"{one.examples:,}", between(one.overall), between(one.within)] for one in report.by_type],
    )


def show_proxies(report: MemorabilityReport) -> None:
    if not report.proxies:
        return
    scopes = ("overall", "ceiling", "all images"), ("within", "within_ceiling", "within classes")
    for scope, ceiling, where in scopes:
        table(
            f"Rank correlation of memorability with proxies, {where} (95 % intervals over images), by {report.axis}",
            ["proxy", *(str(row.size) for row in report.sizes)],
            [[one.name, *(between(getattr(at, scope)) for at in one.sizes)] for one in report.proxies],
        )
        table(
            f"The most that noise in the proxy allows, {where}",
            ["proxy", *(str(row.size) for row in report.sizes)],
            [[one.name, *(decimals(getattr(at, ceiling), 2) for at in one.sizes)] for one in report.proxies],
        )
    several = sum(len(one.sizes) for one in report.proxies)
    say(f"Of {several} intervals, {0.05 * several:.1f} would leave 0 out by chance.")
    if report.proxies_out_of_date:
        say(f"The proxies are of other models: memscope proxies {report.run} measures them again.")


def between(found: Ranged) -> str:
    """A number and its interval."""
    if math.isnan(found.low):
        return decimals(found.value, 2)
    return f"{decimals(found.value, 2)} ({decimals(found.low, 2)} to {decimals(found.high, 2)})"
