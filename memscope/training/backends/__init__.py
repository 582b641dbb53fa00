"""Ways to train models with the plan's own loop, behind one contract: `Backend`.

The coordinator chooses a backend for each size of a run (`backend_for`) and how many models it trains at once
(work/grouping.py); the workers are told (`Grouping`) and train so (`train_models`). Whatever trains a model, its draws
are those of `Draws`, and its numbers are those of `one by one` up to the rounding of sums; on a CPU, where runs are to
be the same to the bit, a backend must say in `fits` that it is not for a run whose numbers it would change.

To add a backend: a module beside `one_by_one.py` with its functions, and its line in `BACKENDS`, before those that it
is to be preferred to. Nothing else knows which backends there are.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from memscope.plan.plan import Plan
from memscope.plan.teaching import Teaching
from memscope.training.backends import one_by_one
from memscope.training.backends.vectorised import group_size, models_at_once
from memscope.training.backends.vectorised import teachers as stacked_teachers
from memscope.training.device import no_room
from memscope.training.material import Material
from memscope.training.models import ModelToTrain, TrainedModel

Teachers = Any
"""What a backend's `open_teachers` gives. Only its own `train` looks into it."""


@dataclass(frozen=True)
class Backend:
    """A way to train models of one size."""

    fits: Callable[[Plan, int, str], bool]
    """(plan, size, device) -> whether it is for such networks and recipes, on a `cpu`, `cuda` or `mps`"""
    at_once: int | Callable[[Material, int, int], int]
    """How many models of a size it trains at once: a number, or where that must be measured the function (material,
    size, most) -> the best number, up to `most`; 0 where it cannot train such networks"""
    open_teachers: Callable[[Material, Teaching, Mapping[int, nn.Module], Mapping[int, np.ndarray], int], Teachers]
    """(material, teaching, the teacher of each number, the subset bool [N] of each, how many students of any size they
    will have) -> the teachers of models of these numbers"""
    train: Callable[[Material, bool, Sequence[ModelToTrain], Teachers | None], list[TrainedModel]]
    """(material, whether to keep weights, models of one size and no more than are trained at once, teachers of at least
    their numbers) -> the models, trained and evaluated. A RuntimeError for which `no_room` holds where the device has
    no room for so many; nothing of them is left there then"""


ONE_BY_ONE = "one by one"
BACKENDS = {
    "vectorised": Backend(
        models_at_once.fits, group_size.group_of, stacked_teachers.open_teachers, models_at_once.train
    ),
    ONE_BY_ONE: Backend(one_by_one.fits, 1, one_by_one.open_teachers, one_by_one.train),
}
"""In the order in which they are preferred. The last trains everything."""


@dataclass(frozen=True)
class Grouping:
    """How models of one size are trained. Plain data."""

    backend: str = ONE_BY_ONE
    models: int = 1
    """Trained at once"""


def backend_for(plan: Plan, size: int, device: str) -> str:
    """The name of the backend that trains models of a size."""
    return next(name for name, backend in BACKENDS.items() if backend.fits(plan, size, device))


def train_models(
    material: Material,
    keep_weights: bool,
    models: Sequence[ModelToTrain],
    groups: dict[int, Grouping],
    teachers: Teachers | None = None,
) -> Iterator[TrainedModel]:
    """Train models of one size as `groups` says of it; one by one where it says nothing.

    Where the device has no room for them, half as many from there on, which is entered in `groups`. `teachers`, of at
    least the numbers of the models, are of the backend that `groups` names.
    """
    done, size = 0, models[0][0].size
    while done < len(models):
        grouping = groups.get(size, Grouping())
        some = models[done : done + grouping.models]
        trained = train_if_room(grouping.backend, material, keep_weights, some, teachers)
        if trained is None:
            torch.cuda.empty_cache()
            groups[size] = Grouping(grouping.backend, len(some) // 2) if len(some) > 1 else Grouping()
        else:
            yield from trained
            done += len(trained)


def train_if_room(
    backend: str, material: Material, keep_weights: bool, some: Sequence[ModelToTrain], teachers: Teachers | None
) -> list[TrainedModel] | None:
    """Train models at once; None where the device has no room for them, and fewer, or one by one, may have."""
    try:
        return BACKENDS[backend].train(material, keep_weights, some, teachers)
    except RuntimeError as error:
        # the teachers of one backend are no use to another
        fewer = len(some) > 1 or (teachers is None and backend != ONE_BY_ONE)
        if no_room(error) and fewer:
            return None
        raise
