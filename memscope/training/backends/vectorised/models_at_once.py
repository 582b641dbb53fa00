"""Models of one size trained and evaluated at once (group.py), from their draws to what is kept about them."""

import time
from collections.abc import Collection, Sequence

import numpy as np

from memscope.plan.plan import Plan
from memscope.store.ledger import Task
from memscope.training.backends.vectorised.group import evaluate_group, train_group
from memscope.training.backends.vectorised.teachers import TeachersOfGroup
from memscope.training.draws import Draws
from memscope.training.material import Material
from memscope.training.models import ModelToTrain, TrainedModel, nominal_size, trained_model


def fits(plan: Plan, size: int, device: str) -> bool:
    """Only on a GPU: on a CPU, sums would be rounded otherwise than one by one, and outcomes must be the same."""
    return device == "cuda"


def train(
    material: Material,
    keep_weights: bool,
    some: Sequence[ModelToTrain],
    teachers: TeachersOfGroup | None = None,
    record: Collection[Task] = (),
) -> list[TrainedModel]:
    """Train and evaluate models of one size at once; each counts for an equal share of the time.

    None of them is of a task in `record`: those are trained one by one (`grouping_of` in backends/__init__.py).
    """
    plan = material.plan
    theirs = teachers.of([model for _, model, _ in some]) if teachers else None
    start = time.perf_counter()
    draws = [Draws(plan.seed, task.size, model, task.replicate) for task, model, _ in some]
    networks = [material.untrained(one) for one in draws]
    subsets = [np.flatnonzero(subset) for _, _, subset in some]
    size = nominal_size(material, some[0][0])
    courses = train_group(networks, material.inputs, subsets, size, plan.recipe, draws, theirs)
    between = time.perf_counter()
    found = evaluate_group(networks, material.inputs)
    end = time.perf_counter()
    told = theirs.seconds if theirs else None
    seconds, evaluation = (end - start) / len(some) + (told or 0.0), (end - between) / len(some)
    return [
        trained_model(network, course, *outcome, keep_weights, seconds, evaluation, told)
        for network, course, outcome in zip(networks, courses, found, strict=True)
    ]
