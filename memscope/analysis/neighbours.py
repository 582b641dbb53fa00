"""The k nearest vectors of a memory, exactly, ties broken by the lowest position.

`prepare` takes the vectors of the memory, `nearest` finds the k nearest of each query among them. The squared
distance of a pair is the sum of its squared differences in float64, added up in an order that only the number of
features decides, and the nearest are the k smallest by (squared distance, position): neither the other queries of a
call nor the size of a block can change a bit of them.

Most of the time goes into the float32 matrix products of blocks of queries with tiles of the memory that say which
pairs to measure (`candidates.py`): 52 of 50,000 Gaussian vectors where k is 50. Penultimate features of a trained
network lie near a space of few dimensions; there the products are those of an outline of the vectors (`outline.py`),
and take a fraction of the time.
"""

from collections.abc import Callable
from math import ceil, isqrt

import torch
from torch import Tensor

from memscope.analysis.candidates import Candidates, through_all, through_outline
from memscope.analysis.float64 import PIECE, row_sums
from memscope.analysis.neighbour_memory import CHUNK, Memory

BLOCK_SIZE = 64 * 2**20
"""Bytes of working space. Twice as much gains nothing."""

QUERIES = 1024
"""Queries in a block at most. Products of fewer run at a lower rate, those of more at the same."""


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
    ways = [through_outline, through_all] if memory.outline else [through_all]
    for first in range(0, len(queries), rows):
        block = queries[first : first + rows].double()
        rest = torch.arange(len(block), device=device)
        for way in list(ways) if chunk else ():
            place, distance, missed = found_by(way, memory, block[rest], scores, chunk)
            done = first + rest[~missed]
            positions[done], squared[done] = memory.positions[place], distance
            rest = rest[missed]
            if not len(rest):
                break
            if way is through_outline and len(rest) > len(block) // 2:
                ways.remove(way)  # these queries are not like the vectors of the memory
        at_once = max(1, PIECE // memory.vectors.numel())
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
    rows = max(1, min(queries, QUERIES, isqrt(room), room // (8 * memory.vectors.shape[1])))
    tiles = min(in_memory, max(room // (rows * memory.tile), ceil(4 * memory.k / memory.tile)))
    rows = max(1, min(rows, room // (tiles * memory.tile)))
    chunk = CHUNK
    while chunk > 1 and min(tiles * memory.tile, len(memory.vectors)) < 4 * memory.k * chunk:
        chunk //= 2
    return rows, tiles, chunk


def found_by(
    way: Callable[[Memory, Tensor, Tensor, int], Candidates],
    memory: Memory,
    block: Tensor,
    scores: Tensor,
    chunk: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """Places and squared distances [n, k] of the nearest for the rows of a block [B, F] where they are found.

    And where they are missed, bool [B]. `scores` is the space for those of some tiles, [tiles, B at least, tile].
    """
    found = way(memory, block, scores, chunk)
    distance = squared_distances(block, found.rows, memory.vectors, found.places)
    place, distance = first_of_each(found.rows, found.places, distance, memory.k, ~found.missed)
    beyond = distance[:, -1] * memory.scale**2 > found.reach[~found.missed]
    missed = found.missed.clone()
    missed[~found.missed] = beyond
    return place[~beyond], distance[~beyond], missed


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
    if not wanted.any():
        return places.new_empty((0, k)), distances.new_empty((0, k))
    beyond = 1 + int(places.max())
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
