"""Where the lowest scores of each query are: so many of them, or all up to a limit.

To select among all scores of a query takes longer than to compute them. So they are divided into chunks, and only the
chunks with the lowest minima are looked into. Chunk c of n has the columns c, c + n, c + 2 n and so on; the last few
scores may be in no chunk, and are always looked at.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

CHUNK = 16
"""Scores in a chunk."""

FEW = 20
"""So many lowest values of a row at most are faster found one after another than by selecting."""


def minima_of(scores: Tensor) -> Tensor:
    """The lowest score of each chunk, [B, chunks], of scores [B, M]."""
    chunks = scores.shape[1] // CHUNK
    return scores[:, : CHUNK * chunks].unflatten(1, (CHUNK, chunks)).amin(dim=1)


def lowest_scores(scores: Tensor, minima: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """The `width` lowest of each row of scores [B, M] and their columns, [B, width], in any order."""
    starts = scores.shape[1] * torch.arange(len(scores), device=scores.device)[:, None]
    values, places = in_lowest_chunks(scores, minima, starts, width)
    order = order_of_lowest(values, width)
    return values.gather(1, order), places.gather(1, order) - starts


def scores_up_to(
    limit: Tensor, scores: Tensor, minima: Tensor, rows: Tensor, space: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Groups of the `rows` [n], and columns [group, some] of their scores, among them all up to `limit` [B].

    A group takes `space` bytes, or is one row. It consists of rows that need about as many chunks, since as many
    columns are given for each as for that with the most scores up to its limit.
    """
    if not len(rows):
        return
    chunks, order = (minima[rows] <= limit[rows, None]).sum(dim=1).sort(descending=True)
    rows, first = rows[order], 0
    while first < len(rows):
        most = int(chunks[first])
        group = rows[first : first + max(1, space // bytes_of_row(most, scores.shape[1]))]
        starts = scores.shape[1] * group[:, None]
        values, places = in_lowest_chunks(scores, minima[group], starts, most)
        width = int((values <= limit[group, None]).sum(dim=1).max())
        yield group, places.gather(1, order_of_lowest(values, width)) - starts
        first += len(group)


def bytes_of_row(chunks: int, size: int) -> int:
    """What is taken, for a query with `size` scores, to look into so many chunks: by scores, places and their order."""
    return 36 * min(CHUNK * (chunks + 1), size)


def in_lowest_chunks(scores: Tensor, minima: Tensor, starts: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Scores [n, some] of n rows, in the `count` chunks with the lowest of their minima and in none, and their places.

    Places are those in the flattened scores [B M], where the rows begin at `starts` [n, 1] and have `minima`
    [n, chunks]. No other score of the row is lower than the lowest `count` of these.
    """
    size, chunks = scores.shape[1], minima.shape[1]
    if chunks <= count:
        places = starts + torch.arange(size, device=scores.device)
        return scores.view(-1)[places], places
    chosen = starts + order_of_lowest(minima, count)
    places = torch.empty((len(starts), CHUNK * count + size % CHUNK), dtype=torch.int64, device=scores.device)
    across = torch.arange(0, CHUNK * chunks, chunks, device=scores.device)
    torch.add(chosen[:, None], across[:, None], out=places[:, : CHUNK * count].unflatten(1, (CHUNK, count)))
    places[:, CHUNK * count :] = starts + torch.arange(CHUNK * chunks, size, device=scores.device)
    return scores.view(-1).index_select(0, places.view(-1)).view_as(places), places


def order_of_lowest(values: Tensor, count: int) -> Tensor:
    """Columns of the `count` lowest of each row of values [n, m], in any order, [n, count]."""
    if count == values.shape[1]:
        return torch.arange(count, device=values.device).expand_as(values)
    if values.device.type == "cpu" and count <= FEW:
        return one_after_another(values, count)
    if values.device.type == "cpu" and torch.get_num_threads() == 1:  # topk takes twice as long, but uses all threads
        return torch.from_numpy(np.argpartition(values.numpy(), count - 1, axis=1)[:, :count])
    return values.topk(count, dim=1, largest=False, sorted=False).indices


def one_after_another(values: Tensor, count: int) -> Tensor:
    """The same, by looking again and again for the lowest of what is left, which is fast; values are finite."""
    left, rows = values.numpy().copy(), np.arange(len(values))
    columns = np.empty((len(values), count), dtype=np.int64)
    for number in range(count):
        columns[:, number] = left.argmin(axis=1)
        left[rows, columns[:, number]] = np.inf
    return torch.from_numpy(columns)
