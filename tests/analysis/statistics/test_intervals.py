from math import comb

import numpy as np
import pytest

from memscope.analysis.statistics.intervals import (
    beta_quantile,
    jeffreys_limits,
    score_interval,
    wilson_limits,
)

NODES, WEIGHTS = np.polynomial.legendre.leggauss(20)
PANELS = 200


def integrated_jeffreys_posterior(limit: float, correct: int, models: int) -> float:
    """P[Beta(c + 1/2, n - c + 1/2) <= limit] by quadrature: with p = sin^2 t the density is smooth,
    proportional to sin(t)^2c cos(t)^2(n-c), and 200 panels of Gauss-Legendre are exact to rounding."""
    peak = binomial_log(correct / models, correct, models)

    def integral(end: float) -> float:
        t = (np.arange(PANELS)[:, np.newaxis] + (NODES + 1) / 2) * end / PANELS
        density = np.exp(binomial_log(np.sin(t) ** 2, correct, models) - peak)
        return float((density * WEIGHTS).sum()) * end

    return integral(np.arcsin(np.sqrt(limit))) / integral(np.pi / 2)


def binomial_log(p, correct: int, models: int):
    successes = correct * np.log(p) if correct else 0.0
    return successes + ((models - correct) * np.log1p(-p) if correct < models else 0.0)


def binomial(models: int, p: float) -> np.ndarray:
    return np.array([comb(models, c) * p**c * (1 - p) ** (models - c) for c in range(models + 1)])


def test_beyond_a_beta_quantile_of_whole_numbers_is_a_binomial_tail():
    for a, b in ((1, 1), (3, 2), (1, 40), (30, 12), (200, 120)):
        for p in (1e-9, 0.01, 0.3, 0.5, 0.77, 0.999):
            tail = binomial(a + b - 1, float(beta_quantile(p, a, b)))[a:].sum()
            assert tail == pytest.approx(p, rel=1e-10)


def test_beta_quantiles_invert_closed_forms():
    p = np.array([1e-6, 0.025, 0.3, 0.5, 0.975])
    assert beta_quantile(p, 0.5, 0.5) == pytest.approx(np.sin(np.pi * p / 2) ** 2, rel=1e-12)
    assert beta_quantile(p, 7.0, 1.0) == pytest.approx(p ** (1 / 7), rel=1e-12)
    assert beta_quantile(p, 1.0, 4000.0) == pytest.approx(-np.expm1(np.log1p(-p) / 4000), rel=1e-11)


@pytest.mark.parametrize("models", [1, 2, 12, 28, 120])
def test_jeffreys_limits_leave_out_equal_tails_of_the_integrated_posterior(models):
    lower, upper = jeffreys_limits(np.arange(models + 1), models)
    assert lower[0] == 0
    assert upper[-1] == 1
    for c in range(models + 1):
        if c > 0:
            assert integrated_jeffreys_posterior(lower[c], c, models) == pytest.approx(0.025, abs=1e-10)
        if c < models:
            assert integrated_jeffreys_posterior(upper[c], c, models) == pytest.approx(0.975, abs=1e-10)
    assert (lower <= np.arange(models + 1) / models).all()
    assert (upper >= np.arange(models + 1) / models).all()


def test_limits_of_thousands_of_models_leave_out_the_same_tails():
    models, correct = 2800, [1, 2, 700, 1400, 2798, 2799]
    lower, upper = jeffreys_limits(correct, models)
    for k, c in enumerate(correct):
        assert integrated_jeffreys_posterior(lower[k], c, models) == pytest.approx(0.025, abs=1e-9)
        assert integrated_jeffreys_posterior(upper[k], c, models) == pytest.approx(0.975, abs=1e-9)


def test_limits_look_up_mixed_numbers_of_models_and_are_nan_without_any():
    correct, models = np.array([[0, 1], [3, 0]]), np.array([[5, 1], [28, 0]])
    lower, upper = jeffreys_limits(correct, models)
    for place in ((0, 0), (0, 1), (1, 0)):
        alone = jeffreys_limits(correct[place], models[place])
        assert [lower[place], upper[place]] == pytest.approx([float(limit) for limit in alone], rel=1e-12)
    assert np.isnan([lower[1, 1], upper[1, 1]]).all()


