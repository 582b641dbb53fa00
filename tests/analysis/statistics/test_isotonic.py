"""Monotone fits against quadratic programming by brute force: every way of cutting the places into runs."""

from itertools import combinations

import numpy as np
import pytest

from memscope.analysis.statistics.isotonic import fit_monotone, monotone_values
from memscope.analysis.statistics.ties import significant
from memscope.errors import OptionError


def brute_force(values, weights):
    """The increasing sequence of least squares: constant on runs, so all 2^(n - 1) ways of cutting are tried."""
    count, best = len(values), (np.inf, None)
    for cuts in (c for number in range(count) for c in combinations(range(1, count), number)):
        runs = np.split(np.arange(count), cuts)
        means = [np.average(values[run], weights=weights[run]) for run in runs]
        if (np.diff(means) < 0).any():
            continue
        fit = np.concatenate([np.full(len(run), mean) for run, mean in zip(runs, means, strict=True)])
        best = min(best, ((weights * (values - fit) ** 2).sum(), fit.tolist()))
    return np.array(best[1])


@pytest.mark.parametrize("seed", range(20))
def test_the_fit_is_the_best_monotone_one(seed):
    random = np.random.default_rng(seed)
    places, weights = np.sort(random.normal(size=9)), random.uniform(0.5, 3, 9)
    values = np.round(random.normal(size=9) + 0.7 * places, 1)  # ties among them
    order = random.permutation(9)
    up = fit_monotone(places[order], values[order], weights[order], increasing=True)
    assert up.places == pytest.approx(places)
    assert up.values == pytest.approx(brute_force(values, weights))
    down = fit_monotone(places, values, weights, increasing=False)
    assert down.values == pytest.approx(-brute_force(-values, weights))
    squares = [(weights * (values - fit.values) ** 2).sum() for fit in (up, down)]
    assert fit_monotone(places, values, weights).increasing == (squares[0] <= squares[1])


def test_points_at_one_place_count_together_and_undefined_ones_not_at_all():
    fit = fit_monotone([1, 1, 2, np.nan, 3], [0, 4, 3, 9, np.nan])
    assert fit.places.tolist() == [1, 2]
    assert fit.values.tolist() == [2, 3]
    assert monotone_values(fit, [0, 1, 1.5, 2, 7, np.nan]) == pytest.approx([2, 2, 2.5, 3, 3, np.nan], nan_ok=True)


def test_places_that_differ_by_rounding_are_one_place_at_any_scale():
    for scale in (1e-30, 1, 1e30):
        fit = fit_monotone(np.array([0.1 + 0.2, 0.3, 1]) * scale, [1, 3, 5])
        assert fit.values.tolist() == [2, 5]
    assert len(np.unique(significant(np.array([1e-12, 2e-12, 3e-12])))) == 3


def test_nothing_to_fit_is_refused():
    for points in (([np.nan], [1]), ([1, 2], [1]), ([1], [1], [0])):
        with pytest.raises(OptionError):
            fit_monotone(*points)
