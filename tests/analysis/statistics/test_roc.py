import numpy as np
import pytest

from memscope.analysis.statistics.roc import area_under_roc
from memscope.errors import OptionError


@pytest.mark.parametrize("levels", [2, 5, 1_000_000])
def test_the_area_is_the_share_of_pairs_in_order_with_ties_half(levels):
    random = np.random.default_rng(levels)
    scores = random.integers(levels, size=83) / levels
    positive = random.random(83) < 0.2 + 0.4 * scores
    difference = scores[positive][:, np.newaxis] - scores[~positive]
    pairs = (difference > 0).sum() + (difference == 0).sum() / 2
    assert area_under_roc(scores, positive) == pytest.approx(pairs / difference.size, abs=1e-12)
    assert area_under_roc(-scores, positive) == pytest.approx(1 - pairs / difference.size, abs=1e-12)


def test_perfect_order_is_one_and_equal_scores_are_one_half():
    assert area_under_roc([0.1, 0.2, 0.8, 0.9], [False, False, True, True]) == 1.0
    assert area_under_roc([0.4] * 5, [True, False, False, True, False]) == 0.5


def test_examples_without_a_score_are_left_out_and_one_kind_alone_has_no_area():
    nan = float("nan")
    assert area_under_roc([nan, 0.2, 0.8, nan, 0.1], [False, True, False, True, False]) == 0.5
    assert np.isnan(area_under_roc([0.1, 0.2], [True, True]))
    assert np.isnan(area_under_roc([nan, 0.2], [True, False]))


def test_marks_that_are_not_bool_or_not_one_per_score_are_refused():
    with pytest.raises(OptionError, match=r"positive is int64, expected bool"):
        area_under_roc([0.1, 0.2], [0, 1])
    with pytest.raises(OptionError, match=r"scores \(2,\) and positive \(3,\)"):
        area_under_roc([0.1, 0.2], [True, False, True])
