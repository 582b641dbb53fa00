"""`memscope score` in print."""

import math
from collections.abc import Sequence

from memscope.findings import score as findings
from memscope.findings.numbers import decimals, percent, with_error
from memscope.findings.screen import Remark
from memscope.reports.score import ScoreReport, SizeScore, SizeValidation, Validation
from memscope.tables.printing import say, show_screen, table, tell


def show(report: ScoreReport, details: bool = False) -> None:
    """One screen of findings, or with `details` all that there is."""
    if not details:
        show_screen(findings.screen(report))
        if report.validated:
            show_validation(report.validated, report.axis)
        return
    show_scores(report)
    if report.validated:
        show_validation(report.validated, report.axis)
    for line in report.written or ():
        say(f"Wrote {line}.")


def show_scores(report: ScoreReport) -> None:
    """The table of sizes, what it does not show, and the most memorised examples."""
    noisy = report.flipped is not None
    columns = [
        report.axis,
        "models",
        "mean score",
        "soft",
        "acc. in",
        "acc. out",
        "test acc.",
        "mean SE",
        "population",
        "sd",
        "< .1",
        "> .9",
        "interpolates",
    ]
    if noisy:
        columns += ["AUC score", "AUC 1 - acc. out"]
    rows = []
    for row in report.sizes:
        cells = [
            str(row.size),
            str(row.models),
            with_error(row.mean_score, row.mean_score_error),
            decimals(row.mean_soft_score),
            decimals(row.mean_accuracy_in),
            decimals(row.mean_accuracy_out),
            decimals(row.test_accuracy),
            decimals(row.mean_standard_error),
            decimals(row.population.mean_score),
            decimals(row.population.rms_sd),
            percent(row.population.share_low),
            percent(row.population.share_high),
            f"{'yes' if row.interpolates else 'no'} ({row.own_accuracy:.1%})",
        ]
        if noisy:
            found = row.flipped
            cells += [decimals(found.auc_score), decimals(found.auc_one_minus_accuracy_out)] if found else ["-", "-"]
        rows.append(cells)
    table(
        f"Memorisation of {report.examples} examples ({report.family} on {report.data}, fraction {report.fraction:g})",
        columns,
        rows,
    )
    say(
        "SE: standard error of one score, 0 where all models agree (the intervals in the exports say "
        f"more); ±: of the mean over examples, by leaving out blocks of models{few_blocks(report.sizes)}. "
        "interpolates: the median model fits 99 % of its own subset (share in brackets)."
    )
    say(
        "population, sd, < .1, > .9: the empirical-Bayes estimate, which borrows strength from all examples and sizes: "
        "its mean, its root mean squared posterior standard deviation, and the shares of examples with a score below "
        ".1 and above .9, without the noise that shares of raw scores carry. All other columns are of the raw score."
    )
    if noisy:
        say(f"AUC: area under the ROC curve for finding the {report.flipped} flipped labels.")
    for note in notes(report):
        tell(note)
    show_noise(report)
    if report.most_memorised:
        largest = report.sizes[-1]
        named = report.most_memorised[0].name is not None
        table(
            f"Most memorised at {report.axis} {largest.size}",
            ["example", *(["name"] if named else []), "label", "others say", "share", "score", "95 % interval"]
            + (["true label"] if noisy else []),
            [
                [
                    str(each.example),
                    *([str(each.name)] if named else []),
                    str(each.label),
                    str(each.suggested_label),
                    percent(each.suggested_share),
                    decimals(each.score),
                    f"{decimals(each.interval_low, 2)} to {decimals(each.interval_high, 2)}",
                ]
                + ([str(each.true_label)] if noisy else [])
                for each in report.most_memorised
            ],
            left=3 + named,
        )
        say("others say: the most frequent prediction of the models trained without the example.")


def few_blocks(rows: Sequence[SizeScore]) -> str:
    """Why there is no ±, if some size has none."""
    blocks = min(row.blocks for row in rows)
    return "" if blocks > 2 else f" (three blocks at least; here {blocks})"


def show_noise(report: ScoreReport) -> None:
    """Where the noise comes from, if some subsets were trained twice."""
    rows = [(row.size, row.noise) for row in report.sizes if row.noise]
    if rows:
        table(
            "Where the noise of a model's outcomes comes from (subsets trained twice)",
            [report.axis, "subsets", "variance", "of training", "share", "±"],
            [
                [
                    str(size),
                    str(noise.subsets),
                    decimals(noise.variance, 4),
                    decimals(noise.training, 4),
                    percent(noise.training_share),
                    percent(noise.training_share_error),
                ]
                for size, noise in rows
            ],
        )
        if any(math.isnan(noise.training_share_error) for _, noise in rows):
            say("±, by leaving out blocks, needs three blocks of models that are trained twice: --replicate-models.")
        for size, noise in rows:
            if noise.left_out:
                say(
                    f"At {report.axis} {size}, {noise.left_out} subsets are left out: one of their two models diverged."
                )


