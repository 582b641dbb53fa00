from math import comb, gamma

import numpy as np
import pytest

from memscope.analysis.memorisation import count_outcomes, stack_blocks
from memscope.analysis.statistics.jackknife import delete_half, delete_one_block, halves_kept, jackknife_error
from memscope.plan.subsets import balanced_subsets


def test_for_a_mean_of_blocks_it_is_the_textbook_standard_error():
    blocks = np.random.default_rng(0).normal(size=(12, 3))
    error = delete_one_block(lambda kept: blocks[kept].mean(axis=0), 12)
    assert error == pytest.approx(blocks.std(axis=0, ddof=1) / np.sqrt(12), rel=1e-12)


def test_three_estimates_by_hand():
    # Mean 2, squares 1 + 0 + 1 = 2, times 2/3.
    assert float(jackknife_error([1.0, 2.0, 3.0])) == pytest.approx(np.sqrt(4 / 3))


def test_from_two_blocks_which_leave_one_degree_of_freedom_there_is_no_error():
    for blocks in (1, 2):
        assert np.isnan(delete_one_block(lambda kept: pytest.fail("too few blocks"), blocks))
        assert np.isnan(jackknife_error(np.ones((blocks, 3)))).all()
    assert np.isfinite(delete_one_block(lambda kept: float(sum(kept)), 3))


def test_a_missing_estimate_gives_nan():
    error = jackknife_error([[1.0, 1.0], [2.0, np.nan], [3.0, 2.0]])
    assert np.isfinite(error[0])
    assert np.isnan(error[1])


@pytest.mark.parametrize(("blocks", "ways"), [(4, 6), (5, 10), (6, 20), (7, 35)])
def test_of_few_blocks_every_way_of_leaving_half_of_them_out_is_taken(blocks, ways):
    kept = list(halves_kept(blocks, blocks // 2))
    assert len({tuple(one) for one in kept}) == len(kept) == ways == comb(blocks, blocks // 2)
    assert all(len(one) == blocks - blocks // 2 for one in kept)


def test_of_many_blocks_forty_ways_are_drawn_always_the_same():
    kept = list(halves_kept(21, 10))
    assert len(kept) == 40
    assert kept == list(halves_kept(21, 10))
    assert len({tuple(one) for one in kept}) == 40
    assert all(len(set(one)) == 11 and set(one) <= set(range(21)) for one in kept)
    # every block is left out about equally often
    assert np.bincount(np.concatenate(kept), minlength=21).std() < 5


@pytest.mark.parametrize("blocks", [4, 5, 6, 7])
def test_for_a_mean_of_blocks_leaving_out_half_gives_the_textbook_standard_error_over_c4(blocks):
    values = np.random.default_rng(blocks).normal(size=(blocks, 3))
    error = delete_half(lambda kept: values[kept].mean(axis=0), blocks)
    c4 = np.sqrt(2 / (blocks - 1)) * gamma(blocks / 2) / gamma((blocks - 1) / 2)
    assert error == pytest.approx(values.std(axis=0, ddof=1) / np.sqrt(blocks) / c4, rel=1e-12)


def test_for_a_mean_of_many_blocks_forty_halves_give_nearly_that():
    values = np.random.default_rng(0).normal(size=(40, 500))
    error = delete_half(lambda kept: values[kept].mean(axis=0), 40)
    assert np.mean(error / (values.std(axis=0, ddof=1) / np.sqrt(40))) == pytest.approx(1, abs=0.03)


def test_below_four_blocks_no_half_is_left_out():
    for blocks in (1, 2, 3):
        assert np.isnan(delete_half(lambda kept: pytest.fail("too few blocks"), blocks))


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
        errors.append(delete_one_block(lambda kept, counts=counts: counts.only(kept).score.mean(), 10))
    # 150 repetitions know their standard deviation to 6 %.
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(means, ddof=1), rel=0.2)
