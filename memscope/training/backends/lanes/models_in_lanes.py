"""The backend `lanes`: models of one size trained in lockstep, each in its lane of every vector, on a CPU.

Draws, recipe and results are those of the loop (loop.py); numbers are those of the loop up to the rounding of sums, so
that a run is trained by the one or the other, as its plan says, and by no other.
"""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import nn

from memscope.plan.backends import LANES
from memscope.plan.plan import Plan
from memscope.plan.recipe import Recipe
from memscope.plan.teaching import Teaching
from memscope.store.ledger import Task
from memscope.store.weights import Weights
from memscope.training.augmentation import crop_padding, draw_shifts
from memscope.training.backends.lanes.choice import pays
from memscope.training.backends.lanes.description import Description, describe
from memscope.training.backends.lanes.library import NoLibraryError, lanes_for, library, most_lanes
from memscope.training.backends.lanes.network import LaneNetworks, Pictures, Shifts
from memscope.training.draws import Draws
from memscope.training.inputs import Inputs
from memscope.training.loop import Course, EpochLosses
from memscope.training.material import Material
from memscope.training.models import ModelToTrain, TrainedModel, nominal_size, trained_model
from memscope.training.optimiser import CLASSIFIER_REFERENCE
from memscope.training.recording import Recorded, state_of
from memscope.under_way import part

LARGEST = 4
"""Units, or sets of lanes, in a bundle at most: what an interruption can lose"""


@dataclass(frozen=True, eq=False)
class Teachers:
    """Trained networks by their numbers, and what each says of every training example where images never change."""

    teaching: Teaching
    networks: Mapping[int, nn.Module]
    tables: Mapping[int, np.ndarray]
    """float32 [N, classes] each; empty with augmentation"""
    seconds: float
    """Of the tables, for each student"""


def fits(plan: Plan, size: int, device: str) -> bool:
    return plan.backend == LANES and device == "cpu" and pays(plan, size)


