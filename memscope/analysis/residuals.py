"""The formulas of a residual memory: probabilities, residuals and the weights of neighbours, each row by itself.

No bit of a row depends on the rows beside it, so that rows may be asked for all at once or a few at a time.
"""

from math import isfinite
from typing import Any

import numpy as np
import torch
from torch import Tensor

from memscope.analysis.neighbours.feature_space import Array, labels_of, like, tensor_of
from memscope.errors import OptionError


def probabilities(logits: Array, temperature: float = 1.0) -> Any:
    """softmax(logits / temperature), float64 [n, classes], an array of the kind given.

    OptionError for logits that are not finite [n, classes] or a temperature that is not positive.
    """
    check_positive("temperature", temperature)
    return like(probabilities_of(tensor_of(logits, "logits", "n, classes"), temperature), logits)


def residuals(logits: Array, labels: Array, temperature: float = 1.0) -> Any:
    """onehot(labels) - softmax(logits / temperature), float64 [n, classes], an array of the kind of the logits.

    OptionError for logits that are not finite [n, classes], labels that are not classes [n], or a temperature that is
    not positive.
    """
    check_positive("temperature", temperature)
    rows = tensor_of(logits, "logits", "n, classes")
    count, classes = rows.shape
    return like(residuals_of(rows, labels_of(labels, count, classes, rows.device), temperature), logits)


def neighbour_weights(distances: Array, sigma: float) -> Any:
    """Weights exp(-d / sigma), divided by their sum, of each row of distances [n, k]: float64 of the kind given.

    The smallest distance of a row is subtracted first, so that a weight is 1 however small sigma is. OptionError for
    distances that are not finite [n, k] or a sigma that is not positive.
    """
    check_positive("sigma", sigma)
    return like(weights_of(tensor_of(distances, "distances", "n, k"), sigma), distances)


def check_positive(name: str, value: Any) -> None:
    """OptionError unless the value is a positive finite number."""
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not number or not (isfinite(value) and value > 0):
        raise OptionError(f"{name} is {value!r}; it must be a number above 0")


def probabilities_of(logits: Tensor, temperature: float) -> Tensor:
    """softmax(logits / temperature), float64 [n, classes]."""
    logits = logits.double()
    # torch subtracts the largest too, but logits / temperature could be infinite before it does
    return torch.softmax((logits - logits.amax(dim=1, keepdim=True)).div_(temperature), dim=1)


def residuals_of(logits: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """onehot(labels) - softmax(logits / temperature), float64 [n, classes]."""
    residual = probabilities_of(logits, temperature).neg_()
    residual[torch.arange(len(labels), device=labels.device), labels] += 1
    return residual


def weights_of(distances: Tensor, sigma: float) -> Tensor:
    """Weights of the k nearest, float64 [n, k], of their distances [n, k]."""
    distances = distances.double()
    return torch.softmax((distances.amin(dim=1, keepdim=True) - distances) / sigma, dim=1)
