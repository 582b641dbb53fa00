from math import comb

import numpy as np
import pytest

from memscope.analysis.trajectories import TYPES, type_shares
from memscope.analysis.trajectory_types import flat_shares, trajectory_types
from memscope.errors import OptionError

SIZES = 5


def simulate(random, p_in, p_out, n_in, n_out, examples):
    """Numbers of correct models [sizes, examples] at true accuracies [sizes]."""
    shape = (SIZES, examples)
    p_in, p_out = (np.broadcast_to(np.reshape(p, (-1, 1)), shape) for p in (p_in, p_out))
    return random.binomial(n_in, p_in), random.binomial(n_out, p_out)


@pytest.mark.parametrize("models", [40, 100, 400])
def test_fewer_than_a_tenth_of_flat_trajectories_are_called_anything_but_constant_or_undetermined(models):
    random = np.random.default_rng(models)
    n_in, n_out = models * 7 // 10, models * 3 // 10
    for p_in, p_out in (
        (0.5, 0.5),
        (1, 0.5),
        (0.95, 0.05),
        (0.05, 0.05),
        (0.95, 0.95),
        (0.95, 0.5),
        (0.5, 0.05),
        (1, 0.7),
    ):
        c_in, c_out = simulate(random, p_in, p_out, n_in, n_out, 256)
        called = trajectory_types(c_in, n_in, c_out, n_out).called
        assert np.isin(called, ["constant", "undetermined"]).mean() > 0.9, (p_in, p_out)
        if models == 400 and p_out in (0.05, 0.95):
            assert (called == "constant").mean() > 0.9  # undetermined is no answer where there is enough to know


def test_nearly_all_straight_rises_and_falls_are_called_so_with_a_hundred_models():
    random = np.random.default_rng(0)
    score = np.linspace(0.05, 0.95, SIZES)
    for scores, name in ((score, "increasing"), (score[::-1], "decreasing")):
        c_in, c_out = simulate(random, 1.0, 1 - scores, 70, 30, 512)
        assert (trajectory_types(c_in, 70, c_out, 30).called == name).mean() >= 0.9


def test_caps_and_us_are_called_so_with_many_models():
    random = np.random.default_rng(0)
    score = np.array([0.1, 0.5, 0.9, 0.5, 0.1])
    for scores, name in ((score, "cap-shaped"), (1 - score, "u-shaped")):
        c_in, c_out = simulate(random, 1.0, 1 - scores, 700, 300, 64)
        assert (trajectory_types(c_in, 700, c_out, 300).called == name).all()


def jeffreys_on_a_grid(correct: int, models: int, cells: int) -> np.ndarray:
    """Posterior probabilities of `cells` cells of an accuracy, by its density at 20 points in each."""
    p = (np.arange(cells * 20) + 0.5) / (cells * 20)
    log_density = (correct - 0.5) * np.log(p) + (models - correct - 0.5) * np.log1p(-p)
    density = np.exp(log_density - log_density.max()).reshape(cells, 20).sum(axis=1)
    return density / density.sum()


def test_with_two_sizes_the_probabilities_are_those_of_the_convolved_posteriors():
    cells = 1000
    counts = {"in": (25, 28), "out": (9, 7)}  # correct at the first and the second size, of 28 and of 12
    change = np.ones(1)
    for (first, second), models, sign in ((counts["in"], 28, 1), (counts["out"], 12, -1)):
        one, two = jeffreys_on_a_grid(first, models, cells), jeffreys_on_a_grid(second, models, cells)
        change = np.convolve(change, np.convolve(two, one[::-1])[::sign])  # of the score
    difference = (np.arange(len(change)) - (len(change) - 1) / 2) / cells
    up, down = change[difference >= 0.2].sum(), change[difference <= -0.2].sum()
    examples = 640
    c_in, c_out = (np.repeat(np.reshape(counts[side], (2, 1)), examples, axis=1) for side in ("in", "out"))
    result = trajectory_types(c_in, 28, c_out, 12)
    expected = [1 - up - down, up, down, 0, 0, 0]
    assert 0.1 < up < 0.9
    # 256,000 draws have a standard deviation of .001 at most, and the grid an error of half a cell.
    assert result.probabilities.mean(axis=0) == pytest.approx(expected, abs=0.005)
    assert result.probabilities.sum(axis=1) == pytest.approx(1)


def test_the_type_is_called_only_with_the_confidence_that_was_asked_for():
    c_in, c_out = simulate(np.random.default_rng(3), 0.9, 0.5, 28, 12, 200)
    result = trajectory_types(c_in, 28, c_out, 12, confidence=0.6)
    best = result.probabilities.max(axis=1)
    for i in range(200):
        name = TYPES[int(result.probabilities[i].argmax())] if best[i] >= 0.6 else "undetermined"
        assert result.called[i] == name
    assert 0.05 < np.mean(best >= 0.6) < 0.95
    shares = type_shares(result.called, (*TYPES, "undetermined"))
    assert shares.sum() == pytest.approx(1)


