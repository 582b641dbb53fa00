"""The teachers of students that are trained at once, stacked like the students."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, kl_div, log_softmax

from memscope.plan.teaching import Teaching
from memscope.training.backends.vectorised.stack import Stack, stack
from memscope.training.evaluation import BATCH
from memscope.training.inputs import autocast
from memscope.training.material import Material


@dataclass(frozen=True, eq=False)
class TeachersOfGroup:
    """The teachers of students that are trained at once, one for each: `Teacher` for a group."""

    teaching: Teaching
    networks: Stack
    precision: str
    table: Tensor | None = None
    """float32 [G, N, classes], if there is no augmentation"""
    seconds: float = 0.0
    """A student's share of the wall-clock time to make the table. Logits computed in training are part of the step."""
    numbers: tuple[int, ...] = ()
    """[G]: the numbers of their students"""

    def of(self, numbers: Sequence[int]) -> "TeachersOfGroup":
        """The teachers of these numbers."""
        places = [self.numbers.index(number) for number in numbers]
        if places == list(range(len(self.numbers))):
            return self
        in_a_row = places == list(range(places[0], places[0] + len(places)))
        # a slice views the tensors without copying them
        which = slice(places[0], places[0] + len(places)) if in_a_row else torch.tensor(places)
        parameters, buffers = (
            {name: value[which] for name, value in tensors.items()}
            for tensors in (self.networks.parameters, self.networks.buffers)
        )
        networks = Stack(self.networks.skeleton, parameters, buffers)
        table = None if self.table is None else self.table[which]
        return replace(self, networks=networks, table=table, numbers=tuple(numbers))

    @torch.no_grad()
    def logits(self, index: Tensor, inputs: Tensor) -> Tensor:
        """float32 [G, B, classes] for the batches of examples at `index` [G, B], seen as `inputs` [G, B, C, H, W]."""
        if self.table is not None:
            return self.table[torch.arange(len(index), device=index.device)[:, None], index]
        with autocast(inputs.device, self.precision):
            return self.networks.logits(inputs).float()

    def loss(self, students: Tensor, labels: Tensor, index: Tensor, inputs: Tensor, label_smoothing: float) -> Tensor:
        """[G]: each student's loss on its batch, from float32 logits [G, B, classes]."""
        told = self.logits(index, inputs)
        temperature, soft_weight = self.teaching.temperature, self.teaching.soft_weight
        # `distillation_loss` written out for all models: vmap does kl_div one model at a time
        flat = students.flatten(0, 1)
        hard = cross_entropy(flat, labels.flatten(), label_smoothing=label_smoothing, reduction="none")
        own, theirs = log_softmax(students / temperature, 2), log_softmax(told / temperature, 2)
        soft = kl_div(own, theirs, reduction="none", log_target=True).sum(dim=2).mean(dim=1)
        found = (1 - soft_weight) * hard.view(labels.shape).mean(dim=1) + soft_weight * temperature**2 * soft
        return found


@torch.no_grad()
def open_teachers(
    material: Material,
    teaching: Teaching,
    networks: Mapping[int, nn.Module],
    subsets: Mapping[int, np.ndarray],
    students: int,
) -> TeachersOfGroup:
    """The teachers, in evaluation mode, of the students of some numbers, who share the time to make the table.

    `networks` and `subsets`, bool [N], are by number. `students` is how many there will be, of all sizes.
    """
    start = time.perf_counter()
    numbers = tuple(networks)
    stacked = stack(list(networks.values()), material.device)
    teachers = TeachersOfGroup(teaching, stacked, material.plan.precision, numbers=numbers)
    if material.plan.recipe.augment != "none":
        return teachers
    table = torch.full((len(networks), material.num_train, material.num_classes), torch.nan, device=material.device)
    for first in range(0, material.num_train, BATCH):
        some = slice(first, min(first + BATCH, material.num_train))
        with autocast(material.device, material.plan.precision):
            table[:, some] = teachers.networks.logits(material.inputs.of(some), shared=True).float()
    outside = ~np.stack([subsets[number] for number in numbers])
    table[torch.from_numpy(outside).to(material.device)] = torch.nan
    float(table[0, 0, 0])  # waits for the device
    return replace(teachers, table=table, seconds=(time.perf_counter() - start) / students)
