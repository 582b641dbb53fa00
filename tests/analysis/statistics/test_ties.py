"""Ties at a threshold, which are many where there are few models: decided as exact fractions decide them."""

from fractions import Fraction

import numpy as np
import pytest

from memscope.analysis.memorisation import Counts
from memscope.analysis.student_change import changed_shares
from memscope.analysis.trajectories import classify_trajectories, codes_of_counts, raw_types
from memscope.errors import OptionError

PAIRS = [(10, 10), (14, 6), (20, 20), (28, 12), (35, 15), (70, 30), (50, 50)]
"""Models with and without each example, at the fractions .5 and .7."""


def type_by_fractions(m: list[Fraction], epsilon: Fraction) -> str:
    """The rule, word by word, over all pairs of sizes."""
    pairs = [(m[i], m[j]) for j in range(len(m)) for i in range(j)]
    rise, fall = max(b - a for a, b in pairs), max(a - b for a, b in pairs)
    if rise < epsilon or fall < epsilon:
        return "increasing" if rise >= epsilon else "decreasing" if fall >= epsilon else "constant"
    cap = any(x - m[0] >= epsilon and x - m[-1] >= epsilon for x in m[1:-1])
    u = any(m[0] - x >= epsilon and m[-1] - x >= epsilon for x in m[1:-1])
    return "irregular" if cap == u else "cap-shaped" if cap else "u-shaped"


def fractions_of(c_in: np.ndarray, n_in: np.ndarray, c_out: np.ndarray, n_out: np.ndarray) -> list[list[Fraction]]:
    """Exact scores [examples][sizes]."""
    return [
        [Fraction(int(a), int(b)) - Fraction(int(c), int(d)) for a, b, c, d in zip(*column, strict=True)]
        for column in zip(c_in.T, n_in.T, c_out.T, n_out.T, strict=True)
    ]


@pytest.mark.parametrize(("n_in", "n_out"), PAIRS)
@pytest.mark.parametrize("epsilon", [0.1, 0.15, 0.2, 0.3])
def test_types_are_those_of_exact_fractions_from_counts_and_from_scores_of_either_precision(n_in, n_out, epsilon):
    random = np.random.default_rng(n_in)
    examples, sizes = 1500, 4
    c_in = random.binomial(n_in, random.choice([0.3, 0.7, 1.0], (1, examples)), (sizes, examples))
    c_out = random.binomial(n_out, random.choice([0.0, 0.3, 0.6], (sizes, examples)))
    whole = [np.full_like(c_in, n_in), np.full_like(c_in, n_out)]
    exact = fractions_of(c_in, whole[0], c_out, whole[1])
    expected = [type_by_fractions(m, Fraction(str(epsilon))) for m in exact]
    scores = c_in / n_in - c_out / n_out
    assert raw_types(c_in, whole[0], c_out, whole[1], epsilon).tolist() == expected
    assert classify_trajectories(scores, epsilon).tolist() == expected
    assert classify_trajectories(scores.astype(np.float32), epsilon).tolist() == expected
    tied = sum(abs(m[j] - m[i]) == Fraction(str(epsilon)) for m in exact for j in range(sizes) for i in range(j))
    # that the test tests something: at 28/12 no difference can tie with .1, say
    if (epsilon * n_in).is_integer() and (epsilon * n_out).is_integer():
        assert tied > 100


def test_sizes_of_different_numbers_of_models_are_brought_to_one_denominator():
    random = np.random.default_rng(1)
    n_in, n_out = random.integers(8, 15, (3, 800)), random.integers(3, 8, (3, 800))
    c_in, c_out = random.integers(0, n_in + 1), random.integers(0, n_out + 1)
    expected = [type_by_fractions(m, Fraction(1, 5)) for m in fractions_of(c_in, n_in, c_out, n_out)]
    assert raw_types(c_in, n_in, c_out, n_out).tolist() == expected


def test_where_the_common_denominator_is_beyond_int64_nothing_is_lost():
    primes = np.array([[997, 991], [983, 977], [971, 967], [953, 947], [941, 937]])
    random = np.random.default_rng(2)
    n_in, n_out = np.repeat(primes[:, :1], 200, axis=1), np.repeat(primes[:, 1:], 200, axis=1)
    assert np.prod(primes.astype(float)) > 2**64
    c_in, c_out = random.integers(300, 600, n_in.shape), random.integers(300, 500, n_in.shape)
    exact = fractions_of(c_in, n_in, c_out, n_out)
    epsilon = float(max(m[1] - m[0] for m in exact))
    assert raw_types(c_in, n_in, c_out, n_out, epsilon).tolist() == [
        type_by_fractions(m, Fraction(str(epsilon))) for m in exact
    ]
    by_float = classify_trajectories(c_in / n_in - c_out / n_out, epsilon)
    assert (by_float == raw_types(c_in, n_in, c_out, n_out, epsilon)).mean() > 0.99


