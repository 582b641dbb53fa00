"""Which vectors of a memory can be among the k nearest of a query, by float32 products whose error is bounded.

Products give scores |x - q|^2 - |q|^2 = |x|^2 - 2 q.x. What a score, with the largest error that it can have, rules out
is ruled out for certain.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from memscope.analysis.float64 import row_sums
from memscope.analysis.neighbour_memory import Memory
from memscope.analysis.products import multiply

FAR = 2.0**60
"""A query this many times farther from the centre than any vector could overflow float32."""


@dataclass(frozen=True)
class Candidates:
    """Pairs of a block of B queries and a memory that can be among the nearest.

    `rows` of the block and `places` in the memory [pairs]. Rows with more pairs than can be held are `missed`, bool
    [B], and have none. Every other row has k or more, and all whose squared distance, times the square of the memory's
    scale, is at most its `reach` [B].
    """

    rows: Tensor
    places: Tensor
    missed: Tensor
    reach: Tensor


def through_all(memory: Memory, block: Tensor, scores: Tensor, chunk: int) -> Candidates:
    """The candidates for the nearest of a block float64 [B, F], by products of all its features."""
    count, features = block.shape
    centred = (block - memory.centre) * memory.scale
    norms = row_sums(centred.square()).sqrt()
    factors = block.new_ones((count, features + 1), dtype=torch.float32)
    factors[:, :features] = -2 * centred
    rows, places, missed, _ = scan(
        memory, memory.factors, factors, norms, lambda kth: highest_score(kth, norms, features), scores, chunk
    )
    return Candidates(rows, places, missed, torch.full_like(norms, torch.inf))


def through_outline(memory: Memory, block: Tensor, scores: Tensor, chunk: int) -> Candidates:
    """The same by products of outlines, whose scores are too low, if anything: only what is in reach is sure."""
    assert memory.outline is not None
    outline, count = memory.outline, len(block)
    centred = (block - memory.centre) * memory.scale
    norms = row_sums(centred.square()).sqrt()
    outlined = outline.of(centred)
    width = outlined.shape[1]
    factors = block.new_ones((count, width + 1), dtype=torch.float32)
    factors[:, :width] = -2 * outlined
    spare = spare_of(norms, block.shape[1]) + outline.spare(norms)

    def reach(kth: Tensor) -> Tensor:
        return (kth.double() + norms**2).clamp(min=0) * outline.ratio

    def limit(kth: Tensor) -> Tensor:
        score = torch.maximum(reach(kth) - norms**2, kth.double())
        return computed_at_most(score + spare, norms, rounding(width))

    rows, places, missed, kth = scan(memory, outline.factors, factors, norms, limit, scores, chunk)
    return Candidates(rows, places, missed, reach(kth) - spare)


def scan(
    memory: Memory,
    columns: Tensor,
    factors: Tensor,
    norms: Tensor,
    limit_of: Callable[[Tensor], Tensor],
    scores: Tensor,
    chunk: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Rows and places of all pairs whose score is at most the limit; rows with too many; the k-th score [B] or higher.

    Scores are products of the `factors` [B, n] of queries with the `columns` [tiles * tile, n] of a memory. `limit_of`
    gives the limits [B] from scores [B] that those of k vectors do not exceed.
    """
    count, chunks, held = len(factors), memory.tile // chunk, scores.shape[0] * memory.tile
    undecided = norms > FAR
    factors[undecided] = 0
    least = factors.new_full((count, memory.k), torch.inf)  # scores, of as many vectors, of those seen so far
    rows, places = norms.new_empty((2, 0), dtype=torch.int64)
    values = factors.new_empty(0)
    for start in range(0, len(columns), held):
        some = columns[start : start + held].split(memory.tile)
        minima = factors.new_empty((count, len(some), chunks))
        for number, column in enumerate(some):
            product = scores[number, :count]
            multiply(factors, column, out=product)
            torch.amin(product.view(count, chunks, chunk), dim=2, out=minima[:, number])
        minima = minima.view(count, -1)
        least = smallest(torch.cat([least, minima], dim=1), memory.k)
        limit = limit_of(least.amax(dim=1))
        hits = minima <= limit[:, None]
        hits[undecided] = False
        for row, place, value in scores_up_to(limit, hits, scores, chunk):
            rows, places = torch.cat([rows, row]), torch.cat([places, start + place])
            values = torch.cat([values, value])
            undecided |= torch.bincount(rows, minlength=count) > max(4 * memory.k, held // 16)
            stay = flat_places((values <= limit[rows]) & ~undecided[rows])
            rows, places, values = rows[stay], places[stay], values[stay]
    return rows, memory.order[places], undecided, least.amax(dim=1)


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
    c = rounding(features)
    kth = kth.double() + spare_of(norms, features)
    reach = ((1 + c) * norms + ((1 + c) ** 2 * norms**2 + (1 - c) * kth).clamp(min=0).sqrt()) / (1 - c)
    reach = reach.clamp(max=1)
    return computed_at_most(kth + c * (2 * norms + reach) * reach, norms, c)


def computed_at_most(score: Tensor, norms: Tensor, c: float) -> Tensor:
    """Float32 [B] that no computed score exceeds which is, before rounding, `score` [B] at most."""
    reach = (norms + (norms**2 + score).clamp(min=0).sqrt()).clamp(max=1)
    computed = score + c * (2 * norms + reach) * reach
    return torch.nextafter(computed.float(), torch.full_like(norms, torch.inf).float())


def rounding(features: int) -> float:
    """The c of `highest_score`."""
    c = (features + 8) * 2.0**-24
    return c / (1 - c)


def spare_of(norms: Tensor, features: int) -> Tensor:
    """Rounding in float64 [B], of centred vectors and of the distances, and what float32 flushes to zero."""
    return (features + 8) * (2.0**-50 * (norms + 1) ** 2 + 2.0**-120 * (norms + 1))


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
