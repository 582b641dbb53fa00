import numpy as np
import pytest

from memscope.analysis.jackknife import delete_one_block, jackknife_error
from memscope.analysis.memorisation import count_outcomes, stack_blocks
from memscope.subsets import balanced_subsets


def test_for_a_mean_of_blocks_it_is_the_textbook_standard_error():
    blocks = np.random.default_rng(0).normal(size=(12, 3))
    error = delete_one_block(lambda block: np.delete(blocks, block, axis=0).mean(axis=0), 12)
    assert error == pytest.approx(blocks.std(axis=0, ddof=1) / np.sqrt(12), rel=1e-12)


def test_three_estimates_by_hand():
    # Mean 2, squares 1 + 0 + 1 = 2, times 2/3.
    assert float(jackknife_error([1.0, 2.0, 3.0])) == pytest.approx(np.sqrt(4 / 3))


def test_fewer_than_two_blocks_or_a_missing_estimate_give_nan():
    assert np.isnan(delete_one_block(lambda block: pytest.fail("nothing can be left out"), 1))
    assert np.isnan(jackknife_error(np.ones((1, 3)))).all()
    error = jackknife_error([[1.0, 1.0], [2.0, np.nan], [3.0, 2.0]])
    assert np.isfinite(error[0])
    assert np.isnan(error[1])


def test_the_error_of_a_mean_score_is_right_where_all_examples_share_the_luck_of_their_models():
    """Each model is good or bad on all held-out examples at once; independent examples would give a fifth."""
    random = np.random.default_rng(1)
    means, errors = [], []
    for repetition in range(150):
        in_subset = balanced_subsets(60, 100, 0.7, seed=repetition)
        luck = random.random((100, 1)) * 0.8 + 0.1
        correct = in_subset | (random.random((100, 60)) < luck)
        counts = stack_blocks([count_outcomes(in_subset[k : k + 10], correct[k : k + 10]) for k in range(0, 100, 10)])
        means.append(counts.total().score.mean())
        errors.append(delete_one_block(lambda b, counts=counts: counts.without(b).score.mean(), 10))
    # 150 repetitions know their standard deviation to 6 %.
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(means, ddof=1), rel=0.2)
