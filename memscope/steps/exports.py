"""What `memscope score` exports: `--csv`, `--npz`, and `--suspects` for somebody who cleans a data set."""

import csv
import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from memscope.counting.suggestions import COLUMNS, suspects
from memscope.errors import OptionError
from memscope.files.atomic import write_where_told
from memscope.files.places import STANDARD_OUTPUT
from memscope.reports.score import MemorisedExample, ScoreReport
from memscope.run import Run
from memscope.text import printable

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")

PER_SIZE_EXAMPLE = (
    "score",
    "standard_error",
    "interval_low",
    "interval_high",
    "accuracy_in",
    "accuracy_out",
    "n_in",
    "n_out",
    "soft_score",
    "soft_standard_error",
    "population_score",
    "population_score_sd",
)


def check_csv_safe(asked: bool, **files: Path | None) -> None:
    """OptionError if `--csv-safe` is asked for, and none of the files that it is about, by their options."""
    if asked and not any(files.values()):
        add = " or ".join(f"--{option} FILE" for option in files)
        raise OptionError(f"--csv-safe is about csv files, and none is asked for; add {add}")


def with_exports(
    run: Run, found: ScoreReport, suspects: Path | None, csv_file: Path | None, csv_safe: bool, npz_file: Path | None
) -> ScoreReport:
    """Write the files that are asked for, from the stored scores; the report with what was written."""
    written = []
    if suspects:
        count, size = export_suspects(run, suspects, csv_safe)
        written.append(
            f"{name_of(suspects)}: {count} suspect labels, judged by the held-out models of {found.axis} {size}"
        )
    if csv_file:
        export_csv(run, csv_file, csv_safe)
        written.append(f"{name_of(csv_file)}: a row for every size and example")
    if npz_file:
        export_npz(run, npz_file)
        written.append(f"{name_of(npz_file)}: arrays [size, example]")
    return replace(found, written=tuple(written) or None, suspects_written=suspects is not None)


def name_of(file: Path) -> str:
    return "standard output" if file == STANDARD_OUTPUT else str(file)


def export_npz(run: Run, file: Path) -> None:
    """Write scores [size, example], counts, labels and identities as arrays of an npz file."""
    found, examples = run.results("score"), run.examples
    arrays: dict[str, Any] = {"sizes": found["size"]} | {name: found[name] for name in PER_SIZE_EXAMPLE}
    arrays |= {"labels": examples.labels, "index": examples.index, "test_accuracy": found["test_accuracy"]}
    if examples.true_labels is not None:
        arrays["true_labels"] = examples.true_labels
    if examples.names is not None:
        arrays["names"] = np.array(examples.names)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    write_where_told(file, buffer.getbuffer())


def export_csv(run: Run, file: Path, safe: bool = False) -> None:
    """Write a row for every size and example; with `safe`, names go through `defused`."""
    written = defused if safe else str
    found, examples = run.results("score"), run.examples
    true_labels = examples.shown_classes
    header = [
        run.plan.axis,
        "example",
        "index",
        "name",
        "label",
        "true_label",
        *PER_SIZE_EXAMPLE,
        "suggested_label",
        "suggested_share",
    ]
    rows: list[list[object]] = []
    for row, size in enumerate(found["size"]):
        columns = [found[name][row] for name in (*PER_SIZE_EXAMPLE, "suggested_label", "suggested_share")]
        for example in range(len(examples.labels)):
            name = written(examples.names[example]) if examples.names else ""
            identity = [int(size), example, int(examples.index[example]), name]
            rows.append(
                [*identity, int(examples.labels[example]), int(true_labels[example]), *(c[example] for c in columns)]
            )
    write_csv(file, header, rows)


def export_suspects(run: Run, file: Path, safe: bool = False) -> tuple[int, int]:
    """Write the examples whose held-out predictions agree on another label, most suspect first.

    Returns their number and the size at which they were judged: the one whose models are best on the test examples,
    because we want the best opinion about a label. `suspects` has the order. With `safe`, names go through `defused`.
    """
    written = defused if safe else str
    found, examples = run.results("score"), run.examples
    best = int(np.argmax(found["test_accuracy"]))
    here = {name: found[name][best] for name in COLUMNS}
    suggested, share, out, score, probability = (here[name] for name in COLUMNS)
    order = suspects(examples.labels, here)
    names = examples.class_names
    rows: list[list[object]] = [
        [
            int(example),
            int(examples.index[example]),
            written(examples.names[example]) if examples.names else "",
            written(names[examples.labels[example]]),
            written(names[suggested[example]]),
            round(float(share[example]), 4),
            round(float(out[example]), 4),
            round(float(score[example]), 4),
            *(
                round(float(found[name][best][example]), 4)
                for name in ("standard_error", "interval_low", "interval_high")
            ),
            "" if np.isnan(probability[example]) else round(float(probability[example]), 6),
        ]
        for example in order
    ]
    header = [
        "example",
        "index",
        "name",
        "given_label",
        "suggested_label",
        "suggested_share",
        "accuracy_out",
        "score",
        "standard_error",
        "interval_low",
        "interval_high",
        "probability_out",
    ]
    write_csv(file, header, rows)
    return len(rows), int(found["size"][best])


def most_memorised(run: Run, count: int) -> tuple[MemorisedExample, ...]:
    """The examples with the highest scores at the largest size, each with what it is."""
    found, examples = run.results("score"), run.examples
    score, error = found["score"][-1], found["standard_error"][-1]
    # many scores are exactly 1: of these, the more certain come first
    low, share = found["interval_low"][-1], found["suggested_share"][-1]
    order = np.lexsort((np.arange(len(score)), -share, -low, np.where(np.isnan(score), np.inf, -score)))[:count]
    names = examples.class_names
    return tuple(
        MemorisedExample(
            example=int(example),
            index=int(examples.index[example]),
            name=examples.names[example] if examples.names else None,
            label=names[examples.labels[example]],
            true_label=None if examples.true_labels is None else names[examples.true_labels[example]],
            suggested_label=suggestion(names, int(found["suggested_label"][-1][example])),
            suggested_share=float(found["suggested_share"][-1][example]),
            score=float(score[example]),
            standard_error=float(error[example]),
            interval_low=float(found["interval_low"][-1][example]),
            interval_high=float(found["interval_high"][-1][example]),
            accuracy_in=float(found["accuracy_in"][-1][example]),
            accuracy_out=float(found["accuracy_out"][-1][example]),
        )
        for example in order
        if not np.isnan(score[example])
    )


def suggestion(names: tuple[str, ...], label: int) -> str | None:
    return names[label] if label >= 0 else None


def defused(text: str) -> str:
    """A name that is safe to open in a spreadsheet: it stays on its line and is no formula.

    A spreadsheet runs what begins with = + - or @; an apostrophe in front makes it text, as OWASP recommends. Numbers
    stay as they are. The name is then no longer the file's, so joining on it fails: join on `index`, which is the same
    everywhere.
    """
    line = CONTROL.sub(lambda found: printable(found[0]), text)
    return f"'{line}" if line.startswith(("=", "+", "-", "@")) and not NUMBER.fullmatch(line) else line


def write_csv(file: Path, header: list[str], rows: list[list[object]]) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(header)
    writer.writerows(rows)
    write_where_told(file, buffer.getvalue().encode())
