"""Many models of one size in one vectorised pass: `loop.train_model` for devices that one model leaves idle.

With a narrow network, a large GPU mostly waits for kernels to be launched. Here the parameters of a group of models are
stacked, and every operation is done for all of them at once (`torch.func.vmap`). Each model keeps its own subset,
order, augmentation, initial weights and batch-normalisation statistics, by the same draws as in the loop, so its result
is the loop's up to the rounding of sums. On a CPU, where outcomes must be the same to the bit, only the loop is used.
"""

from collections.abc import Sequence
from itertools import repeat

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from memscope.plan.recipe import Recipe
from memscope.training.augmentation import augment_batch, crop_padding, draw_shifts
from memscope.training.backends.vectorised.cuda_graph import steps_to_take
from memscope.training.backends.vectorised.stack import stack
from memscope.training.backends.vectorised.teachers import TeachersOfGroup
from memscope.training.draws import Draws
from memscope.training.evaluation import BATCH, log_odds_of
from memscope.training.inputs import Inputs, autocast, normalise
from memscope.training.loop import Course, EpochLosses
from memscope.training.optimiser import descend, parameter_groups


def train_group(
    models: Sequence[nn.Module],
    data: Inputs,
    subsets: Sequence[np.ndarray],
    nominal_size: int,
    recipe: Recipe,
    draws: Sequence[Draws],
    teachers: TeachersOfGroup | None = None,
) -> list[Course]:
    """Train models in place, each on its own subset with its own draws: `train_model` for all of them at once.

    The arguments are those of `train_model`, with one per model where that has one. Models are trained on the device of
    the data, but may be on another one. If a model diverges, the others go on. A GPU records a step and repeats it
    (cuda_graph.py), so all that a step reads is in tensors.
    """
    device, count = data.device, len(models)
    steps = recipe.steps(nominal_size)
    side = data.images.shape[1]
    padding = crop_padding(recipe.augment, side)
    words = [one.augmentation() for one in draws]
    for model in models:
        model.train()
    stacked = stack(models, device)
    groups = parameter_groups(models[0], recipe, stacked.parameters)
    # the kernel for GPUs reads float32; the kernel for CPUs takes the rate in full precision
    exact = torch.float32 if device.type == "cuda" else torch.float64
    rates = [torch.zeros((), dtype=exact, device=device) for _ in groups]
    losses = EpochLosses(recipe.epochs, steps, torch.zeros(count, device=device))
    index = torch.zeros(count * recipe.batch_size, dtype=torch.int64, device=device)
    kinds = (torch.int64, torch.int64, torch.bool)
    rows, columns, mirror = (torch.zeros(len(index), dtype=kind, device=device) for kind in kinds)

    def step() -> None:
        batch = data.images[index]
        if recipe.augment != "none":
            batch = augment_batch(batch, rows, columns, mirror, padding)
        inputs = side_by_side(batch.unflatten(0, (count, recipe.batch_size)), data.mean, data.scale)
        with autocast(device, data.precision):
            logits = stacked.logits(inputs)
        labels, smoothing = data.labels[index], recipe.label_smoothing
        if teachers is None:
            each = cross_entropy(logits.float().flatten(0, 1), labels, label_smoothing=smoothing, reduction="none")
            loss = each.view(count, -1).mean(dim=1)  # [G]
        else:
            loss = teachers.loss(logits.float(), labels.view(count, -1), index.view(count, -1), inputs, smoothing)
        loss.sum().backward()  # no model's loss depends on another's parameters
        for group, rate in zip(groups, rates, strict=True):
            descend(group, rate, recipe.momentum)
        losses.total += loss.detach()

    def state() -> list[Tensor]:
        momenta = [kept for group in groups for kept in group.momenta]
        return [*stacked.parameters.values(), *stacked.buffers.values(), *momenta, losses.total]

    takes = steps_to_take(step, state, device)
    batches = [one.batches(subset, steps, recipe.batch_size) for one, subset in zip(draws, subsets, strict=True)]
    for number, positions in enumerate(zip(*batches, strict=True)):
        upload(np.concatenate(positions), index)
        if recipe.augment != "none":
            drawn = draw_shifts(np.concatenate([w.random_raw(recipe.batch_size) for w in words]), recipe.augment, side)
            for kept, new in zip((rows, columns, mirror), drawn, strict=True):
                upload(new, kept)
        for group, kept in zip(groups, rates, strict=True):
            kept.fill_(recipe.learning_rate_at(number, steps) * group.relative_rate)
        next(takes)()
        losses.done(number)
        if not losses.finite.any():
            break
    stacked.give_back(models)
    return [Course(losses.mean[:, place], not losses.finite[place], tuple(losses.ended)) for place in range(count)]


def side_by_side(images: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    """float32 [G, B, C, H, W], normalised, from uint8 [G, B, H, W, C], in the memory of [B, H, W, G, C].

    So the channels of all models lie side by side, and convolutions that take G models for groups of channels
    (vmap's rule) find channels_last maps of G C channels, and give such.
    """
    count = len(images)
    together = images.permute(1, 2, 3, 0, 4).contiguous().flatten(3)
    return normalise(together, mean.repeat(count), scale.repeat(count)).unflatten(1, (count, -1)).transpose(0, 1)


def upload(values: np.ndarray, kept: Tensor) -> None:
    """Copy values to the tensor that a step reads. A GPU copies in its own time, while the next values are drawn."""
    source = torch.from_numpy(values)
    kept.copy_(source.pin_memory() if kept.is_cuda else source, non_blocking=True)


RECORDED_FROM = 8
"""Batches of an evaluation from which on one is recorded: to record is as much work as six"""


@torch.inference_mode()
def evaluate_group(models: Sequence[nn.Module], data: Inputs) -> list[tuple[np.ndarray, np.ndarray]]:
    """`evaluate` for all the models at once: for each, predicted class int64 [N] and log-odds float16 [N].

    All batches have one size, so that a GPU can record one and repeat it; the last is filled up with the last example.
    """
    for model in models:
        model.eval()
    device, count, total = data.device, len(models), len(data.images)
    stacked = stack(models, device)
    index = torch.zeros(BATCH, dtype=torch.int64, device=device)
    batches = torch.arange(-(-total // BATCH) * BATCH, device=device).clamp_(max=total - 1).split(BATCH)

    def logits_of_batch() -> Tensor:
        with autocast(device, data.precision):
            return stacked.logits(data.of(index), shared=True).float()

    logits = logits_of_batch()

    def step() -> None:
        logits.copy_(logits_of_batch())

    takes = steps_to_take(step, lambda: [logits], device) if len(batches) >= RECORDED_FROM else repeat(step)
    # kept on the device until the end: to fetch from a GPU is to wait for it
    classes = torch.empty(count, len(batches) * BATCH, dtype=torch.int32, device=device)
    odds = torch.empty(classes.shape, dtype=torch.float16, device=device)
    for number, (batch, take) in enumerate(zip(batches, takes, strict=False)):
        index.copy_(batch)
        take()
        here = slice(number * BATCH, (number + 1) * BATCH)
        classes[:, here] = logits.argmax(2)
        odds[:, here] = log_odds_of(logits.flatten(0, 1), data.labels[batch].repeat(count)).view(count, -1)
    predictions = classes[:, :total].cpu().numpy().astype(np.int64)
    return list(zip(predictions, odds[:, :total].cpu().numpy(), strict=True))
