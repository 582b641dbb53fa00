"""Students against one-hot models of the same size on the same subsets: which examples are inhibited, which raised.

Counts come in (memorisation.py), for the same models of both kinds. Means of a change by type of trajectory are
in groups.py, because types are noisy.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from memscope.analysis.memorisation import Counts
from memscope.analysis.statistics.ties import whole_part
from memscope.errors import OptionError
from memscope.streams import stream

BINS = 40
"""Of the histogram, over -1 to 1: bins of .05."""


def changed_shares(onehot: Counts, distilled: Counts, epsilon: float) -> tuple[float, float]:
    """Shares of the examples whose score falls by more than epsilon (inhibited) and rises by more than it (raised).

    From counts of as many models of both kinds [examples], decided in whole numbers; examples without a score are left
    out. A change that ties with epsilon does not count. OptionError for unequal numbers of models.
    """
    pairs, before = onehot.as_fraction()
    pairs_after, after = distilled.as_fraction()
    if not np.array_equal(pairs, pairs_after):
        raise OptionError("the two kinds have different numbers of models, expected pairs: count only models of both")
    defined = pairs > 0
    if not defined.any():
        return float("nan"), float("nan")
    reach, change = whole_part(pairs[defined], epsilon), (after - before)[defined]
    return float((-change > reach).mean()), float((change > reach).mean())


def changed_shares_if_same(
    onehot: Counts, distilled: Counts, epsilon: float, seed: int = 0, draws: int = 50
) -> tuple[float, float]:
    """What `changed_shares` would say if distillation changed no accuracy at all: from the noise of the scores alone.

    Each example keeps its accuracies in and out, pooled over both kinds of models; numbers of correct models are drawn
    anew for each kind, independently, at the numbers of models that there are. Models of both kinds share their
    subsets, so in truth their noise partly cancels: these shares are upper bounds.
    """
    random = np.random.Generator(stream("changed shares", seed))
    defined = (onehot.n_in > 0) & (onehot.n_out > 0)
    if not defined.any():
        return float("nan"), float("nan")
    n_in, n_out = onehot.n_in[defined], onehot.n_out[defined]
    p_in = (onehot.sum_in + distilled.sum_in)[defined] / (2 * n_in)
    p_out = (onehot.sum_out + distilled.sum_out)[defined] / (2 * n_out)
    inhibited, raised = 0.0, 0.0
    for _ in range(draws):
        drawn = [Counts(n_in, n_out, random.binomial(n_in, p_in), random.binomial(n_out, p_out)) for _ in range(2)]
        down, up = changed_shares(drawn[0], drawn[1], epsilon)
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
