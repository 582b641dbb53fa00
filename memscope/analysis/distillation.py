"""Distilled against one-hot models of the same size on the same subsets: whose memorisation is inhibited, whose raised.

Counts come in (memorisation.py), for the same models of both kinds. Means of a change by type of trajectory are
in groups.py, because types are noisy.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from memscope.analysis.memorisation import Counts
from memscope.streams import stream

BINS = 40
"""Of the histogram, over -1 to 1: bins of .05."""
TIE = 1e-9


def changed_shares(change: ArrayLike, epsilon: float) -> tuple[float, float]:
    """Shares of the examples whose score falls by more than epsilon (inhibited) and rises by more than it (raised).

    `change` [examples] is distilled less one-hot; NaN is left out. A change that ties with epsilon does not count.
    """
    values = np.asarray(change, dtype=np.float64)
    values = values[~np.isnan(values)]
    if not len(values):
        return float("nan"), float("nan")
    return float((values < -epsilon - TIE).mean()), float((values > epsilon + TIE).mean())


def changed_shares_if_same(
    onehot: Counts, distilled: Counts, epsilon: float, seed: int = 0, draws: int = 50
) -> tuple[float, float]:
    """What `changed_shares` would say if distillation changed no accuracy at all: from the noise of the scores alone.

    Each example keeps its accuracies in and out pooled over both kinds; numbers of correct models are drawn anew for
    each, at the numbers of models that there are, independently. Models of both kinds share their subsets, so that
    in truth their noise partly cancels: these shares are upper bounds.
    """
    random = np.random.Generator(stream("changed shares", seed))
    sides = ((onehot.n_in, onehot.sum_in, distilled.sum_in), (onehot.n_out, onehot.sum_out, distilled.sum_out))
    pooled = [(n, np.divide(a + b, 2 * n, out=np.zeros(len(n)), where=n > 0)) for n, a, b in sides]
    defined = (onehot.n_in > 0) & (onehot.n_out > 0)
    if not defined.any():
        return float("nan"), float("nan")
    inhibited, raised = 0.0, 0.0
    for _ in range(draws):
        scores = []
        for _ in ("onehot", "distilled"):
            inside, outside = (random.binomial(n[defined], p[defined]) / n[defined] for n, p in pooled)
            scores.append(inside - outside)
        down, up = changed_shares(scores[1] - scores[0], epsilon)
        inhibited, raised = inhibited + down / draws, raised + up / draws
    return inhibited, raised


def score_histogram(onehot: ArrayLike, distilled: ArrayLike) -> NDArray[np.int64]:
    """Numbers of examples [BINS, BINS] by one-hot score (first) and distilled score, bins of `histogram_edges`.

    A score on an edge belongs to the bin above it, 1 to the last; examples without either score are left out.
    """
    one, other = np.asarray(onehot, dtype=np.float64), np.asarray(distilled, dtype=np.float64)
    defined = ~(np.isnan(one) | np.isnan(other))
    places = [
        np.clip(np.floor((values[defined] + 1) * BINS / 2 + 1e-9).astype(np.int64), 0, BINS - 1)
        for values in (one, other)
    ]
    return np.bincount(places[0] * BINS + places[1], minlength=BINS**2).reshape(BINS, BINS)


def histogram_edges() -> NDArray[np.float64]:
    """The edges of the histogram's bins, float64 [BINS + 1]."""
    return np.linspace(-1, 1, BINS + 1)
