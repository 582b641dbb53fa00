"""Where the noise of a score comes from: which subset a model was trained on, or its initialisation and order.

Two models of the same subset, trained with other initial weights and in another order, differ by training noise
alone; two models of different subsets by both.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from memscope.analysis.statistics.jackknife import delete_one_block
from memscope.errors import OptionError


@dataclass(frozen=True)
class NoiseSplit:
    """Variance of the correctness of one model, a mean over examples and sides, and the part that is training noise."""

    variance: float
    """Between models of different subsets: of subset and training together"""
    training: float
    """Between models of the same subset"""
    training_share: float
    """`training` / `variance`; NaN where nothing varies"""
    training_share_error: float
    """By leaving out each block of subsets in turn; NaN below three blocks"""


def split_noise(in_subset: ArrayLike, correct: ArrayLike, block: ArrayLike) -> NoiseSplit:
    """Split the variance of outcomes into what comes from the subset and what from training.

    `in_subset` bool [subsets, examples]; `correct` bool [2, subsets, examples], two models of each subset; `block` int
    [subsets], the block of models that each subset belongs to: subsets of one block depend on each other. Both
    variances are computed for every example, separately for the subsets with it and without it. The variance between
    subsets is the sample variance over the first models of the subsets, and over the second ones. The variance of
    training is half the mean squared difference of the two models of a subset. Both are averaged over examples and
    sides, each side weighted by its number of subsets less one. In a balanced block subsets avoid each other, which
    makes the first a little larger than that of independent ones. Raises OptionError for other shapes or types, or
    fewer than three subsets.
    """
    mask, right, block_of = np.asarray(in_subset), np.asarray(correct), np.asarray(block)
    if mask.ndim != 2 or right.shape != (2, *mask.shape) or mask.dtype != bool or right.dtype != bool:
        raise OptionError(
            f"in_subset {mask.dtype} {mask.shape} and correct {right.dtype} {right.shape}, expected bool [subsets, "
            "examples] and bool [2, subsets, examples]: give two models of each subset"
        )
    if block_of.shape != (len(mask),):
        raise OptionError(f"block {block_of.shape}, expected [{len(mask)}]: give the block of each subset")
    if len(mask) < 3:
        raise OptionError(f"{len(mask)} subsets, expected at least 3: train more of them twice")

    blocks = np.unique(block_of)

    def share(kept: Sequence[int]) -> float:
        some = np.isin(block_of, blocks[list(kept)])
        variance, training = _parts(mask[some], right[:, some].astype(np.float64))
        return training / variance if variance > 0 else float("nan")

    everything = range(len(blocks))
    error = float(delete_one_block(share, len(blocks)))
    return NoiseSplit(*_parts(mask, right.astype(np.float64)), share(everything), error)


def _parts(mask: NDArray[np.bool_], right: NDArray[np.float64]) -> tuple[float, float]:
    """Variance between subsets and within a subset, averaged over examples and sides."""
    total, training, weight = 0.0, 0.0, 0
    half_squared = (right[0] - right[1]) ** 2 / 2
    for side in (mask, ~mask):
        n = side.sum(axis=0)
        enough = n > 1
        if not enough.any():
            continue
        for values in right:
            mean = (values * side).sum(axis=0)[enough] / n[enough]
            squares = (values**2 * side).sum(axis=0)[enough] - n[enough] * mean**2
            total += squares.sum() / 2  # a sum of squares has n - 1 degrees of freedom: the weight of its variance
        training += (((half_squared * side).sum(axis=0) / np.maximum(n, 1)) * (n - 1))[enough].sum()
        weight += int((n[enough] - 1).sum())
    return (total / weight, training / weight) if weight else (float("nan"), float("nan"))