def show_validation(found: Validation, axis: str) -> None:
    """Whether the population estimate helps on these data."""
    rows = found.validation
    smaller, other = rows[0].models, rows[0].models_other_half
    models = smaller if smaller == other else f"{smaller} and {other}"
    table(
        f"Each half of the models ({models} of each {axis}) predicts the raw scores of the other",
        [axis, "error raw", "population", "ratio", "rank agr. raw", "population", "c"],
        [
            [
                str(row.size),
                decimals(row.raw_squared_error, 4),
                decimals(row.squared_error, 4),
                decimals(row.ratio, 2),
                decimals(row.raw_agreement),
                decimals(row.agreement),
                f"{decimals(row.calibration, 2)} ({decimals(row.calibration_spread, 2)})",
            ]
            for row in rows
        ],
    )
    thirds = ", ".join(decimals(c, 2) for c in found.calibration_thirds)
    say(
        "error: mean squared error, the noise of what is predicted taken out. c: squared error over what the posterior "
        "standard deviations promise, 1 where they are right; in brackets its standard deviation over ways of "
        f"halving the models. Over all sizes, c in the thirds of the examples with small, middle, large sd: {thirds}."
    )
    for line in verdicts(rows, axis):
        say(line)


def verdicts(rows: Sequence[SizeValidation], axis: str) -> list[str]:
    """What follows for the user at which sizes."""

    def where(chosen: Sequence[SizeValidation]) -> str:
        return f"At {axis} {', '.join(str(row.size) for row in chosen)}"

    useless = [row for row in rows if not row.helps]
    loose = [row for row in rows if row.helps and row.calibrated is False]
    unclear = [row for row in rows if row.helps and row.calibrated is None]
    lines = []
    if useless:
        lines.append(f"{where(useless)} the population estimate does not help: use the raw scores there.")
    if loose:
        lines.append(
            f"{where(loose)} its standard deviations are not right (c outside .8 to 1.25): do not rely on them; the "
            "raw scores and their intervals are safe."
        )
    if unclear:
        lines.append(
            f"{where(unclear)} too few models tell whether its standard deviations are right (c should lie within .8 "
            "to 1.25): where much depends on them, rely on the raw scores and their intervals."
        )
    return lines or ["The population estimate helps at every size, and its standard deviations can be trusted."]


def notes(report: ScoreReport) -> list[Remark]:
    """What a reader of the table must know beside it."""
    axis, name = report.axis, report.family
    lines: list[Remark] = []

    def note(text: str, warns: bool = False) -> None:
        lines.append(Remark(text, warns))

    found = report.duplicates
    if found.exact or found.near:
        note(
            f"Duplicates: {found.exact} training examples have an identical image, "
            f"{found.near} a nearly identical one "
            f"({found.near_in_test} of them in the test set): their scores are low by definition."
        )
    if not found.near_searched:
        note("Near-duplicates were not looked for: the data set is too large for the search.")
    for row in report.sizes:
        if row.models + row.diverged < report.models_planned:
            note(
                f"Unfinished at {axis} {row.size}: {row.models + row.diverged} of {report.models_planned} "
                "planned models; "
                f"{'record' if report.trainer == 'record' else 'memscope train-family trains'} the others.",
                True,
            )
        if row.diverged:
            note(f"Left out at {axis} {row.size}: {row.diverged} models that diverged.", True)
        if row.undefined:
            note(f"Undefined at {axis} {row.size}: {row.undefined} examples, with no model on one side.")
        if row.fit_warning:
            note(f"Warning, {axis} {row.size}: {row.fit_warning}.", True)
    largest = report.sizes[-1]
    if not largest.interpolates:
        note(
            f"The largest {axis} does not interpolate (it fits {largest.own_accuracy:.1%}): "
            "larger sizes or more epochs "
            "would memorise more."
        )
    if len(report.made_by) > 1:
        note(
            "Warning: models were made in different ways (device, precision, versions, backend): "
            + "; ".join(report.made_by)
            + ".",
            True,
        )
    for kind, sources in report.made_from.items():
        if len(sources) > 1:
            what, digest = ("versions of timm", "") if kind == "timm_version" else (f"sources of {name}", "SHA-256 ")
            listed = digest + ", ".join(each[:12] for each in sources)
            note(
                f"Warning: models were made from {len(sources)} {what} ({listed}), expected one: the scores mix them; "
                "make a new run, unless the change cannot matter (a comment, say).",
                True,
            )
    return lines
