"""Training students in a worker. Their teachers are read from the run; students of one number share its teacher."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from memscope.plan.teaching import Teaching
from memscope.store.ledger import FULL, ONEHOT, Task, read_outcome
from memscope.store.weights import read_weights
from memscope.training.backends import BACKENDS, Grouping, train_models
from memscope.training.material import Material
from memscope.training.models import ModelToTrain, TrainedModel, without_teacher


def train_students(
    material: Material,
    run: Path,
    keep_weights: bool,
    teaching: Teaching,
    models: Sequence[ModelToTrain],
    groups: dict[int, Grouping],
) -> Iterator[TrainedModel]:
    """Train students of several sizes. The teacher of a number teaches all the sizes of one backend."""
    used = {task.size: groups.get(task.size, Grouping()) for task, _, _ in models}
    found: dict[tuple[int, int], TrainedModel] = {}  # by size and number
    for backend in dict.fromkeys(one.backend for one in used.values()):
        theirs = [one for one in models if used[one[0].size].backend == backend]
        together = max(one.models for one in used.values() if one.backend == backend)
        numbers = list(dict.fromkeys(model for _, model, _ in theirs))
        for first in range(0, len(numbers), together):
            some = set(numbers[first : first + together])
            of_them = [one for one in theirs if one[1] in some]
            found |= students_of(material, run, keep_weights, teaching, of_them, backend, groups)
    return iter([found[task.size, model] for task, model, _ in models])


def students_of(
    material: Material,
    run: Path,
    keep_weights: bool,
    teaching: Teaching,
    models: Sequence[ModelToTrain],
    backend: str,
    groups: dict[int, Grouping],
) -> dict[tuple[int, int], TrainedModel]:
    """Students by size and number. Their teachers are opened together, and closed when the students are trained."""
    subset_of_model = {model: subset for _, model, subset in models}
    asked = {model: teacher_network(material, run, teaching, model) for model in subset_of_model}
    networks = {model: network for model, network in asked.items() if network is not None}
    taught = [one for one in models if one[1] in networks]
    found = {(task.size, model): without_teacher(material) for task, model, _ in models if model not in networks}
    if taught:
        teachers = BACKENDS[backend].open_teachers(material, teaching, networks, subset_of_model, len(taught))
        for size in dict.fromkeys(task.size for task, _, _ in taught):
            students = [one for one in taught if one[0].size == size]
            trained = train_models(material, keep_weights, students, groups, teachers)
            found |= {(size, model): one for (_, model, _), one in zip(students, trained, strict=True)}
    return found


def teacher_network(material: Material, run: Path, teaching: Teaching, model: int) -> torch.nn.Module | None:
    """The teacher of the students of this number; None if it diverged.

    RunError if the teacher or its weights are missing.
    """
    plan = material.plan
    variant, number, unit = (FULL, 0, 1) if teaching.on == "full" else (ONEHOT, model, plan.unit)
    task = Task(variant, teaching.teacher, number // unit * unit, unit)
    if read_outcome(run, plan, task).diverged[number - task.first]:
        return None
    return material.trained(teaching.teacher, read_weights(run, plan, task)[number])
