"""How well models fit what they were trained on: where they fit badly, a low score says little about memorisation."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

INTERPOLATES = 0.99
"""Models of a size interpolate if the median of them fits this share of its own subset."""
STUCK = 0.5
"""A model is stuck if it fits less than this fraction of what the median model of its size fits."""
LESS = 0.01
"""A size fits less than a smaller one if their medians differ by more than this."""


def own_accuracy(
    predicted: NDArray[np.integer], labels: ArrayLike, in_subset: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """float32 [models]: the share of its own subset that each model gets right; the arrays are [models, N] and [N]."""
    return (((predicted == labels) & in_subset).sum(1) / in_subset.sum(1)).astype(np.float32)


def interpolates(own: NDArray[np.floating]) -> bool:
    """Whether the median of models with these own accuracies [models] fits what it was trained on."""
    return bool(np.median(own) >= INTERPOLATES)


def stuck_models(own: NDArray[np.floating]) -> int:
    """How many of the models of one size, with these own accuracies [models], are stuck."""
    return int((own < STUCK * np.median(own)).sum())


def fits_more_before(medians: Sequence[float]) -> list[int | None]:
    """For each size, in ascending order, the place of the best smaller one, if that fits more; else None.

    `medians` are the median own accuracies of the sizes. A larger network can fit whatever a smaller one can, so
    one that fits less was badly optimised.
    """
    best: int | None = None
    found: list[int | None] = []
    for place, median in enumerate(medians):
        found.append(best if best is not None and median < medians[best] - LESS else None)
        if best is None or median > medians[best]:
            best = place
    return found
