from math import comb

import numpy as np
import pytest

from memscope.analysis.intervals import beta_quantile, incomplete_beta, jeffreys_limits, score_interval

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


def test_the_incomplete_beta_function_of_whole_numbers_is_a_binomial_tail():
    for a, b in ((1, 1), (3, 2), (1, 40), (30, 12), (200, 120)):
        for x in (0.0, 0.01, 0.3, 0.5, 0.77, 0.999, 1.0):
            tail = binomial(a + b - 1, x)[a:].sum()
            assert float(incomplete_beta(x, a, b)) == pytest.approx(tail, rel=1e-11, abs=1e-300)


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


def test_the_interval_of_the_score_is_the_formula_by_hand():
    def limit(tail, correct, models):
        low, high = 0.0, 1.0
        for _ in range(50):
            middle = (low + high) / 2
            below = integrated_jeffreys_posterior(middle, correct, models) < tail
            low, high = (middle, high) if below else (low, middle)
        return low

    low, high = score_interval(10, 10, 3, 12)
    assert float(low) == pytest.approx(0.75 - np.hypot(1 - limit(0.025, 10, 10), limit(0.975, 3, 12) - 0.25))
    assert float(high) == pytest.approx(0.75 + np.hypot(1 - 1, 0.25 - limit(0.025, 3, 12)))
    low, high = score_interval(4, 10, 0, 12)
    assert float(low) == pytest.approx(0.4 - np.hypot(0.4 - limit(0.025, 4, 10), limit(0.975, 0, 12)))
    assert float(high) == pytest.approx(0.4 + np.hypot(limit(0.975, 4, 10) - 0.4, 0))


def test_the_interval_of_the_score_is_within_its_range_and_undefined_with_the_score():
    low, high = score_interval([0, 10, 0], 10, [0, 0, 10], 10)
    assert (low >= -1).all()
    assert (high <= 1).all()
    assert np.isnan(score_interval([0, 1], [0, 2], [1, 0], [2, 0])).all()


@pytest.mark.parametrize(("n_in", "n_out", "step"), [(28, 12, 0.01), (70, 30, 0.01), (280, 120, 0.025)])
def test_the_95_percent_intervals_of_the_score_cover_it_at_least_93_percent_nearly_everywhere(n_in, n_out, step):
    """Exactly: all pairs of counts, weighted with their binomial probabilities, at a grid of true values.

    Not everywhere: at p_in = 0 or 1 the interval is the Jeffreys interval of p_out alone, whose coverage swings
    with p_out (.905 at p_out = .81 of 12 models, .889 at .92 of 30), because Jeffreys' lower limit at c = n, and
    upper at c = 0, is closer than the exact one.
    """
    c_in, c_out = np.arange(n_in + 1)[:, np.newaxis], np.arange(n_out + 1)[np.newaxis, :]
    low, high = score_interval(c_in, n_in, c_out, n_out)
    grid = np.linspace(0, 1, round(1 / step) + 1)
    weights_in = np.array([binomial(n_in, p) for p in grid])
    weights_out = np.array([binomial(n_out, p) for p in grid])
    differences = np.unique(np.round(grid[:, np.newaxis] - grid, 6))
    coverage = np.full((len(grid), len(grid)), np.nan)
    for difference in differences:
        covered = (low <= difference + 1e-9) & (high >= difference - 1e-9)
        i, j = np.nonzero(np.abs(grid[:, np.newaxis] - grid - difference) < 1e-6)
        coverage[i, j] = ((weights_in[i] @ covered) * weights_out[j]).sum(axis=1)
    assert coverage.min() >= 0.88
    assert np.mean(coverage < 0.93) < 0.01
    inside = (grid > 0.021) & (grid < 0.979)
    assert coverage[np.ix_(inside, inside)].min() >= 0.915
    assert 0.945 < coverage.mean() < 0.96  # not by being wide: an interval of [-1, 1] would cover everything
