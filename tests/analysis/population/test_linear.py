"""With one component `population` is the linear estimate, written here again in a few lines."""

import numpy as np
import pytest

from memscope.analysis.population import prior as population_prior
from memscope.analysis.population.estimate import population
from memscope.analysis.population.noise import deconvolved
from memscope.plan.subsets import balanced_subsets


def linear_estimate(in_subset, correct, probability):
    """Scores and their standard deviations: F_bar + G (G + Sigma)^-1 (F - F_bar), with the mean Sigma.

    Accuracies are kept within 0 and 1.
    """
    sizes, _, examples = correct.shape
    joint = np.concatenate([correct, probability]).astype(float)  # [2 sizes, models, examples]
    half = len(joint)
    measured, noise = np.zeros((examples, 2 * half)), np.zeros((2 * half, 2 * half))
    for i in range(examples):
        for side, members in enumerate((in_subset[:, i], ~in_subset[:, i])):
            here = slice(side * half, (side + 1) * half)
            measured[i, here] = joint[:, members, i].mean(axis=1)
            noise[here, here] += np.cov(joint[:, members, i]) / members.sum() / examples
    mean = measured.mean(axis=0)
    root = np.linalg.cholesky(noise)
    whitened = np.linalg.solve(root, np.linalg.solve(root, np.cov(measured.T, bias=True)).T)
    values, vectors = np.linalg.eigh(whitened)
    signal = root @ (vectors * np.maximum(values - 1, 0)) @ vectors.T @ root.T
    gain = signal @ np.linalg.inv(signal + noise)
    contrast = np.zeros((sizes, 2 * half))
    contrast[:, :sizes], contrast[:, half : half + sizes] = np.eye(sizes), -np.eye(sizes)
    score = contrast @ np.clip(mean + (measured - mean) @ gain.T, 0, 1).T
    variance = np.diag(contrast @ (signal - gain @ signal) @ contrast.T)
    return score, np.sqrt(variance)


def some_outcomes(examples, models, sizes, seed=0):
    random = np.random.default_rng(seed)
    in_subset = balanced_subsets(examples, models, 0.7, seed)
    easy = random.normal(size=examples)
    slope = random.normal(size=examples)
    common = 0.5 * random.normal(size=(models, examples))
    limit = np.stack([1.5 * in_subset + easy + 0.3 * size * slope for size in range(sizes)])
    drawn = common + random.normal(size=(sizes, models, examples))
    return in_subset, drawn < limit, 1 / (1 + np.exp(2 * (drawn - limit)))


def test_with_one_component_scores_are_the_linear_estimates(monkeypatch):
    monkeypatch.setattr(population_prior, "EDGE", 0.0)
    given = some_outcomes(200, 40, 3)
    found = population(*given)
    assert len(found.prior.covariances) == 1
    score, sd = linear_estimate(*given)
    raw = population_raw(*given[:2])
    assert np.abs(score - raw).max() > 0.15
    assert found.score == pytest.approx(score, abs=2e-3)
    # The error of the mean, that comes from the models which all examples share, is added to the variance.
    assert (found.score_sd > sd[:, np.newaxis] - 1e-6).all()
    assert found.score_sd == pytest.approx(np.broadcast_to(sd[:, np.newaxis], score.shape), rel=0.15)


def population_raw(in_subset, correct):
    inside = (correct & in_subset).sum(axis=1) / in_subset.sum(axis=0)
    return inside - (correct & ~in_subset).sum(axis=1) / (~in_subset).sum(axis=0)


def test_more_components_beat_the_linear_estimate_where_examples_are_of_several_kinds(monkeypatch):
    random = np.random.default_rng(0)
    examples, models, sizes = 2000, 40, 4
    in_subset = balanced_subsets(examples, models, 0.7, 0)
    rising = random.random(examples) < 0.2
    inside = np.where(rising, np.linspace(0.1, 1, sizes)[:, np.newaxis], 0.97)
    outside = np.where(rising, 0.03, np.where(random.random(examples) < 0.6, 0.97, random.random(examples)))
    accuracy = np.where(in_subset, inside[:, np.newaxis], np.broadcast_to(outside, (sizes, examples))[:, np.newaxis])
    correct = random.random((sizes, models, examples)) < accuracy
    truth = inside - outside

    def error():
        return ((population(in_subset, correct).score - truth) ** 2).mean()

    several = error()
    monkeypatch.setattr(population_prior, "MOST_COMPONENTS", 1)
    assert several < 0.8 * error()


def test_the_deconvolved_covariance_and_the_noise_make_the_total():
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, 4, 4))
    signal, noise = a @ a.T, b @ b.T + np.eye(4)
    assert deconvolved(signal + noise, noise) == pytest.approx(signal)
    assert deconvolved(0.9 * noise, noise) == pytest.approx(np.zeros((4, 4)))


def test_the_edge_takes_the_spread_of_pure_noise_for_noise_and_leaves_strong_signals_as_they_are():
    random = np.random.default_rng(0)
    examples, dimensions = 400, 20
    noise = np.eye(dimensions)
    signal = np.diag([25.0] + [0.0] * (dimensions - 1))
    drawn = random.normal(size=(examples, dimensions)) * np.sqrt(np.diag(signal + noise))
    total = drawn.T @ drawn / examples
    assert np.linalg.matrix_rank(deconvolved(total, noise), tol=1e-6) > 5
    kept = deconvolved(total, noise, 1.2 * dimensions / examples)
    assert np.linalg.matrix_rank(kept, tol=1e-6) == 1
    assert kept[0, 0] == pytest.approx(25, rel=0.2)
