"""What a network is given: images as it takes them, and the precision that it computes in."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def normalise(images: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    """float32 [B, C, H, W] in channels_last memory, from uint8 [B, H, W, C]: (x - mean) * scale per channel."""
    return images.float().sub_(mean).mul_(scale).permute(0, 3, 1, 2)


def autocast(device: torch.device, precision: str) -> AbstractContextManager:
    """float32 weights throughout; with bfloat16 the matrix products and convolutions run in it."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)
