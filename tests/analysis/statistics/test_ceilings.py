"""Reliabilities and ceilings against truths that are known."""

import numpy as np
import pytest

from memscope.analysis.statistics.ceilings import measurable, pearson_ceiling, rank_ceiling, reliability
from memscope.analysis.statistics.correlation import Correlation, linear_correlation, rank_correlation


def scores_of(truth, noise, blocks, seed):
    measured = truth + noise * np.random.default_rng(seed).standard_normal((blocks, len(truth)))
    return lambda kept: measured[kept].mean(axis=0)


@pytest.mark.parametrize("blocks", [4, 5, 9, 20])
@pytest.mark.parametrize("noise", [0.5, 3.0])
def test_the_ceiling_is_the_correlation_of_the_truth_with_the_score_of_all_blocks(blocks, noise):
    truth = np.random.default_rng(1).beta(0.3, 0.9, 4000)
    truth /= truth.std()
    scores = [scores_of(truth, noise, blocks, seed) for seed in range(6)]
    found = [reliability(score, blocks) for score in scores]
    assert np.mean([one.value for one in found]) == pytest.approx(1 / (1 + noise**2 / blocks), abs=0.02)
    for one, score in zip(found, scores, strict=True):
        if measurable(one):
            assert pearson_ceiling(one) == pytest.approx(
                linear_correlation(truth, score(list(range(blocks)))), abs=0.04
            )


def test_the_interval_of_the_reliability_holds_its_mean():
    truth = np.random.default_rng(0).normal(size=150)
    found = [reliability(scores_of(truth, 2.0, 6, seed), 6) for seed in range(120)]
    mean = np.mean([one.value for one in found])
    assert 0.9 < np.mean([one.low <= mean <= one.high for one in found]) <= 1


def test_where_halves_do_not_agree_or_blocks_are_few_nothing_is_measurable():
    nothing = reliability(scores_of(np.zeros(300), 1.0, 10, 0), 10)
    few = reliability(scores_of(np.arange(300.0), 1.0, 3, 0), 3)
    assert few.value > 0.99
    for found in (nothing, few, Correlation(0.5, 0.1, 0.29, 0.7)):
        assert not measurable(found)
        assert np.isnan(pearson_ceiling(found))
    assert pearson_ceiling(Correlation(0.64, 0.1, 0.31, 0.8)) == pytest.approx(0.8)


@pytest.mark.parametrize("models", [5, 12, 40])
@pytest.mark.parametrize(("skewed", "most"), [(False, 0.03), (True, 0.08)])
def test_the_rank_ceiling_is_the_correlation_of_the_truth_with_the_mean_over_models(models, skewed, most):
    random = np.random.default_rng(2)
    truth = random.standard_normal(4000)
    truth = np.exp(truth) if skewed else truth
    values = truth + 1.5 * random.standard_normal((models, 4000))
    values[random.random(values.shape) < 0.3] = np.nan  # models that were not trained on the example
    values[0, np.isnan(values).all(axis=0)] = 0
    expected = rank_correlation(truth, np.nanmean(values, axis=0))
    assert expected - 0.03 < rank_ceiling(values, rank_correlation) < expected + most


def test_one_model_has_no_rank_ceiling_and_neither_has_noise():
    random = np.random.default_rng(3)
    assert np.isnan(rank_ceiling(random.standard_normal((1, 500)), rank_correlation))
    assert np.isnan(rank_ceiling(random.standard_normal((6, 500)), rank_correlation))
