"""How much the shares of types hang on the threshold epsilon.

No finite number of models tells a change of .19 from one of .21, and the fitted population has no more detail than the
noise allows. Where many trajectories change by nearly epsilon, a share at epsilon itself is guesswork; a share that is
about the same at thresholds somewhat lower and higher is not. In simulations the true share lay between the estimates
at thresholds 15 % lower and higher, widened by two standard errors, or little beyond them (docs/science.md).
"""

import numpy as np

from memscope.analysis.population.estimate import accuracy_positions
from memscope.analysis.population.moments import dimensions, measured_means, model_patterns
from memscope.analysis.population.posterior import CHUNK, TypeDraws, posteriors
from memscope.analysis.population.prior import Prior
from memscope.analysis.population.sums import PopulationSums
from memscope.analysis.statistics.intervals import Floats
from memscope.analysis.trajectories import TYPES

NEAR = 0.15
"""How far thresholds are lower and higher, in parts of epsilon."""


def shares_near(sums: PopulationSums, prior: Prior, epsilon: float, seed: int = 0) -> Floats:
    """Shares [3, 6] of the types at thresholds somewhat lower than epsilon, at it, and somewhat higher.

    Of the examples of the sums' sample that have models at every size on both sides; `prior` is the type_prior of
    `population_from_sums`.
    """
    kept = dimensions(sums)
    patterns = model_patterns(sums, kept)
    accuracies, draws = accuracy_positions(kept), TypeDraws(sums.sizes, seed)
    sample = sums.sample[(sums.models[:, :, sums.sample] > 0).all(axis=(0, 1))]
    total = np.zeros((3, len(TYPES)))
    for first in range(0, len(sample), CHUNK):
        here = sample[first : first + CHUNK]
        means = measured_means(sums, kept, here)
        for _, posterior in posteriors(prior, means, patterns.of_example[here], patterns, accuracies):
            for place, part in enumerate((1 - NEAR, 1, 1 + NEAR)):
                total[place] += draws.probabilities(posterior, part * epsilon).sum(axis=0)
    return total / max(1, len(sample))


def share_ranges(shares: Floats, errors: Floats, near: Floats) -> tuple[Floats, Floats]:
    """The lowest and the highest that each of the shares [6] may be, for standard `errors` [6] and shares near [3, 6].

    Two errors beyond what the shares near move; NaN where errors are not known.
    """
    moved = near - near[1]
    low, high = shares + moved.min(axis=0) - 2 * errors, shares + moved.max(axis=0) + 2 * errors
    return np.clip(low, 0, 1), np.clip(high, 0, 1)
