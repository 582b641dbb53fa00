"""Scores against a known truth: a one-nearest-neighbour learner, whose memorisation has a closed form.

It has no training noise and classifies a training example, its own nearest neighbour, correctly. Held out, an
example gets the label of the nearest of the m examples in the subset, uniform among the other N - 1: that is
the k-th nearest of all if none of the k - 1 nearer is in the subset and the k-th is, which has probability
C(N - 1 - k, m - 1) / C(N - 1, m).
"""

from math import comb

import numpy as np
import pytest

from memscope.analysis.memorisation import memorisation
from memscope.plan.subsets import balanced_subsets

EXAMPLES, MODELS, REPETITIONS = 100, 40, 60
SIZE = 70


@pytest.fixture(scope="module")
def problem():
    """Whether the k-th nearest other example has the example's label, and the order of all by distance."""
    random = np.random.default_rng(12)
    points = random.random((EXAMPLES, 2))
    labels = (points[:, 0] > 0.5) ^ (random.random(EXAMPLES) < 0.15)
    order = np.argsort(((points[:, np.newaxis] - points) ** 2).sum(axis=-1), axis=1)  # itself first
    agrees = labels[order] == labels[:, np.newaxis]
    return order, agrees


def held_out_accuracy(agrees: np.ndarray) -> np.ndarray:
    others = EXAMPLES - 1
    nearest = np.array([comb(others - k, SIZE - 1) / comb(others, SIZE) for k in range(1, EXAMPLES)])
    assert nearest.sum() == pytest.approx(1)
    return agrees[:, 1:] @ nearest


def classify(in_subset: np.ndarray, order: np.ndarray, agrees: np.ndarray) -> np.ndarray:
    """Whether the nearest example in each subset has the label of each example, bool [models, examples]."""
    nearest = in_subset[:, order].argmax(axis=2)
    return agrees[np.arange(EXAMPLES), nearest]


def test_scores_of_a_nearest_neighbour_learner_are_unbiased_and_no_worse_than_from_independent_subsets(problem):
    order, agrees = problem
    p_out = held_out_accuracy(agrees)
    truth = 1 - p_out
    assert 0.1 < truth.mean() < 0.5
    random = np.random.default_rng(13)
    errors, independent_errors = [], []
    for repetition in range(REPETITIONS):
        in_subset = balanced_subsets(EXAMPLES, MODELS, 0.7, seed=repetition)
        result = memorisation(in_subset, classify(in_subset, order, agrees))
        assert (result.accuracy_in == 1).all()
        errors.append(result.score - truth)
        # The same learner on independent uniform subsets of the same size, scored by the definition.
        in_subset = random.random((MODELS, EXAMPLES)).argsort(axis=1) < SIZE
        right = classify(in_subset, order, agrees) & ~in_subset
        independent_errors.append(1 - right.sum(axis=0) / (~in_subset).sum(axis=0) - truth)
    errors, independent_errors = np.array(errors), np.array(independent_errors)
    # Unbiased: over all examples, and for each of them.
    assert abs(errors.mean()) < 4 * errors.mean(axis=1).std(ddof=1) / np.sqrt(REPETITIONS)
    noisy = p_out * (1 - p_out) > 0.01
    z = errors[:, noisy].mean(axis=0) / (errors[:, noisy].std(axis=0, ddof=1) / np.sqrt(REPETITIONS))
    assert np.abs(z).max() < 5
    assert np.mean(z**2) < 2
    ratio = (errors**2).sum() / (independent_errors**2).sum()
    assert 0.6 < ratio < 1.0
    # Independent subsets leave out binomially many models: their error is p (1 - p) E[1 / n_out], in closed form.
    held_out = np.arange(1, MODELS + 1)
    weights = np.array([comb(MODELS, n) * 0.3**n * 0.7 ** (MODELS - n) for n in held_out])
    expected = (p_out * (1 - p_out)).sum() * (weights / held_out).sum() / weights.sum()
    assert (independent_errors**2).sum() / REPETITIONS == pytest.approx(expected, rel=0.15)
    assert 0.6 < (errors**2).sum() / REPETITIONS / expected < 1.0


def test_a_subset_that_is_not_uniform_would_be_noticed(problem):
    """The test above can fail: subsets that avoid one region bias the scores far beyond its bounds."""
    order, agrees = problem
    truth = 1 - held_out_accuracy(agrees)
    errors = []
    for repetition in range(20):
        random = np.random.default_rng(repetition)
        neighbourhood = order[random.integers(EXAMPLES, size=MODELS), :30]
        in_subset = np.ones((MODELS, EXAMPLES), dtype=bool)
        np.put_along_axis(in_subset, neighbourhood, False, axis=1)
        errors.append(memorisation(in_subset, classify(in_subset, order, agrees)).score - truth)
    errors = np.nanmean(errors, axis=1)
    assert abs(errors.mean()) > 4 * errors.std(ddof=1) / np.sqrt(20)
