"""Trained models of a run: one by one by `loop.py`, several at once by `group.py`, or taught by a teacher."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from memscope.store.ledger import FULL, Task
from memscope.store.weights import Weights
from memscope.training.device import no_room
from memscope.training.draws import Draws
from memscope.training.evaluation import evaluate
from memscope.training.group import evaluate_group, train_group
from memscope.training.loop import Course, train_model
from memscope.training.material import Material
from memscope.training.teacher import Teacher, TeachersOfGroup

ModelToTrain = tuple[Task, int, np.ndarray]
"""A model that is trained without a teacher: its task, its number, and its subset bool [N]"""


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """One model, trained and evaluated. A worker puts those of a task together (`pack` of task.py)."""

    predictions: np.ndarray
    """int [N + M], training examples first"""
    log_odds: np.ndarray
    """float16 [N + M]"""
    epoch_loss: np.ndarray
    diverged: bool
    weights: Weights
    seconds: float
    evaluation_seconds: float
    """NaN where not known"""
    teacher_seconds: float | None = None
    """None without a teacher"""


def train_in_groups(
    material: Material,
    keep_weights: bool,
    models: Sequence[ModelToTrain],
    groups: dict[int, int],
    teachers: TeachersOfGroup | None = None,
) -> Iterator[TrainedModel]:
    """Train models of one size, as many at once as `groups` says of it; one by one where it says nothing, or 0.

    Where the device has no room for them, half as many from there on, which is entered in `groups`. `teachers`, one of
    each model, are for sizes that are in it.
    """
    done, size = 0, models[0][0].size
    while done < len(models):
        group = groups.get(size, 0)
        if group == 0:
            yield train_one(material, keep_weights, *models[done])
            done += 1
            continue
        which = slice(done, done + group)
        trained = train_if_room(material, keep_weights, models[which], teachers.some(which) if teachers else None)
        if trained is None:
            torch.cuda.empty_cache()
            groups[size] = len(models[which]) // 2
        else:
            yield from trained
            done += len(trained)


def train_if_room(
    material: Material, keep_weights: bool, some: Sequence[ModelToTrain], teachers: TeachersOfGroup | None
) -> list[TrainedModel] | None:
    """Train models at once; None where the device has no room for them, and then nothing of them is left there."""
    try:
        return train_together(material, keep_weights, some, teachers)
    except RuntimeError as error:
        if no_room(error) and (teachers is None or len(some) > 1):
            return None
        raise


def train_together(
    material: Material, keep_weights: bool, some: Sequence[ModelToTrain], teachers: TeachersOfGroup | None = None
) -> list[TrainedModel]:
    """Train and evaluate models of one size at once; each is taken to have had its part of the time."""
    plan = material.plan
    start = time.perf_counter()
    draws = [Draws(plan.seed, task.size, model, task.replicate) for task, model, _ in some]
    networks = [material.untrained(one) for one in draws]
    subsets = [np.flatnonzero(subset) for _, _, subset in some]
    size = nominal_size(material, some[0][0])
    courses = train_group(networks, material.inputs, subsets, size, plan.recipe, draws, teachers)
    between = time.perf_counter()
    found = evaluate_group(networks, material.inputs)
    end = time.perf_counter()
    told = teachers.seconds if teachers else None
    seconds, evaluation = (end - start) / len(some) + (told or 0.0), (end - between) / len(some)
    return [
        trained_model(network, course, *outcome, keep_weights, seconds, evaluation, told)
        for network, course, outcome in zip(networks, courses, found, strict=True)
    ]


def nominal_size(material: Material, task: Task) -> int:
    """Examples that decide the number of steps: models on all the data see as many epochs, not as many steps."""
    return material.num_train if task.variant == FULL else round(material.num_train * material.plan.fraction)


def trained_model(
    network: torch.nn.Module,
    course: Course,
    predictions: np.ndarray,
    log_odds: np.ndarray,
    keep_weights: bool,
    seconds: float,
    evaluation_seconds: float,
    teacher_seconds: float | None = None,
) -> TrainedModel:
    weights = {}
    if keep_weights:
        weights = {name: value.cpu().contiguous().numpy() for name, value in network.state_dict().items()}
    return TrainedModel(
        predictions,
        log_odds,
        course.epoch_loss,
        # weights can become NaN in the very last step, after the last loss that was looked at
        diverged=course.diverged or bool(np.isnan(log_odds).any()),
        weights=weights,
        seconds=seconds,
        evaluation_seconds=evaluation_seconds,
        teacher_seconds=teacher_seconds,
    )


def train_one(
    material: Material,
    keep_weights: bool,
    task: Task,
    model: int,
    subset: np.ndarray,
    teacher: Teacher | None = None,
) -> TrainedModel:
    """Train and evaluate the model of this number in a task."""
    plan = material.plan
    start = time.perf_counter()
    draws = Draws(plan.seed, task.size, model, task.replicate)
    network = material.untrained(draws).to(material.device)
    positions, size = np.flatnonzero(subset), nominal_size(material, task)
    course = train_model(network, material.inputs, positions, size, plan.recipe, draws, teacher)
    between = time.perf_counter()
    predictions, log_odds = evaluate(network, material.inputs)
    end = time.perf_counter()
    # logits that are told from a table were computed before the start
    before = teacher.seconds if teacher and teacher.table is not None else 0.0
    return trained_model(
        network,
        course,
        predictions,
        log_odds,
        keep_weights,
        seconds=end - start + before,
        evaluation_seconds=end - between,
        teacher_seconds=teacher.seconds if teacher else None,
    )


def without_teacher(material: Material) -> TrainedModel:
    """A student that was not trained, because its teacher diverged: it counts as diverged, and is never scored."""
    count = len(material.labels)
    return TrainedModel(
        np.zeros(count, dtype=np.int64),
        np.full(count, np.nan, dtype=np.float16),
        np.full(material.plan.recipe.epochs, np.nan, dtype=np.float32),
        diverged=True,
        weights={},
        seconds=0.0,
        evaluation_seconds=0.0,
        teacher_seconds=0.0,
    )
