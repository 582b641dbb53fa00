"""Distillation: what a teacher says of a batch, and the loss of a student that listens to it.

A distilled model is trained by the same loop with the same draws as the model of the same size and number that is
trained on the labels alone; only the loss differs.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, kl_div, log_softmax

from memscope.plan.teaching import Teaching
from memscope.training.evaluation import BATCH
from memscope.training.inputs import autocast
from memscope.training.material import Material
from memscope.training.stack import Stack, stack


@dataclass(eq=False)
class Teacher:
    """A trained model, in evaluation mode, that tells its logits; once for all where the images never change."""

    teaching: Teaching
    network: nn.Module
    precision: str
    table: Tensor | None = None
    """float32 [N, classes]: its logits on the training examples, where there is no augmentation"""
    seconds: float = 0.0
    """Wall-clock time of its forward passes so far. On a GPU, which is not waited for, that of launching them."""

    @torch.no_grad()
    def logits(self, index: Tensor, inputs: Tensor) -> Tensor:
        """float32 [B, classes] for the batch of examples at `index`, of which the student sees `inputs`."""
        if self.table is not None:
            return self.table[index]
        start = time.perf_counter()
        with autocast(inputs.device, self.precision):
            logits = self.network(inputs).float()
        self.seconds += time.perf_counter() - start
        return logits

    def loss(self, student: Tensor, labels: Tensor, index: Tensor, inputs: Tensor, label_smoothing: float) -> Tensor:
        """The student's loss on a batch, from its float32 logits [B, classes]."""
        told = self.logits(index, inputs)
        return distillation_loss(
            student, told, labels, self.teaching.temperature, self.teaching.soft_weight, label_smoothing
        )


@dataclass(frozen=True, eq=False)
class TeachersOfGroup:
    """The teachers of students that are trained at once (group.py), one of each: `Teacher`, of all of them."""

    teaching: Teaching
    networks: Stack
    precision: str
    table: Tensor | None = None
    """float32 [G, N, classes], where there is no augmentation"""
    seconds: float = 0.0
    """Wall-clock time that a student bears of making the table. What is told while training is part of the step."""

    def some(self, which: slice | Tensor) -> "TeachersOfGroup":
        """Those of some of the students."""
        parameters, buffers = (
            {name: value[which] for name, value in tensors.items()}
            for tensors in (self.networks.parameters, self.networks.buffers)
        )
        networks = Stack(self.networks.skeleton, parameters, buffers)
        return replace(self, networks=networks, table=None if self.table is None else self.table[which])

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
        # as `distillation_loss`, written out: vmap does kl_div one model at a time
        flat = students.flatten(0, 1)
        hard = cross_entropy(flat, labels.flatten(), label_smoothing=label_smoothing, reduction="none")
        own, theirs = log_softmax(students / temperature, 2), log_softmax(told / temperature, 2)
        soft = kl_div(own, theirs, reduction="none", log_target=True).sum(dim=2).mean(dim=1)
        found = (1 - soft_weight) * hard.view(labels.shape).mean(dim=1) + soft_weight * temperature**2 * soft
        return found


def distillation_loss(
    student: Tensor, teacher: Tensor, labels: Tensor, temperature: float, soft_weight: float, label_smoothing: float = 0
) -> Tensor:
    """(1 - w) * CE(labels, student) + w * T^2 * KL(softmax(teacher / T) || softmax(student / T)), mean over the batch.

    `student` and `teacher` are logits, float32 [B, classes], `labels` int64 [B]. T^2 keeps the gradient of the
    second part of one size as T grows. Source: Hinton, Vinyals & Dean 2015, arXiv 1503.02531.
    """
    hard = cross_entropy(student, labels, label_smoothing=label_smoothing)
    soft = kl_div(
        log_softmax(student / temperature, 1),
        log_softmax(teacher / temperature, 1),
        reduction="batchmean",
        log_target=True,
    )
    return (1 - soft_weight) * hard + soft_weight * temperature**2 * soft


@torch.inference_mode()
def logits_of(network: nn.Module, material: Material, positions: np.ndarray) -> Tensor:
    """float32 [N, classes]: the logits on the training examples at `positions`, NaN elsewhere."""
    table = torch.full((material.num_train, material.num_classes), torch.nan, device=material.device)
    for start in range(0, len(positions), BATCH):
        index = torch.from_numpy(positions[start : start + BATCH]).to(material.device)
        inputs = material.inputs.of(index)
        with autocast(material.device, material.plan.precision):
            table[index] = network(inputs).float()
    return table


@torch.no_grad()
def open_teachers(
    networks: Sequence[nn.Module], teaching: Teaching, material: Material, subsets: np.ndarray
) -> TeachersOfGroup:
    """The teachers, in evaluation mode, of students that are trained at once on `subsets`, bool [G, N]."""
    start = time.perf_counter()
    teachers = TeachersOfGroup(teaching, stack(networks, material.device), material.plan.precision)
    if material.plan.recipe.augment != "none":
        return teachers
    table = torch.full((len(networks), material.num_train, material.num_classes), torch.nan, device=material.device)
    for first in range(0, material.num_train, BATCH):
        some = slice(first, min(first + BATCH, material.num_train))
        with autocast(material.device, material.plan.precision):
            table[:, some] = teachers.networks.logits(material.inputs.of(some), shared=True).float()
    table[torch.from_numpy(~subsets).to(material.device)] = torch.nan
    float(table[0, 0, 0])  # waits for the device
    return replace(teachers, table=table, seconds=(time.perf_counter() - start) / len(networks))


def open_teacher(network: nn.Module, teaching: Teaching, material: Material, positions: np.ndarray) -> Teacher:
    """A teacher for students that are trained on the examples at `positions`."""
    teacher = Teacher(teaching, network, material.plan.precision)
    if material.plan.recipe.augment == "none":
        start = time.perf_counter()
        # a plain tensor: one made in inference mode cannot be indexed inside a loss that needs gradients
        teacher.table = logits_of(network, material, positions).clone()
        teacher.seconds = time.perf_counter() - start
    return teacher
