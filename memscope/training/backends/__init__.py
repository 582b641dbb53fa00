"""Ways to train models with the plan's own loop, behind one contract: `Backend`.

The coordinator chooses a backend for each size of a run (`backend_for`) and how many models it trains at once
(work/grouping.py); the workers get both as a `Grouping` and follow it (`train_models`). Whatever trains a model, its
draws are those of `Draws`, and its numbers are those of `one by one` up to the rounding of sums. On a CPU, where runs
must be the same to the bit, a backend must say in `fits` that it is not for a run whose numbers it would change.

To add a backend, write a module beside `one_by_one.py` with its functions, and put a line into `BACKENDS`, before the
backends to which it is preferred. Nothing else knows which backends there are.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from memscope.plan.backends import LANES
from memscope.plan.plan import Plan
from memscope.plan.teaching import Teaching
from memscope.store.dynamics import is_recorded
from memscope.store.ledger import FULL, Task
from memscope.store.weights import Weights
from memscope.training.backends import one_by_one
from memscope.training.backends.lanes import models_in_lanes
from memscope.training.backends.lanes.choice import pays_alone
from memscope.training.backends.vectorised import group_size, models_at_once
from memscope.training.backends.vectorised import teachers as stacked_teachers
from memscope.training.device import no_room
from memscope.training.material import Material
from memscope.training.models import ModelToTrain, TrainedModel
from memscope.under_way import finish

Teachers = Any
"""What a backend's `open_teachers` returns. Only its own `train` looks into it."""


@dataclass(frozen=True)
class Backend:
    """A way to train models of one size."""

    fits: Callable[[Plan, int, str], bool]
    """(plan, size, device) -> whether it can train this size of the plan on a `cpu`, `cuda` or `mps` device"""
    at_once: Callable[[Plan, int], int] | None
    """(plan, most) -> how many models of a size it is best given at once, where a worker has `most` to train; None if
    that must be measured"""
    measured: Callable[[Material, int, int], int] | None
    """(material, size, most) -> that number if it must be measured, up to `most`; 0 if it cannot train such networks"""
    open_teachers: Callable[[Material, Teaching, Mapping[int, nn.Module], Mapping[int, np.ndarray], int], Teachers]
    """(material, teaching, the teacher of each number, the subset bool [N] of each, how many students of all sizes they
    will have) -> the teachers of the students of these numbers"""
    train: Callable[[Material, bool, Sequence[ModelToTrain], Teachers | None, Collection[Task]], list[TrainedModel]]
    """(material, whether to keep weights, models of one size, no more than are trained at once, teachers for at least
    their numbers, the tasks to record) -> the models, trained and evaluated. If the device has no room for so many, it
    raises a RuntimeError for which `no_room` is true, and leaves nothing of them on the device"""
    represent: Callable[[Material, int, Sequence[Weights]], Iterator[tuple[np.ndarray, np.ndarray]]]
    """(material, size, weights of trained models) -> of each, penultimate features float32 [N + M, F] and logits
    float32 [N + M, classes] of every example"""
    records: bool = True
    """Whether it can record models while it trains them; others train them"""


ONE_BY_ONE = "one by one"
BACKENDS = {
    "vectorised": Backend(
        models_at_once.fits,
        None,
        group_size.group_of,
        stacked_teachers.open_teachers,
        models_at_once.train,
        one_by_one.represent,
        records=False,
    ),
    "lanes": Backend(
        models_in_lanes.fits,
        models_in_lanes.at_once,
        None,
        models_in_lanes.open_teachers,
        models_in_lanes.train,
        models_in_lanes.represent,
    ),
    ONE_BY_ONE: Backend(
        one_by_one.fits,
        one_by_one.at_once,
        None,
        one_by_one.open_teachers,
        one_by_one.train,
        one_by_one.represent,
    ),
}
"""In order of preference. The last can train everything."""


@dataclass(frozen=True)
class Grouping:
    """How models of one size are trained. Plain data."""

    backend: str = ONE_BY_ONE
    models: int = 1
    """Trained at once"""


def backend_for(plan: Plan, size: int, device: str) -> str:
    """The name of the backend that trains models of a size."""
    return next(name for name, backend in BACKENDS.items() if backend.fits(plan, size, device))


def grouping_of(plan: Plan, groups: Mapping[int, Grouping], task: Task) -> Grouping:
    """How the models of a task are trained: as `groups` says for their size, or one by one if it says nothing.

    Models on all the data are few, often one. They are trained one by one where one would take longer in lanes. So are
    models that are recorded where the backend of their size cannot do that.
    """
    found = groups.get(task.size, Grouping())
    lone = task.variant == FULL and found.backend == LANES and not pays_alone(plan, task.size)
    unseen = is_recorded(plan, task) and not BACKENDS[found.backend].records
    return Grouping() if lone or unseen else found


def train_models(
    material: Material,
    keep_weights: bool,
    models: Sequence[ModelToTrain],
    groups: dict[int, Grouping],
    teachers: Teachers | None = None,
    record: Collection[Task] = (),
) -> Iterator[TrainedModel]:
    """Train models of one size as `groups` says for that size; one by one if it says nothing.

    If the device has no room for a group, the groups are halved from then on, and `groups` is changed accordingly.
    `teachers` come from the backend that `groups` names and cover at least the numbers of the models. Models of the
    tasks in `record` are recorded.
    """
    done, size = 0, models[0][0].size
    while done < len(models):
        grouping = grouping_of(material.plan, groups, models[done][0])
        some = models[done : done + grouping.models]
        trained = train_if_room(grouping.backend, material, keep_weights, some, teachers, record)
        if trained is None:
            torch.cuda.empty_cache()
            groups[size] = Grouping(grouping.backend, len(some) // 2) if len(some) > 1 else Grouping()
        else:
            finish(len(trained))
            yield from trained
            done += len(trained)


def train_if_room(
    backend: str,
    material: Material,
    keep_weights: bool,
    some: Sequence[ModelToTrain],
    teachers: Teachers | None,
    record: Collection[Task],
) -> list[TrainedModel] | None:
    """Train models at once; None if the device has no room for them but may have room for fewer, or for one by one."""
    try:
        return BACKENDS[backend].train(material, keep_weights, some, teachers, record)
    except RuntimeError as error:
        # another backend cannot use the teachers of this one
        fewer = len(some) > 1 or (teachers is None and backend != ONE_BY_ONE)
        if no_room(error) and fewer:
            return None
        raise
