"""`Predictor`: a published network that gives an image one number, ready to be asked; `predict` asks it."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from memscope.analysis.products import full_float32
from memscope.errors import MemscopeError
from memscope.predictors.prepared import prepared
from memscope.store.weights import content_digest

BATCH = 10
"""Images at a time. ResMem needs 0.38 s of a core an image with 8 at a time, 0.51 with one; more gain nothing."""


@dataclass(frozen=True, eq=False)
class Predictor:
    """A network in evaluation mode, on the CPU."""

    kind: str
    """`resmem` or `vitmem`"""
    title: str
    """With its version, where it has one"""
    licence: str | None
    """One line, where there is something that a user must know of it"""
    side: int
    """Of the square images [n, 3, side, side] that it takes"""
    network: nn.Module

    def digest(self) -> str:
        """SHA-256, in hex, of the weights, whatever file they came in."""
        return content_digest({name: values.numpy() for name, values in self.network.state_dict().items()})


def predict(predictor: Predictor, images: np.ndarray, device: torch.device) -> np.ndarray:
    """float32 [n] of images uint8 [n, H, W, C]; the network is moved to the device.

    MemscopeError where it gives no number, or not one an image.
    """
    network, found = predictor.network.to(device), []
    with torch.inference_mode(), full_float32():
        for first in range(0, len(images), BATCH):
            inputs = torch.from_numpy(prepared(images[first : first + BATCH], predictor.side)).to(device)
            values = network(inputs)
            if values.numel() != len(inputs):
                raise MemscopeError(
                    f"{predictor.title} gives values of shape {tuple(values.shape)} for {len(inputs)} images, expected "
                    "one an image; install the version that memscope's extra names"
                )
            found.append(values.reshape(-1).float().cpu().numpy())
    values = np.concatenate(found)
    if not np.isfinite(values).all():
        raise MemscopeError(
            f"{predictor.title} gives {values[~np.isfinite(values)][0]} for an image, expected a number; its weights "
            "are damaged, get them again"
        )
    return values
