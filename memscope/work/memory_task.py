"""What a worker measures for residual memories: from a task (trained models of one size) to what their memories do.

`open_memory_work` is called once in every worker process. The memory of a model holds the residuals of the examples
that the model was trained on and no others. It is queried with every training and test example.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from memscope.analysis.memory_choice import MemoryChoice, MemoryGrid, grid_accuracy, predicted_class
from memscope.analysis.memory_use import memory_use, residual_norms, weight_by_class
from memscope.plan.plan import Plan
from memscope.store.examples import RunData, read_data
from memscope.store.ledger import Task, outcome_digest, read_outcome
from memscope.store.memories import MemoryFile, pack_memory
from memscope.store.weights import check_in_sight, read_weights, weights_path
from memscope.training.agreement import Made, check_agreement
from memscope.training.backends import BACKENDS, backend_for
from memscope.training.device import device_name, worker_device
from memscope.training.material import Material, material_of
from memscope.under_way import finish

LARGEST_CLASS_WEIGHTS = 2**26
"""Largest examples times classes for which weights are kept by class: 256 MiB a task."""

Row = dict[str, Any]
"""What is measured for one model: numbers and arrays by the names in format.py"""


@dataclass(frozen=True)
class MemoryJob:
    """What every worker needs to know. Plain data."""

    run: str
    plan: Plan
    device: str
    what: dict[int, MemoryChoice] | MemoryGrid
    """The memory of each size, or the grid to choose from"""
    data: RunData | None = None
    """The data set, if it is not to be read from the run's directory"""


def file_of(what: dict[int, MemoryChoice] | MemoryGrid, task: Task) -> MemoryFile:
    """The kind of file in which the measurements of a task are kept."""
    if isinstance(what, MemoryGrid):
        return MemoryFile("memory-grid", what.name)
    return MemoryFile("memory", what[task.size].name)


def open_memory_work(job: MemoryJob, worker: int = 0) -> Callable[[tuple[Task, ...]], list[bytes]]:
    """Open the data set in this process and return the function from a bundle of tasks to the contents of their files.

    RunError if the run's directory, from which the weights are read, is not there.
    """
    torch.set_num_threads(1)
    plan, run = job.plan, Path(job.run)
    check_in_sight(run)
    data = job.data or read_data(run, plan.data.fingerprint)
    examples = data.examples
    device = worker_device(job.device, worker)
    material = material_of(plan, data, device)
    here = Made(plan.precision, device_name(device))
    labels = np.concatenate([examples.labels, examples.test_labels])

    def work(bundle: tuple[Task, ...]) -> list[bytes]:
        return [measure(task) for task in bundle]

    def measure(task: Task) -> bytes:
        outcome = read_outcome(run, plan, task)
        weights = read_weights(run, plan, task)
        backend = BACKENDS[backend_for(plan, task.size, device.type)]
        good = [weights[model] for model, bad in zip(task.models, outcome.diverged, strict=True) if not bad]
        represented = backend.represent(material, task.size, good)
        rows: list[Row] = []
        for position, model in enumerate(task.models):
            if position:
                finish(1)
            row: Row = {"model": np.int32(model), "diverged": np.uint8(outcome.diverged[position])}
            if outcome.diverged[position]:
                rows.append(row | empty(job.what, material))
                continue
            features, logits = next(represented)
            check_agreement(logits, labels, outcome, position, weights_path(run, plan, task), here)
            inside = outcome.in_subset[position]
            if isinstance(job.what, MemoryGrid):
                rows.append(row | try_grid(job.what, features, logits, labels, inside))
            else:
                rows.append(row | remember(job.what[task.size], features, logits, labels, inside))
        class_weight = [row.pop("class_weight") for row in rows if "class_weight" in row]
        values: dict[str, Any] = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
        if class_weight:
            values["class_weight"] = np.sum(class_weight, axis=0, dtype=np.float32)
        return pack_memory(plan, task, file_of(job.what, task), values, outcome_digest(outcome))

    return work


def try_grid(grid: MemoryGrid, features: np.ndarray, logits: np.ndarray, labels: np.ndarray, inside: np.ndarray) -> Row:
    """Accuracy of every choice of the grid on the training examples outside the model's subset."""
    train = len(inside)
    held_in, held_out = np.flatnonzero(inside), np.flatnonzero(~inside)
    asked = (features[:train][held_out], logits[:train][held_out], labels[:train][held_out])
    memory = (features[:train][held_in], logits[:train][held_in], labels[:train][held_in])
    return {
        "accuracy": grid_accuracy(grid, *memory, *asked),
        "base_accuracy": np.float64((asked[1].argmax(1) == asked[2]).mean()),
        "queries": np.int32(len(held_out)),
    }


def remember(
    choice: MemoryChoice, features: np.ndarray, logits: np.ndarray, labels: np.ndarray, inside: np.ndarray
) -> Row:
    """What ResMem predicts with a memory of the model's own subset, and how the examples outside use that memory."""
    train, classes = len(inside), logits.shape[1]
    held_in = np.flatnonzero(inside)
    memory = choice.memory().fit(features[held_in], logits[held_in], labels[held_in])
    positions, weights = memory.retrieve(features)  # [N + M, k] within the memory
    predicted = predicted_class(memory.combine(logits, positions, weights))
    asking = np.flatnonzero(~inside)
    retrieved = held_in[positions[asking]]  # [n, k], training examples
    use = memory_use(retrieved, weights[asking], train)
    found: Row = {
        "predicted_train": predicted[:train].astype(np.uint16),
        "predicted_test": predicted[train:].astype(np.uint16),
        "residual": residual_norms(logits[:train], labels[:train]).astype(np.float16),
        "retrieved": use.retrieved,
        "weight": use.weight,
    }
    if train * classes <= LARGEST_CLASS_WEIGHTS:
        found["class_weight"] = weight_by_class(retrieved, weights[asking], labels[asking], train, classes)
    return found


def empty(what: dict[int, MemoryChoice] | MemoryGrid, material: Material) -> Row:
    """A placeholder for a model that diverged; it is never counted."""
    train, test = material.num_train, len(material.labels) - material.num_train
    if isinstance(what, MemoryGrid):
        shape = (len(what.k), len(what.sigma), len(what.temperature))
        return {"accuracy": np.full(shape, np.nan), "base_accuracy": np.float64(np.nan), "queries": np.int32(0)}
    return {
        "predicted_train": np.zeros(train, dtype=np.uint16),
        "predicted_test": np.zeros(test, dtype=np.uint16),
        "residual": np.full(train, np.nan, dtype=np.float16),
        "retrieved": np.zeros(train, dtype=np.int32),
        "weight": np.zeros(train, dtype=np.float32),
    }
