"""Rank correlation within classes, against the definition written out class by class."""

import numpy as np
import pytest

from memscope.analysis.statistics.correlation import rank_correlation
from memscope.analysis.statistics.within import percentiles, within_correlation


def ranks(values):
    return np.array([(values < v).sum() + ((values == v).sum() + 1) / 2 for v in values])


def by_definition(one, other, classes):
    found, weights = [], []
    for each in set(classes.tolist()):
        here = (classes == each) & ~np.isnan(one) & ~np.isnan(other)
        if here.sum() >= 3 and np.ptp(one[here]) > 0 and np.ptp(other[here]) > 0:
            found.append(np.corrcoef(ranks(one[here]), ranks(other[here]))[0, 1])
            weights.append(here.sum() - 1)
    return np.average(found, weights=weights)


@pytest.mark.parametrize("seed", range(6))
def test_it_is_the_weighted_mean_of_the_classes_own_correlations(seed):
    random = np.random.default_rng(seed)
    classes = random.integers(0, 5, 80) * 7 - 3
    one, other = np.round(random.normal(size=80), 1), random.integers(0, 4, 80).astype(float)
    one[random.random(80) < 0.1] = np.nan
    other[classes == -3] = 2.0  # a class in which nothing differs
    classes[:2] = 99  # and one of two examples
    assert within_correlation(one, other, classes) == pytest.approx(by_definition(one, other, classes))


def test_of_one_class_it_is_spearmans_and_of_none_it_is_not_defined():
    random = np.random.default_rng(0)
    one, other = np.round(random.random(50), 1), random.random(50)
    assert within_correlation(one, other, np.zeros(50, int)) == pytest.approx(rank_correlation(one, other))
    assert np.isnan(within_correlation(one, other, np.arange(50)))
    assert np.isnan(within_correlation(np.full(50, np.nan), other, np.zeros(50, int)))


def test_a_difference_between_classes_is_no_relation_within_them():
    random = np.random.default_rng(0)
    classes = np.repeat(np.arange(4), 500)
    one, other = (classes + random.random(2000) for _ in range(2))
    assert rank_correlation(one, other) > 0.9
    assert abs(within_correlation(one, other, classes)) < 0.07


def test_percentiles_are_mean_ranks_less_a_half_over_their_number():
    random = np.random.default_rng(0)
    values, classes = random.integers(0, 9, 60).astype(float), random.integers(0, 3, 60)
    values[:5] = np.nan
    known = ~np.isnan(values)
    assert percentiles(values)[known] == pytest.approx((ranks(values[known]) - 0.5) / known.sum())
    found = percentiles(values, classes)
    for each in range(3):
        here = known & (classes == each)
        assert found[here] == pytest.approx((ranks(values[here]) - 0.5) / here.sum())
    assert np.isnan(found[:5]).all()
    assert np.isnan(percentiles(np.full(3, np.nan))).all()
