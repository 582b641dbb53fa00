from fractions import Fraction

import numpy as np
import pytest

from memscope.analysis.memorisation import Counts
from memscope.analysis.student_change import (
    BINS,
    changed_shares,
    changed_shares_if_same,
    histogram_edges,
    score_histogram,
)
from memscope.errors import OptionError


def counts(random: np.random.Generator, p_in: np.ndarray, p_out: np.ndarray, models: int = 20) -> Counts:
    n_in = np.full(len(p_in), 7 * models // 10, dtype=np.int32)
    n_out = np.int32(models) - n_in
    return Counts(n_in, n_out, random.binomial(n_in, p_in), random.binomial(n_out, p_out))


def of(n_in: int, n_out: int, correct_in: list[int], correct_out: list[int]) -> Counts:
    whole = np.full(len(correct_in), n_in, dtype=np.int32)
    return Counts(whole, np.full_like(whole, n_out), np.array(correct_in), np.array(correct_out))


def test_shares_count_changes_beyond_epsilon_only_and_a_tie_is_none():
    onehot = of(10, 10, [10, 10, 10, 10, 5, 5], [0] * 6)
    changes = [-5, -3, -2, 0, 2, 3]  # tenths; 0.2 ties, whatever floating point makes of 0.7 - 0.5
    distilled = of(10, 10, [c + d for c, d in zip([10, 10, 10, 10, 5, 5], changes, strict=True)], [0] * 6)
    assert changed_shares(onehot, distilled, 0.2) == (2 / 6, 1 / 6)
    assert changed_shares(onehot, distilled, 0.1999) == (3 / 6, 2 / 6)
    nothing = of(0, 10, [0], [3])
    assert np.isnan(changed_shares(nothing, nothing, 0.2)).all()
    with pytest.raises(OptionError, match="expected pairs"):
        changed_shares(onehot, of(14, 6, [3] * 6, [0] * 6), 0.2)


@pytest.mark.parametrize(("n_in", "n_out"), [(10, 10), (14, 6), (20, 20), (28, 12)])
def test_shares_are_those_of_exact_fractions(n_in, n_out):
    random = np.random.default_rng(n_in)
    both = [of(n_in, n_out, random.integers(0, n_in + 1, 2000), random.integers(0, n_out + 1, 2000)) for _ in range(2)]
    scores = [
        [Fraction(int(i), n_in) - Fraction(int(o), n_out) for i, o in zip(one.sum_in, one.sum_out, strict=True)]
        for one in both
    ]
    change = [after - before for before, after in zip(*scores, strict=True)]
    assert changed_shares(*both, 0.2) == (
        sum(c < -Fraction(1, 5) for c in change) / 2000,
        sum(c > Fraction(1, 5) for c in change) / 2000,
    )


def test_noise_alone_gives_the_shares_that_two_draws_of_the_same_models_give():
    random = np.random.default_rng(0)
    p_in, p_out = random.beta(5, 1, 4000), random.beta(1, 1, 4000)
    first, second = counts(random, p_in, p_out, 40), counts(random, p_in, p_out, 40)
    seen = changed_shares(first, second, 0.2)
    told = changed_shares_if_same(first, second, 0.2)
    # pooling over both kinds leaves the accuracies noisy, so a little is missing; exact equality is not to be had
    assert told == pytest.approx(seen, abs=0.03)
    assert min(told) > 0.05


def test_the_shares_of_noise_do_not_depend_on_what_the_students_do():
    random = np.random.default_rng(1)
    p_in, p_out = np.full(3000, 1.0), random.beta(1, 1, 3000)
    onehot = counts(random, p_in, p_out, 100)
    forgetful = counts(random, p_in - 0.5, p_out, 100)
    down, _ = changed_shares(onehot, forgetful, 0.2)
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
