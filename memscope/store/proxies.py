"""What proxies of memorisation need weights for, one write-once file for every task and group: the record of it.

`proxies/<variant>/<group>/<axis>-<size>/<first>-<last>-r<replicate>.h5`, named like the dynamics of the models that are
asked; `<group>` is one of GROUPS in the catalogue of proxies, whose proxies are measured together.
"""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from memscope.analysis.proxies.catalogue import GROUPS
from memscope.files.sealed import open_sealed, sealing
from memscope.plan.plan import Plan
from memscope.store.format import (
    DAMAGE,
    PROXY,
    array_of,
    check_dimensions,
    check_encoding,
    check_stamp,
    damage,
    stamp_encoding,
    write_field,
)
from memscope.store.ledger import ONEHOT, Task, finished_tasks, size_directory, task_name


@dataclass(frozen=True, eq=False)
class MeasuredProxies:
    """What one group's proxies are for the models of one task: m models, N training examples."""

    values: dict[str, np.ndarray]
    """float32 [m, N] by the name of the proxy; NaN where the model was not trained on the example, or diverged"""
    left_out: str | None = None
    """Why these networks cannot give the proxies; all values are NaN then"""


def proxy_path(run: Path, plan: Plan, task: Task, group: str) -> Path:
    return size_directory(run, "proxies", plan, f"{task.variant}/{group}", task.size) / f"{task_name(task)}.h5"


def group_at(inside: Path) -> tuple[str, Path]:
    """The group of the file at VARIANT/GROUP/AXIS-SIZE/NAME, and its path without the group."""
    *variant, group, directory, name = inside.parts
    return group, Path(*variant, directory, name)


def finished_proxies(run: Path, plan: Plan, size: int, group: str, variant: str = ONEHOT) -> list[Task]:
    """The tasks of one size for which a group was measured, in the order of their models."""
    return finished_tasks(run, plan, size, variant, kind="proxies", under=group)


def pack_proxies(plan: Plan, task: Task, group: str, found: MeasuredProxies, outcome_digest: str) -> bytes:
    """The content of a file that says what a group's proxies are, for the outcome with this `outcome_digest`."""
    buffer = io.BytesIO()
    with sealing(buffer) as file:
        stamp_encoding(file, "memscope-proxies")
        file.attrs["plan_digest"] = plan.digest
        file.attrs["variant"] = task.variant
        file.attrs["axis"] = plan.axis
        file.attrs["size"] = task.size
        file.attrs["group"] = group
        file.attrs["outcome_digest"] = outcome_digest
        if found.left_out is not None:
            file.attrs["left_out"] = found.left_out
        write_field(file, "model", np.array(task.models, dtype=np.int32), PROXY["model"])
        for name in GROUPS[group]:
            field = field_of(name)
            write_field(file, field, found.values[name].astype(np.float32), PROXY[field])
    return buffer.getvalue()


def read_proxies(run: Path, plan: Plan, task: Task, group: str, outcome_digest: str) -> MeasuredProxies:
    """What a group's proxies are for the models of one task; FileError if the file is damaged or of other models."""
    path, again = proxy_path(run, plan, task, group), f"memscope proxies {run}"
    try:
        with open_sealed(path) as file:
            check_encoding(file, "memscope-proxies", path)
            stamps = {
                "plan digest": (plan.digest, str(file.attrs["plan_digest"])),
                "variant": (task.variant, str(file.attrs["variant"])),
                "axis": (plan.axis, str(file.attrs["axis"])),
                "size": (str(task.size), str(file.attrs["size"])),
                "group": (group, str(file.attrs["group"])),
                "models": (str(list(task.models)), str(array_of(file["model"]).tolist())),
                "outcome digest": (outcome_digest, str(file.attrs["outcome_digest"])),
            }
            fields = {field_of(name): array_of(file[field_of(name)]) for name in GROUPS[group]}
            check_dimensions(fields | {"model": array_of(file["model"])}, PROXY)
            left_out = str(file.attrs["left_out"]) if "left_out" in file.attrs else None
            for name, values in fields.items():
                if values.dtype.kind != "f":
                    raise ValueError(f"{name} is of type {values.dtype}, expected numbers with a fraction")
    except DAMAGE as error:
        raise damage(run, path, error, again) from error
    for name, (expected, found) in stamps.items():
        check_stamp(run, path, name, expected, found, again)
    return MeasuredProxies({name: fields[field_of(name)] for name in GROUPS[group]}, left_out)


def field_of(name: str) -> str:
    """The name of a proxy's dataset."""
    return name.replace("-", "_")
