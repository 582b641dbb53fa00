"""Asking a kept predictor about images, of whatever size and colours."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from memscope.analysis.products import full_float32
from memscope.errors import DataError, MemscopeError
from memscope.predictors.backbones import Regressor, build_regressor
from memscope.predictors.fitting import load, said_of
from memscope.predictors.kept import Kept
from memscope.predictors.prepared import resized
from memscope.store.weights import Weights
from memscope.training.inputs import Inputs


def network_of(path: Path, kept: Kept) -> Regressor:
    """The network of a predictor, whose weights are to be given to it; DataError where the file's do not fit it."""
    found = kept.description
    height, width, channels = found.image_shape
    shape = height, width, channels
    classes = len(found.class_names) if found.with_label else 0
    try:
        with torch.device("meta"):  # no memory for what a hostile file may ask for
            expected = build_regressor(found.backbone, shape, classes).state_dict()
    except (MemscopeError, RuntimeError) as error:
        raise DataError(
            f"{path}: is of a network that cannot be built here ({error}); make the predictor again"
        ) from error
    for weights in kept.weights:
        wrong = [name for name, values in expected.items() if shape_of(weights, name) != tuple(values.shape)]
        wrong += sorted(weights.keys() - expected.keys())
        if wrong:
            raise DataError(
                f"{path}: its {wrong[0][:80]!r} is {shape_of(weights, wrong[0])}, no weight of {found.backbone.name}; "
                "get or make the file again"
            )
    return build_regressor(found.backbone, shape, classes)


def shape_of(weights: Weights, name: str) -> tuple[int, ...] | None:
    return tuple(weights[name].shape) if name in weights else None


def fitting_images(images: np.ndarray, image_shape: tuple[int, ...]) -> np.ndarray:
    """Images [n, H, W, C] as a predictor takes them: its size, bilinear, and its colours."""
    height, width, channels = image_shape
    if images.shape[1:3] != (height, width):
        images = resized(images, height, width)
    if images.shape[3] == channels:
        return images
    if channels == 3:
        return np.repeat(images, 3, axis=3)
    grey = [np.asarray(Image.fromarray(np.ascontiguousarray(image)).convert("L")) for image in images]
    return np.stack(grey)[..., np.newaxis]


def at_a_time(images: np.ndarray) -> int:
    """How many of these images to ask about at once: 64 MiB of them, or 4,096."""
    return max(1, min(4096, 2**26 // max(1, int(np.prod(images.shape[1:])))))


def ask(kept: Kept, network: Regressor, images: np.ndarray, labels: np.ndarray, device: torch.device) -> np.ndarray:
    """What each seed says of images uint8 [n, H, W, C], float32 [seeds, n], in the target's units.

    `labels` int64 [n] are looked at where the predictor takes them. The network is moved to the device.
    """
    found = kept.description
    data = Inputs(
        torch.from_numpy(np.ascontiguousarray(fitting_images(images, found.image_shape))).to(device),
        torch.from_numpy(labels.astype(np.int64)).to(device),
        torch.tensor(found.channel_mean, dtype=torch.float32, device=device),
        torch.tensor([1 / max(one, 1) for one in found.channel_sd], dtype=torch.float32, device=device),
        found.precision,
    )
    said = np.empty((len(kept.weights), len(images)), dtype=np.float32)
    network.to(device)
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # as where it was fitted: with more threads sums differ in the last bit
    try:
        with full_float32():
            for seed, weights in enumerate(kept.weights):
                load(network, weights)
                said[seed] = said_of(network, data, np.arange(len(images)))
    finally:
        torch.set_num_threads(before)
    return said
