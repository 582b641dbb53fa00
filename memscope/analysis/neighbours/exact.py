"""The k nearest vectors of a memory, exactly, ties broken by the lowest position.

`prepare` takes the vectors of the memory, `nearest` finds the k nearest of each query among them: the k smallest by
(squared distance, position), of distances in float64. Neither the other queries of a call nor the size of a block can
change a bit of them.

Most of the time goes into a float32 matrix product of queries and memory. It gives scores |x|^2 - 2 q.x, which are
|x - q|^2 - |q|^2 with an error that is bounded. Somewhat more than k of the lowest are measured in float64, where the
bound rules out all others; else everything that it does not rule out. Where distances are whole numbers nearly every
query ties and comes to that, so this is done for many queries at once.
"""

from dataclasses import dataclass
from math import frexp

import numpy as np
import torch
from torch import Tensor

from memscope.analysis.neighbours.float64 import PIECE, float64_pieces, row_sums
from memscope.analysis.neighbours.lowest import bytes_of_row, lowest_scores, minima_of, scores_up_to
from memscope.analysis.products import multiply

BLOCK_SIZE = 64 * 2**20
"""Bytes of working space. Of 50,000 vectors it holds the scores of 300 queries; 1,000 would gain a tenth."""

QUERIES = 1024
"""Queries in a block at most. Products of more run at the same rate."""

SCORES = 2**25
"""Bytes of the scores of a block at most: fresh memory is cleared by the system, and of more that costs more than it
gains."""

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
    # Of 50,000 vectors in clusters the bound seldom leaves more than k + 5.
    width = min(k + k // 8 + min(8, k // 2 + 2), size)
    positions = torch.empty((len(queries), k), dtype=torch.int64, device=queries.device)
    squared = torch.empty((len(queries), k), dtype=torch.float64, device=queries.device)
    needed = 5 * size + 2 * bytes_of_row(width, size) + 40 * features  # bytes for a query
    rows = max(1, min(QUERIES, len(queries), block_size // needed, SCORES // (4 * size)))
    scores = torch.empty((rows if width < size else 0, size), dtype=torch.float32, device=queries.device)
    for first in range(0, len(queries), rows):
        here = slice(first, first + rows)
        block = queries[here].double()
        if width < size:
            places, distances = nearest_by_scores(memory, block, width, scores[: len(block)])
        else:
            everything = torch.arange(size, device=queries.device).expand(len(block), size)
            places, distances = measured(memory.vectors, block, everything)
        positions[here], squared[here] = memory.positions[places[:, :k]], distances[:, :k]
    return positions, squared


def nearest_by_scores(memory: Memory, block: Tensor, width: int, scores: Tensor) -> tuple[Tensor, Tensor]:
    """Places and squared distances of the k nearest, [B, k], of queries `block` [B, F].

    `width` is k at least; `scores` [B, M] is space.
    """
    k, features = memory.k, block.shape[1]
    centred = (block - memory.centre) * memory.scale
    norms = row_sums(centred.square()).sqrt()
    factors = torch.ones((len(block), features + 1), dtype=torch.float32, device=block.device)
    factors[:, :features] = -2 * centred.masked_fill_((norms > FAR)[:, None], 0)
    multiply(factors, memory.factors, out=scores)
    minima = minima_of(scores)
    lowest, candidates = lowest_scores(scores, minima, width)
    limit = highest_score(lowest.kthvalue(k, dim=1).values, norms, features)
    decided = lowest.amax(dim=1) > limit
    places = torch.empty((len(block), k), dtype=torch.int64, device=block.device)
    distances = torch.empty((len(block), k), dtype=torch.float64, device=block.device)

    def measure(rows: Tensor, near: Tensor) -> None:
        found = measured(memory.vectors, block[rows], near)
        places[rows], distances[rows] = found[0][:, :k], found[1][:, :k]

    sure, unsure = decided.nonzero()[:, 0], (~decided).nonzero()[:, 0]
    measure(sure, candidates[sure])
    for rows, near in scores_up_to(limit, scores, minima, unsure, len(block) * bytes_of_row(width, scores.shape[1])):
        measure(rows, near)
    return places, distances


def highest_score(kth: Tensor, norms: Tensor, features: int) -> Tensor:
    """Float32 [B] that the score of none of the k nearest exceeds, where the k-th lowest score is `kth` [B].

    A score is the sum, in any order, of F + 1 products of rounded factors. So it is off by gamma_(F+3) times the sum
    of their magnitudes, 2 |q| |x| + |x|^2, at most, where gamma_n = n u / (1 - n u) and u = 2^-24 (Higham 2002,
    'Accuracy and stability of numerical algorithms', section 3.1). k vectors are as near as the k-th score and that
    error say, so the nearest are, and their scores are off by as much again. No |x| is above 1, nor, at such a
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
