from fractions import Fraction
from math import sqrt

import numpy as np
import pytest

from memscope.analysis.memorisation import (
    Counts,
    count_outcomes,
    memorisation,
    memorisation_from_counts,
    stack_blocks,
)
from memscope.errors import OptionError

# Six models, five examples: with and without; always in; never in; one in; right nowhere.
IN_SUBSET = np.array(
    [[1, 1, 0, 1, 0], [1, 1, 0, 0, 1], [1, 1, 0, 0, 1], [0, 1, 0, 0, 1], [0, 1, 0, 0, 0], [0, 1, 0, 0, 0]], dtype=bool
)
CORRECT = np.array(
    [[1, 1, 1, 1, 0], [1, 0, 1, 0, 0], [0, 1, 0, 1, 0], [0, 1, 1, 0, 0], [0, 1, 0, 0, 0], [1, 1, 0, 0, 0]], dtype=bool
)
FIELDS = ("n_in", "n_out", "sum_in", "sum_out", "squares_in", "squares_out")


def outcomes(seed: int, models: int, examples: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    in_subset = random.random((models, examples)) < 0.7
    probability = random.random((models, examples))
    return in_subset, probability < 0.6, probability


def assert_equal_counts(one: Counts, other: Counts) -> None:
    for field in FIELDS:
        mine, its = getattr(one, field), getattr(other, field)
        assert (mine is None) == (its is None)
        if mine is not None:
            assert mine.dtype == its.dtype
            assert mine == pytest.approx(its, rel=1e-12)


def test_a_score_is_the_difference_of_two_accuracies_by_hand():
    result = memorisation(IN_SUBSET, CORRECT)
    assert result.n_in.tolist() == [3, 6, 0, 1, 3]
    assert result.n_out.tolist() == [3, 0, 6, 5, 3]
    assert result.accuracy_in[0] == pytest.approx(2 / 3)
    assert result.accuracy_out[0] == pytest.approx(1 / 3)
    assert result.score[0] == pytest.approx(1 / 3)
    assert result.score[3] == pytest.approx(1 - 1 / 5)
    assert result.score[4] == 0
    # 2/3 * 1/3 / 2 on either side.
    assert result.standard_error[0] == pytest.approx(sqrt(Fraction(2, 9)))
    assert result.standard_error[4] == 0


def test_without_a_model_on_one_side_the_score_is_undefined_but_the_other_accuracy_is_known():
    result = memorisation(IN_SUBSET, CORRECT)
    assert np.isnan(result.score).tolist() == [False, True, True, False, False]
    assert result.undefined == 2
    assert result.accuracy_in[1] == pytest.approx(5 / 6)
    assert result.accuracy_out[2] == pytest.approx(1 / 2)
    for values in (result.standard_error, result.interval_low, result.interval_high):
        assert np.isnan(values[[1, 2]]).all()
    # One model has no variance to estimate, but its proportion has Jeffreys limits.
    assert np.isnan(result.standard_error[3])
    assert result.interval_low[3] < result.score[3] <= result.interval_high[3] <= 1


def test_standard_errors_are_the_formula_in_exact_arithmetic():
    in_subset, correct, _ = outcomes(1, 40, 30)
    result = memorisation(in_subset, correct)
    for i in range(30):
        variance = Fraction(0)
        for side in (in_subset[:, i], ~in_subset[:, i]):
            n, right = int(side.sum()), int(correct[side, i].sum())
            p = Fraction(right, n)
            variance += p * (1 - p) / (n - 1)
        assert result.standard_error[i] == pytest.approx(sqrt(variance), rel=1e-12)


def test_squared_standard_errors_are_unbiased_for_the_variance_of_the_score():
    """By enumeration of all outcomes of 3 models with p = .8 and 2 models with p = .3."""
    in_subset = np.array([[True]] * 3 + [[False]] * 2)
    mean, square, estimate = Fraction(0), Fraction(0), 0.0
    for outcome in range(32):
        correct = np.array([[bool(outcome >> k & 1)] for k in range(5)])
        weight = Fraction(1)
        for k in range(5):
            p = Fraction(8, 10) if k < 3 else Fraction(3, 10)
            weight *= p if correct[k, 0] else 1 - p
        score = Fraction(int(correct[:3].sum()), 3) - Fraction(int(correct[3:].sum()), 2)
        mean, square = mean + weight * score, square + weight * score**2
        result = memorisation(in_subset, correct)
        assert result.score[0] == pytest.approx(float(score))
        estimate += float(weight) * float(result.standard_error[0]) ** 2
    assert mean == Fraction(1, 2)
    assert estimate == pytest.approx(float(square - mean**2), rel=1e-12)


def test_the_soft_score_is_a_difference_of_means_with_the_sample_variances():
    in_subset, _, probability = outcomes(2, 50, 20)
    result = memorisation(in_subset, probability.astype(np.float32))
    for i in range(20):
        inside = probability.astype(np.float32)[in_subset[:, i], i].astype(float)
        outside = probability.astype(np.float32)[~in_subset[:, i], i].astype(float)
        error = sqrt(inside.var(ddof=1) / len(inside) + outside.var(ddof=1) / len(outside))
        assert result.score[i] == pytest.approx(inside.mean() - outside.mean(), abs=1e-12)
        assert result.standard_error[i] == pytest.approx(error, rel=1e-9)
        assert result.interval_low[i] == pytest.approx(result.score[i] - 1.959964 * error, abs=1e-6)
        assert result.interval_high[i] == pytest.approx(result.score[i] + 1.959964 * error, abs=1e-6)


def test_probabilities_that_are_all_zero_or_one_give_the_hard_score_and_its_standard_error():
    in_subset, correct, _ = outcomes(3, 60, 25)
    hard, soft = memorisation(in_subset, correct), memorisation(in_subset, correct.astype(np.float16))
    assert soft.score == pytest.approx(hard.score)
    assert soft.standard_error == pytest.approx(hard.standard_error)


@pytest.mark.parametrize("soft", [False, True])
def test_counts_add_up_over_batches_of_models_of_any_size(soft):
    in_subset, correct, probability = outcomes(4, 150, 12)
    outcome = probability if soft else correct
    whole = count_outcomes(in_subset, outcome)
    assert whole.sum_in == pytest.approx((outcome * in_subset).sum(axis=0))
    assert whole.sum_out == pytest.approx((outcome * ~in_subset).sum(axis=0))
    batches = [count_outcomes(in_subset[k:end], outcome[k:end]) for k, end in ((0, 1), (1, 1), (1, 77), (77, 150))]
    assert_equal_counts(batches[0] + batches[1] + batches[2] + batches[3], whole)


@pytest.mark.parametrize("soft", [False, True])
def test_stacked_blocks_sum_up_to_the_total_and_leave_out_any_one(soft):
    in_subset, correct, probability = outcomes(5, 30, 12)
    outcome = probability if soft else correct
    stacked = stack_blocks([count_outcomes(in_subset[k : k + 10], outcome[k : k + 10]) for k in (0, 10, 20)])
    assert stacked.n_in.shape == (3, 12)
    assert_equal_counts(stacked.total(), count_outcomes(in_subset, outcome))
    assert stacked.total().score == pytest.approx(memorisation(in_subset, outcome).score)
    for block in range(3):
        others = np.arange(30) // 10 != block
        assert_equal_counts(
            stacked.only([kept for kept in range(3) if kept != block]),
            count_outcomes(in_subset[others], outcome[others]),
        )


def test_one_model_left_has_no_standard_error_and_none_no_score_even_where_sums_are_rounded():
    # Without the first block one model has the example and two have not; without the second, two and none.
    in_subset = np.tile(np.array([[True], [True], [True], [True], [False], [False]]), (1, 200))
    probability = np.random.default_rng(9).random((6, 200))
    first, second = (count_outcomes(in_subset[k : k + 3], probability[k : k + 3]) for k in (0, 3))
    stacked = stack_blocks([first, second])
    one, none = (memorisation_from_counts(stacked.only([1 - block])) for block in (0, 1))
    assert (one.n_in == 1).all()
    assert np.isfinite(one.score).all()
    assert np.isnan(one.standard_error).all()
    assert np.isnan(one.interval_low).all()
    assert (none.n_out == 0).all()
    assert np.isnan(none.score).all()
    assert none.undefined == 200


def test_counts_of_several_sizes_are_scored_element_by_element():
    in_subset, correct, _ = outcomes(6, 40, 9)
    sizes = stack_blocks([count_outcomes(in_subset, correct), count_outcomes(in_subset, ~correct)])
    result = memorisation_from_counts(sizes)
    assert result.score.shape == (2, 9)
    assert result.score[1] == pytest.approx(-result.score[0])
    assert result.interval_low[0] == pytest.approx(memorisation(in_subset, correct).interval_low)


def test_arrays_that_are_not_masks_and_outcomes_are_refused_with_what_was_found():
    in_subset, correct, probability = outcomes(7, 10, 4)
    for arguments, message in (
        ((in_subset, correct[:, :3]), r"in_subset \(10, 4\) and correct \(10, 3\)"),
        ((in_subset[0], correct[0]), r"expected the same shape \[models, examples\]"),
        ((in_subset.astype(np.int8), correct), "in_subset is int8, expected bool"),
        ((in_subset, correct.astype(np.uint8)), "correct is uint8, expected bool"),
        ((in_subset, probability * 2), r"expected probabilities in \[0, 1\]"),
        ((in_subset, np.where(correct, np.nan, 0.5)), "values from nan to nan"),
    ):
        with pytest.raises(OptionError, match=message):
            memorisation(*arguments)


def test_counts_of_unlike_kind_or_shape_do_not_add_up():
    in_subset, correct, probability = outcomes(8, 10, 4)
    hard = count_outcomes(in_subset, correct)
    with pytest.raises(OptionError, match=r"soft \(4,\).*hard \(4,\)"):
        hard + count_outcomes(in_subset, probability)
    with pytest.raises(OptionError, match=r"hard \(3,\).*hard \(4,\)"):
        stack_blocks([hard, count_outcomes(in_subset[:, :3], correct[:, :3])])
    with pytest.raises(OptionError, match="0 blocks"):
        stack_blocks([])