def at_once(plan: Plan, most: int) -> int:
    """Models of a bundle, whole units: with what `most` models take the fewest lanes, and those the widest.

    NoLibraryError where this machine cannot train in lanes: said before any task is begun.
    """
    try:
        library()
    except NoLibraryError as error:
        raise NoLibraryError(
            f"this run is trained in lanes, as its plan says, and here they cannot be had: {error}; install one, or go "
            "on where the run was made"
        ) from error
    units = -(-most // plan.unit) * plan.unit

    def taken(count: int) -> int:
        whole, rest = divmod(units, count)
        return whole * lanes_taken(count) + lanes_taken(rest)

    counts = range(plan.unit, min(units, LARGEST * max(plan.unit, most_lanes())) + 1, plan.unit)
    return min(counts, key=lambda count: (taken(count), count < most_lanes(), count))


def lanes_taken(models: int) -> int:
    """The lanes of all the steps that so many models take together; what is left over may take narrower ones."""
    whole, rest = divmod(models, most_lanes())
    return whole * most_lanes() + (lanes_for(rest) if rest else 0)


def pictures_of(material: Material) -> Pictures:
    return Pictures(material.images.numpy(), material.labels.numpy(), material.mean.numpy(), material.scale.numpy())


def described(network: nn.Module) -> Description:
    description = describe(network)
    assert description is not None, "a plan says lanes only of families that they know"
    return description


def group_to_time(network: nn.Module, data: Inputs, batch: int, plan: Plan) -> tuple[LaneNetworks, float]:
    """A network in every lane, to see how long steps take, and how many models a step of the plan trains on average."""
    every = most_lanes()
    count = at_once(plan, LARGEST * max(plan.unit, every))
    pictures = Pictures(*(one.numpy() for one in (data.images, data.labels, data.mean, data.scale)))
    group = LaneNetworks([network] * every, described(network), pictures, batch)
    return group, count / lanes_taken(count) * every


def open_teachers(
    material: Material,
    teaching: Teaching,
    networks: Mapping[int, nn.Module],
    subsets: Mapping[int, np.ndarray],
    students: int,
) -> Teachers:
    """The teachers of these numbers, with their tables where there is no augmentation."""
    start = time.perf_counter()
    tables: dict[int, np.ndarray] = {}
    if material.plan.recipe.augment == "none":
        numbers, width = list(networks), most_lanes()
        for first in range(0, len(numbers), width):
            some = numbers[first : first + width]
            group = asked_in_lanes(material, [networks[one] for one in some])
            logits, _ = group.ask(np.arange(material.num_train))
            tables |= {one: logits[lane].copy() for lane, one in enumerate(some)}
    return Teachers(teaching, networks, tables, (time.perf_counter() - start) / students)


def asked_in_lanes(material: Material, networks: Sequence[nn.Module]) -> LaneNetworks:
    return LaneNetworks(networks, described(networks[0]), pictures_of(material), 0)


def train(
    material: Material,
    keep_weights: bool,
    models: Sequence[ModelToTrain],
    teachers: Teachers | None,
    record: Collection[Task] = (),
) -> list[TrainedModel]:
    """Train and evaluate models of one size, as many at a time as there are lanes, and record those of some tasks."""
    width = most_lanes()
    found: list[TrainedModel] = []
    for first in range(0, len(models), width):
        found += train_together(material, keep_weights, models[first : first + width], teachers, first, record)
    return found


def train_together(
    material: Material,
    keep_weights: bool,
    models: Sequence[ModelToTrain],
    teachers: Teachers | None,
    before: int,
    record: Collection[Task] = (),
) -> list[TrainedModel]:
    """Train and evaluate no more models than there are lanes, `before` having been trained at once with them.

    What that takes is shared out evenly.
    """
    start = time.perf_counter()
    plan, count = material.plan, len(models)
    draws = [Draws(plan.seed, task.size, model, task.replicate) for task, model, _ in models]
    networks = [material.untrained(one) for one in draws]
    group = LaneNetworks(networks, described(networks[0]), pictures_of(material), plan.recipe.batch_size)
    subsets = [np.flatnonzero(subset) for _, _, subset in models]
    steps = plan.recipe.steps(nominal_size(material, models[0][0]))
    teacher = None
    if teachers is not None:
        numbers = [model for _, model, _ in models]
        teacher = LaneTeacher(material, teachers, [*numbers, *numbers[:1] * (group.lanes - count)])
    recorder = None
    if any(task in record for task, _, _ in models):
        labels = material.train_labels
        recorded = [Recorded(plan.recipe.epochs, labels) if task in record else None for task, _, _ in models]
        recorder = LaneRecorder(group, networks, recorded, material.num_train)
    courses = course_of(group, subsets, steps, plan.recipe, draws, material.image_shape[0], teacher, before, recorder)
    between = time.perf_counter()
    predicted, odds = group.evaluate()
    end = time.perf_counter()
    watched = 0.0 if recorder is None else recorder.seconds
    told = None if teacher is None or teachers is None else teacher.seconds / count + teachers.seconds
    found = []
    for lane, network in enumerate(networks):
        group.give_back(lane, network, steps)
        found.append(
            trained_model(
                network,
                courses[lane],
                predicted[lane],
                odds[lane],
                keep_weights,
                seconds=(end - start - watched) / count + (teachers.seconds if teachers else 0.0),
                evaluation_seconds=(end - between) / count,
                teacher_seconds=told,
                recorded=None if recorder is None else recorder.recorded[lane],
            )
        )
    return found


def represent(material: Material, size: int, weights: Sequence[Weights]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Features and logits of every example, of as many trained models at a time as there are lanes."""
    for first in range(0, len(weights), most_lanes()):
        networks = [material.trained(size, one) for one in weights[first : first + most_lanes()]]
        logits, features = asked_in_lanes(material, networks).ask(np.arange(len(material.images)), features=True)
        assert features is not None
        yield from zip(features[: len(networks)], logits[: len(networks)], strict=True)


class LaneRecorder:
    """Records what the models in some lanes say after every epoch."""

    def __init__(
        self, group: LaneNetworks, networks: Sequence[nn.Module], recorded: Sequence[Recorded | None], num_train: int
    ) -> None:
        """`networks` are the modules in which the lanes began; they are overwritten with what the lanes have become."""
        self.group, self.networks, self.recorded, self.num_train = group, networks, recorded, num_train
        self.seconds = 0.0
        """Of all lanes together"""

    def look(self, ended: range, steps: int, finite: np.ndarray) -> None:
        """Note the ends of epochs, after so many steps, in the lanes whose loss is `finite`, bool [L]."""
        start = time.perf_counter()
        predicted, odds = self.group.evaluate(self.num_train)
        noted = [(lane, one) for lane, one in enumerate(self.recorded) if one is not None]
        for lane, one in noted:
            if finite[lane]:
                one.note(ended, predicted[lane], odds[lane], partial(self.weights, lane, steps))
        took = time.perf_counter() - start
        self.seconds += took
        for _, one in noted:
            one.seconds += took / len(noted)

    def weights(self, lane: int, steps: int) -> Weights:
        self.group.give_back(lane, self.networks[lane], steps)
        return state_of(self.networks[lane])


class LaneTeacher:
    """What the teachers with these numbers, one for every lane, say of a batch."""

    def __init__(self, material: Material, teachers: Teachers, numbers: Sequence[int]) -> None:
        self.teaching = teachers.teaching
        self.seconds = 0.0
        """Of forward passes so far, of all lanes together"""
        self.tables = [teachers.tables[one] for one in numbers] if teachers.tables else None
        self.group = None if self.tables else asked_in_lanes(material, [teachers.networks[one] for one in numbers])

    def logits(self, index: np.ndarray, shifts: Shifts | None) -> np.ndarray:
        """float32 [L, B, classes] for the examples at `index`, as the students see them."""
        if self.tables is not None:
            return np.stack([table[some] for table, some in zip(self.tables, index, strict=True)])
        assert self.group is not None
        start = time.perf_counter()
        logits, _ = self.group.ask(index, shifts)
        self.seconds += time.perf_counter() - start
        return logits


def course_of(
    group: LaneNetworks,
    subsets: Sequence[np.ndarray],
    steps: int,
    recipe: Recipe,
    draws: Sequence[Draws],
    side: int,
    teacher: LaneTeacher | None,
    before: int,
    recorder: LaneRecorder | None = None,
) -> list[Course]:
    """Train every lane on its subset, as `train_model` of loop.py trains one model."""
    padding, width = crop_padding(recipe.augment, side), group.lanes
    batches = [one.batches(subset, steps, recipe.batch_size) for one, subset in zip(draws, subsets, strict=True)]
    words = [one.augmentation() for one in draws]
    relative = min(1.0, CLASSIFIER_REFERENCE / group.description.features)
    losses = EpochLosses(recipe.epochs, steps, torch.zeros(len(draws)))
    taught = {}
    if teacher is not None:
        taught = {"temperature": teacher.teaching.temperature, "soft_weight": teacher.teaching.soft_weight}
    for step in range(steps):
        index = filled([next(one) for one in batches], width)
        shifts = None
        if recipe.augment != "none":
            drawn = [draw_shifts(one.random_raw(recipe.batch_size), recipe.augment, side) for one in words]
            rows, columns, mirror = (filled(one, width) for one in zip(*drawn, strict=True))
            shifts = Shifts(rows.astype(np.int32), columns.astype(np.int32), mirror.astype(np.uint8), padding)
        rate = recipe.learning_rate_at(step, steps)
        rates = (rate, rate * relative, recipe.momentum, recipe.weight_decay)
        told = None if teacher is None else teacher.logits(index, shifts)
        loss = group.step(index, rates, recipe.label_smoothing, shifts, told, **taught)
        losses.total += torch.from_numpy(loss[: len(draws)])
        ended = losses.done(step)
        part(before + len(draws) * (step + 1) / steps)
        if not losses.finite.any():
            break
        if ended and recorder is not None:
            recorder.look(ended, step + 1, losses.finite)
    return [
        Course(losses.mean[:, lane].copy(), not losses.finite[lane], tuple(losses.ended)) for lane in range(len(draws))
    ]


def filled(rows: Sequence[np.ndarray], width: int) -> np.ndarray:
    """[L, ...]: a row for every lane, the first again for those that are left over."""
    return np.stack([*rows, *[rows[0]] * (width - len(rows))])
