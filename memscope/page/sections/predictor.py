"""Whether an image shows that models will memorise it: networks fitted to a run's scores, on images held out."""

import math
from dataclasses import replace
from pathlib import Path

from memscope.findings import predictor as findings
from memscope.findings.screen import Grid
from memscope.page import chart
from memscope.page.chart import Scale
from memscope.page.data import PageData
from memscope.page.html import table
from memscope.page.section import Figure, Headline, Section, of_screen
from memscope.page.sections.stored import is_old, report_in
from memscope.reports.predictor import PredictorReport

SCOPES = (("spearman", "all images", "first", "circle"), ("within", "within classes", "second", "square"))
"""Field of a backbone, its name, and how it is drawn"""
LINES = {
    "class": "The line class: what the class of an image foretells without any network.",
    "at most": "At most: what noise in the score leaves of a perfect correlation.",
}


def section(data: PageData) -> Section | None:
    report: PredictorReport | None = report_in(data, "predictor")
    if report is None:
        return None
    places = [str(data.run.path / "predictors" / Path(one.file).name) for one in report.backbones]
    here = replace(
        report,
        backbones=tuple(replace(one, file=file) for one, file in zip(report.backbones, places, strict=True)),
    )
    drawn = [foretold(here)] if here.backbones else []
    leads = [Headline(" ".join([findings.foretold(here), findings.beyond_class(here)]), drawn[0].id)] if drawn else []
    title, old = "What an image shows of it", is_old(data, "predictor")
    return of_screen("predictor", title, findings.screen(here), drawn, leads, out_of_date=old)


def foretold(report: PredictorReport) -> Figure:
    """Rank correlations with the target on held-out images, by backbone."""
    lines = [(0.0, "")]
    lines += [(report.class_mean.value, "class")] if math.isfinite(report.class_mean.value) else []
    lines += [(report.ceiling, "at most")] if math.isfinite(report.ceiling) else []
    return Figure(
        id="predictor-images",
        title=f"Rank correlation of what networks foretell with {findings.target_words(report)}, on "
        f"{report.held_out:,} images that were held out.",
        about=" ".join([*(LINES[name] for _, name in lines if name), "Bars: 95 % intervals."]),
        chart=chart.rows(
            [one.name for one in report.backbones],
            Scale(label="rank correlation", lines=tuple(lines)),
            [
                chart.ranged(name, colour, mark, [getattr(one, scope) for one in report.backbones], bare=True)
                for scope, name, colour, mark in SCOPES
            ],
        ),
        table=table(
            "Rank correlations on held-out images, with 95 % intervals",
            Grid(
                ["network", *(name for _, name, _, _ in SCOPES)],
                [
                    [one.name, *(findings.with_ends(getattr(one, scope)) for scope, *_ in SCOPES)]
                    for one in report.backbones
                ],
                left=1,
            ),
        ),
    )
