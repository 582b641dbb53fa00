"""`memscope memorability RUN --train` in print."""

import math

from memscope.findings import predictor as findings
from memscope.findings.numbers import decimals
from memscope.reports.predictor import PredictorReport
from memscope.reports.ranged import Ranged
from memscope.tables.printing import say, show_screen, table


def show(report: PredictorReport, details: bool = False) -> None:
    """One screen of findings; with `details` every number."""
    if not details or report.failed:
        show_screen(findings.screen(report))
        return
    rows = [
        [
            one.name,
            f"{one.parameters:,}",
            between(one.spearman),
            between(one.within),
            between(one.together),
            between(one.squared_error, 3),
            between(one.squared_error_within, 3),
        ]
        for one in report.backbones
    ]
    need = [
        ("class mean", report.class_mean, report.class_mean_squared_error),
        ("mean", None, report.mean_squared_error),
    ]
    for name, spearman, squares in need:
        told = "-" if spearman is None else between(spearman)
        rows.append([name, "-", told, "-", "-", between(squares, 3), between(report.variance_within, 3)])
    table(
        f"On {report.held_out:,} images that were held out, with {findings.target_words(report)}: rank correlations "
        f"and squared error (95 % intervals over {', '.join(report.over)})",
        ["", "parameters", "over all", "within classes", "seeds together", "squared error", "within classes"],
        rows,
    )
    if report.target_blocks:
        say(
            f"At most: {decimals(report.ceiling, 2)}. The target's two halves of models: {between(report.halves)}. "
            f"Their noise in each squared error: {between(report.noise, 3)}."
        )
    table(
        "On the images that were fitted to",
        [
            "",
            "with other models' target" if report.target_blocks else "with the target",
            "with the target fitted to",
            "lost on held-out ones",
            "lost of the latter",
            "epochs",
        ],
        [
            [
                one.name,
                between(one.on_fitted),
                between(one.on_fitted_own),
                between(one.lost),
                between(one.lost_own),
                ", ".join(map(str, one.epochs)),
            ]
            for one in report.backbones
        ],
    )
    show_elsewhere(report)
    if report.pairs:
        table(
            "Differences between backbones, on the same images, halves and seeds",
            ["", "over all", "within classes", "squared error"],
            [
                [
                    f"{pair.backbone} less {pair.less}",
                    between(pair.spearman),
                    between(pair.within),
                    between(pair.squared_error, 3),
                ]
                for pair in report.pairs
            ],
        )
    for claim in report.claims:
        say(f"{claim.claim}: {claim.answer} ({claim.numbers}).")
    for note in findings.notes(report):
        say(note.text)
    for one in report.backbones:
        say(f"Kept {one.file}.")


def show_elsewhere(report: PredictorReport) -> None:
    rows = [
        [one.name, between(one.elsewhere), between(one.elsewhere_within), between(one.lost_elsewhere)]
        for one in report.backbones
        if one.elsewhere is not None and one.elsewhere_within is not None and one.lost_elsewhere is not None
    ]
    if rows:
        table(
            f"On {report.elsewhere_images:,} images of {report.elsewhere}",
            ["", "over all", "within classes", "lost of held-out ones here"],
            rows,
        )


def between(found: Ranged, digits: int = 2) -> str:
    """A number and its interval."""
    if math.isnan(found.low):
        return decimals(found.value, digits)
    return f"{decimals(found.value, digits)} ({decimals(found.low, digits)} to {decimals(found.high, digits)})"
