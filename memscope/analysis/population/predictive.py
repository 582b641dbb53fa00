"""What the posterior of some models foretells of others: counts drawn anew, and the raw types that these would have.

A posterior that is right says not only what the true accuracies are, but what other models will measure. Truths are
drawn from it, and counts from the truths at the other models' numbers:

    theta ~ the posterior's mixture of normals, kept in 0 to 1      accuracies in and out at all sizes
    c_s | theta ~ Binomial(n_s, theta_s), joined across sizes by a normal copula

For models of one subset do alike at neighbouring sizes: the copula has the noise correlations of the component that
theta is drawn from. Without them counts would change too much from size to size. The drawn counts are classified by
the raw rule, in whole numbers, as the measured ones are.

Source: posterior predictive checks, Rubin 1984; Gelman, Meng & Stern 1996, 'Posterior predictive assessment of model
fitness via realized discrepancies'.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.accuracy_draws import sixteen_bit_words
from memscope.analysis.population.estimate import accuracy_positions
from memscope.analysis.population.moments import dimensions, measured_means, model_patterns, moments
from memscope.analysis.population.noise import roots
from memscope.analysis.population.posterior import Posterior, TypeDraws, posteriors
from memscope.analysis.population.prior import FINE, fit_prior
from memscope.analysis.population.sums import PopulationSums
from memscope.analysis.statistics.intervals import Floats
from memscope.analysis.trajectories import TYPES, codes_of_counts
from memscope.streams import permutation, stream

DRAWS = 128
"""For each example. Unlike the draws of types they are not the same for all examples: means over a class must not share
their error."""
CHUNK = 512
LEVELS = 1024
"""Places of a distribution that a draw picks one of."""
CHANCES = 256
"""Probabilities that counts are kept for, evenly spaced in arcsin(sqrt(p)): .003 apart at .5, closer at the ends."""
FARTHEST = 5.0
"""Standard deviations, beyond which a normal number counts as this far out."""


@dataclass(frozen=True)
class Foretold:
    """What the posterior says of some examples."""

    raw: Floats
    """[examples, 6]: the probability of each raw type, in the order of TYPES, at the other models' numbers"""
    types: Floats
    """[examples, 6]: that of each true type"""
    products: Floats
    """[examples, sizes, sizes]: posterior means of products of the true score at two sizes, less its mean over them"""


def foretell(sums: PopulationSums, models: NDArray[np.int64], epsilon: float, seed: int = 0) -> Foretold:
    """What the models in the sums foretell of others, so many of them: integers [2, sizes, examples], in then out.

    The sums must have at least one model with and one without each example at every size.
    """
    count = sums.examples
    found = Foretold(
        np.empty((count, len(TYPES))), np.empty((count, len(TYPES))), np.empty((count, sums.sizes, sums.sizes))
    )
    draws = TypeDraws(sums.sizes, seed)
    for some, posterior, truths, counts in redrawn(sums, models, DRAWS, seed):
        found.types[some] = draws.probabilities(posterior, epsilon)
        found.raw[some] = shares_of_draws(counts, models[:, :, some], epsilon)
        score = truths[..., : sums.sizes] - truths[..., sums.sizes :]
        score -= score.mean(axis=2, keepdims=True)
        found.products[some] = score.transpose(0, 2, 1) @ score / DRAWS
    return found


def redrawn(
    sums: PopulationSums, models: NDArray[np.int64], draws: int, seed: int = 0
) -> Iterator[tuple[NDArray[np.int64], Posterior, NDArray[np.float32], NDArray[np.int64]]]:
    """Examples, their posterior, and truths and counts of so many models drawn from it, some examples at a time.

    `models` are as in `foretell`; truths are accuracies in, then out, [examples, draws, 2 sizes], and counts the
    numbers of correct models of each.
    """
    kept = dimensions(sums)
    patterns = model_patterns(sums, kept)
    prior = fit_prior(moments(sums, kept, patterns), patterns, FINE)
    accuracies = accuracy_positions(kept)
    root = np.stack([roots(correlation(noise))[0] for noise in prior.noise[:, accuracies][:, :, accuracies]])
    for first in range(0, sums.examples, CHUNK):
        here = slice(first, first + CHUNK)
        means = measured_means(sums, kept, here)
        words = sixteen_bit_words(stream("foretold", seed, first), (2, len(means), draws, 2 * sums.sizes))
        order = permutation(stream("foretold components", seed, first), len(means) * draws).reshape(len(means), draws)
        places = (order.argsort(axis=1) + 0.5) / draws
        for some, posterior in posteriors(prior, means, patterns.of_example[here], patterns, accuracies):
            truths, chosen = drawn_truths(posterior, words[0, some], places[some])
            counts = drawn_counts(truths, chosen, root, models[:, :, first + some], words[1, some])
            yield first + some, posterior, truths, counts


