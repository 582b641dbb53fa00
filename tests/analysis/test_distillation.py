import numpy as np
import pytest

from memscope.analysis.distillation import (
    BINS,
    changed_shares,
    changed_shares_if_same,
    histogram_edges,
    score_histogram,
)
from memscope.analysis.memorisation import Counts


def counts(random: np.random.Generator, p_in: np.ndarray, p_out: np.ndarray, models: int = 20) -> Counts:
    n_in = np.full(len(p_in), 7 * models // 10, dtype=np.int32)
    n_out = np.int32(models) - n_in
    return Counts(n_in, n_out, random.binomial(n_in, p_in), random.binomial(n_out, p_out))


def test_shares_count_changes_beyond_epsilon_only():
    change = np.array([-0.5, -0.21, -0.2, 0.0, 0.2, 0.3, np.nan])
    assert changed_shares(change, 0.2) == (2 / 6, 1 / 6)
    assert changed_shares([0.3 - 0.1, 0.1 - 0.3], 0.2) == (0, 0)  # a tie, but for rounding
    assert np.isnan(changed_shares([np.nan], 0.2)).all()


def test_noise_alone_gives_the_shares_that_two_draws_of_the_same_models_give():
    random = np.random.default_rng(0)
    p_in, p_out = random.beta(5, 1, 4000), random.beta(1, 1, 4000)
    first, second = counts(random, p_in, p_out, 40), counts(random, p_in, p_out, 40)
    seen = changed_shares(second.score - first.score, 0.2)
    told = changed_shares_if_same(first, second, 0.2)
    # pooling over both kinds leaves the accuracies noisy, so a little is missing; exact equality is not to be had
    assert told == pytest.approx(seen, abs=0.03)
    assert min(told) > 0.05


def test_the_shares_of_noise_do_not_depend_on_what_the_students_do():
    random = np.random.default_rng(1)
    p_in, p_out = np.full(3000, 1.0), random.beta(1, 1, 3000)
    onehot = counts(random, p_in, p_out, 100)
    forgetful = counts(random, p_in - 0.5, p_out, 100)
    down, _ = changed_shares(forgetful.score - onehot.score, 0.2)
    assert down > 0.9
    told = changed_shares_if_same(onehot, forgetful, 0.2)
    assert told[0] == pytest.approx(told[1], abs=0.02)
    assert told[0] < 0.2


def test_examples_without_a_score_have_no_part_in_the_shares():
    random = np.random.default_rng(2)
    one = counts(random, np.ones(50), np.full(50, 0.5))
    none_out = np.zeros(50, dtype=np.int32)
    undefined = Counts(one.n_in, none_out, one.sum_in, none_out)
    assert np.isnan(changed_shares_if_same(undefined, undefined, 0.2)).all()


def test_the_histogram_is_that_of_numpy_where_no_score_lies_on_an_edge():
    random = np.random.default_rng(3)
    one, other = random.uniform(-1, 1, (2, 5000))
    expected, _, _ = np.histogram2d(one, other, bins=[histogram_edges()] * 2)
    assert np.array_equal(score_histogram(one, other), expected)


def test_scores_on_an_edge_belong_above_it_and_one_to_the_last_bin():
    edges = histogram_edges()
    found = score_histogram(edges, edges)
    assert found.trace() == BINS + 1
    assert np.diag(found).tolist() == [1] * (BINS - 1) + [2]
    assert score_histogram([np.nan, 0.5], [0.5, np.nan]).sum() == 0
    # 0.7 - 0.4 and 0.3 are one score in exact arithmetic
    assert (score_histogram([0.7 - 0.4], [0.3]) == score_histogram([0.3], [0.3])).all()
