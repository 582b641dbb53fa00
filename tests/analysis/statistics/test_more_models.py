import numpy as np
import pytest

from memscope.analysis.statistics.means import rms, spread
from memscope.analysis.statistics.more_models import (
    agreement_with,
    error_with,
    expected_error,
    models_for_agreement,
    models_for_error,
)


def test_the_root_mean_square_is_of_the_values_that_are_defined():
    assert rms(np.array([3.0, np.nan, 4.0])) == pytest.approx(np.sqrt(12.5))
    assert np.isnan(rms(np.array([np.nan])))


def test_four_times_the_models_halve_the_error_and_half_the_error_takes_four_times_the_models():
    assert error_with(0.1, 20, 80) == pytest.approx(0.05)
    assert models_for_error(20, 0.1, 0.05) == 80
    assert models_for_error(20, 0.1, 0.0999) == 21


def test_the_agreement_of_longer_tests_is_that_of_simulated_ones():
    random = np.random.default_rng(0)
    truth = random.normal(size=20000)

    def agreement(models: int) -> float:
        halves = truth + random.normal(size=(2, len(truth))) * np.sqrt(40 / models)
        return float(np.corrcoef(halves)[0, 1])

    assert agreement_with(agreement(20), 20, 80) == pytest.approx(agreement(80), abs=0.02)
    assert models_for_agreement(20, 1 / 3, 2 / 3) == 80
    assert np.isnan(agreement_with(-0.2, 20, 80))
    assert models_for_agreement(20, -0.2, 0.5) is None
    assert models_for_agreement(20, 1.0, 0.5) is None


def test_the_expected_error_is_the_largest_that_a_score_can_have_on_average():
    # the variance of a mean of n fair coins is estimated by p (1 - p) / (n - 1), which is largest at p = 1/2
    random = np.random.default_rng(0)
    inside, outside = random.random((20_000, 35)) < 0.5, random.random((20_000, 15)) < 0.5
    scores = inside.mean(1) - outside.mean(1)
    assert expected_error(36, 16) == pytest.approx(scores.std(), rel=0.02)
    assert expected_error(1, 1) == pytest.approx(np.sqrt(0.5))


def test_the_spread_is_that_of_a_sample_and_unknown_of_one_number():
    assert spread(np.array([1.0, 3.0])) == pytest.approx(np.sqrt(2))
    assert np.isnan(spread(np.array([1.0])))
