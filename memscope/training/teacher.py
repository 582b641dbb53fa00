"""Distillation: a teacher's logits on a batch, and the loss of a student that learns from them.

A distilled model is trained by the same loop and with the same draws as the one-hot model of its size and number; only
the loss differs.
"""

import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, kl_div, log_softmax

from memscope.plan.teaching import Teaching
from memscope.training.evaluation import BATCH
from memscope.training.inputs import autocast
from memscope.training.material import Material


@dataclass(eq=False)
class Teacher:
    """A trained model, in evaluation mode, that gives its logits; computed once if the images never change."""

    teaching: Teaching
    network: nn.Module
    precision: str
    table: Tensor | None = None
    """float32 [N, classes]: its logits on the training examples, if there is no augmentation"""
    seconds: float = 0.0
    """Wall-clock time of its forward passes so far. On a GPU, for which we do not wait, the time to launch them."""

    @torch.no_grad()
    def logits(self, index: Tensor, inputs: Tensor) -> Tensor:
        """float32 [B, classes] for the batch of examples at `index`, which the student sees as `inputs`."""
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


def distillation_loss(
    student: Tensor, teacher: Tensor, labels: Tensor, temperature: float, soft_weight: float, label_smoothing: float = 0
) -> Tensor:
    """(1 - w) * CE(labels, student) + w * T^2 * KL(softmax(teacher / T) || softmax(student / T)), mean over the batch.

    `student` and `teacher` are logits, float32 [B, classes], `labels` int64 [B]. T^2 keeps the gradient of the
    second part at the same scale as T grows. Source: Hinton, Vinyals & Dean 2015, arXiv 1503.02531.
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


def open_teacher(network: nn.Module, teaching: Teaching, material: Material, positions: np.ndarray) -> Teacher:
    """A teacher for students that are trained on the examples at `positions`."""
    teacher = Teacher(teaching, network, material.plan.precision)
    if material.plan.recipe.augment == "none":
        start = time.perf_counter()
        # a plain tensor: one made in inference mode cannot be indexed inside a loss that needs gradients
        teacher.table = logits_of(network, material, positions).clone()
        teacher.seconds = time.perf_counter() - start
    return teacher
