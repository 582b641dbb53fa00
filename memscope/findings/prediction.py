"""What `memscope memorability predict` found, on one screen."""

import math
from collections.abc import Sequence

from memscope.findings.numbers import fine
from memscope.findings.predictor import with_ends
from memscope.findings.screen import Grid, Remark, Screen
from memscope.findings.words import short
from memscope.reports.prediction import ImagePredicted, PredictionReport
from memscope.reports.target import target_in_words
from memscope.text import counted


def screen(report: PredictionReport) -> Screen:
    return Screen([what(report), worth(report)], grid(report), notes(report), more=False)


def what(report: PredictionReport) -> str:
    label = "with its label" if report.with_label else "for a typical label"
    told = target_in_words(report.target_kind, short(report.target), report.axis)
    return (
        f"What {report.backbone} expects of {report.examples:,} images of {short(report.data)}: the {told}, "
        f"{label}; {fine(report.mean)} on average. It was fitted to {report.fitted:,} images of "
        f"{short(report.fitted_on)}, {counted(report.seeds, 'seed')}, whose mean is given."
    )


def worth(report: PredictionReport) -> str:
    """What such a prediction was worth on images that were held out."""
    if math.isnan(report.spearman.value):
        return "What that is worth is not known."
    least = not math.isnan(report.spearman.low) and report.spearman.low <= 0
    ceiling = "" if math.isnan(report.ceiling) else f", of at most {fine(report.ceiling)}"
    told = (
        f"On held-out images of its own set a fit's rank correlation with what was measured was "
        f"{with_ends(report.spearman)}{ceiling}, {with_ends(report.within)} within classes"
    )
    return f"{told}: that is not clearly more than nothing." if least else f"{told}; on another set it may be less."


def grid(report: PredictionReport) -> Grid | None:
    if not report.highest and not report.lowest:
        return None
    seeds = report.seeds > 1
    columns = ["image", "label", "predicted"] + ["sd of\nseeds"] * seeds
    rows: list[Sequence[str] | str] = ["Most:"]
    rows += [row_of(one, seeds) for one in report.highest]
    rows.append("Least:")
    rows += [row_of(one, seeds) for one in report.lowest]
    return Grid(columns, rows, left=2)


def row_of(one: ImagePredicted, seeds: bool) -> list[str]:
    name = short(one.name, 32) if one.name else f"{one.part} {one.index}"
    row = [f"{name}{' *' if one.known else ''}", short(one.label, 20), fine(one.predicted, 3)]
    return [*row, fine(one.spread, 3)] if seeds else row


def notes(report: PredictionReport) -> list[Remark]:
    found = []
    if report.known:
        found.append(
            Remark(
                f"*: it was fitted to, or stopped by, this very image; so it was with {report.known:,} of them.", True
            )
        )
    if report.resized:
        found.append(Remark(f"Images were brought {report.resized}, unlike those that it was fitted to.", True))
    if report.csv:
        found.append(Remark(f"Wrote {report.csv}: a row for every image."))
    return found
