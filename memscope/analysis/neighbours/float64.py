"""Float64 copies of many vectors, in pieces, and sums of rows that depend on nothing but the row."""

from collections.abc import Iterator

import torch
from torch import Tensor

PIECE = 2**17
"""Float64 numbers that are worked on at once: 1 MiB. Fewer take longer to call for, more to fetch."""


def row_sums(values: Tensor) -> Tensor:
    """Sums [...] over the last axis of values [..., F], which are lost, added in an order that only F decides."""
    width = values.shape[-1]
    if values.device.type == "cpu" and width < 2**15:
        return values.sum(dim=-1)
    while width > 1:  # elsewhere, and for long rows, the order of torch.sum depends on the number of rows
        half = width // 2
        values[..., :half] += values[..., width - half : width]
        width -= half
    return values[..., 0].clone()  # what held the values may be a buffer that is used again


def float64_pieces(vectors: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Slices of vectors [N, F] and float64 copies of them, which may be changed, all in the same buffer.

    A new tensor for each would cost more time, in page faults, than is spent on it.
    """
    rows = max(1, PIECE // vectors.shape[1])
    buffer = torch.empty((min(rows, len(vectors)), vectors.shape[1]), dtype=torch.float64, device=vectors.device)
    for first in range(0, len(vectors), rows):
        here = slice(first, min(first + rows, len(vectors)))
        yield here, buffer[: here.stop - first].copy_(vectors[here])
