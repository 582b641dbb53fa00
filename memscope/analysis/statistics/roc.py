"""Area under the ROC curve: how well a score finds the examples of one kind, such as flipped labels."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from memscope.errors import OptionError


def area_under_roc(scores: ArrayLike, positive: ArrayLike) -> float:
    """P[score of a positive > score of a negative], ties (to nine decimals) counted half, over all pairs; from ranks.

    `scores` [examples]; `positive` bool [examples]. Examples without a score (NaN) are left out; NaN if no
    positive or no negative remains. With mean ranks R of the P positives among P + Q: (sum R - P (P + 1) /
    2) / (P Q). Raises OptionError for unequal shapes or a `positive` that is not bool. Source: Hanley &
    McNeil 1982.
    """
    values, marks = np.asarray(scores, dtype=np.float64), np.asarray(positive)
    if values.ndim != 1 or values.shape != marks.shape:
        raise OptionError(
            f"scores {values.shape} and positive {marks.shape}, expected two arrays [examples]: "
            "give one score and one mark per example"
        )
    if marks.dtype != bool:
        raise OptionError(f"positive is {marks.dtype}, expected bool: pass a comparison, or positive.astype(bool)")
    defined = ~np.isnan(values)
    values, marks = values[defined], marks[defined]
    positives = int(marks.sum())
    negatives = len(marks) - positives
    if positives == 0 or negatives == 0:
        return float("nan")
    excess = mean_ranks(values)[marks].sum() - positives * (positives + 1) / 2
    return float(excess / (positives * negatives))


def mean_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rank of each value [examples], from 1; values that are equal to nine decimals share their mean rank."""
    # scores are differences of ratios: what is equal in exact arithmetic differs by 1e-16 in floating point
    _, place, counts = np.unique(np.round(values, 9), return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]
