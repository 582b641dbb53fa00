"""Vectors to search among for the nearest: what `neighbours.nearest` needs of them, made once."""

from dataclasses import dataclass
from math import ceil, frexp

import torch
from torch import Tensor

from memscope.analysis.float64 import float64_pieces, row_sums
from memscope.analysis.outline import Outline, outline_of

TILE, CHUNK = 1024, 64
"""Vectors in a tile at most, whose scores are still in the cache when they are read, and in a chunk at most."""

FILLING = 2.0**100
"""Score of the zero vectors that fill up the last tile: above every score of a query that is not FAR."""


@dataclass(frozen=True)
class Memory:
    """Vectors to search among for the k nearest.

    `vectors` [M, F] float32 or float64 and their `positions` [M] in what was given, of which all but the first k
    copies of any one vector are left out: they can never be among the nearest. `factors` [tiles * tile, F + 1]
    float32 are the vectors, centred and multiplied by `scale`, a power of two that makes their norms 1 at most, and
    their squared norms; in a shuffled `order` [M], lest vectors that are near to each other be in the same chunks.
    """

    k: int
    vectors: Tensor
    positions: Tensor
    centre: Tensor
    scale: float
    factors: Tensor
    order: Tensor
    tile: int
    outline: Outline | None
    """In a few dimensions, where that takes less time than in all of them"""


@torch.no_grad()
def prepare(vectors: Tensor, k: int) -> Memory:
    """A memory of vectors [N, F], float32 or float64, for k from 1 to N. It keeps hold of `vectors`.

    Numbers are finite, at most 1e150 and, but for 0, at least 1e-130: squares neither overflow nor vanish.
    """
    # Centring keeps numbers, and with them rounding errors, small; where exactly the centre is does not matter.
    centre = torch.stack([piece.sum(dim=0) for _, piece in float64_pieces(vectors)]).sum(dim=0) / len(vectors)
    squares = torch.cat([row_sums(piece.sub_(centre).square_()) for _, piece in float64_pieces(vectors)])
    positions = without_surplus_copies(vectors, squares, k)
    if len(positions) < len(vectors):
        vectors, squares = vectors[positions], squares[positions]
    size, features = vectors.shape
    scale = 2.0 ** -frexp(float(squares.max().sqrt()))[1]
    tiles = ceil(size / TILE)
    tile = CHUNK * ceil(size / (tiles * CHUNK))
    factors = torch.zeros((tiles * tile, features + 1), dtype=torch.float32, device=vectors.device)
    shuffle = torch.Generator().manual_seed(0)  # decides nothing but time, so it is no stream
    order = torch.randperm(size, generator=shuffle, device="cpu").to(vectors.device)
    place = order.argsort()
    for here, piece in float64_pieces(vectors):
        factors[place[here], :features] = piece.sub_(centre).mul_(scale).float()
    factors[:size, features] = squares[order] * scale * scale
    factors[size:, features] = FILLING
    outline = outline_of(vectors, centre, scale, order, factors, k)
    return Memory(k, vectors, positions, centre, scale, factors, order, tile, outline)


def without_surplus_copies(vectors: Tensor, squares: Tensor, k: int) -> Tensor:
    """Positions, ascending, of `vectors` [N, F] without what has k identical vectors before it.

    `squares` [N] are equal where vectors are. Without this a network whose units are all dead, and every vector of
    which is zero, would make every pair a candidate.
    """
    ordered = squares.sort().values
    frequent = ordered[k:][ordered[k:] == ordered[:-k]]  # of which there are more than k
    keep = torch.ones(len(vectors), dtype=torch.bool, device=vectors.device)
    if len(frequent):
        suspects = torch.isin(squares, frequent).nonzero()[:, 0]
        copy_of = torch.unique(vectors[suspects], dim=0, return_inverse=True)[1]
        order = copy_of.argsort(stable=True)
        counts = torch.bincount(copy_of)
        starts = counts.cumsum(dim=0) - counts
        rank = torch.arange(len(suspects), device=vectors.device) - starts[copy_of[order]]
        keep[suspects[order[rank >= k]]] = False
    return keep.nonzero()[:, 0]
