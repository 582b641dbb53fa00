"""The files of `memscope influence`: `--csv`, a row for every listed pair, and `--npz`, in Feldman & Zhang's form."""

from pathlib import Path
from typing import Any

import numpy as np

from memscope.counting.influential_pairs import Side, target_side, train_side
from memscope.run import Run
from memscope.steps.exports import defused, name_of, write_csv
from memscope.store.pairs_file import Pairs, write_pairs
from memscope.text import counted

OF_PAIR = ("influence", "standard_error", "chosen_by", "memorisation", "false_share")


def export_pairs(
    run: Run,
    arrays: dict[str, Any],
    size: int,
    csv_file: Path | None,
    csv_safe: bool,
    npz_file: Path | None,
    among_training: bool,
) -> tuple[str, ...] | None:
    """Write the files that are asked for; what was written, in words. `size` is that of `npz_file`."""
    written = []
    if csv_file is not None:
        written.append(export_pairs_csv(run, arrays, csv_file, csv_safe, among_training))
    if npz_file is not None:
        written.append(export_pairs_npz(run, arrays, size, npz_file, among_training))
    return tuple(written) or None


def export_pairs_csv(run: Run, arrays: dict[str, Any], file: Path, safe: bool, among_training: bool) -> str:
    """Write a row for every pair that is listed, of all sizes; what was written, in words.

    With `safe`, names go through `defused`.
    """
    sides = {"train": train_side(run.examples), "test": target_side(run.examples, among_training)}
    written = defused if safe else str

    def who(side: Side, example: int) -> list[object]:
        name = written(side.names[example]) if side.names else ""
        return [example, int(side.index[example]), name, int(side.labels[example])]

    header = [run.plan.axis, "direction"]
    for part in sides:
        header += [f"{part}_{what}" for what in ("example", "index", "name", "label")]
    rows: list[list[object]] = []
    for place, size in enumerate(arrays["pair_size"].tolist()):
        row: list[object] = [size, "helpful" if arrays["chosen_by"][place] > 0 else "harmful"]
        for part, side in sides.items():
            row += who(side, int(arrays[f"{part}_example"][place]))
        numbers = [arrays[name][place] for name in OF_PAIR]
        rows.append([*row, *("" if np.isnan(number) else number for number in numbers)])
    write_csv(file, [*header, *OF_PAIR], rows)
    return f"{name_of(file)}: a row for every one of {counted(len(rows), 'pair')}"


def export_pairs_npz(run: Run, arrays: dict[str, Any], size: int, file: Path, among_training: bool) -> str:
    """Write the helpful pairs of one size in the form of published ones, by positions in the source; what, in words.

    Pairs of training examples whose influence is not known, for want of models without the second one, are left out.
    """
    there = (arrays["pair_size"] == size) & (arrays["chosen_by"] > 0) & ~np.isnan(arrays["influence"])
    train, test = train_side(run.examples), target_side(run.examples, among_training)
    pairs = Pairs(
        train=train.index[arrays["train_example"][there]].astype(np.int64),
        test=test.index[arrays["test_example"][there]].astype(np.int64),
        influence=arrays["influence"][there].astype(np.float64),
        memorisation=arrays["memorisation"][there].astype(np.float64),
        size=size,
        standard_error=arrays["standard_error"][there].astype(np.float64),
    )
    write_pairs(file, pairs)
    return f"{name_of(file)}: {counted(len(pairs.train), 'helpful pair')} of {run.plan.axis} {size}"
