"""Steps in lanes against float64 autograd: at least as near as torch's own float32, for every kind of layer."""

import numpy as np
import pytest
import torch

from memscope.plan.recipe import Recipe
from memscope.training.augmentation import crop_padding, draw_shifts
from memscope.training.backends.lanes.library import most_lanes
from memscope.training.backends.lanes.network import GET_GRADIENT, Shifts
from tests.training.lanes.nets import (
    CLASSES,
    far,
    in_lanes,
    networks,
    pictures,
    torch_gradients,
    torch_steps,
)

STILL = (0.0, 0.0, 0.0, 0.0)
KINDS = [
    # stem of stride 2, addition, maximum; fewer channels than a tile, tiles of 1, 2 and 3, more than a sweep
    *(("cnn", width, (28, 28, 1), 64) for width in (2, 3, 8)),
    ("cnn", 5, (11, 17, 3), 13),
    ("cnn", 6, (8, 9, 3), 2),
    # stride 1, shortcuts of 1x1 and stride 2, ReLU after the addition, mean
    ("resnet8", 2, (32, 32, 3), 10),
    ("resnet14", 3, (9, 12, 1), 16),
    ("resnet8", 6, (7, 5, 3), 5),
    # a perceptron on the pixels of three channels
    ("mlp", 5, (6, 4, 3), 11),
    ("mlp", 18, (28, 28, 1), 64),
]
LOSSES = {
    "hard": {},
    "smoothed": {"smoothing": 0.1},
    "taught": {"temperature": 3.0, "soft_weight": 0.7},
    "taught and smoothed": {"temperature": 0.5, "soft_weight": 0.9, "smoothing": 0.2},
}


QUICK = [KINDS[3], KINDS[7], KINDS[8]]
"""A network of each family: for losses, which are the same whatever lies before them."""


def losses_of_kinds():
    """The richest loss for every kind of layers, every loss for a network of each family; the rest is the long form."""
    for loss in LOSSES:
        for kind in KINDS:
            here = loss == "taught and smoothed" or kind in QUICK
            yield pytest.param(*kind, loss, marks=() if here else pytest.mark.thorough)


def gradients_of(group, lane, model):
    """Gradients of the parameters, and the running statistics themselves."""
    names = {name for name, _ in model.named_parameters()}
    by_name, state = group.take(lane, model, GET_GRADIENT), group.take(lane, model)
    return {name: (by_name if name in names else state)[name] for name in by_name}


@pytest.mark.parametrize(("family", "size", "shape", "batch", "loss"), list(losses_of_kinds()))
def test_a_step_is_as_near_to_float64_as_torch_in_float32(family, size, shape, batch, loss):
    about, random, options = pictures(shape), np.random.default_rng(1), LOSSES[loss]
    models = networks(family, size, shape, most_lanes())
    index = np.stack([random.choice(200, batch, replace=False) for _ in models])
    told = 3 * random.normal(size=(len(models), batch, CLASSES)).astype(np.float32) if "taught" in loss else None
    group = in_lanes(models, about, batch)
    losses = group.step(index, STILL, told=told, **options)
    errors: dict[str, list[float]] = {"lanes": [], "torch": []}
    for lane, model in enumerate(models):
        what = {"told": None if told is None else told[lane], **options}
        true_loss, true = torch_gradients(model, about, index[lane], torch.float64, **what)
        _, single = torch_gradients(model, about, index[lane], torch.float32, **what)
        assert losses[lane] == pytest.approx(true_loss, rel=2e-6)
        found = gradients_of(group, lane, model)
        assert found.keys() == true.keys()
        errors["lanes"].append(max(far(found[name], true[name]) for name in true))
        errors["torch"].append(max(far(single[name], true[name]) for name in true))
    # the worst tensor of each model: a small gradient behind normalisation is the hardest
    assert np.median(errors["lanes"]) < max(1.5 * np.median(errors["torch"]), 3e-6)


@pytest.mark.parametrize("augment", ["crop", "flip", "crop+flip"])
@pytest.mark.parametrize(("family", "shape"), [("cnn", (16, 16, 3)), ("mlp", (9, 12, 3)), ("resnet8", (8, 10, 1))])
def test_images_are_shifted_and_mirrored_as_by_torch(family, shape, augment):
    about, random = pictures(shape), np.random.default_rng(2)
    models = networks(family, 4, shape, most_lanes())
    index = np.stack([random.choice(200, 6, replace=False) for _ in models])
    side = shape[0]
    drawn = [draw_shifts(random.integers(0, 2**64, 6, dtype=np.uint64), augment, side) for _ in models]
    rows, columns, mirror = (np.stack(one) for one in zip(*drawn, strict=True))
    padding = crop_padding(augment, side)
    shifts = Shifts(rows.astype(np.int32), columns.astype(np.int32), mirror.astype(np.uint8), padding)
    losses = in_lanes(models, about, 6).step(index, STILL, shifts=shifts)
    for lane, model in enumerate(models):
        true, _ = torch_gradients(model, about, index[lane], torch.float64, shifts=(*drawn[lane], padding))
        assert losses[lane] == pytest.approx(true, rel=2e-6)
        plain, _ = torch_gradients(model, about, index[lane], torch.float64)
        assert abs(plain - true) > 1e-4  # so that this could fail


@pytest.mark.parametrize(("family", "size"), [("cnn", 2), ("resnet8", 2), ("mlp", 8)])
def test_after_20_steps_lanes_are_where_float64_is_as_nearly_as_torch(family, size):
    shape, recipe = (16, 16, 1), Recipe()
    about, random = pictures(shape), np.random.default_rng(3)
    models = networks(family, size, shape, most_lanes())
    indices = np.stack([[random.choice(200, 32, replace=False) for _ in range(20)] for _ in models])
    group = in_lanes(models, about, 32)
    relative = min(1.0, 16 / group.description.features)
    for step in range(20):
        index = np.ascontiguousarray(indices[:, step])
        group.step(index, (0.05, 0.05 * relative, recipe.momentum, recipe.weight_decay))
    apart: dict[str, list[float]] = {"lanes": [], "torch": []}
    for lane, model in enumerate(models):
        true = torch_steps(model, about, indices[lane], torch.float64, recipe, 0.05)
        single = torch_steps(model, about, indices[lane], torch.float32, recipe, 0.05)
        found = group.take(lane, model)
        before = {name: one.numpy() for name, one in model.state_dict().items()}
        moved = np.sqrt(sum(np.sum((true[name] - before[name]) ** 2) for name in true))
        for who, state in (("lanes", found), ("torch", single)):
            apart[who].append(np.sqrt(sum(np.sum((state[name] - true[name]) ** 2.0) for name in true)) / moved)
    assert np.median(apart["lanes"]) < max(2 * np.median(apart["torch"]), 1e-5)
    assert np.median(apart["lanes"]) < 0.02
