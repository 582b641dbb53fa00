"""EL2N: the norm of the error that a model makes on an example, from its probabilities."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def error_norm(probabilities: NDArray[np.floating], labels: NDArray[np.integer]) -> Floats:
    """EL2N = ||p - onehot(y)||_2, float64 [N], of probabilities p [N, C] and labels y [N]: from 0 to sqrt(2).

    Source: Paul, Ganguli & Dziugaite 2021, 'Deep learning on a data diet: finding important examples early in
    training', arXiv 2107.07075: of networks some epochs into training, averaged over ten of them.
    """
    return np.sqrt(squared_error_norm(probabilities, labels))


def squared_error_norm(probabilities: NDArray[np.floating], labels: NDArray[np.integer]) -> Floats:
    """||p - onehot(y)||_2^2, float64 [N]: what some code calls EL2N, known since Brier 1950 as his score.

    For one model it ranks as EL2N does; its mean over models need not.
    """
    errors = probabilities.astype(np.float64)
    errors[np.arange(len(labels)), labels] -= 1
    return np.square(errors).sum(axis=1)