def test_one_size_without_models_leaves_the_type_undefined():
    types = raw_types([[5, 5], [5, 5]], [[10, 10], [10, 0]], [[1, 1], [1, 1]], [[5, 5], [5, 5]])
    assert types.tolist() == ["constant", "undefined"]


def test_counts_along_any_last_axes_have_the_codes_of_each_alone():
    random = np.random.default_rng(3)
    c_in, c_out = random.integers(0, 11, (7, 3, 20)), random.integers(0, 11, (7, 3, 20))
    whole = np.full((7, 3, 1), 10)
    codes = codes_of_counts((c_in, whole, c_out, whole), 0.2)
    for example in range(7):
        alone = codes_of_counts([values[example] for values in (c_in, whole, c_out, whole)], 0.2)
        assert (codes[example] == alone).all()


@pytest.mark.parametrize(("n_in", "n_out"), PAIRS)
def test_shares_below_a_tenth_and_above_nine_tenths_are_those_of_exact_fractions(n_in, n_out):
    grid = [(i, o) for i in range(n_in + 1) for o in range(n_out + 1)]
    exact = [Fraction(i, n_in) - Fraction(o, n_out) for i, o in grid]
    counts = Counts(
        np.full(len(grid), n_in, dtype=np.int32),
        np.full(len(grid), n_out, dtype=np.int32),
        np.array([i for i, _ in grid], dtype=np.int32),
        np.array([o for _, o in grid], dtype=np.int32),
    )
    assert counts.score_below(0.1).tolist() == [score < Fraction(1, 10) for score in exact]
    assert counts.score_above(0.9).tolist() == [score > Fraction(9, 10) for score in exact]


def test_a_score_that_is_undefined_is_neither_low_nor_high():
    nobody = np.zeros(1, dtype=np.int32)
    counts = Counts(nobody, nobody + 10, nobody, nobody)
    assert not counts.score_below(0.1)[0]
    assert not counts.score_above(0.9)[0]


@pytest.mark.parametrize(("n_in", "n_out"), [(7, 3), (70, 30), (700, 300)])
@pytest.mark.parametrize("epsilon", [1 / 3, 0.1 + 0.2, 1e-20, 2.0])
def test_a_threshold_of_many_digits_overflows_nothing(n_in, n_out, epsilon):
    random = np.random.default_rng(n_in)
    c_in, c_out = random.integers(0, n_in + 1, (3, 300)), random.integers(0, n_out + 1, (3, 300))
    whole = [np.full_like(c_in, n_in), np.full_like(c_in, n_out)]
    exact = fractions_of(c_in, whole[0], c_out, whole[1])
    limit = Fraction(str(epsilon))
    assert raw_types(c_in, whole[0], c_out, whole[1], epsilon).tolist() == [type_by_fractions(m, limit) for m in exact]
    counts = [Counts(*(values.astype(np.int32)[size] for values in (*whole, c_in, c_out))) for size in range(2)]
    change = [m[1] - m[0] for m in exact]
    assert changed_shares(*counts, epsilon) == (
        sum(c < -limit for c in change) / 300,
        sum(c > limit for c in change) / 300,
    )
    assert counts[0].score_above(epsilon).tolist() == [m[0] > limit for m in exact]
    assert counts[0].score_below(epsilon).tolist() == [m[0] < limit for m in exact]


@pytest.mark.parametrize("epsilon", [0.0, -0.1, 2.01, float("inf"), float("nan")])
def test_an_epsilon_by_which_no_two_scores_differ_is_refused_in_one_line(epsilon):
    with pytest.raises(OptionError, match="expected a number above 0 and at most 2"):
        raw_types([[1], [2]], 10, [[1], [1]], 10, epsilon)


def test_one_size_is_no_trajectory():
    with pytest.raises(OptionError, match="a trajectory needs"):
        raw_types([[1, 2]], 10, [[1, 1]], 10)
