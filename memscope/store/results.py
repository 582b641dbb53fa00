"""Results: `results/<step>.h5`, with one group each, and `trajectories.h5`, with all groups in one file.

Each step replaces its own file and then assembles `trajectories.h5` again, so steps that run at the same
time do not lose each other's results. A group says which plan and which models it was computed from.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from memscope.errors import RunError
from memscope.files.sealed import open_sealed, writing_sealed
from memscope.plan.plan import Plan
from memscope.plan.plan_file import plan_text
from memscope.reports.keys import plain
from memscope.reports.results import made_by
from memscope.store.format import (
    DAMAGE,
    ENCODING_VERSION,
    GROUPS,
    array_of,
    check_dimensions,
    check_encoding,
    check_stamp,
    damage,
    write_group,
)

ASSEMBLED = "trajectories.h5"


def results_path(run: Path, group: str) -> Path:
    return run / "results" / f"{group}.h5"


def groups_of(run: Path) -> set[str]:
    """The groups of which a run has results."""
    return {file.stem for file in results_path(run, "any").parent.glob("*.h5")}


def write_results(
    run: Path,
    plan: Plan,
    group: str,
    values: dict[str, np.ndarray | Sequence[str]],
    ledger: str,
    summary: dict[str, Any],
) -> None:
    """Replace the results of one step, and `trajectories.h5`.

    `ledger` is the `ledger_state` from before the outcomes were read; `summary` is what the command prints, kept as
    JSON in an attribute.
    """
    plan_text(run)
    with writing_sealed(results_path(run, group)) as file:
        stored = file.create_group(group)
        write_group(stored, f"memscope-{group}", values)
        stored.attrs["plan_digest"] = plan.digest
        stored.attrs["data_fingerprint"] = plan.data.fingerprint
        stored.attrs["axis"] = plan.axis
        stored.attrs["fraction"] = plan.fraction
        stored.attrs["ledger_state"] = ledger
        stored.attrs["summary"] = json.dumps(plain(summary))
    assemble(run, plan)


def assemble(run: Path, plan: Plan) -> None:
    """Copy the examples and every group of results into `trajectories.h5`.

    If several steps run at once, each looks again after its own replacement, so the last one to write has seen all.
    """
    while True:
        before, text = present(run), plan_text(run)
        with writing_sealed(run / ASSEMBLED) as target:
            target.attrs["encoding-type"] = "memscope-run"
            target.attrs["encoding-version"] = ENCODING_VERSION
            target.attrs["plan_digest"] = plan.digest
            target.attrs["plan"] = text
            for path, _ in before:
                copy_groups(path, target, plan)
        if present(run) == before:
            return


def copy_groups(path: Path, target: h5py.File, plan: Plan) -> None:
    """Write the groups of a file anew into another: HDF5's own copy leaves references to dimension scales dangling.

    A group that is damaged, of a newer version or of another plan is left out: the step that owns it, and `status`,
    say so.
    """
    try:
        with open_sealed(path) as source:
            for name, group in source.items():
                check_encoding(group, f"memscope-{name}", path)
                stamps = {"plan_digest": plan.digest, "data_fingerprint": plan.data.fingerprint}
                if any(stamp in group.attrs and group.attrs[stamp] != stamps[stamp] for stamp in stamps):
                    continue
                values: dict[str, np.ndarray | Sequence[str]] = {
                    field: array_of(group[field]) for field in group if field in GROUPS[name]
                }
                attributes = dict(group.attrs)
                copied = target.create_group(name)
                write_group(copied, f"memscope-{name}", values)
                copied.attrs.update(attributes)
    except (*DAMAGE, RunError):
        return


def present(run: Path) -> list[tuple[Path, tuple[int, int, int]]]:
    """The files from which `trajectories.h5` is made, each with numbers that change when it is replaced."""
    paths = [run / "examples.h5", *(results_path(run, group) for group in GROUPS)]
    found = []
    for path in paths:
        if path.is_file():
            state = path.stat()
            found.append((path, (state.st_ino, state.st_mtime_ns, state.st_size)))
    return found


def check_assembled(run: Path, plan: Plan) -> None:
    """FileError unless `trajectories.h5` is whole and belongs to this plan."""
    path = run / ASSEMBLED
    try:
        with open_sealed(path) as file:
            digest = str(file.attrs["plan_digest"])
            for group in file.values():
                for data in group.values():
                    array_of(data)
    except DAMAGE as error:
        raise damage(run, path, error, "the same command") from error
    check_stamp(run, path, "plan digest", plan.digest, digest, "the same command")


def plan_in_results(run: Path) -> str | None:
    """The text of `plan.toml` as it was when `trajectories.h5` was written; None if that cannot be read."""
    try:
        with open_sealed(run / ASSEMBLED) as file:
            return str(file.attrs["plan"])
    except DAMAGE:
        return None


def read_group(run: Path, group: str, plan: Plan) -> dict[str, np.ndarray]:
    """The arrays of one group of results; RunError if they are missing, damaged, or of another plan."""
    return read_results(run, group, plan)[0]


def read_results(run: Path, group: str, plan: Plan) -> tuple[dict[str, np.ndarray], str, dict[str, Any]]:
    """The arrays of one group of results by name, the `ledger_state` from which they come, and the summary."""
    path = results_path(run, group)
    if not path.is_file():
        raise RunError(f"{run} has no results of {group} yet; run {made_by(group, str(run))}, which writes {path}")
    again = made_by(group, str(run))
    try:
        with open_sealed(path) as file:
            stored = file[group]
            check_encoding(stored, f"memscope-{group}", path)
            digest = str(stored.attrs["plan_digest"])
            ledger = str(stored.attrs["ledger_state"])
            summary = json.loads(stored.attrs["summary"])
            values = {name: array_of(data) for name, data in stored.items()}
            check_dimensions(values, GROUPS[group])
    except DAMAGE as error:
        raise damage(run, path, error, again) from error
    check_stamp(run, path, "plan digest", plan.digest, digest, again)
    return values, ledger, summary
