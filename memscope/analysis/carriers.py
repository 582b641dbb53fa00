"""Which pairs of influence are looked at first: the training examples that carry most, each with what it carries.

Everything is ordered by the influence in the models that chose the pairs. In the order of the influence that is told,
from other models, the first would be those whose noise is the largest.
"""

from collections.abc import Mapping

import numpy as np


def size_shown(pairs: Mapping[str, np.ndarray]) -> int | None:
    """The largest size with helpful pairs; None where there is none.

    `pairs` are arrays [pairs] by the names of reports/influence.py: `pair_size`, `train_example`, `chosen_by`.
    """
    sizes = pairs["pair_size"][pairs["chosen_by"] > 0]
    return int(sizes.max()) if len(sizes) else None


def carriers(pairs: Mapping[str, np.ndarray], size: int) -> list[tuple[int, np.ndarray]]:
    """Training examples with the places int64 of their helpful pairs of a size, the most influence first.

    Of a training example that is the sum over its pairs.
    """
    there = np.flatnonzero((pairs["pair_size"] == size) & (pairs["chosen_by"] > 0))
    chosen_by, train = pairs["chosen_by"][there], pairs["train_example"][there]
    order = np.lexsort((-chosen_by, train))
    starts = np.flatnonzero(np.diff(train[order], prepend=-1))
    groups = np.split(order, starts[1:]) if len(order) else []
    return sorted(
        ((int(train[group[0]]), there[group]) for group in groups),
        key=lambda each: -float(pairs["chosen_by"][each[1]].sum()),
    )


def carried(pairs: Mapping[str, np.ndarray], size: int, examples: int) -> np.ndarray:
    """How much each training example carries at a size, float64 [examples]: the sum; NaN where it is nothing."""
    there = (pairs["pair_size"] == size) & (pairs["chosen_by"] > 0)
    total = np.bincount(pairs["train_example"][there], pairs["chosen_by"][there], examples)
    return np.where(total > 0, total, np.nan)
