"""How many examples are memorised beyond what chance shows: the 95 % interval of their score lies above 0.

Beside it stands what chance alone would show, if no example were memorised at all: each is got right as often by models
trained with it as by those trained without it, at its own accuracy over both.
"""

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.memorisation import Counts
from memscope.analysis.statistics.intervals import Floats, score_interval


def count_memorised(interval_low: Floats) -> int:
    """How many of the lower limits [examples] lie above 0."""
    return int((interval_low > 0).sum())


def memorised_if_none(counts: Counts) -> float:
    """How many would be counted as memorised if none were, from hard counts [examples].

    With n = n_in + n_out models and c of them right, the numbers of correct models on the two sides are Bin(n_in, p)
    and Bin(n_out, p) with p = c / n. The expectation is exact: the sum over all pairs of numbers.
    """
    total = 0.0
    defined = (counts.n_in > 0) & (counts.n_out > 0)
    pairs, place = np.unique(np.stack([counts.n_in, counts.n_out])[:, defined], axis=1, return_inverse=True)
    right = (counts.sum_in + counts.sum_out)[defined]
    for number, (n_in, n_out) in enumerate(pairs.T):
        found, times = np.unique(right[place.ravel() == number], return_counts=True)
        p = found / (n_in + n_out)
        low, _ = score_interval(np.arange(n_in + 1)[:, np.newaxis], n_in, np.arange(n_out + 1), n_out)
        counted = (binomial(n_in, p) @ (low > 0).astype(np.float64) * binomial(n_out, p)).sum(axis=1)
        total += float(times @ counted)
    return total


def binomial(n: int, p: Floats) -> NDArray[np.float64]:
    """Probabilities [len(p), n + 1] of 0 to n successes; through logarithms, as n over k overflows from n = 1030 on."""
    k = np.arange(n + 1)
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    chances = np.clip(p, 1e-300, 1 - 1e-16)[:, np.newaxis]  # at 0 and 1 the others vanish all the same
    powers = k * np.log(chances) + (n - k) * np.log1p(-chances)
    found: NDArray[np.float64] = np.exp(logs[n] - logs[k] - logs[n - k] + powers)
    return found
