"""What `memscope memorability RUN --train` found, on one screen: whether an image foretells how much it is memorised.

A backbone foretells where its correlation on held-out images is clear among all backbones; beside it stands what the
image's class alone foretells, and the most that noise in the target allows.
"""

import math
import shlex

from memscope.analysis.statistics.clear import apart
from memscope.findings.numbers import fine
from memscope.findings.screen import WIDE, Command, Grid, Remark, Screen, command
from memscope.findings.words import drawn, listed, short
from memscope.reports.predictor import PredictorReport, best_of, lacking_for_intervals
from memscope.reports.ranged import Ranged
from memscope.reports.target import RESIDUAL, SCORE, kind_of, target_in_words
from memscope.text import counted


def screen(report: PredictorReport) -> Screen:
    if report.failed:
        return failed(report)
    told = [foretold(report), beyond_class(report), claims(report)]
    return Screen(told, grid(report), notes(report), commands(report))


def failed(report: PredictorReport) -> Screen:
    assert report.failed
    first = report.failed[0]
    more = f" and {counted(len(report.failed) - 1, 'more fit')}" if len(report.failed) > 1 else ""
    return Screen(
        ["Nothing was compared: some predictors could not be fitted."],
        notes=[
            Remark(f"Failed twice: {first.backbone}, seed {first.seed}{more}: {first.reason}", True),
            Remark(f"The tracebacks are in {report.run}/failures; run the command again to retry.", True),
        ],
        more=False,
    )


def clear(found: Ranged, among: int) -> bool:
    return apart(found.value, found.error, found.degrees, among)


def target_words(report: PredictorReport) -> str:
    """the memorisation score at width 16"""
    kind = kind_of(report.target, report.target_blocks > 0)
    return f"the {target_in_words(kind, short(report.target), report.axis)}"


def foretold(report: PredictorReport) -> str:
    """Whether an image foretells its memorisation, and by which backbone most."""
    best, among = best_of(report), len(report.backbones)
    what = "An image and its label foretell" if report.with_label else "An image alone foretells"
    of = f"{report.held_out:,} images that were held out"
    at_most = "" if math.isnan(report.ceiling) else f", where noise in the target allows {fine(report.ceiling)}"
    number = f"rank correlation {with_ends(best.spearman)} by {best.name} on {of}{at_most}"
    if math.isnan(best.spearman.low):
        return f"{what} {target_words(report)} by an unknown amount: {number}."
    if clear(best.spearman, among) and best.spearman.value > 0:
        return f"{what} part of {target_words(report)}: {number}."
    who = "An image and its label do" if report.with_label else "An image alone does"
    return f"{who} not clearly foretell {target_words(report)}: {number}."


def beyond_class(report: PredictorReport) -> str:
    """Whether it is more than the class says."""
    best, among = best_of(report), len(report.backbones)
    told = f"Its class alone foretells {fine(report.class_mean.value)}"
    if math.isnan(best.within.value):
        return f"{told}."
    if clear(best.within, among) and best.within.value > 0:
        return f"{told}; within classes {best.name} reaches {with_ends(best.within)}."
    return f"{told}; within classes nothing is clear ({best.name}: {with_ends(best.within)})."


def claims(report: PredictorReport) -> str:
    """What was found of predictors of memorability, asked here."""
    told = [f"{one.claim}: {one.answer} ({one.numbers})" for one in report.claims]
    of = {SCORE: "memorisation", RESIDUAL: "residuals"}
    asked = of.get(kind_of(report.target, report.target_blocks > 0), target_words(report))
    return f"What was found of memorability, asked of {asked}: {'; '.join(told)}." if told else ""


