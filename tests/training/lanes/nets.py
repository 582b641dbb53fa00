"""Networks, pictures and steps for the tests of lanes, and the same steps by torch in any precision."""

import copy
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from memscope.families import open_family
from memscope.training.augmentation import augment_batch
from memscope.training.backends.lanes.description import describe
from memscope.training.backends.lanes.network import LaneNetworks, Pictures, Shifts
from memscope.training.draws import Draws, build_model
from memscope.training.optimiser import descend, parameter_groups
from memscope.training.teacher import distillation_loss

CLASSES = 7


def pictures(shape: tuple[int, int, int], count: int = 200) -> Pictures:
    random = np.random.default_rng(0)
    labels = random.integers(0, CLASSES, count)
    kinds = random.normal(size=(CLASSES, *shape))
    images = np.clip(128 + 40 * kinds[labels] + 40 * random.normal(size=(count, *shape)), 0, 255).astype(np.uint8)
    mean = (120 + np.arange(shape[2])).astype(np.float32)
    return Pictures(images, labels, mean, np.full(shape[2], 0.02, dtype=np.float32))


def networks(family: str, size: int, shape: tuple[int, int, int], count: int, seed: int = 0) -> list[nn.Module]:
    return [
        build_model(open_family(family).build, Draws(seed, size, number), shape, CLASSES) for number in range(count)
    ]


def in_lanes(models: Sequence[nn.Module], about: Pictures, batch: int) -> LaneNetworks:
    description = describe(models[0])
    assert description is not None
    return LaneNetworks(models, description, about, batch)


def torch_batch(about: Pictures, index: np.ndarray, dtype: torch.dtype, shifts: tuple | None = None) -> torch.Tensor:
    images = torch.from_numpy(about.images[index])
    if shifts is not None:
        rows, columns, mirror, padding = shifts
        images = augment_batch(images, *(torch.from_numpy(one) for one in (rows, columns, mirror)), padding)
    mean, scale = torch.from_numpy(about.mean).to(dtype), torch.from_numpy(about.scale).to(dtype)
    return ((images.to(dtype) - mean) * scale).permute(0, 3, 1, 2)


def torch_gradients(
    model: nn.Module,
    about: Pictures,
    index: np.ndarray,
    dtype: torch.dtype,
    smoothing: float = 0.0,
    shifts: tuple | None = None,
    told: np.ndarray | None = None,
    temperature: float = 1.0,
    soft_weight: float = 0.0,
) -> tuple[float, dict[str, np.ndarray]]:
    """Loss and gradients of one step, and the running statistics after it."""
    model = copy.deepcopy(model).to(dtype).train()
    logits, labels = model(torch_batch(about, index, dtype, shifts)), torch.from_numpy(about.labels[index])
    if told is None:
        loss = cross_entropy(logits, labels, label_smoothing=smoothing)
    else:
        teacher = torch.from_numpy(told).to(dtype)
        loss = distillation_loss(logits, teacher, labels, temperature, soft_weight, smoothing)
    loss.backward()
    found = {name: one.grad.numpy() for name, one in model.named_parameters() if one.grad is not None}
    found |= {name: one.numpy() for name, one in model.named_buffers() if "running" in name}
    return loss.item(), found


def torch_steps(
    model: nn.Module, about: Pictures, indices: Sequence[np.ndarray], dtype: torch.dtype, recipe, rate: float
) -> dict[str, np.ndarray]:
    """The state after steps at one rate."""
    model = copy.deepcopy(model).to(dtype).train()
    groups = parameter_groups(model, recipe)
    for index in indices:
        cross_entropy(model(torch_batch(about, index, dtype)), torch.from_numpy(about.labels[index])).backward()
        for group in groups:
            descend(group, rate * group.relative_rate, recipe.momentum)
    return {name: one.numpy() for name, one in model.state_dict().items() if one.is_floating_point()}


def far(found: np.ndarray, true: np.ndarray) -> float:
    """Distance over length."""
    return float(np.linalg.norm(found.astype(np.float64) - true) / max(float(np.linalg.norm(true)), 1e-30))


__all__ = [
    "CLASSES", "Shifts", "far", "in_lanes", "networks", "pictures", "torch_batch", "torch_gradients", "torch_steps",
]  # fmt: skip
