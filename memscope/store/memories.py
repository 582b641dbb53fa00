"""What residual memories did, one write-once file for every task: the record that it is done.

`memories/<variant>/<choice>/<axis>-<size>/<first>-<last>-r<replicate>.h5`, named like the outcomes of the models whose
residuals are held; `<choice>` names k, sigma, temperature and options, or the grid from which they are chosen.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from memscope.files.sealed import open_sealed, sealing
from memscope.plan.plan import Plan
from memscope.store.format import (
    DAMAGE,
    MEMORY,
    MEMORY_GRID,
    array_of,
    check_dimensions,
    check_encoding,
    check_stamp,
    damage,
    stamp_encoding,
    write_field,
)
from memscope.store.ledger import ONEHOT, Task, finished_tasks, size_directory, task_name

KINDS = {"memory": MEMORY, "memory-grid": MEMORY_GRID}


@dataclass(frozen=True, eq=False)
class MemoryFile:
    """Where the product of a task is kept: `kind` is `memory` or `memory-grid`, `choice` the name of the setting."""

    kind: str
    choice: str


def memory_path(run: Path, plan: Plan, task: Task, choice: str) -> Path:
    return size_directory(run, "memories", plan, f"{task.variant}/{choice}", task.size) / f"{task_name(task)}.h5"


def file_at(inside: Path) -> tuple[MemoryFile, Path]:
    """What the file at VARIANT/CHOICE/AXIS-SIZE/NAME is, and its path without the choice."""
    *variant, choice, directory, name = inside.parts
    kind = "memory-grid" if choice.startswith("grid-") else "memory"
    return MemoryFile(kind, choice), Path(*variant, directory, name)


def finished_memories(run: Path, plan: Plan, size: int, variant: str = ONEHOT) -> Iterator[tuple[str, Task]]:
    """The choices of memories, not of grids, and the tasks of one size that each was measured for, in their order."""
    for directory in sorted((run / "memories" / variant).glob("k*")):
        for task in finished_tasks(run, plan, size, variant, kind="memories", under=directory.name):
            yield directory.name, task


def pack_memory(plan: Plan, task: Task, what: MemoryFile, values: dict[str, np.ndarray], outcome_digest: str) -> bytes:
    """The content of a file that says what the memories of one task did, for the outcome with this `outcome_digest`."""
    fields = KINDS[what.kind]
    buffer = io.BytesIO()
    with sealing(buffer) as file:
        stamp_encoding(file, f"memscope-{what.kind}")
        file.attrs["plan_digest"] = plan.digest
        file.attrs["variant"] = task.variant
        file.attrs["axis"] = plan.axis
        file.attrs["size"] = task.size
        file.attrs["choice"] = what.choice
        file.attrs["outcome_digest"] = outcome_digest
        for name, array in values.items():
            write_field(file, name, array, fields[name])
    return buffer.getvalue()


def read_memory(run: Path, plan: Plan, task: Task, what: MemoryFile, outcome_digest: str) -> dict[str, np.ndarray]:
    """What the memories of one task did, by name; FileError if the file is damaged or of other models."""
    path = memory_path(run, plan, task, what.choice)
    try:
        with open_sealed(path) as file:
            check_encoding(file, f"memscope-{what.kind}", path)
            stamps = {
                "plan digest": (plan.digest, str(file.attrs["plan_digest"])),
                "variant": (task.variant, str(file.attrs["variant"])),
                "size": (str(task.size), str(file.attrs["size"])),
                "choice": (what.choice, str(file.attrs["choice"])),
                "models": (str(list(task.models)), str(array_of(file["model"]).tolist())),
                "outcome digest": (outcome_digest, str(file.attrs["outcome_digest"])),
            }
            values = {name: array_of(file[name]) for name in KINDS[what.kind] if name in file}
            check_dimensions(values, KINDS[what.kind])
    except DAMAGE as error:
        raise damage(run, path, error, f"memscope resmem {run}") from error
    for name, (expected, found) in stamps.items():
        check_stamp(run, path, name, expected, found, f"memscope resmem {run}")
    return values