def grid(report: PredictorReport) -> Grid:
    """A row for every backbone, and what needs no network."""
    elsewhere = any(one.elsewhere is not None for one in report.backbones)
    columns = ["", f"held out\n{at_most(report.ceiling)}".strip()]
    columns += [f"within classes\n{at_most(report.within_ceiling)}".strip(), "fitted\nto"]
    columns += ["other\nrun"] * elsewhere + ["squared\nerror"]
    rows = []
    for one in report.backbones:
        row = [one.name, with_ends(one.spearman), with_ends(one.within), fine(one.on_fitted_own.value)]
        if elsewhere:
            row.append("-" if one.elsewhere is None else fine(one.elsewhere.value))
        rows.append([*row, fine(one.squared_error.value, 3)])
    blank = ["-"] * elsewhere
    rows.append(
        [
            "class mean",
            fine(report.class_mean.value),
            "-",
            "-",
            *blank,
            fine(report.class_mean_squared_error.value, 3),
        ]
    )
    rows.append(["mean", "-", "-", "-", *blank, fine(report.mean_squared_error.value, 3)])
    if not math.isnan(report.noise.value) and report.target_blocks:
        rows.append(["(noise)", "-", "-", "-", *blank, fine(report.noise.value, 3)])
    return Grid(columns, rows, left=1)


def with_ends(found: Ranged) -> str:
    """.62 (.55 to .68)"""
    ends = "" if math.isnan(found.low) else f" ({fine(found.low)} to {fine(found.high)})"
    return f"{fine(found.value)}{ends}"


def at_most(ceiling: float) -> str:
    return "" if math.isnan(ceiling) else f"(at most {fine(ceiling)})"


def notes(report: PredictorReport) -> list[Remark]:
    found = []
    over = listed(report.over)
    if report.over:
        lacking = lacking_for_intervals(report)
        narrow = f"; too narrow, for want of {listed(lacking)}" if lacking else ""
        found.append(Remark(f"In brackets: 95 % intervals over {over}{narrow}.", bool(lacking)))
    split = (
        f"Fitted to {report.fitted:,} images, stopped by {report.validating:,}, {counted(report.seeds, 'seed')} each; "
        "copies of an image are on one side."
    )
    if report.target_blocks:
        split += " Fitted to what one half of the models say, held against the other half."
    found.append(Remark(split))
    lost = [one.name for one in report.backbones if 0 in one.epochs]
    if lost:
        found.append(Remark(f"Some fits of {listed(lost)} diverged.", True))
    if not math.isnan(report.elsewhere_ceiling):
        allows = fine(report.elsewhere_ceiling)
        found.append(Remark(f"On {report.elsewhere} noise in the target allows {allows}."))
    if report.elsewhere_known:
        found.append(
            Remark(
                f"{report.elsewhere_known:,} images of {report.elsewhere} are left out: they equal, or nearly so, some "
                "that were fitted to."
            )
        )
    found += [Remark(text) for text in report.remarks]
    if report.figures:
        found.append(drawn(report.figures))
    return found


def commands(report: PredictorReport) -> list[Command]:
    """What the predictors are good for, and where to look."""
    best = best_of(report)
    # a path that has no room on a line is in RUN/predictors, and with --details
    model = best.file if len(shlex.quote(best.file)) + 6 <= WIDE else "MODEL"
    found = [command("Images that nobody trained on", "memorability", "predict", model, "--data", "folder:NEW")]
    # what read a file is not repeated: the report has its name alone, and another call would fit something else
    if not report.figures and report.target_blocks and report.pretrained is None:
        again = ["memorability", report.run, "--train"]
        again += ["--with-label"] * report.with_label
        found.append(command("Figures", *again, *asked_again(report), "--plot"))
    return found


def asked_again(report: PredictorReport) -> list[str]:
    """The options that a call with the same fits has."""
    from memscope.predictors.training import BACKBONES, EPOCHS, SEEDS

    names = tuple(one.name for one in report.backbones)
    found = ["--target", report.target]
    found += [] if names == BACKBONES else ["--backbones", ",".join(names)]
    found += [] if report.pretrained is None else ["--pretrained", report.pretrained]
    found += [] if report.elsewhere is None else ["--evaluate-on", report.elsewhere]
    found += [] if report.seeds == SEEDS else ["--seeds", str(report.seeds)]
    return found + ([] if report.epochs == EPOCHS else ["--epochs", str(report.epochs)])
