"""What the prior of `population` makes of measured examples: posterior accuracies and scores, and types by draws.

Examples come in chunks, so that memory is bounded at any number of them. The draws are the same standard normal
numbers for every example: its result depends on its own measurements and the seed, not on where it stands.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.population.moments import Patterns
from memscope.analysis.population.noise import noise_of_means, roots
from memscope.analysis.population.prior import Prior, memberships
from memscope.analysis.statistics.intervals import Floats
from memscope.analysis.trajectories import TYPES, type_codes
from memscope.streams import permutation, stream

DRAWS = 256
CHUNK = 2048
"""Examples at a time: with 256 draws of 16 accuracies, 34 MB."""


@dataclass(frozen=True)
class Posterior:
    """The posterior of the accuracies of some examples measured alike: a mixture of normals."""

    member: Floats
    """[examples, components]"""
    centres: Floats
    """[components, examples, 2 sizes]: accuracies in, then out"""
    covariances: Floats
    """[components, 2 sizes, 2 sizes]"""

    @property
    def accuracies(self) -> Floats:
        """Posterior means [examples, 2 sizes], within 0 and 1."""
        return np.clip(np.einsum("nk,knr->nr", self.member, self.centres), 0, 1)

    @property
    def score_sd(self) -> Floats:
        """Posterior standard deviations [examples, sizes] of the scores."""
        score, within = self.scores()
        mean = np.einsum("nk,kns->ns", self.member, score)
        between = np.einsum("nk,kns->ns", self.member, (score - mean) ** 2)
        return np.sqrt(np.maximum(self.member @ within + between, 0))

    def score_below(self, limit: float) -> Floats:
        """The probability [examples, sizes] of a score below a limit."""
        score, variance = self.scores()
        deviation = np.sqrt(np.maximum(variance, 1e-12))[:, None]
        below = normal_cdf((limit - score) / deviation)
        return np.einsum("nk,kns->ns", self.member, below)

    def scores(self) -> tuple[Floats, Floats]:
        """By component: posterior means of the scores [components, examples, sizes], variances [components, sizes]."""
        sizes = self.centres.shape[2] // 2
        contrast = np.concatenate([np.eye(sizes), -np.eye(sizes)])
        return self.centres @ contrast, np.einsum("rs,krq,qs->ks", contrast, self.covariances, contrast)


def normal_cdf(deviates: Floats) -> Floats:
    """The standard normal distribution function. Torch has it vectorised, and takes longer to load than this takes."""
    return 0.5 * np.vectorize(math.erfc, otypes=[np.float64])(-deviates / math.sqrt(2))


def posteriors(
    prior: Prior, means: Floats, pattern: NDArray[np.int64], patterns: Patterns, accuracies: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], Posterior]]:
    """The posteriors of measured vectors [examples, d], and which examples they are of: those of a pattern together.

    `accuracies` are the positions of accuracies in, then out, among the dimensions.
    """
    member, _ = memberships(prior.membership, means, pattern, patterns)
    centre = prior.membership.means
    for this in np.unique(pattern):
        here = np.flatnonzero(pattern == this)
        noise = noise_of_means(prior.noise, patterns.models[this])
        gain = np.linalg.solve(prior.covariances + noise, prior.covariances)  # (G + Sigma)^-1 G
        kept = np.eye(gain.shape[1]) - gain  # what an error of the component's mean does to the posterior's
        covariance = prior.covariances @ kept + kept.transpose(0, 2, 1) @ prior.mean_errors @ kept
        moved = [
            centre[k, accuracies] + np.where(np.isnan(means[here]), 0, means[here] - centre[k]) @ gain[k][:, accuracies]
            for k in range(len(centre))
        ]
        yield here, Posterior(member[here], np.stack(moved), covariance[:, accuracies][:, :, accuracies])


class TypeDraws:
    """Draws from posteriors, classified by the raw rule."""

    def __init__(self, sizes: int, seed: int, draws: int = DRAWS) -> None:
        """Antithetic normal numbers [draws, 2 sizes], and places in (0, 1) that choose the component of each."""
        words = stream("population draws", seed, sizes).random_raw(draws // 2 * 2 * sizes)
        inverse = np.vectorize(NormalDist().inv_cdf)
        half = inverse((words.astype(np.float64) / 2.0**64) * (1 - 2e-12) + 1e-12).reshape(-1, 2 * sizes)
        self.normal = np.concatenate([half, -half])
        self.places = (permutation(stream("population components", seed, sizes), len(self.normal)) + 0.5) / draws

    def probabilities(self, posterior: Posterior, epsilon: float) -> Floats:
        """The probability [examples, 6] of every type, in the order of TYPES. Drawn accuracies are kept in 0 to 1."""
        spread = np.stack([self.normal @ roots(covariance)[0] for covariance in posterior.covariances])
        upper = np.cumsum(posterior.member, axis=1)[:, :-1]
        chosen = (upper[:, :, None] < self.places).sum(axis=1)  # [examples, draws]
        examples = np.arange(len(chosen))[:, None]
        drawn = posterior.centres.astype(np.float32)[chosen, examples]  # [examples, draws, 2 sizes]
        drawn += spread.astype(np.float32)[chosen, np.arange(len(self.places))]
        np.clip(drawn, 0, 1, out=drawn)
        sizes = drawn.shape[2] // 2
        scores = np.ascontiguousarray((drawn[:, :, :sizes] - drawn[:, :, sizes:]).transpose(2, 0, 1))
        codes = type_codes(scores.reshape(sizes, -1), epsilon).reshape(chosen.shape)
        return np.stack([(codes == code).mean(axis=1) for code in range(len(TYPES))], axis=1)