def test_wilsons_limits_are_the_proportions_that_a_score_test_just_rejects():
    lower, upper = wilson_limits(7, 20)
    for limit in (float(lower), float(upper)):
        assert (7 / 20 - limit) ** 2 == pytest.approx(1.959963985**2 * limit * (1 - limit) / 20, rel=1e-8)
    assert [float(limit) for limit in wilson_limits(0, 20)] == pytest.approx([0, 3.841458821 / 23.841458821])


def test_the_interval_of_the_score_is_the_formula_by_hand():
    def jeffreys(tail, correct, models):
        low, high = 0.0, 1.0
        for _ in range(50):
            middle = (low + high) / 2
            below = integrated_jeffreys_posterior(middle, correct, models) < tail
            low, high = (middle, high) if below else (low, middle)
        return low

    def wilson(sign, p, n, z=1.959963985):
        return (p + z * z / 2 / n + sign * z * np.sqrt(p * (1 - p) / n + z * z / 4 / n / n)) / (1 + z * z / n)

    low, high = score_interval(4, 10, 3, 12)
    lower_in = min(jeffreys(0.025, 4, 10), wilson(-1, 0.4, 10))
    upper_in = max(jeffreys(0.975, 4, 10), wilson(1, 0.4, 10))
    lower_out = min(jeffreys(0.025, 3, 12), wilson(-1, 0.25, 12))
    upper_out = max(jeffreys(0.975, 3, 12), wilson(1, 0.25, 12))
    assert float(low) == pytest.approx(0.15 - np.hypot(0.4 - lower_in, upper_out - 0.25))
    assert float(high) == pytest.approx(0.15 + np.hypot(upper_in - 0.4, 0.25 - lower_out))
    # all right with the example, once wrong without it in 12: the modified limits, and Wilson's where it is wider
    low, high = score_interval(10, 10, 11, 12)
    lower_in = min(0.025 ** (1 / 10), wilson(-1, 1.0, 10))
    assert float(low) == pytest.approx(1 / 12 - np.hypot(1 - lower_in, 1 - 11 / 12))
    assert float(high) == pytest.approx(
        1 / 12 + np.hypot(0, 11 / 12 - min(jeffreys(0.025, 11, 12), wilson(-1, 11 / 12, 12)))
    )


def test_the_interval_of_the_score_is_within_its_range_and_undefined_with_the_score():
    low, high = score_interval([0, 10, 0], 10, [0, 0, 10], 10)
    assert (low >= -1).all()
    assert (high <= 1).all()
    assert np.isnan(score_interval([0, 1], [0, 2], [1, 0], [2, 0])).all()


@pytest.mark.parametrize(
    ("n_in", "n_out", "step"), [(28, 12, 0.01), (35, 15, 0.02), (70, 30, 0.02), (140, 60, 0.04), (280, 120, 0.04)]
)
def test_the_95_percent_intervals_of_the_score_cover_it_at_least_93_percent_everywhere(n_in, n_out, step):
    """Exactly: all pairs of counts, weighted with their binomial probabilities, at a grid of true values.

    The grid has 0 and 1 in it, and values near them, where the coverage of simpler intervals breaks down.
    """
    c_in, c_out = np.arange(n_in + 1)[:, np.newaxis], np.arange(n_out + 1)[np.newaxis, :]
    low, high = score_interval(c_in, n_in, c_out, n_out)
    grid = np.union1d(np.linspace(0, 1, round(1 / step) + 1), [0.001, 0.005, 0.995, 0.999, 0.81, 0.84, 0.92])
    weights_in = np.array([binomial(n_in, p) for p in grid])
    weights_out = np.array([binomial(n_out, p) for p in grid])
    coverage = np.empty((len(grid), len(grid)))
    for i, p_in in enumerate(grid):
        for j, p_out in enumerate(grid):
            covered = (low <= p_in - p_out + 1e-9) & (high >= p_in - p_out - 1e-9)
            coverage[i, j] = weights_in[i] @ covered @ weights_out[j]
    assert coverage.min() >= 0.93
    assert 0.945 < coverage.mean() < 0.97  # not by being wide: an interval of [-1, 1] would cover everything
