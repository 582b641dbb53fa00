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
from dataclasses import dataclass
from math import ceil, frexp, isqrt

import numpy as np
import torch
from torch import Tensor

from memscope.analysis.products import multiply

BLOCK_SIZE = 64 * 2**20
"""Bytes of working space. Twice as much gains nothing."""

QUERIES = 1024
"""Queries in a block at most. Products of fewer run at a lower rate, those of more at the same."""

TILE, CHUNK = 1024, 64
"""Vectors in a tile at most, whose scores are still in the cache when they are read, and in a chunk at most."""

PIECE = 2**18
"""Float64 numbers that are measured at once: 2 MiB. Fewer take longer to call for, more to fetch."""

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
    return Memory(k, vectors, positions, centre, scale, factors, order, tile)


@torch.no_grad()
def nearest(memory: Memory, queries: Tensor, block_size: int = BLOCK_SIZE) -> tuple[Tensor, Tensor]:
    """Positions int64 [n, k] and squared distances float64 [n, k] of the nearest to queries [n, F], nearest first.

    Queries are numbers as in `prepare`, on the memory's device. Beside arguments and results it takes `block_size`
    bytes, and 6 MiB; more where one query's scores of 4 k vectors need it.
    """
    k, device = memory.k, queries.device
    positions = torch.empty((len(queries), k), dtype=torch.int64, device=device)
    squared = torch.empty((len(queries), k), dtype=torch.float64, device=device)
    rows, tiles, chunk = shape_of_block(memory, len(queries), block_size)
    scores = torch.empty((tiles, rows, memory.tile), dtype=torch.float32, device=device)
    for first in range(0, len(queries), rows):
        here = slice(first, first + rows)
        block = queries[here].double()
        rest = torch.ones(len(block), dtype=torch.bool, device=device)
        if chunk:
            row, place, rest = candidates(memory, block, scores, chunk)
            distance = squared_distances(block, row, memory.vectors, place)
            place, distance = first_of_each(row, place, distance, k, ~rest)
            positions[here][~rest], squared[here][~rest] = memory.positions[place], distance
        at_once = max(1, PIECE // memory.vectors.numel())
        for some in rest.nonzero()[:, 0].split(at_once) if bool(rest.any()) else ():
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
    rows = max(1, min(queries, QUERIES, isqrt(room), room // (8 * memory.vectors.shape[1])))
    tiles = min(in_memory, max(room // (rows * memory.tile), ceil(4 * memory.k / memory.tile)))
    rows = max(1, min(rows, room // (tiles * memory.tile)))
    chunk = CHUNK
    while chunk > 1 and min(tiles * memory.tile, len(memory.vectors)) < 4 * memory.k * chunk:
        chunk //= 2
    return rows, tiles, chunk


def candidates(memory: Memory, block: Tensor, scores: Tensor, chunk: int) -> tuple[Tensor, Tensor, Tensor]:
    """Rows of the block and places in the memory of all pairs that can be among the nearest; and undecided rows.

    `block` is float64 [B, F], `scores` the space for those of some tiles, [tiles, B at most, tile]. Rows with more
    candidates than can be held are undecided, bool [B], and have no pairs.
    """
    count, features = block.shape
    chunks, held = memory.tile // chunk, scores.shape[0] * memory.tile
    centred = (block - memory.centre) * memory.scale
    norms = row_sums(centred.square()).sqrt()
    factors = block.new_ones((count, features + 1), dtype=torch.float32)
    factors[:, :features] = -2 * centred
    undecided = norms > FAR
    factors[undecided] = 0
    least = factors.new_full((count, memory.k), torch.inf)  # scores, of as many vectors, of those seen so far
    rows, places = block.new_empty((2, 0), dtype=torch.int64)
    values = factors.new_empty(0)
    for start in range(0, len(memory.factors), held):
        columns = memory.factors[start : start + held].split(memory.tile)
        minima = factors.new_empty((count, len(columns), chunks))
        for number, column in enumerate(columns):
            product = scores[number, :count]
            multiply(factors, column, out=product)
            torch.amin(product.view(count, chunks, chunk), dim=2, out=minima[:, number])
        minima = minima.view(count, -1)
        least = smallest(torch.cat([least, minima], dim=1), memory.k)
        limit = highest_score(least.amax(dim=1), norms, features)
        hits = minima <= limit[:, None]
        hits[undecided] = False
        for row, place, value in scores_up_to(limit, hits, scores, chunk):
            rows, places = torch.cat([rows, row]), torch.cat([places, start + place])
            values = torch.cat([values, value])
            undecided |= torch.bincount(rows, minlength=count) > max(4 * memory.k, held // 16)
            stay = flat_places((values <= limit[rows]) & ~undecided[rows])
            rows, places, values = rows[stay], places[stay], values[stay]
    return rows, memory.order[places], undecided


def scores_up_to(limit: Tensor, hits: Tensor, scores: Tensor, chunk: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Rows, columns and values of the scores up to `limit` [B], of chunks with `hits` [B, chunks], in several parts."""
    per_tile = scores.shape[2] // chunk
    for found in flat_places(hits).split(max(1, scores.numel() // (16 * chunk))):
        row, within = found // hits.shape[1], found % hits.shape[1]
        line = (within // per_tile * scores.shape[1] + row) * per_tile + within % per_tile
        some = scores.view(-1, chunk).index_select(0, line)  # [hits, chunk]
        inside = flat_places(some <= limit[row, None])
        hit = inside // chunk
        yield row[hit], within[hit] * chunk + inside % chunk, some.view(-1)[inside]


def highest_score(kth: Tensor, norms: Tensor, features: int) -> Tensor:
    """Float32 [B] that no score of the k nearest exceeds, where k vectors have scores of `kth` [B] or less.

    A score is off by c (2 |q| |x| + |x|^2) at most: F + 1 products, added in any order, of rounded factors (Higham
    2002, 'Accuracy and stability of numerical algorithms', section 3.1). No |x| is above 1; nor, given its score, can
    it be far above |q|, so that a few outliers do not blur all. First that makes a bound of the k-th smallest score
    before rounding, then one of any score after it.
    """
    c = (features + 8) * 2.0**-24
    c /= 1 - c
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
    step = max(1, PIECE // vectors.shape[1])
    shape = (min(step, len(rows)), vectors.shape[1])
    given = torch.empty(shape, dtype=vectors.dtype, device=vectors.device)
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


def first_of_each(rows: Tensor, places: Tensor, distances: Tensor, k: int, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Places and distances [n, k] of the first k pairs, by (distance, place), of each wanted row; `wanted` is bool [B].

    Each wanted row has k pairs or more.
    """
    beyond = 1 + int(places.max()) if len(places) else 1
    order = (rows * beyond + places).argsort()
    rows, places, distances = rows[order], places[order], distances[order]
    counts = torch.bincount(rows, minlength=len(wanted))
    starts = counts.cumsum(dim=0) - counts
    table = torch.full((len(wanted), max(k, int(counts.max()))), torch.inf, dtype=torch.float64, device=rows.device)
    table[rows, torch.arange(len(rows), device=rows.device) - starts[rows]] = distances
    distances, column = table[wanted].sort(dim=1, stable=True)
    return places[starts[wanted, None] + column[:, :k]], distances[:, :k]


def nearest_by_measuring_all(memory: Memory, queries: Tensor) -> tuple[Tensor, Tensor]:
    """Positions and squared distances [n, k] for few queries [n, F], float64, without any products."""
    count, k = len(queries), memory.k
    places = torch.empty((count, 0), dtype=torch.int64, device=queries.device)
    squared = torch.empty((count, 0), dtype=torch.float64, device=queries.device)
    step = max(1, PIECE // (count * queries.shape[1]))
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
