"""The training loop: one model, from its subset and its random draws to trained weights.

What comes in: a built model, the images of the whole data set as uint8 [N, H, W, C], labels, the positions of
the subset, the recipe and the model's draws. What goes out: the trained model and the course of its loss.
Everything random comes from `Draws`: from the run's counter-based streams, on the CPU, before the first step.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from memscope.plan.recipe import Recipe
from memscope.training.augmentation import augment_batch, crop_padding, draw_shifts
from memscope.training.draws import Draws, torch_seeded
from memscope.training.inputs import Inputs, autocast, normalise
from memscope.training.optimiser import descend, parameter_groups
from memscope.training.teacher import Teacher


@dataclass(frozen=True)
class Course:
    """How a training went."""

    epoch_loss: np.ndarray
    """float32 [epochs], the mean training loss of each epoch; NaN after a divergence"""
    diverged: bool
    """The loss became NaN or infinite; training was stopped there"""
    ended: tuple[float, ...]
    """When each epoch ended, including the device's work: seconds on the clock of `time.perf_counter`"""


def train_model(
    model: nn.Module,
    data: Inputs,
    subset: np.ndarray,
    nominal_size: int,
    recipe: Recipe,
    draws: Draws,
    teacher: Teacher | None = None,
    look: Callable[[range], None] | None = None,
) -> Course:
    """Train `model` in place on the examples at positions `subset`, with torch's generators seeded for its layers.

    `data` is on the training device, where the model is too. `nominal_size` is fraction * N, which sets the number
    of steps for all models alike. With a `teacher`, the loss is that of distillation (teacher.py). `look` is called
    with the epochs, from 0, that have just ended, mostly one; it may look at the model and must change nothing of it.
    """
    device = data.device
    steps = recipe.steps(nominal_size)
    side = data.images.shape[1]
    padding = crop_padding(recipe.augment, side)
    words = draws.augmentation()
    groups = parameter_groups(model, recipe)
    losses = EpochLosses(recipe.epochs, steps, torch.zeros((), device=device))
    model.train()
    with torch_seeded(draws.layers_seed, device):
        for step, positions in enumerate(draws.batches(subset, steps, recipe.batch_size)):
            index = torch.from_numpy(positions).to(device)
            batch = data.images[index]  # [B, H, W, C] uint8
            if recipe.augment != "none":
                drawn = draw_shifts(words.random_raw(len(positions)), recipe.augment, side)
                rows, columns, mirror = (torch.from_numpy(array).to(device) for array in drawn)
                batch = augment_batch(batch, rows, columns, mirror, padding)
            inputs = normalise(batch, data.mean, data.scale)
            with autocast(device, data.precision):
                logits = model(inputs)
            if teacher is None:
                loss = cross_entropy(logits.float(), data.labels[index], label_smoothing=recipe.label_smoothing)
            else:
                loss = teacher.loss(logits.float(), data.labels[index], index, inputs, recipe.label_smoothing)
            loss.backward()
            rate = recipe.learning_rate_at(step, steps)
            for group in groups:
                descend(group, rate * group.relative_rate, recipe.momentum)
            losses.total += loss.detach()
            ended = losses.done(step)
            if not losses.finite:
                break
            if ended and look is not None:
                look(ended)
    return Course(losses.mean, not losses.finite, tuple(losses.ended))


class EpochLosses:
    """The mean loss of every epoch, of one model or several at once: losses have the shape of `total`, all zeros."""

    def __init__(self, epochs: int, steps: int, total: Tensor) -> None:
        self.ends = [round((epoch + 1) * steps / epochs) for epoch in range(epochs)]
        self.mean = np.full((epochs, *total.shape), np.nan, dtype=np.float32)
        """[epochs, ...]; NaN from the epoch in which a loss became NaN or infinite"""
        self.finite = np.ones(total.shape, dtype=bool)
        """[...]: whether no loss has become NaN or infinite"""
        self.total = total
        """[...]: the sum of the losses in this epoch; each step adds its own"""
        self.ended: list[float] = []
        self.epoch, self.first_step = 0, 0

    def done(self, step: int) -> range:
        """Note that a step is done; the epochs that end with it. Losses are read once per epoch: on a GPU every reading
        waits for the device."""
        first = self.epoch
        while self.epoch < len(self.ends) and step + 1 >= self.ends[self.epoch]:
            if step + 1 > self.first_step:
                mean = self.total.cpu().numpy().astype(np.float64) / (step + 1 - self.first_step)
                self.mean[self.epoch] = mean
            elif self.epoch:
                self.mean[self.epoch] = self.mean[self.epoch - 1]  # fewer steps than epochs
            self.finite &= np.isfinite(self.mean[self.epoch])
            self.mean[self.epoch :, ~self.finite] = np.nan
            self.total.zero_()
            self.ended.append(time.perf_counter())
            self.epoch, self.first_step = self.epoch + 1, step + 1
        return range(first, self.epoch)
