"""What a residual memory holds of each example, and how much the examples that ask it draw on each."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.residuals import residuals


@dataclass(frozen=True, eq=False)
class MemoryUse:
    """Over all queries, for each of N examples that may lie in the memory."""

    retrieved: NDArray[np.int32]
    """int32 [N]: how many queries have it among their k nearest"""
    weight: NDArray[np.float32]
    """float32 [N]: the sum of its weights in their predictions"""


def residual_norms(logits: NDArray[np.floating], labels: NDArray[np.integer]) -> NDArray[np.float64]:
    """Euclidean norms [n] of the residuals of logits [n, classes], at temperature 1.

    Whatever temperature a memory has, so that norms can be compared between sizes.
    """
    norms: NDArray[np.float64] = np.linalg.norm(residuals(logits, labels, 1.0), axis=1)
    return norms


def memory_use(retrieved: NDArray[np.integer], weights: NDArray[np.floating], examples: int) -> MemoryUse:
    """How much queries draw on each example: `retrieved` int [n, k] of theirs, and their weights float64 [n, k]."""
    flat = retrieved.ravel()
    return MemoryUse(
        np.bincount(flat, minlength=examples).astype(np.int32),
        np.bincount(flat, weights.ravel(), minlength=examples).astype(np.float32),
    )


def weight_by_class(
    retrieved: NDArray[np.integer],
    weights: NDArray[np.floating],
    labels: NDArray[np.integer],
    examples: int,
    classes: int,
) -> NDArray[np.float32]:
    """float32 [examples, classes]: the weight of each example in predictions, by the label int [n] of the query."""
    pairs = retrieved * classes + labels[:, np.newaxis]
    summed = np.bincount(pairs.ravel(), weights.ravel(), minlength=examples * classes)
    return summed.reshape(examples, classes).astype(np.float32)
