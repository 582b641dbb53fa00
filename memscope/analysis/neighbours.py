"""The k nearest vectors of a memory, exactly, ties broken by the lowest position.

`prepare` takes the vectors of the memory, `nearest` finds the k nearest of each query among them. The squared
distance of a pair is the sum of its squared differences in float64, added up in an order that only the number of
features decides, and the nearest are the k smallest by (squared distance, position): neither the other queries of a
call nor the size of a block can change a bit of them.

Most of the time goes into float32 matrix products of blocks of queries with tiles of the memory. They give scores
|x - q|^2 - |q|^2 = |x|^2 - 2 q.x with an error that is bounded for every query, so that what a score rules out is
ruled out for certain; the rest, 52 of 50,000 Gaussian vectors where k is 50, is measured in float64.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil, frexp, isqrt

import numpy as np
import torch
from torch import Tensor

BLOCK_SIZE = 64 * 2**20
"""Bytes of working space."""

QUERIES = 1024
"""Queries in a block at most. Products of fewer run at a lower rate."""

TILE, CHUNK = 1024, 64
"""Vectors in a tile at most, whose scores are still in the cache when they are read, and in a chunk at most."""

PIECE = 2**18
"""Float64 numbers that are measured at once: 2 MiB."""

FAR = 2.0**60
"""A query this many times farther from the centre than any vector could overflow float32."""

FILLING = 2.0**100
"""Score of the zero vectors that fill up the last tile: above every score of a query that is not FAR."""


@dataclass(frozen=True)
class Memory:
    """Vectors to search among for the k nearest.

    `vectors` [M, F] float32 or float64 and their `positions` [M] in what was given, of which all but the first k
    copies of any one vector are left out: they can never be among the nearest. `factors` [tiles * tile, F + 1]
    float32 are the vectors, centred and multiplied by `scale`, a power of two that makes their norms 1 at most, and
    their squared norms.
    """

    k: int
    vectors: Tensor
    positions: Tensor
    centre: Tensor
    scale: float
    factors: Tensor
    tile: int


@torch.no_grad()
def prepare(vectors: Tensor, k: int) -> Memory:
    """A memory of vectors [N, F], float32 or float64 and finite, for k from 1 to N. It keeps hold of `vectors`."""
    pieces = vectors.split(piece_rows(vectors))
    # Centring keeps numbers, and with them rounding errors, small; where exactly the centre is does not matter.
    centre = torch.stack([piece.sum(dim=0, dtype=torch.float64) for piece in pieces]).sum(dim=0) / len(vectors)
    squares = torch.cat([row_sums((piece.double() - centre).square_()) for piece in pieces])
    positions = without_surplus_copies(vectors, squares, k)
    if len(positions) < len(vectors):
        vectors, squares = vectors[positions], squares[positions]
    size, features = vectors.shape
    scale = 2.0 ** -frexp(float(squares.max().sqrt()))[1]
    tiles = ceil(size / TILE)
    tile = CHUNK * ceil(size / (tiles * CHUNK))
    factors = torch.zeros((tiles * tile, features + 1), dtype=torch.float32, device=vectors.device)
    rows = piece_rows(vectors)
    for first in range(0, size, rows):
        here = slice(first, min(first + rows, size))
        factors[here, :features] = (vectors[here].double() - centre) * scale
    factors[:size, features] = squares * scale * scale
    factors[size:, features] = FILLING
    return Memory(k, vectors, positions, centre, scale, factors, tile)


@torch.no_grad()
def nearest(memory: Memory, queries: Tensor, block_size: int = BLOCK_SIZE) -> tuple[Tensor, Tensor]:
    """Positions int64 [n, k] and squared distances float64 [n, k] of the nearest to queries [n, F], nearest first.

    Queries are finite and on the memory's device. Beside arguments and results it takes about `block_size` bytes, at
    least the space of the products of one query with 4 k vectors and one tile.
    """
    k, device = memory.k, queries.device
    positions = torch.empty((len(queries), k), dtype=torch.int64, device=device)
    squared = torch.empty((len(queries), k), dtype=torch.float64, device=device)
    rows, tiles, chunk = shape_of_block(memory, len(queries), block_size)
    scores = torch.empty((tiles, rows, memory.tile), dtype=torch.float32, device=device)
    for first in range(0, len(queries), rows):
        here = slice(first, first + rows)
        block = queries[here].double()
        undecided = torch.ones(len(block), dtype=torch.bool, device=device)
        if chunk:
            row, place, undecided = candidates(memory, block, scores, chunk)
            distance = squared_distances(block, row, memory.vectors, place)
            place, distance = first_of_each(row, place, distance, k, ~undecided)
            positions[here][~undecided] = memory.positions[place]
            squared[here][~undecided] = distance
        at_once = max(1, PIECE // memory.vectors.numel())
        rest = undecided.nonzero()[:, 0]
        for some in rest.split(at_once) if len(rest) else ():
            positions[first + some], squared[first + some] = nearest_by_measuring_all(memory, block[some])
    return positions, squared


def shape_of_block(memory: Memory, queries: int, block_size: int) -> tuple[int, int, int]:
    """Queries and tiles whose scores are held at once, and the size of a chunk; no tiles for small memories.

    Scores take half the block. Of each chunk the smallest score is looked at first, since to select among 50,000
    scores takes longer than to compute them; with 4 k chunks or more the k nearest are seldom in fewer than k.
    """
    if len(memory.vectors) < 4 * memory.k:
        return QUERIES, 0, 0
    room = max(1, block_size // 8)
    in_memory = len(memory.factors) // memory.tile
    rows = max(1, min(queries, QUERIES, isqrt(room)))
    tiles = min(in_memory, max(room // (rows * memory.tile), ceil(4 * memory.k / memory.tile)))
    rows = max(1, min(rows, room // (tiles * memory.tile)))
    chunk = CHUNK
    while chunk > 1 and min(tiles * memory.tile, len(memory.vectors)) < 4 * memory.k * chunk:
        chunk //= 2
    return rows, tiles, chunk


def candidates(memory: Memory, block: Tensor, scores: Tensor, chunk: int) -> tuple[Tensor, Tensor, Tensor]:
    """Rows of the block and places in the memory of all pairs that can be among the nearest; and undecided rows.

    `block` is float64 [B, F], `scores` the space for those of some tiles, [tiles, B at most, tile]. Places ascend
    within a row. Rows with too many candidates to hold are undecided, bool [B], and have no pairs.
    """
    count, device, tile, k = len(block), block.device, memory.tile, memory.k
    centred = (block - memory.centre) * memory.scale
    norms = row_sums(centred.square()).sqrt()
    factors = torch.ones((count, block.shape[1] + 1), dtype=torch.float32, device=device)
    factors[:, :-1] = -2 * centred
    undecided = norms > FAR
    chunks, held = tile // chunk, scores.shape[0] * tile
    least = torch.full((count, k), torch.inf, device=device)
    rows, places = torch.empty((2, 0), dtype=torch.int64, device=device)
    values = torch.empty(0, device=device)
    for start in range(0, len(memory.factors), held):
        columns = memory.factors[start : start + held].split(tile)
        minima = torch.empty((count, len(columns), chunks), device=device)
        with full_float32(device):
            for number, column in enumerate(columns):
                product = torch.mm(factors, column.T, out=scores[number, :count])
                torch.amin(product.view(count, chunks, chunk), dim=2, out=minima[:, number])
        minima = minima.view(count, -1)
        least = smallest(torch.cat([least, minima], dim=1), k)
        limit = highest_score(least.amax(dim=1), norms, block.shape[1])
        hits = minima <= limit[:, None]
        undecided |= hits.sum(dim=1) > held // (2 * chunk)
        hits[undecided] = False
        for found in flat_places(hits).split(max(1, scores.numel() // (8 * chunk))):
            row, within = found // minima.shape[1], found % minima.shape[1]
            line = (within // chunks * scores.shape[1] + row) * chunks + within % chunks
            some = scores.view(-1, chunk).index_select(0, line)  # [hits, chunk]
            inside = flat_places(some <= limit[row, None])
            hit = inside // chunk
            rows = torch.cat([rows, row[hit]])
            places = torch.cat([places, start + within[hit] * chunk + inside % chunk])
            values = torch.cat([values, some.view(-1)[inside]])
            undecided |= torch.bincount(rows, minlength=count) > max(4 * k, held // 16)
            stay = flat_places((values <= limit[rows]) & ~undecided[rows])
            rows, places, values = rows[stay], places[stay], values[stay]
    return rows, places, undecided


def highest_score(kth: Tensor, norms: Tensor, features: int) -> Tensor:
    """Float32 [B] that no score of the k nearest exceeds, where k vectors have scores up to `kth` [B].

    A score is off by c (2 |q| |x| + |x|^2) at most: F + 1 products in any order and the rounding of what they are
    made of (Higham 2002, 'Accuracy and stability of numerical algorithms', section 3.1). The norm |x| of the memory
    is 1 at most, and for a given score it cannot be much above |q| either, so that a few outliers do not blur all.
    """
    c = 1.01 * (features + 8) * 2.0**-24
    # Rounding in float64, of centred vectors and of the distances themselves, and what float32 flushes to zero.
    spare = (features + 8) * (2.0**-50 * (norms + 1) ** 2 + 2.0**-120 * (norms + 1))
    kth = kth.double() + spare
    reach = ((1 + c) * norms + ((1 + c) ** 2 * norms**2 + (1 - c) * kth).clamp(min=0).sqrt()) / (1 - c)
    reach = reach.clamp(max=1)
    true = kth + c * (2 * norms + reach) * reach
    reach = (norms + (norms**2 + true).clamp(min=0).sqrt()).clamp(max=1)
    computed = true + c * (2 * norms + reach) * reach
    return torch.nextafter(computed.float(), torch.full_like(norms, torch.inf).float())


def squared_distances(queries: Tensor, rows: Tensor, vectors: Tensor, places: Tensor) -> Tensor:
    """Float64 [pairs]: squared distance of `queries` [B, F] float64 at `rows` from `vectors` [M, F] at `places`."""
    step = piece_rows(vectors)
    shape = (min(step, len(rows)), vectors.shape[1])
    given = torch.empty(shape, dtype=vectors.dtype, device=vectors.device)  # buffers: new ones cost page faults
    vector, query = torch.empty((2, *shape), dtype=torch.float64, device=vectors.device)
    result = torch.empty(len(rows), dtype=torch.float64, device=vectors.device)
    for first in range(0, len(rows), step):
        row, place = rows[first : first + step], places[first : first + step]
        here = slice(0, len(row))
        torch.index_select(vectors, 0, place, out=given[here])
        torch.index_select(queries, 0, row, out=query[here])
        difference = vector[here].copy_(given[here]).sub_(query[here])
        result[first : first + step] = row_sums(difference.square_())
    return result


def first_of_each(
    rows: Tensor, places: Tensor, distances: Tensor, k: int, wanted: Tensor
) -> tuple[Tensor, Tensor]:
    """Places and distances [n, k] of the first k pairs, by (distance, place), of each wanted row; `wanted` is bool [B].

    The pairs of a row come in ascending places, and each wanted row has k or more of them.
    """
    in_rows = rows.argsort(stable=True)
    rows, places, distances = rows[in_rows], places[in_rows], distances[in_rows]
    counts = torch.bincount(rows, minlength=len(wanted))
    column = torch.arange(len(rows), device=rows.device) - (counts.cumsum(dim=0) - counts)[rows]
    table = torch.full((len(wanted), max(k, int(counts.max()))), torch.inf, dtype=torch.float64, device=rows.device)
    table[rows, column] = distances
    distances, order = table[wanted].sort(dim=1, stable=True)
    pair = (counts.cumsum(dim=0) - counts)[wanted, None] + order[:, :k]
    return places[pair], distances[:, :k]


def nearest_by_measuring_all(memory: Memory, queries: Tensor) -> tuple[Tensor, Tensor]:
    """Positions and squared distances [n, k] for few queries [n, F], float64, without any products."""
    count, k = len(queries), memory.k
    places = torch.empty((count, 0), dtype=torch.int64, device=queries.device)
    squared = torch.empty((count, 0), dtype=torch.float64, device=queries.device)
    step = max(1, PIECE // (count * max(1, queries.shape[1])))
    for first in range(0, len(memory.vectors), step):
        some = memory.vectors[first : first + step].double()
        squares = row_sums((some - queries[:, None]).square_())
        here = torch.arange(first, first + len(some), device=queries.device).expand(count, -1)
        squared, order = torch.cat([squared, squares], dim=1).sort(dim=1, stable=True)
        places = torch.cat([places, here], dim=1).gather(1, order)[:, :k]
        squared = squared[:, :k]
    return memory.positions[places], squared


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


def row_sums(values: Tensor) -> Tensor:
    """Sums [...] over the last axis of values [..., F], which are lost, added in an order that only F decides."""
    width = values.shape[-1]
    if values.device.type == "cpu" and width < 2**15:
        return values.sum(dim=-1)
    while width > 1:  # elsewhere, and for long rows, the order of torch.sum depends on the number of rows
        half = width // 2
        values[..., :half] += values[..., width - half : width]
        width -= half
    return values[..., 0]


def piece_rows(vectors: Tensor) -> int:
    """Rows of vectors [N, F] that are measured at once."""
    return max(1, PIECE // max(1, vectors.shape[1]))


def smallest(values: Tensor, k: int) -> Tensor:
    """The k smallest [B, k] of each row of values [B, n], in any order."""
    if values.device.type == "cpu":
        return torch.from_numpy(np.partition(values.numpy(), k - 1, axis=1)[:, :k].copy())  # topk takes 5 times as long
    return values.topk(k, dim=1, largest=False, sorted=False).values


def flat_places(mask: Tensor) -> Tensor:
    """Places, ascending, of what is true in the flattened mask."""
    if mask.device.type == "cpu":
        return torch.from_numpy(np.flatnonzero(mask.numpy()))  # torch's nonzero takes 6 times as long
    return mask.flatten().nonzero()[:, 0]


@contextmanager
def full_float32(device: torch.device) -> Iterator[None]:
    """Products in float32 as such, not in TF32 or bfloat16, whatever has been allowed elsewhere."""
    legacy = not hasattr(torch.backends, "fp32_precision")  # before torch 2.9
    places = [] if legacy else [torch.backends.cuda.matmul, torch.backends.mkldnn.matmul]
    before = [torch.get_float32_matmul_precision()] if legacy else [place.fp32_precision for place in places]
    try:
        if legacy:
            torch.set_float32_matmul_precision("highest")
        for place in places:
            place.fp32_precision = "ieee"
        with torch.autocast(device.type, enabled=False):
            yield
    finally:
        if legacy:
            torch.set_float32_matmul_precision(before[0])
        for place, precision in zip(places, before, strict=bool(places)):
            place.fp32_precision = precision
