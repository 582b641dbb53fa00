"""Draws of accuracies from their Jeffreys posteriors, made of raw random words, which never change with NumPy.

The posterior of an accuracy with c of n models correct is Beta(c + 1/2, n - c + 1/2). Many examples have the same
counts, so the quantiles of a pair of counts are kept; a draw picks one by ten bits of a random word. Quantiles are the
same but for rounding wherever they are computed.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.statistics.intervals import Floats

LEVELS = 1024
"""Quantiles of a posterior, at (k + 1/2) / LEVELS. A probability of a type has an error of .02 from 400 draws; what the
steps between levels leave out of the tails is half a thousandth on either side."""
POINTS = 2048
"""At which the density is summed up."""
REACH = 8
"""Standard deviations on either side of its middle, beyond which the density is nothing."""

Words = NDArray[np.uint16]


def drawn_accuracies(correct: NDArray[np.int64], models: NDArray[np.int64], words: Words) -> NDArray[np.float32]:
    """Accuracies drawn where so many of the models are correct, integers [...], by random words [..., draws]."""
    stride = int(models.max(initial=0)) + 1
    pairs, place = np.unique(correct * stride + models, return_inverse=True)
    quantiles = np.stack([jeffreys_quantiles(*divmod(pair, stride)) for pair in pairs.tolist()])
    return quantiles.ravel()[place.reshape(correct.shape)[..., np.newaxis] * LEVELS + (words >> 6)]


@lru_cache(maxsize=8192)  # 4 kB each; errors of shares call types again at the same numbers of models
def jeffreys_quantiles(correct: int, models: int) -> NDArray[np.float32]:
    """The quantiles of Beta(c + 1/2, n - c + 1/2) at (k + 1/2) / LEVELS, float32 [LEVELS], to 1e-5.

    With x = sin^2 t the density is proportional to sin^2c(t) cos^2(n - c)(t), which is smooth up to both ends; it is
    summed up by the trapezoidal rule and inverted by interpolation.
    """
    middle, deviation = np.arcsin(np.sqrt((correct + 0.5) / (models + 1))), 0.5 / np.sqrt(models + 1)
    t = np.linspace(max(middle - REACH * deviation, 0), min(middle + REACH * deviation, np.pi / 2), POINTS)
    with np.errstate(divide="ignore", invalid="ignore"):  # the logarithm of 0, times 0 where all or none are correct
        log_density = np.nan_to_num(2 * correct * np.log(np.sin(t)), nan=0.0)
        log_density += np.nan_to_num(2 * (models - correct) * np.log(np.cos(t)), nan=0.0)
    density: Floats = np.exp(log_density - log_density.max())
    below = np.concatenate([[0.0], np.cumsum(density[1:] + density[:-1])])
    levels = (np.arange(LEVELS) + 0.5) / LEVELS
    return (np.sin(np.interp(levels * below[-1], below, t)) ** 2).astype(np.float32)


def sixteen_bit_words(source: np.random.Philox, shape: tuple[int, ...]) -> Words:
    """Random words, uint16 of a shape, four from each raw word of the generator."""
    count = int(np.prod(shape))
    return source.random_raw(-(-count // 4)).astype("<u8").view("<u2")[:count].reshape(shape)