def test_a_size_without_models_on_one_side_makes_the_type_undefined():
    n_out = np.full((SIZES, 3), 12)
    n_out[2, 1] = 0
    c_out = np.minimum(n_out, 1)
    result = trajectory_types(np.full((SIZES, 3), 28), 28, c_out, n_out)
    assert result.called.tolist()[1] == "undefined"
    assert np.isnan(result.probabilities).tolist() == [[False] * 6, [True] * 6, [False] * 6]
    result = trajectory_types(np.full((SIZES, 3), 28), 28, c_out, n_out, confidence=0.01)
    assert (result.called != "undefined").tolist() == [True, False, True]


def test_the_draws_of_an_example_depend_on_the_seed_and_not_on_examples_of_other_chunks():
    c_in, c_out = simulate(np.random.default_rng(4), 0.9, 0.5, 28, 12, 200)
    every = trajectory_types(c_in, 28, c_out, 12, seed=1)
    again = trajectory_types(c_in, np.full(200, 28), c_out, np.full((SIZES, 1), 12), seed=1)
    assert np.array_equal(every.probabilities, again.probabilities)
    first = trajectory_types(c_in[:, :128], 28, c_out[:, :128], 12, seed=1)
    assert np.array_equal(every.probabilities[:128], first.probabilities)
    c_in[:, :64] = 0
    changed = trajectory_types(c_in, 28, c_out, 12, seed=1)
    assert np.array_equal(every.probabilities[64:], changed.probabilities[64:])
    other = trajectory_types(c_in, 28, c_out, 12, seed=2)
    assert not np.array_equal(other.probabilities[64:], every.probabilities[64:])
    assert other.probabilities[64:] == pytest.approx(every.probabilities[64:], abs=0.2)


def test_flat_shares_with_two_sizes_are_those_of_all_binomial_outcomes():
    """Pooled accuracies 36/56 and 6/24: enumerated over the four counts of a flat trajectory at two sizes."""
    n_in, n_out, p_in, p_out = 28, 12, 36 / 56, 6 / 24

    def weights(n, p):
        return np.array([comb(n, c) * p**c * (1 - p) ** (n - c) for c in range(n + 1)])

    score = np.arange(n_in + 1)[:, np.newaxis] / n_in - np.arange(n_out + 1) / n_out
    weight = weights(n_in, p_in)[:, np.newaxis] * weights(n_out, p_out)
    change = score.ravel() - score.ravel()[:, np.newaxis]
    up = float((weight.ravel() * weight.ravel()[:, np.newaxis])[change >= 0.2 - 1e-9].sum())
    c_in = np.repeat([[8], [28]], 1000, axis=1)  # far from flat: only the pooled accuracy may count
    c_out = np.repeat([[6], [0]], 1000, axis=1)
    shares = flat_shares(c_in, n_in, c_out, n_out)
    assert 0.05 < up < 0.4
    # 100,000 draws: a standard deviation of .0015 at most.
    assert shares == pytest.approx([1 - 2 * up, up, up, 0, 0, 0], abs=0.007)
    assert shares.sum() == pytest.approx(1)


def test_flat_shares_pool_unequal_numbers_of_models_and_leave_out_undefined_examples():
    # All right at a size of one model, all wrong at one of 999: the pooled accuracy is .001, not .5.
    n_in = np.array([[999, 999], [1, 1]])
    c_in = np.array([[0, 0], [1, 1]])
    n_out = np.array([[100, 0], [100, 100]])
    shares = flat_shares(c_in, n_in, np.zeros((2, 2), dtype=int), n_out)
    assert shares[0] > 0.9
    assert shares.sum() == pytest.approx(1)
    assert np.isnan(flat_shares(c_in[:, 1:], n_in[:, 1:], np.zeros((2, 1), dtype=int), n_out[:, 1:])).all()


@pytest.mark.parametrize("function", [trajectory_types, flat_shares])
def test_counts_that_cannot_be_are_refused_with_what_was_found(function):
    c = np.full((3, 4), 5)
    for arguments, message in (
        ((c / 10, 10, c, 10), "correct_in is float64, expected integers"),
        ((c, 10.0, c, 10), "n_in is float64, expected integers"),
        ((c, 10, c[:, :3], 10), r"correct_in \(3, 4\) and correct_out \(3, 3\)"),
        ((c[:1], 10, c[:1], 10), "at least 2 sizes"),
        ((c, np.full(3, 10), c, 10), r"expected shapes that broadcast to \(3, 4\)"),
        ((c, 10, c, 4), "correct_out goes from 5 to 5 and is outside 0 to n_out"),
        ((-c, 10, c, 10), "correct_in goes from -5 to -5"),
        ((c, 10, c, 10, 0.0), "epsilon is 0.0"),
    ):
        with pytest.raises(OptionError, match=message):
            function(*arguments)
    with pytest.raises(OptionError, match="draws is 0"):
        function(c, 10, c, 10, draws=0)


def test_a_confidence_that_is_no_probability_is_refused():
    c = np.full((3, 4), 5)
    for confidence in (0.0, 1.1, float("nan")):
        with pytest.raises(OptionError, match="confidence is"):
            trajectory_types(c, 10, c, 10, confidence=confidence)
