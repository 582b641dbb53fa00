"""Trained weights: one safetensors file for every finished task, renamed into place before its outcome file.

Tensors are named `<model>/<parameter>`, the model as five digits.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy

from memscope.errors import RunError
from memscope.plan import Plan
from memscope.store.atomic import write_atomically
from memscope.store.format import DAMAGE
from memscope.store.ledger import Task, check_stamp, size_directory, task_name

Weights = dict[str, np.ndarray]


def weights_path(run: Path, plan: Plan, task: Task) -> Path:
    return size_directory(run, "weights", plan, task.variant, task.size) / f"{task_name(task)}.safetensors"


def write_weights(run: Path, plan: Plan, task: Task, weights: Weights) -> None:
    """Write the weights of all the models of a task, `<model>/<parameter>` each."""
    # one entry: safetensors writes several in a random order, and equal weights are to make equal files
    stamp = json.dumps({"plan_digest": plan.digest, "sha256": content_digest(weights)})
    write_atomically(weights_path(run, plan, task), safetensors.numpy.save(weights, metadata={"memscope": stamp}))


def read_weights(run: Path, plan: Plan, task: Task) -> dict[int, Weights]:
    """The weights of each model of a task, by parameter; RunError where they are missing, damaged or not its own."""
    path = weights_path(run, plan, task)
    again = f"memscope train-family {run} --missing-weights trains its {task.count} models again"
    if not path.is_file():
        raise RunError(f"{path} does not exist; expected the weights of a finished task; {again}")
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            stamp = json.loads(metadata["memscope"]) if "memscope" in metadata else metadata  # files of 0.1.0
            stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is no mapping
        if stamp.get("sha256", content_digest(stored)) != content_digest(stored):
            raise ValueError("its content is not what its checksum says")
        by_model: dict[int, Weights] = {model: {} for model in task.models}
        for name, values in stored.items():
            model, _, parameter = name.partition("/")
            by_model[int(model)][parameter] = values
    except (safetensors.SafetensorError, *DAMAGE) as error:
        raise RunError(f"{path} is damaged: {error}. Delete it; {again}") from error
    check_stamp(path, "plan digest", plan.digest, str(stamp.get("plan_digest")))
    return by_model


def content_digest(weights: Weights) -> str:
    """SHA-256, in hex, over names, types, shapes and values in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        values = np.ascontiguousarray(weights[name])
        digest.update(f"{name} {values.dtype.str} {values.shape};".encode())
        digest.update(values.data if values.size else b"")
    return digest.hexdigest()
