"""Trained weights: one safetensors file for every finished task, renamed into place before its outcome file.

Tensors are named `<model>/<parameter>`, the model as five digits.
"""

from pathlib import Path

import numpy as np
import safetensors.numpy

from memscope.plan import Plan
from memscope.store.atomic import write_atomically
from memscope.store.ledger import Task, size_directory, task_name

Weights = dict[str, np.ndarray]


def weights_path(run: Path, plan: Plan, task: Task) -> Path:
    return size_directory(run, "weights", plan, task.variant, task.size) / f"{task_name(task)}.safetensors"


def write_weights(run: Path, plan: Plan, task: Task, weights: Weights) -> None:
    """Write the weights of all the models of a task."""
    content = safetensors.numpy.save(weights, metadata={"plan_digest": plan.digest})
    write_atomically(weights_path(run, plan, task), content)
