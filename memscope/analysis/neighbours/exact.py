"""The k nearest vectors of a memory, exactly, ties broken by the lowest position.

`prepare` takes the vectors of the memory, `nearest` finds the k nearest of each query among them: the k smallest by
(squared distance, position), of distances in float64. Neither the other queries of a call nor the size of a block can
change a bit of them.

Most of the time goes into a float32 matrix product of queries and memory. It gives scores |x|^2 - 2 q.x, which are
|x - q|^2 - |q|^2 with an error that is bounded. What k of the scores and that bound do not rule out, seldom more than
k + 5, is measured in float64.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import frexp

import numpy as np
import torch
from torch import Tensor

from memscope.analysis.neighbours.float64 import PIECE, float64_pieces, row_sums
from memscope.analysis.neighbours.lowest import SPARE, bytes_of_row, chunk_of, kth_lowest, minima_of, scores_up_to
from memscope.analysis.products import multiply

BLOCK_SIZE = 64 * 2**20
"""Bytes of working space. Of 50,000 vectors it holds the scores of 300 queries; 1,000 would gain a tenth."""

QUERIES = 1024
"""Queries in a block at most. Products of more run at the same rate."""

SCORES = 2**25
"""Bytes of the scores of a block at most: fresh memory is cleared by the system, and of more that costs more than it
gains."""

CACHED = 2**21
"""Bytes of scores that may still be in a cache."""

FULL_RATE = 50
"""Queries whose product runs at nearly the full rate."""

FAR = 2.0**60
"""A query this many times farther from the centre than any vector could overflow float32."""


@dataclass(frozen=True)
class Memory:
    """Vectors to search among for the k nearest.

    `vectors` [M, F] float32 or float64 and their `positions` [M] in what was given, of which all but the first k
    copies of any one vector are left out: they can never be among the nearest. `factors` [M, F + 1] float32 are the
    vectors, less the `centre` [F] and times `scale`, a power of two that makes their norms 1 at most, and their
    squared norms.
    """

    k: int
    vectors: Tensor
    positions: Tensor
    centre: Tensor
    scale: float
    factors: Tensor


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
    factors = torch.empty((size, features + 1), dtype=torch.float32, device=vectors.device)
    for here, piece in float64_pieces(vectors):
        factors[here, :features] = piece.sub_(centre).mul_(scale)
    factors[:, features] = squares * scale * scale
    return Memory(k, vectors, positions, centre, scale, factors)


def without_surplus_copies(vectors: Tensor, squares: Tensor, k: int) -> Tensor:
    """Positions, ascending, of `vectors` [N, F] without what has k identical vectors before it.

    `squares` [N] are equal where vectors are. Without this a network whose units are all dead, and every vector of
    which is zero, would have every pair measured.
    """
    ordered = squares.sort().values
    frequent = ordered[k:][ordered[k:] == ordered[:-k]]  # of which there are more than k
    keep = torch.ones(len(vectors), dtype=torch.bool, device=vectors.device)
    if len(frequent):
        suspects = torch.isin(squares, frequent).nonzero()[:, 0]
        copy_of, order = torch.unique(vectors[suspects], dim=0, return_inverse=True)[1].sort(stable=True)
        keep[suspects[order[k:][copy_of[k:] == copy_of[:-k]]]] = False
    return keep.nonzero()[:, 0]


@torch.no_grad()
def nearest(memory: Memory, queries: Tensor, block_size: int = BLOCK_SIZE) -> tuple[Tensor, Tensor]:
    """Positions int64 [n, k] and squared distances float64 [n, k] of the nearest to queries [n, F], nearest first.

    Queries are numbers as in `prepare`, on the memory's device. Beside arguments and results it takes `block_size`
    bytes, and 6 MiB; more where one query needs more, whose scores of M vectors are held at once.
    """
    k, (size, features) = memory.k, memory.vectors.shape
    chunk = chunk_of(k, size)
    positions = torch.empty((len(queries), k), dtype=torch.int64, device=queries.device)
    squared = torch.empty((len(queries), k), dtype=torch.float64, device=queries.device)
    needed = 5 * size + 2 * bytes_of_row(k + SPARE, chunk, size) + 40 * features  # bytes for a query
    rows = max(1, min(QUERIES, len(queries), block_size // needed, SCORES // (4 * size)))
    scores = torch.empty((rows if chunk else 0, size), dtype=torch.float32, device=queries.device)
    for first in range(0, len(queries), rows):
        block = queries[first : first + rows].double()
        for group, near in candidates(memory, block, scores[: len(block)], chunk):
            places, distances = measured(memory.vectors, block[group], near)
            positions[first + group], squared[first + group] = memory.positions[places[:, :k]], distances[:, :k]
    return positions, squared


def candidates(memory: Memory, block: Tensor, scores: Tensor, chunk: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Rows [some] of queries `block` [B, F] and places [some, k at least] in the memory, their nearest among them.

    `scores` [B, M] is space, to be looked through in chunks of so many; 0: too few to be worth it, all are candidates.
    """
    size, features = memory.vectors.shape
    if not chunk:
        rows = torch.arange(len(block), device=block.device)
        yield rows, torch.arange(size, device=block.device).expand(len(block), size)
        return
    centred = (block - memory.centre) * memory.scale
    norms = row_sums(centred.square()).sqrt()
    factors = torch.ones((len(block), features + 1), dtype=torch.float32, device=block.device)
    factors[:, :features] = -2 * centred.masked_fill_((norms > FAR)[:, None], 0)
    minima = torch.empty((len(block), size // chunk), dtype=torch.float32, device=block.device)
    for some in pieces(len(block), size):
        multiply(factors[some], memory.factors, out=scores[some])
        minima_of(scores[some], chunk, out=minima[some])
    kth, lowest = kth_lowest(minima, memory.k)
    limit = highest_score(kth, norms, features)
    yield from scores_up_to(
        limit, scores, minima, lowest, chunk, len(block) * bytes_of_row(memory.k + SPARE, chunk, size)
    )


def pieces(rows: int, size: int) -> Iterator[slice]:
    """Slices of so many rows of scores [rows, size] that are still in the cache when they are read; or one of all."""
    step = max(1, CACHED // (4 * size))
    step = step if step >= FULL_RATE else rows
    yield from (slice(first, first + step) for first in range(0, rows, step))


def highest_score(kth: Tensor, norms: Tensor, features: int) -> Tensor:
    """Float32 [B] that the score of none of the k nearest exceeds, where k scores are up to `kth` [B].

    A score is the sum, in any order, of F + 1 products of rounded factors. So it is off by gamma_(F+3) times the sum
    of their magnitudes, 2 |q| |x| + |x|^2, at most, where gamma_n = n u / (1 - n u) and u = 2^-24 (Higham 2002,
    'Accuracy and stability of numerical algorithms', section 3.1). k vectors are as near as `kth` and that error say,
    so the nearest are, and their scores are off by as much again. No |x| is above 1, nor, at such a
    distance, above |q| and the distance together, so that a few outliers do not blur all.
    """
    gamma = (features + 8) * 2.0**-24
    gamma /= 1 - gamma

    def error(reach: Tensor) -> Tensor:
        # Rounding in float64, of centred vectors and of the distances themselves, and what float32 flushes to zero.
        spare = (features + 8) * (2.0**-50 * (norms + reach) ** 2 + 2.0**-120 * (norms + 1))
        return gamma * (2 * norms + reach) * reach + spare

    score = kth.double()
    squared = (score + norms**2 + error(torch.ones_like(norms))).clamp(min=0)  # of the k-th distance, at most
    limit = (score + 2 * error((norms + squared.sqrt()).clamp(max=1))).float()
    return torch.where(norms > FAR, torch.inf, torch.nextafter(limit, torch.full_like(limit, torch.inf)))


def measured(vectors: Tensor, queries: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """Places [B, n] in the order of (distance, place), and squared distances float64 [B, n] from queries [B, F]."""
    places = ascending(places)
    count, features = places.shape[1], vectors.shape[1]
    columns = max(1, min(count, PIECE // features))
    rows = max(1, PIECE // (columns * features))
    distances = torch.empty(places.shape, dtype=torch.float64, device=vectors.device)
    for top in range(0, len(queries), rows):
        query = queries[top : top + rows, None]
        for left in range(0, count, columns):
            here = slice(top, top + rows), slice(left, left + columns)
            some = vectors.index_select(0, places[here].flatten()).double().view(*places[here].shape, features)
            distances[here] = row_sums(some.sub_(query).square_())
    distances, order = distances.sort(dim=1, stable=True)
    return places.gather(1, order), distances


def ascending(places: Tensor) -> Tensor:
    if places.device.type == "cpu":
        return torch.from_numpy(np.sort(places.numpy(), axis=1))  # torch takes ten times as long
    return places.sort(dim=1).values
