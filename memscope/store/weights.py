"""Trained weights: one safetensors file for every finished task, renamed into place before its outcome file.

Tensors are named `<model>/<parameter>`, the model as five digits.
"""

import hashlib
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from memscope.errors import RunError
from memscope.plan.plan import Plan
from memscope.store.format import DAMAGE, check_stamp, damage
from memscope.store.ledger import Task, size_directory, task_name

Weights = dict[str, np.ndarray]


def weights_path(run: Path, plan: Plan, task: Task) -> Path:
    return size_directory(run, "weights", plan, task.variant, task.size) / f"{task_name(task)}.safetensors"


def pack_weights(plan: Plan, task: Task, weights: Weights) -> bytes:
    """The content of a task's file of weights: those of all its models, named `<model>/<parameter>`."""
    # one entry: safetensors writes several in random order, and equal weights must make equal files
    stamp = json.dumps({**stamps(plan, task), "sha256": content_digest(weights)})
    return safetensors.numpy.save(weights, metadata={"memscope": stamp})


def check_in_sight(run: Path) -> None:
    """RunError if this machine does not see the run's directory, from which workers read weights."""
    if not (run / "plan.toml").is_file():
        raise RunError(
            f"{run} is not there on {socket.gethostname()}; expected the run directory under the same path on every "
            "machine, because students' teachers and residual memories need the weights in it; share it "
            "(docs/scaling.md)"
        )


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A safetensors file, opened for reading; OSError for what the system says, which safetensors has only in words."""
    with path.open("rb"):
        pass
    with safetensors.safe_open(path, framework="numpy") as file:
        yield file


def read_weights(run: Path, plan: Plan, task: Task) -> dict[int, Weights]:
    """The weights of each model of a task, by parameter.

    RunError if they are missing; FileError if they are damaged or not the task's own.
    """
    path = weights_path(run, plan, task)
    again = f"memscope train-family {run} --missing-weights"
    if not path.is_file():
        raise RunError(f"{path} does not exist; expected the weights of a finished task; {again} makes it again")
    try:
        with opened(path) as file:
            metadata = file.metadata() or {}
            stamp = json.loads(metadata["memscope"]) if "memscope" in metadata else metadata  # files of 0.1.0
            stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is not a mapping
        if "memscope" in metadata and stamp["sha256"] != content_digest(stored):
            raise ValueError("its content is not what its checksum says")
        by_model: dict[int, Weights] = {model: {} for model in task.models}
        for name, values in stored.items():
            model, _, parameter = name.partition("/")
            by_model[int(model)][parameter] = values
    except (safetensors.SafetensorError, *DAMAGE) as error:
        raise damage(run, path, error, again) from error
    for name, expected in stamps(plan, task).items():
        if name == "plan_digest" or name in stamp:  # files of 0.1.0 may lack the others
            check_stamp(run, path, name.replace("_", " "), str(expected), str(stamp.get(name)), again)
    return by_model


def stamps(plan: Plan, task: Task) -> dict[str, str | int]:
    """What is written into a file of weights so that it is not taken for another task's."""
    return {"plan_digest": plan.digest, "variant": task.variant, "size": task.size, "replicate": task.replicate}


def content_digest(weights: Weights) -> str:
    """SHA-256, in hex, over names, types, shapes and values in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        values = np.ascontiguousarray(weights[name])
        digest.update(f"{name} {values.dtype.str} {values.shape};".encode())
        digest.update(values.data if values.size else b"")
    return digest.hexdigest()
