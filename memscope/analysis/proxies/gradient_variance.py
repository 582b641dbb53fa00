"""Variance of gradients (VoG): how much an example's gradient by the input changes while a network is trained.

Gradients of T checkpoints, each [N, ...], come in, from `gradients.input_gradients`; float64 [N] go out. Colours are
averaged first where inputs are [C, H, W], as in the authors' code. Examples do not depend on each other, but where
they are compared with their class, so callers may take some at a time.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def variance_of_gradients(gradients: Sequence[NDArray[np.floating]]) -> Floats:
    """The mean over pixels of sqrt(1/T sum_t (g_t - mean_t g_t)^2), for gradients g_t of the label's logit.

    A standard deviation, in spite of its name. Source: Agarwal, D'souza & Hooker 2022, 'Estimating example difficulty
    using variance of gradients', arXiv 2008.11600. Their code for ImageNet takes logits; that for a toy problem, and
    nn_example_difficulty, take probabilities ("vog-probability": the same of other gradients).
    """
    squares, checkpoints = summed_squares(gradients)
    return np.sqrt(squares / checkpoints).mean(axis=1)


def mean_variance_of_gradients(gradients: Sequence[NDArray[np.floating]]) -> Floats:
    """The mean over pixels of the variance, with T - 1 in the denominator: no root is taken.

    A variant ("vog-variance"), for gradients of the label's probability, as in nn_example_difficulty.
    """
    squares, checkpoints = summed_squares(gradients)
    return (squares / (checkpoints - 1)).mean(axis=1)


def standardised_by_class(values: Floats, labels: NDArray[np.integer]) -> Floats:
    """(v - mean) / deviation, with mean and population deviation of v [N] over the examples of the same label [N].

    A variant ("vog-by-class"), of Agarwal et al. 2022. NaN stays NaN and counts for nothing; a class whose values are
    all equal, or that has one, gets 0. Some code takes the absolute value.
    """
    found = np.full(len(values), np.nan)
    for label in np.unique(labels):
        here = (labels == label) & ~np.isnan(values)
        if here.any():
            centred = values[here] - values[here].mean()
            deviation = values[here].std()
            found[here] = centred / deviation if np.ptp(values[here]) > 0 else 0.0
    return found


def summed_squares(gradients: Sequence[NDArray[np.floating]]) -> tuple[Floats, int]:
    """sum_t (g_t - mean_t g_t)^2 of each pixel, float64 [N, pixels], and T; the mean is taken first, then squares."""
    maps = [pixels(gradient) for gradient in gradients]
    mean = np.mean(maps, axis=0)
    squares = np.zeros_like(mean)
    for each in maps:
        squares += np.square(each - mean)
    return squares, len(maps)


def pixels(gradient: NDArray[np.floating]) -> Floats:
    """float64 [N, pixels] of gradients [N, C, H, W], averaged over the colours C, or [N, ...]."""
    exact = gradient.astype(np.float64)
    return (exact.mean(axis=1) if exact.ndim == 4 else exact).reshape(len(exact), -1)
