"""The file of `memscope privacy --csv`: a row for every size and example."""

from pathlib import Path
from typing import Any

import numpy as np

from memscope.run import Run
from memscope.steps.exports import defused, name_of, write_csv

NUMBERS = (
    "score",
    "log_odds_in",
    "log_odds_out",
    "ratio_in",
    "ratio_out",
    *(f"{what}_{side}{end}" for side in ("in", "out") for what, end in (
        ("n", ""), ("flagged", ""), ("flagged", "_low"), ("flagged", "_high")
    )),
)  # fmt: skip


def export_records(run: Run, arrays: dict[str, Any], file: Path, safe: bool = False) -> str:
    """Write a row for every size and example; with `safe`, names go through `defused`. What was written, in words.

    Numbers that are not known, and flags where no false-positive rate is told, are empty.
    """
    written = defused if safe else str
    examples = run.examples
    header = [run.plan.axis, "example", "index", "name", "label", "true_label", "raw_type", *NUMBERS]
    header += ["flagged_at", "suggested_label"]
    rows: list[list[object]] = []
    for place, size in enumerate(np.asarray(arrays["size"]).tolist()):
        columns = [arrays[name][place].tolist() for name in NUMBERS]
        asked = float(arrays["flagged_at"][place])
        for example in range(len(examples.labels)):
            numbers = [column[example] for column in columns]
            rows.append(
                [
                    size,
                    example,
                    int(examples.index[example]),
                    written(examples.names[example]) if examples.names else "",
                    int(examples.labels[example]),
                    int(examples.shown_classes[example]),
                    arrays["raw_type"][example],
                    *("" if one != one or (name.startswith("flagged") and one < 0) else one
                      for name, one in zip(NUMBERS, numbers, strict=True)),
                    "" if asked != asked else asked,
                    int(arrays["suggested_label"][place][example]),
                ]
            )  # fmt: skip
    write_csv(file, header, rows)
    return f"{name_of(file)}: a row for every size and example"
