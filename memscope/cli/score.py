"""`memscope score`: memorisation of every example at every size."""

from pathlib import Path
from typing import Any

import click

from memscope.cli.types import json_option, noted, run_argument
from memscope.errors import OptionError

EPILOG = """
\b
Examples:
  memscope score runs/fashion
  memscope score runs/fashion --suspects suspects.csv     # labels to look at, most suspect first
  memscope score runs/fashion --npz scores.npz --json
"""
FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("score", epilog=EPILOG)
@run_argument
@click.option(
    "--top",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="How many of the most memorised examples to list.",
)
@click.option("--suspects", type=FILE, metavar="FILE", help="Write a csv of labels to look at, most suspect first.")
@click.option("--csv", "csv_file", type=FILE, metavar="FILE", help="Write a csv with a row for every size and example.")
@click.option("--csv-safe", is_flag=True, help="Alter names in csv files so that no spreadsheet runs one as a formula.")
@click.option("--npz", "npz_file", type=FILE, metavar="FILE", help="Write arrays [size, example].")
@click.option("--validate", is_flag=True, help="Check the population estimate on halves of the models (4 blocks).")
@json_option
@noted("score")
def command(
    run: Path,
    top: int,
    suspects: Path | None,
    csv_file: Path | None,
    csv_safe: bool,
    npz_file: Path | None,
    validate: bool,
    as_json: bool,
) -> None:
    """Memorisation of every example of RUN at every size, with standard errors.

    The score of an example is the accuracy on it of the models trained with it minus that of the models
    trained without it (Feldman 2020); the soft score takes the probability of its label in place of 0 or 1.
    """
    from memscope.cli.printing import print_json, say
    from memscope.run import open_run
    from memscope.steps.exports import export_csv, export_npz, export_suspects, most_memorised
    from memscope.steps.score import score

    if csv_safe and not (csv_file or suspects):
        raise OptionError("--csv-safe is about csv files, and none is asked for; add --csv FILE or --suspects FILE")
    summary = score(run)
    summary["most_memorised"] = most_memorised(open_run(run), top)
    if validate:
        from memscope.steps.validation import validate as validated

        summary |= {key: found for key, found in validated(run).items() if key not in summary}
    written = []
    if suspects:
        count, size = export_suspects(run, suspects, csv_safe)
        written.append(f"{suspects}: {count} suspect labels, judged by the held-out models of {summary['axis']} {size}")
    if csv_file:
        export_csv(run, csv_file, csv_safe)
        written.append(f"{csv_file}: a row for every size and example")
    if npz_file:
        export_npz(run, npz_file)
        written.append(f"{npz_file}: arrays [size, example]")
    if as_json:
        print_json(summary)
        return
    show(summary)
    if validate:
        show_validation(summary)
    for line in written:
        say(f"Wrote {line}.")
    if len(summary["sizes"]) > 1:
        say(f"Next: memscope trajectories {run} --plot")


