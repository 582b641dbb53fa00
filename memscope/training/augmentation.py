"""Batched augmentation of uint8 images: shift within a zero border (pad and crop) and mirror.

The draws are one 64-bit word per image, made on the CPU by the model's augmentation stream, so that every
path (one by one or grouped, CPU or GPU) shifts and mirrors the same images in the same way.
"""

import numpy as np
import torch
from torch import Tensor


def draw_shifts(words: np.ndarray, augment: str, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row shift, column shift (int64, 0 to 2 * padding) and mirror (bool) of each image, all [batch].

    `words` uint64 [batch] are raw random words; `side` is the image's height in pixels. The padding is an eighth
    of the side: 4 pixels at 32, as usual for CIFAR.
    """
    padding = crop_padding(augment, side)
    span = np.uint64(2 * padding + 1)
    # 24 bits each for the shifts (bias below 1e-5), one bit for the mirror
    rows = ((words & np.uint64(0xFFFFFF)) * span) >> np.uint64(24)
    columns = (((words >> np.uint64(24)) & np.uint64(0xFFFFFF)) * span) >> np.uint64(24)
    mirror = (words >> np.uint64(63)).astype(bool) if "flip" in augment else np.zeros(len(words), dtype=bool)
    return rows.astype(np.int64), columns.astype(np.int64), mirror


def crop_padding(augment: str, side: int) -> int:
    """Pixels of zero border on each side before the crop."""
    return max(1, side // 8) if "crop" in augment else 0


def augment_batch(images: Tensor, rows: Tensor, columns: Tensor, mirror: Tensor, padding: int) -> Tensor:
    """The shifted and mirrored images, uint8 [B, H, W, C], in one gather."""
    batch, height, width, channels = images.shape
    padded = images.new_zeros(batch, height + 2 * padding, width + 2 * padding, channels)
    padded[:, padding : padding + height, padding : padding + width] = images
    row_index = rows[:, None] + torch.arange(height, device=images.device)  # [B, H]
    offsets = torch.arange(width, device=images.device).expand(batch, width)
    offsets = torch.where(mirror[:, None], width - 1 - offsets, offsets)
    column_index = columns[:, None] + offsets  # [B, W]
    which = torch.arange(batch, device=images.device)[:, None, None]
    return padded[which, row_index[:, :, None], column_index[:, None, :]]
