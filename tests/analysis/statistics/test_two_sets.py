"""Intervals over two sets of models, by simulation: how often they hold the mean of the statistic over such sets."""

import numpy as np
import pytest

from memscope.analysis.statistics.correlation import linear_correlation
from memscope.analysis.statistics.two_sets import Interval, check_apart, intervals, mean_of_models, model_groups
from memscope.errors import OptionError

EXAMPLES, REPEATS = 150, 250


def measured(random, truth, number, noise):
    return truth + noise * random.standard_normal((number, EXAMPLES))


def found_of(random, truth, blocks, models, proxy=None) -> Interval:
    """Of the correlation of the means of `blocks` noisy scores and `models` noisy proxies of the same truth."""
    score = measured(random, truth, blocks, 2.0)
    values = measured(random, truth, models, 1.5) if proxy is None else proxy

    def statistic(kept, kept_models):
        return np.array([linear_correlation(score[kept].mean(axis=0), mean_of_models(values, kept_models))])

    return intervals(statistic, blocks, np.full(models, -1))[0]


@pytest.mark.parametrize(("blocks", "models"), [(4, 3), (5, 10), (10, 4)])
def test_intervals_hold_the_mean_over_both_sets(blocks, models):
    random = np.random.default_rng(blocks)
    truth = random.normal(size=EXAMPLES)
    found = [found_of(random, truth, blocks, models) for _ in range(REPEATS)]
    values = np.array([one.value for one in found])
    held = np.mean([one.low <= values.mean() <= one.high for one in found])
    assert 0.91 < held <= 0.995
    error = np.sqrt(np.mean([one.standard_error**2 for one in found]))
    assert 0.85 < error / values.std() < 1.3


def test_with_one_model_the_interval_is_over_the_blocks_alone_and_says_so():
    random = np.random.default_rng(3)
    truth = random.normal(size=EXAMPLES)
    proxy = measured(random, truth, 1, 1.5)
    found = [found_of(random, truth, 6, 1, proxy) for _ in range(REPEATS)]
    values = np.array([one.value for one in found])
    assert 0.91 < np.mean([one.low <= values.mean() <= one.high for one in found]) <= 0.99
    assert all(np.isnan(one.model_error) and one.degrees == 5 for one in found)


def test_degrees_of_freedom_are_satterthwaites():
    values = np.array([1.0, 2, 4, 8, 16]), np.array([1.0, 3, 5])

    def statistic(kept, models):
        return np.array([values[0][kept].mean() + values[1][models].mean()])

    found = intervals(statistic, 5, np.full(3, -1), -100, 100)[0]
    v, w = values[0].var(ddof=1) / 5, values[1].var(ddof=1) / 3  # the jackknife of a mean is its textbook error
    assert found.block_error**2 == pytest.approx(v)
    assert found.model_error**2 == pytest.approx(w)
    assert found.degrees == pytest.approx((v + w) ** 2 / (v**2 / 4 + w**2 / 2))
    assert found.high - found.value == pytest.approx(found.value - found.low)


def test_below_four_blocks_there_is_no_interval():
    found = intervals(lambda kept, models: np.array([1.0 * len(kept)]), 3, np.arange(5))[0]
    assert found.value == 3
    assert np.isnan([found.block_error, found.model_error, found.low, found.high]).all()


def test_models_are_left_out_by_block_where_there_are_four():
    assert model_groups(np.array([7, 7, 7])) == [[0], [1], [2]]
    assert model_groups(np.array([1, 1, 2, 3, 4, 4])) == [[0, 1], [2], [3], [4, 5]]


def test_means_are_of_what_is_known_and_common_blocks_are_refused():
    values = np.array([[1, np.nan, np.nan], [3, 5, np.nan]])
    assert mean_of_models(values, [0, 1]) == pytest.approx([2, 5, np.nan], nan_ok=True)
    assert mean_of_models(values, [0]) == pytest.approx([1, np.nan, np.nan], nan_ok=True)
    check_apart(np.array([0, -1]), np.array([1, 2]))
    with pytest.raises(OptionError, match=r"blocks \[1\] are those of the proxy and of the score"):
        check_apart(np.array([0, 1]), np.array([1, 2]))