def show(summary: dict[str, Any]) -> None:
    """The table of sizes, what it does not show, and the most memorised examples."""
    from memscope.cli.printing import decimals, percent, say, table, with_error

    noisy = summary["flipped"] is not None
    columns = [
        summary["axis"],
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
    for row in summary["sizes"]:
        cells = [
            str(row["size"]),
            str(row["models"]),
            with_error(row["mean_score"], row["mean_score_error"]),
            decimals(row["mean_soft_score"]),
            decimals(row["mean_accuracy_in"]),
            decimals(row["mean_accuracy_out"]),
            decimals(row["test_accuracy"]),
            decimals(row["mean_standard_error"]),
            decimals(row["population"]["mean_score"]),
            decimals(row["population"]["rms_sd"]),
            percent(row["population"]["share_low"]),
            percent(row["population"]["share_high"]),
            f"{'yes' if row['interpolates'] else 'no'} ({row['own_accuracy']:.1%})",
        ]
        if noisy:
            cells += [decimals(row["auc_score"]), decimals(row["auc_one_minus_accuracy_out"])]
        rows.append(cells)
    table(
        f"Memorisation of {summary['examples']} examples ({summary['family']} on {summary['data']}, "
        f"fraction {summary['fraction']:g})",
        columns,
        rows,
    )
    say(
        "SE: standard error of one score, 0 where all models agree (the intervals in the exports say "
        f"more); ±: of the mean over examples, by leaving out blocks of models{few_blocks(summary['sizes'])}. "
        "interpolates: the median model fits 99 % of its own subset (share in brackets)."
    )
    say(
        "population, sd, < .1, > .9: the empirical-Bayes estimate, which borrows strength from all examples and sizes: "
        "its mean, its root mean squared posterior standard deviation, and the shares of examples with a score below "
        ".1 and above .9, without the noise that shares of raw scores carry. All other columns are of the raw score."
    )
    if noisy:
        say(f"AUC: area under the ROC curve for finding the {summary['flipped']} flipped labels.")
    for line in notes(summary):
        say(line)
    show_noise(summary)
    if summary["most_memorised"]:
        largest = summary["sizes"][-1]
        named = summary["most_memorised"][0]["name"] is not None
        table(
            f"Most memorised at {summary['axis']} {largest['size']}",
            ["example", *(["name"] if named else []), "label", "others say", "share", "score", "95 % interval"]
            + (["true label"] if noisy else []),
            [
                [
                    str(each["example"]),
                    *([str(each["name"])] if named else []),
                    str(each["label"]),
                    str(each["suggested_label"]),
                    percent(each["suggested_share"]),
                    decimals(each["score"]),
                    f"{decimals(each['interval_low'], 2)} to {decimals(each['interval_high'], 2)}",
                ]
                + ([str(each["true_label"])] if noisy else [])
                for each in summary["most_memorised"]
            ],
            left=3 + named,
        )
        say("others say: the most frequent prediction of the models trained without the example.")


def few_blocks(rows: list[dict[str, Any]]) -> str:
    """Why there is no ±, if some size has none."""
    blocks = min(row["blocks"] for row in rows)
    return "" if blocks > 2 else f" (three blocks at least; here {blocks})"


def show_noise(summary: dict[str, Any]) -> None:
    """Where the noise comes from, if some subsets were trained twice."""
    from memscope.cli.printing import decimals, percent, say, table

    rows = [row for row in summary["sizes"] if row["noise"]]
    if rows:
        table(
            "Where the noise of a model's outcomes comes from (subsets trained twice)",
            [summary["axis"], "subsets", "variance", "of training", "share", "±"],
            [
                [
                    str(row["size"]),
                    str(row["noise"]["subsets"]),
                    decimals(row["noise"]["variance"], 4),
                    decimals(row["noise"]["training"], 4),
                    percent(row["noise"]["training_share"]),
                    percent(row["noise"]["training_share_error"]),
                ]
                for row in rows
            ],
        )
        if any(row["noise"]["training_share_error"] is None for row in rows):
            say("±, by leaving out blocks, needs three blocks of models that are trained twice: --replicate-models.")
        for row in rows:
            if row["noise"]["left_out"]:
                say(
                    f"Left out of it at {summary['axis']} {row['size']}: {row['noise']['left_out']} subsets one of "
                    "whose two models diverged."
                )


def show_validation(found: dict[str, Any]) -> None:
    """Whether the population estimate helps on these data."""
    from memscope.cli.printing import decimals, say, table

    rows = found["validation"]
    smaller, other = rows[0]["models"], rows[0]["models_other_half"]
    models = smaller if smaller == other else f"{smaller} and {other}"
    table(
        f"Each half of the models ({models} of each {found['axis']}) predicts the raw scores of the other",
        [found["axis"], "error raw", "population", "ratio", "rank agr. raw", "population", "c"],
        [
            [
                str(row["size"]),
                decimals(row["raw_squared_error"], 4),
                decimals(row["squared_error"], 4),
                decimals(row["ratio"], 2),
                decimals(row["raw_agreement"]),
                decimals(row["agreement"]),
                f"{decimals(row['calibration'], 2)} ({decimals(row['calibration_spread'], 2)})",
            ]
            for row in rows
        ],
    )
    thirds = ", ".join(decimals(c, 2) for c in found["calibration_thirds"])
    say(
        "error: mean squared error, the noise of what is predicted taken out. c: squared error over what the posterior "
        "standard deviations promise, 1 where they are right; in brackets how far it goes apart (SD) between ways of "
        f"halving the models. Over all sizes, c in the thirds of the examples with small, middle, large sd: {thirds}."
    )
    for line in verdicts(rows, found["axis"]):
        say(line)


def verdicts(rows: list[dict[str, Any]], axis: str) -> list[str]:
    """What follows for the user at which sizes."""

    def where(chosen: list[dict[str, Any]]) -> str:
        return f"At {axis} {', '.join(str(row['size']) for row in chosen)}"

    useless = [row for row in rows if not row["helps"]]
    loose = [row for row in rows if row["helps"] and row["calibrated"] is False]
    unclear = [row for row in rows if row["helps"] and row["calibrated"] is None]
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


def notes(summary: dict[str, Any]) -> list[str]:
    """What a reader of the table must know beside it."""
    axis, name, lines = summary["axis"], summary["family"], []
    found = summary["duplicates"]
    if found["exact"] or found["near"]:
        lines.append(
            f"Duplicates: {found['exact']} training examples have an identical image, "
            f"{found['near']} a nearly identical one "
            f"({found['near_in_test']} of them in the test set): their scores are low by definition."
        )
    if not found["near_searched"]:
        lines.append("Near-duplicates were not looked for: the data set is too large for the search.")
    for row in summary["sizes"]:
        if row["models"] + row["diverged"] < summary["models_planned"]:
            lines.append(
                f"Unfinished at {axis} {row['size']}: {row['models'] + row['diverged']} of {summary['models_planned']} "
                "planned models; "
                f"{'record' if summary['trainer'] == 'record' else 'memscope train-family trains'} the others."
            )
        if row["diverged"]:
            lines.append(f"Left out at {axis} {row['size']}: {row['diverged']} models that diverged.")
        if row["undefined"]:
            lines.append(f"Undefined at {axis} {row['size']}: {row['undefined']} examples, with no model on one side.")
        if row["fit_warning"]:
            lines.append(f"Warning, {axis} {row['size']}: {row['fit_warning']}.")
    largest = summary["sizes"][-1]
    if not largest["interpolates"]:
        lines.append(
            f"The largest {axis} does not interpolate (it fits {largest['own_accuracy']:.1%}): "
            "larger sizes or more epochs "
            "would memorise more."
        )
    if len(summary["made_by"]) > 1:
        lines.append(
            "Warning: models were made in different ways (device, precision, torch): "
            + "; ".join(summary["made_by"])
            + "."
        )
    for kind, found in summary["made_from"].items():
        if len(found) > 1:
            what, digest = ("versions of timm", "") if kind == "timm_version" else (f"sources of {name}", "SHA-256 ")
            listed = digest + ", ".join(each[:12] for each in found)
            lines.append(
                f"Warning: models were made from {len(found)} {what} ({listed}), expected one: the scores mix them; "
                "make a new run, unless the change cannot matter (a comment, say)."
            )
    return lines
