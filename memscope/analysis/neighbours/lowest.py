"""Where the lowest scores of each query are: all up to a limit.

To select among all scores of a query takes longer than to compute them. So they are divided into chunks, and only the
chunks with minima up to the limit are looked into. Chunk c of n has the columns c, c + n, c + 2 n and so on; the last
few scores may be in no chunk, and are always looked at.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

CHUNK = 16
"""Scores in a chunk at most."""

SPARE = 2
"""Chunks beyond k that are looked into at once: of few rows more than so many have a minimum up to the limit."""

FEW = 20
"""So many lowest values of a row at most are faster found one after another than by selecting."""


def chunk_of(k: int, size: int) -> int:
    """Scores in a chunk, so that the k lowest of `size` are seldom in fewer chunks than k; 0 where these are few."""
    return min(CHUNK, size // (4 * k))


def minima_of(scores: Tensor, chunk: int, out: Tensor) -> None:
    """The lowest score of each chunk, into `out` [B, chunks], of scores [B, M]."""
    chunks = out.shape[1]
    torch.amin(scores[:, : chunk * chunks].unflatten(1, (chunk, chunks)), dim=1, out=out)


def kth_lowest(minima: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k-th lowest [B] of each row of minima [B, chunks], and the columns [B, k + SPARE at most] of the lowest."""
    lowest = order_of_lowest(minima.clone(), min(k + SPARE, minima.shape[1]))
    return minima.gather(1, lowest).kthvalue(k, dim=1).values, lowest


def scores_up_to(
    limit: Tensor, scores: Tensor, minima: Tensor, lowest: Tensor, chunk: int, space: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Groups of rows [group], and columns [group, some] of their scores [B, M], among them all up to `limit` [B].

    `lowest` [B, l] are the columns of the lowest `minima` [B, chunks]. A group takes `space` bytes, or is one row. It
    consists of rows that need about as many chunks, since as many columns are given for each as for that with the most
    scores up to its limit.
    """
    counts, size = (minima <= limit[:, None]).sum(dim=1), scores.shape[1]
    few = counts <= lowest.shape[1]
    some = few.nonzero()[:, 0]
    if len(some):
        yield some, columns_up_to(limit[some], scores, some, lowest[some], chunk, minima.shape[1])
    counts, order = counts[~few].sort(descending=True)
    order, first = (~few).nonzero()[:, 0][order], 0
    while first < len(order):
        most = int(counts[first])
        rows = order[first : first + max(1, space // bytes_of_row(most, chunk, size))]
        chosen = order_of_lowest(minima[rows], most)
        yield rows, columns_up_to(limit[rows], scores, rows, chosen, chunk, minima.shape[1])
        first += len(rows)


def columns_up_to(limit: Tensor, scores: Tensor, rows: Tensor, chosen: Tensor, chunk: int, chunks: int) -> Tensor:
    """Columns [n, some] of the lowest scores of `rows` [n], all up to their `limit` [n] that are in chosen chunks."""
    columns = columns_of(chosen, chunk, chunks, scores.shape[1])
    places = columns + scores.shape[1] * rows[:, None]
    values = scores.view(-1).index_select(0, places.view(-1)).view_as(places)
    width = int((values <= limit[:, None]).sum(dim=1).max())
    return columns.gather(1, order_of_lowest(values, width))


def bytes_of_row(chunks: int, chunk: int, size: int) -> int:
    """What is taken, for a query with `size` scores, to look into so many chunks: by scores, places and their order."""
    return 36 * min(chunk * (chunks + 1) or size, size)


def columns_of(chosen: Tensor, chunk: int, chunks: int, size: int) -> Tensor:
    """The columns [n, some], of `size`, in the chosen ones [n, count] of so many chunks, and in none."""
    count = chosen.shape[1]
    columns = torch.empty((len(chosen), chunk * count + size - chunk * chunks), dtype=torch.int64, device=chosen.device)
    across = torch.arange(0, chunk * chunks, chunks, device=chosen.device)
    torch.add(chosen[:, None], across[:, None], out=columns[:, : chunk * count].unflatten(1, (chunk, count)))
    columns[:, chunk * count :] = torch.arange(chunk * chunks, size, device=chosen.device)
    return columns


def order_of_lowest(values: Tensor, count: int) -> Tensor:
    """Columns of the `count` lowest of each row of values [n, m], which are lost, in any order, [n, count]."""
    if count == values.shape[1]:
        return torch.arange(count, device=values.device).expand_as(values)
    if values.device.type == "cpu" and count <= FEW:
        return one_after_another(values, count)
    if values.device.type == "cpu" and torch.get_num_threads() == 1:  # topk takes twice as long, but uses all threads
        return torch.from_numpy(np.argpartition(values.numpy(), count - 1, axis=1)[:, :count])
    return values.topk(count, dim=1, largest=False, sorted=False).indices


def one_after_another(values: Tensor, count: int) -> Tensor:
    """The same, by looking again and again for the lowest of what is left, which is fast; values are finite."""
    left, rows = values.numpy(), np.arange(len(values))
    columns = np.empty((len(values), count), dtype=np.int64)
    for number in range(count):
        columns[:, number] = left.argmin(axis=1)
        left[rows, columns[:, number]] = np.inf
    return torch.from_numpy(columns)
