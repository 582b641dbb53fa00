"""Proxies that are known: the true score and noise, its contrary, what is the same at all sizes, and nothing."""

from functools import cache

import numpy as np

from memscope.analysis.memorisation import count_outcomes, stack_blocks
from tests.analysis.population.test_estimate import SIZES, logistic, simulated

WIDTHS = (2, 4, 8, 16, 32)
BLOCK = 10
FULL = -1
"""The block of models that are trained on everything: none of the ledger's"""
SCORE, MINUS, MEAN, SIZE_AND_MEAN, STEEP, NOTHING = (
    "the score",
    "minus the score",
    "its mean over sizes",
    "size mean and example mean",
    "the same through a steep function",
    "nothing",
)
PROXIES = (SCORE, MINUS, MEAN, SIZE_AND_MEAN, STEEP, NOTHING)


@cache
def counts_of(kind, models, first=0):
    """Counts [blocks, sizes, examples] of models of a simulated population, from the first of their number."""
    here = simulated(kind)
    return stack_blocks(
        [
            stack_blocks(
                [
                    count_outcomes(here.in_subset[block : block + BLOCK], here.correct[size, block : block + BLOCK])
                    for size in range(SIZES)
                ]
            )
            for block in range(first, models, BLOCK)
        ]
    )


def proxy_values(name, score, models, noise=0.3, seed=0):
    """The values [models, sizes, examples] of a proxy, each model with its own noise, and its sign."""
    random = np.random.default_rng([seed, PROXIES.index(name)])
    level, size = score.mean(axis=0), score.mean(axis=1, keepdims=True)
    true = {
        SCORE: score,
        MINUS: -score,
        MEAN: np.broadcast_to(level, score.shape),
        SIZE_AND_MEAN: size + level,
        STEEP: logistic(6 * (size + level - 0.6)),
        NOTHING: np.zeros(score.shape),
    }[name]
    return true + noise * random.standard_normal((models, *score.shape)), -1 if name == MINUS else 1
