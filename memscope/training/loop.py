"""The training loop: one model, from its subset and its random draws to trained weights.

What comes in: a built model, the images of the whole data set as uint8 [N, H, W, C], labels, the positions of
the subset, the recipe and the model's draws. What goes out: the trained model and the course of its loss.
Everything random is decided by `Draws` before the first step, on the CPU, by the run's counter-based streams.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from memscope.plan.recipe import Recipe
from memscope.streams import permutation, stream, stream_key
from memscope.training.augmentation import augment_batch, crop_padding, draw_shifts
from memscope.training.optimiser import descend, parameter_groups

if TYPE_CHECKING:
    from memscope.training.distillation import Teacher


@dataclass(frozen=True)
class Draws:
    """The random streams of one model: its order and augmentation, equal at every size, and its initialisation."""

    seed: int
    size: int
    model: int
    replicate: int = 0

    @property
    def initialisation_seed(self) -> int:
        """Seed of torch's generator while the network is built, int in [0, 2^63)."""
        key = stream_key("initialisation", self.seed, self.size, self.model, self.replicate)
        return int(key[0] >> np.uint64(1))

    @property
    def layers_seed(self) -> int:
        """Seed of torch's generators during training, for layers that draw: dropout, stochastic depth."""
        key = stream_key("layers", self.seed, self.size, self.model, self.replicate)
        return int(key[0] >> np.uint64(1))

    def batches(self, subset: np.ndarray, steps: int, batch_size: int) -> Iterator[np.ndarray]:
        """Example positions of every batch, int64 [batch_size] each: shuffled epochs laid end to end."""
        waiting = np.empty(0, dtype=np.int64)
        epoch = 0
        for _ in range(steps):
            while len(waiting) < batch_size:
                source = stream("order", self.seed, self.model, self.replicate, epoch)
                waiting = np.concatenate([waiting, subset[permutation(source, len(subset))]])
                epoch += 1
            yield waiting[:batch_size]
            waiting = waiting[batch_size:]

    def augmentation(self) -> np.random.Philox:
        """The stream of augmentation words, one for each image trained, in order."""
        return stream("augmentation", self.seed, self.model, self.replicate)


@dataclass(frozen=True)
class Course:
    """How a training went."""

    epoch_loss: np.ndarray
    """float32 [epochs], the mean training loss of each epoch; NaN after a divergence"""
    diverged: bool
    """The loss became NaN or infinite; training was stopped there"""
    ended: tuple[float, ...]
    """When each epoch had ended, device included: seconds on the clock of `time.perf_counter`"""


@contextmanager
def torch_seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Torch's own generators, which layers such as dropout draw from, seeded inside and left as they were after."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def build_model(
    build: Callable[[int, tuple[int, int, int], int], nn.Module],
    draws: Draws,
    image_shape: tuple[int, int, int],
    num_classes: int,
) -> nn.Module:
    """A freshly initialised model on the CPU; torch's own generator is left as it was."""
    with torch_seeded(draws.initialisation_seed, torch.device("cpu")):
        model = build(draws.size, image_shape, num_classes)
    # channels_last pays wherever there are convolutions (2 to 3 times on CPU); it changes no value
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch does not annotate it


def normalise(images: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    """float32 [B, C, H, W] in channels_last memory, from uint8 [B, H, W, C]: (x - mean) * scale per channel."""
    return images.float().sub_(mean).mul_(scale).permute(0, 3, 1, 2)


def autocast(device: torch.device, precision: str) -> AbstractContextManager:
    """float32 weights throughout; with bfloat16 the matrix products and convolutions run in it."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def train_model(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    subset: np.ndarray,
    nominal_size: int,
    recipe: Recipe,
    draws: Draws,
    mean: Tensor,
    scale: Tensor,
    precision: str,
    teacher: "Teacher | None" = None,
) -> Course:
    """Train `model` in place on the examples at positions `subset`, with torch's generators seeded for its layers.

    `images` uint8 [N, H, W, C], `labels` int64 [N], `mean` and `scale` float32 [C] (in units of the 0-255
    pixels) are on the training device, where the model is too. `nominal_size` is fraction * N, which sets the
    number of steps for all models alike. With a `teacher` the loss is that of distillation (distillation.py).
    """
    device = images.device
    steps = recipe.steps(nominal_size)
    side = images.shape[1]
    padding = crop_padding(recipe.augment, side)
    words = draws.augmentation()
    groups = parameter_groups(model, recipe)
    losses = EpochLosses(recipe.epochs, steps, torch.zeros((), device=device))
    model.train()
    with torch_seeded(draws.layers_seed, device):
        for step, positions in enumerate(draws.batches(subset, steps, recipe.batch_size)):
            index = torch.from_numpy(positions).to(device)
            batch = images[index]  # [B, H, W, C] uint8
            if recipe.augment != "none":
                drawn = draw_shifts(words.random_raw(len(positions)), recipe.augment, side)
                rows, columns, mirror = (torch.from_numpy(array).to(device) for array in drawn)
                batch = augment_batch(batch, rows, columns, mirror, padding)
            inputs = normalise(batch, mean, scale)
            with autocast(device, precision):
                logits = model(inputs)
            if teacher is None:
                loss = cross_entropy(logits.float(), labels[index], label_smoothing=recipe.label_smoothing)
            else:
                loss = teacher.loss(logits.float(), labels[index], index, inputs, recipe.label_smoothing)
            loss.backward()
            rate = recipe.learning_rate_at(step, steps)
            for group in groups:
                descend(group, rate * group.relative_rate, recipe.momentum)
            losses.total += loss.detach()
            losses.done(step)
            if not losses.finite:
                break
    return Course(losses.mean, not losses.finite, tuple(losses.ended))


class EpochLosses:
    """The mean loss of every epoch of one model, or of several at once: losses are of the shape of `total`, zeros."""

    def __init__(self, epochs: int, steps: int, total: Tensor) -> None:
        self.ends = [round((epoch + 1) * steps / epochs) for epoch in range(epochs)]
        self.mean = np.full((epochs, *total.shape), np.nan, dtype=np.float32)
        """[epochs, ...]; NaN from the epoch on in which a loss became NaN or infinite"""
        self.finite = np.ones(total.shape, dtype=bool)
        """[...]: whether it has not"""
        self.total = total
        """[...]: the sum of the losses of an epoch's steps, to which each step adds its own"""
        self.ended: list[float] = []
        self.epoch, self.first_step = 0, 0

    def done(self, step: int) -> None:
        """A step was done. Losses are read once an epoch: on a GPU every reading waits for the device."""
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
