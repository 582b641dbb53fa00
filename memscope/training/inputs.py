"""What networks are given: images and labels on a device, how images are normalised, the precision of products."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Inputs:
    """The examples that models are trained and evaluated on, and how they are given to a network."""

    images: Tensor
    """uint8 [N, H, W, C]"""
    labels: Tensor
    """int64 [N]"""
    mean: Tensor
    """float32 [C], in units of the 0-255 pixels"""
    scale: Tensor
    """float32 [C]"""
    precision: str

    @property
    def device(self) -> torch.device:
        return self.images.device

    def of(self, which: Tensor | slice) -> Tensor:
        """The images at these positions as a network takes them, float32 [B, C, H, W]."""
        return normalise(self.images[which], self.mean, self.scale)


def normalise(images: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    """float32 [B, C, H, W] in channels_last memory, from uint8 [B, H, W, C]: (x - mean) * scale per channel."""
    return images.float().sub_(mean).mul_(scale).permute(0, 3, 1, 2)


def autocast(device: torch.device, precision: str) -> AbstractContextManager:
    """float32 weights throughout; with bfloat16 the matrix products and convolutions run in it."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)