def correlation(covariance: Floats) -> Floats:
    deviation = np.sqrt(np.diag(covariance))
    return covariance / deviation / deviation[:, np.newaxis]


def drawn_truths(
    posterior: Posterior, words: NDArray[np.uint16], places: Floats
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Accuracies [examples, draws, 2 sizes], and the component [examples, draws] that each was drawn from.

    From random words of the first shape, and places in (0, 1) of the second.
    """
    upper = np.cumsum(posterior.member, axis=1)[:, :-1]
    chosen = (upper[:, :, np.newaxis] < places[:, np.newaxis]).sum(axis=1)
    normal = normal_quantiles()[words // (65536 // LEVELS)]
    truths = np.empty_like(normal)
    for k, covariance in enumerate(posterior.covariances):
        example, draw = np.nonzero(chosen == k)
        truths[example, draw] = posterior.centres[k, example] + normal[example, draw] @ roots(covariance)[0]
    return np.clip(truths, 0, 1), chosen


def drawn_counts(
    truths: NDArray[np.float32],
    chosen: NDArray[np.int64],
    root: Floats,
    models: NDArray[np.int64],
    words: NDArray[np.uint16],
) -> NDArray[np.int64]:
    """Numbers of correct models [examples, draws, 2 sizes] out of `models`, [2, sizes, examples].

    `root` are square roots [components, 2 sizes, 2 sizes] of the correlations of the noise.
    """
    normal = normal_quantiles()[words // (65536 // LEVELS)]
    for k, half in enumerate(root):
        example, draw = np.nonzero(chosen == k)
        normal[example, draw] = normal[example, draw] @ half
    levels = normal_levels()[np.rint((np.clip(normal, -FARTHEST, FARTHEST) + FARTHEST) * 100).astype(np.int16)]
    chances = np.rint(np.arcsin(np.sqrt(truths)) * (2 / np.pi * (CHANCES - 1))).astype(np.int16)
    counts = np.empty(truths.shape, dtype=np.int64)
    for column, numbers in enumerate(models.reshape(-1, len(truths))):
        for number in np.unique(numbers):
            here = numbers == number
            counts[here, :, column] = binomial_quantiles(int(number))[chances[here, :, column], levels[here, :, column]]
    return counts


def shares_of_draws(counts: NDArray[np.int64], models: NDArray[np.int64], epsilon: float) -> Floats:
    """The share [examples, 6] of the draws of counts [examples, draws, 2 sizes] that has each raw type."""
    correct = np.split(counts.transpose(0, 2, 1), 2, axis=1)
    inside, outside = models.transpose(0, 2, 1)[..., np.newaxis]
    codes = codes_of_counts((correct[0], inside, correct[1], outside), epsilon)
    return np.stack([(codes == code).mean(axis=1) for code in range(len(TYPES))], axis=1)


@lru_cache(maxsize=1)
def normal_quantiles() -> NDArray[np.float32]:
    """The standard normal distribution's quantiles at (k + 1/2) / LEVELS."""
    return np.array([NormalDist().inv_cdf((k + 0.5) / LEVELS) for k in range(LEVELS)], dtype=np.float32)


@lru_cache(maxsize=1)
def normal_levels() -> NDArray[np.int16]:
    """The level, 0 to LEVELS - 1, that holds each hundredth of a standard deviation from -FARTHEST to FARTHEST."""
    chance = [NormalDist().cdf(place / 100 - FARTHEST) for place in range(round(200 * FARTHEST) + 1)]
    return np.minimum(np.array(chance) * LEVELS, LEVELS - 1).astype(np.int16)


@lru_cache(maxsize=256)  # half a megabyte each
def binomial_quantiles(models: int) -> NDArray[np.int16]:
    """Quantiles [CHANCES, LEVELS] of the number of correct models, at (k + 1/2) / LEVELS, for each probability."""
    number = np.arange(models + 1)
    chance = np.sin(np.linspace(0, np.pi / 2, CHANCES)[1:-1, np.newaxis]) ** 2
    ways = np.array([math.lgamma(models + 1) - math.lgamma(k + 1) - math.lgamma(models - k + 1) for k in number])
    below = np.cumsum(np.exp(ways + number * np.log(chance) + (models - number) * np.log1p(-chance)), axis=1)
    levels = (np.arange(LEVELS) + 0.5) / LEVELS
    inner = np.stack([np.searchsorted(row, levels) for row in below]).clip(max=models)
    return np.vstack([np.zeros(LEVELS), inner, np.full(LEVELS, models)]).astype(np.int16)
