"""One model after another, by the loop (loop.py): any network, recipe, device. Tests compare the others with it."""

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from torch import nn

from memscope.plan.plan import Plan
from memscope.plan.teaching import Teaching
from memscope.store.ledger import Task
from memscope.store.weights import Weights
from memscope.training import evaluation
from memscope.training.draws import Draws
from memscope.training.loop import train_model
from memscope.training.material import Material
from memscope.training.models import ModelToTrain, TrainedModel, nominal_size, trained_model
from memscope.training.recording import Recorded, look_at
from memscope.training.teacher import Teacher, open_teacher


def fits(plan: Plan, size: int, device: str) -> bool:
    return True


def at_once(plan: Plan, most: int) -> int:
    return 1


def open_teachers(
    material: Material,
    teaching: Teaching,
    networks: Mapping[int, nn.Module],
    subsets: Mapping[int, np.ndarray],
    students: int,
) -> dict[int, Teacher]:
    """The teacher of each number. The time to make their tables is shared equally by all the students."""
    teachers = {
        number: open_teacher(network, teaching, material, np.flatnonzero(subsets[number]))
        for number, network in networks.items()
    }
    each = sum(teacher.seconds for teacher in teachers.values()) / students
    return {number: replace(teacher, seconds=each) for number, teacher in teachers.items()}


def train(
    material: Material,
    keep_weights: bool,
    models: Sequence[ModelToTrain],
    teachers: Mapping[int, Teacher] | None,
    record: Collection[Task] = (),
) -> list[TrainedModel]:
    """Train and evaluate models one after another, and record those of some tasks."""
    found = []
    for task, model, subset in models:
        # a teacher adds up its seconds, so each student gets a copy that starts with its share of the table's
        teacher = replace(teachers[model]) if teachers else None
        found.append(train_one(material, keep_weights, task, model, subset, teacher, task in record))
    return found


def represent(material: Material, size: int, weights: Iterable[Weights]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Features and logits of every example, of one trained model after another."""
    network = None
    for one in weights:
        network = material.trained(size, one, network)
        yield evaluation.represent(network, material.inputs)


def train_one(
    material: Material,
    keep_weights: bool,
    task: Task,
    model: int,
    subset: np.ndarray,
    teacher: Teacher | None = None,
    record: bool = False,
) -> TrainedModel:
    """Train and evaluate the model of this number in a task, and perhaps record it."""
    plan = material.plan
    recorded = Recorded(plan.recipe.epochs, material.train_labels) if record else None
    start = time.perf_counter()
    draws = Draws(plan.seed, task.size, model, task.replicate)
    network = material.untrained(draws).to(material.device)
    positions, size = np.flatnonzero(subset), nominal_size(material, task)
    look = None if recorded is None else partial(look_at, network, material.inputs, into=recorded)
    course = train_model(network, material.inputs, positions, size, plan.recipe, draws, teacher, look)
    between = time.perf_counter()
    predictions, log_odds = evaluation.evaluate(network, material.inputs)
    end = time.perf_counter()
    # the logits in a table were computed before the start
    before = teacher.seconds if teacher and teacher.table is not None else 0.0
    return trained_model(
        network,
        course,
        predictions,
        log_odds,
        keep_weights,
        seconds=end - start + before - (recorded.seconds if recorded else 0.0),
        evaluation_seconds=end - between,
        teacher_seconds=teacher.seconds if teacher else None,
        recorded=recorded,
    )
