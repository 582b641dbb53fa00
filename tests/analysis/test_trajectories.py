import numpy as np
import pytest

from memscope.analysis.trajectories import TYPES, classify_trajectories, decompose_change, rise_and_fall, type_shares
from memscope.analysis.trajectory_types import flat_called_shares, trajectory_types
from memscope.errors import OptionError

NAN = float("nan")
# Types by the definition, with epsilon 0.2, worked out by hand.
BY_HAND = [
    ([0.5, 0.5, 0.5, 0.5], "constant"),
    ([0.5, 0.6, 0.45, 0.55], "constant"),
    ([0.0, 0.1, 0.05, 0.19], "constant"),
    ([0.1, 0.2, 0.3, 0.4], "increasing"),
    ([0.1, 0.9, 0.75, 0.8], "increasing"),
    ([0.3, 0.15, 0.4, 0.4], "increasing"),  # from the second size: the ends differ by .1 only
    ([-0.3, -0.3, -0.1, -0.1], "increasing"),
    ([0.9, 0.6, 0.3, 0.1], "decreasing"),
    ([0.5, 0.6, 0.6, 0.3], "decreasing"),
    ([0.1, 0.5, 0.6, 0.2], "cap-shaped"),
    ([0.1, 0.1, 0.8, 0.6], "cap-shaped"),
    ([0.7, 0.2, 0.1, 0.9], "u-shaped"),
    ([0.5, 0.3, 0.3, 0.5], "u-shaped"),
    ([0.1, 0.4, 0.15, 0.35], "irregular"),  # up, down and up: the maximum exceeds the last end by .05 only
    ([0.5, 0.1, 0.9, 0.5], "irregular"),  # both a cap and a u
    ([0.9, 0.1, 0.3, 0.2], "irregular"),  # falls by .8, rises by .2, and the minimum is .1 below the last end
    # Exact ties reach epsilon, whatever binary fractions make of them.
    ([0.1, 0.1, 0.1, 0.3], "increasing"),
    ([0.3, 0.1, 0.1, 0.1], "decreasing"),
    ([0.7, 0.7, 0.9, 0.7], "cap-shaped"),
    ([0.9, 0.7, 0.7, 0.9], "u-shaped"),
    ([0.1, 0.1, 0.1, 0.3 - 1e-5], "constant"),
    # No score at some size.
    ([NAN, 0.1, 0.5, 0.9], "undefined"),
    ([0.1, 0.1, NAN, 0.9], "undefined"),
    ([0.1, 0.1, 0.1, NAN], "undefined"),
]


def type_by_pairs(m: list[float], epsilon: float) -> str:
    """The rule of science.md, section 2, word by word over all pairs of sizes, in whole hundredths."""
    pairs = [(m[i], m[j]) for j in range(len(m)) for i in range(j)]
    rise, fall = max(b - a for a, b in pairs), max(a - b for a, b in pairs)
    if rise < epsilon and fall < epsilon:
        return "constant"
    if fall < epsilon:
        return "increasing"
    if rise < epsilon:
        return "decreasing"
    cap = any(x - m[0] >= epsilon and x - m[-1] >= epsilon for x in m[1:-1])
    u = any(m[0] - x >= epsilon and m[-1] - x >= epsilon for x in m[1:-1])
    return "irregular" if cap == u else "cap-shaped" if cap else "u-shaped"


@pytest.mark.parametrize(("trajectory", "name"), BY_HAND)
def test_the_rule_gives_the_type_worked_out_by_hand(trajectory, name):
    assert classify_trajectories(np.array([trajectory]).T).tolist() == [name]


@pytest.mark.parametrize("sizes", [2, 3, 4, 5, 8])
def test_the_rule_agrees_with_its_definition_over_all_pairs_of_sizes_ties_included(sizes):
    hundredths = np.random.default_rng(sizes).integers(0, 12, size=(sizes, 4000)) * 5
    expected = [type_by_pairs(column, 20) for column in hundredths.T.tolist()]
    assert classify_trajectories(hundredths / 100).tolist() == expected
    assert classify_trajectories(hundredths / 100, epsilon=0.35).tolist() == [
        type_by_pairs(column, 35) for column in hundredths.T.tolist()
    ]
    # Every type is tested, but that two sizes have no interior and cannot both rise and fall.
    assert set(expected) == set(TYPES[:3] if sizes == 2 else TYPES[:5] if sizes == 3 else TYPES)


def test_rise_and_fall_are_the_largest_differences_over_pairs():
    scores = np.random.default_rng(0).normal(size=(6, 300))
    rise, fall = rise_and_fall(scores)
    differences = np.array([scores[j] - scores[i] for j in range(6) for i in range(j)])
    assert np.array_equal(rise, differences.max(axis=0))
    assert np.array_equal(fall, (-differences).max(axis=0))
    assert float(rise_and_fall([[0.9], [0.5], [0.4]])[0][0]) == pytest.approx(-0.1)
    assert np.isnan(rise_and_fall([[0.9, NAN], [NAN, 0.5], [0.4, 0.4]])).all()


def test_the_parts_of_a_change_add_up_to_the_rise_and_the_fall_of_the_score():
    random = np.random.default_rng(1)
    accuracy_in, accuracy_out = random.random((2, 5, 200))
    score = accuracy_in - accuracy_out
    for sign, change, whole in zip(
        (1, -1), decompose_change(accuracy_in, accuracy_out), rise_and_fall(score), strict=True
    ):
        assert change.amount == pytest.approx(whole, abs=1e-12)
        assert change.from_accuracy_in + change.from_accuracy_out == pytest.approx(whole, abs=1e-12)
        for i in range(200):
            a, b = change.first[i], change.last[i]
            assert a < b
            assert change.from_accuracy_in[i] == pytest.approx(sign * (accuracy_in[b, i] - accuracy_in[a, i]))
            assert change.from_accuracy_out[i] == pytest.approx(-sign * (accuracy_out[b, i] - accuracy_out[a, i]))


def test_the_parts_of_a_change_by_hand():
    # The score goes .1, .3, .9, .5: it rises by .8, of which .5 is from accuracy in, and then falls by .4, all of it
    # because models without the example get it right more often.
    rise, fall = decompose_change([[0.5, NAN], [0.6, 1], [1.0, 1], [1.0, 1]], [[0.4, 0], [0.3, 0], [0.1, 0], [0.5, 0]])
    assert (rise.first[0], rise.last[0], fall.first[0], fall.last[0]) == (0, 2, 2, 3)
    assert [rise.amount[0], rise.from_accuracy_in[0], rise.from_accuracy_out[0]] == pytest.approx([0.8, 0.5, 0.3])
    assert [fall.amount[0], fall.from_accuracy_in[0], fall.from_accuracy_out[0]] == pytest.approx([0.4, 0.0, 0.4])
    for change in (rise, fall):
        assert np.isnan([change.amount[1], change.from_accuracy_in[1], change.from_accuracy_out[1]]).all()
        assert (change.first[1], change.last[1]) == (-1, -1)


def test_shares_are_of_the_examples_whose_type_is_defined():
    types = np.array(["increasing", "undefined", "constant", "increasing", "irregular"])
    assert type_shares(types).tolist() == [0.25, 0.5, 0, 0, 0, 0.25]
    assert type_shares(["constant", "undetermined"], (*TYPES, "undetermined")).tolist() == [0.5, 0, 0, 0, 0, 0, 0.5]
    assert np.isnan(type_shares(["undefined"])).all()


@pytest.mark.parametrize("function", [classify_trajectories, rise_and_fall, lambda m: decompose_change(m, m)])
def test_one_size_or_one_example_alone_is_no_array_of_trajectories(function):
    with pytest.raises(OptionError, match=r"shape \(1, 7\), expected \[sizes, examples\] with at least 2"):
        function(np.zeros((1, 7)))
    with pytest.raises(OptionError, match=r"shape \(7,\)"):
        function(np.zeros(7))


def test_an_epsilon_that_is_not_above_zero_and_unequal_shapes_are_refused():
    for epsilon in (0.0, -0.1, NAN):
        with pytest.raises(OptionError, match="epsilon is"):
            classify_trajectories(np.zeros((3, 2)), epsilon)
    with pytest.raises(OptionError, match=r"accuracy_in \(3, 2\) and accuracy_out \(3, 4\)"):
        decompose_change(np.zeros((3, 2)), np.zeros((3, 4)))


def test_what_flat_trajectories_would_be_called_is_small_and_near_what_calling_simulated_ones_gives():
    random = np.random.default_rng(5)
    sizes, examples, n_in, n_out = 4, 600, 28, 12
    p_in, p_out = random.uniform(0.5, 1, examples), random.uniform(0, 0.9, examples)
    correct_in = random.binomial(n_in, p_in, (sizes, examples))
    correct_out = random.binomial(n_out, p_out, (sizes, examples))
    shares = flat_called_shares(correct_in, n_in, correct_out, n_out)
    assert shares.sum() == pytest.approx(1)
    assert shares[:6].sum() < 0.1
    # the same question answered with the true accuracies instead of the pooled ones
    simulated = []
    for repeat in range(4):
        drawn = [random.binomial(n, p, (sizes, examples)) for n, p in ((n_in, p_in), (n_out, p_out))]
        called = trajectory_types(drawn[0], n_in, drawn[1], n_out, seed=100 + repeat).called
        simulated.append([np.mean(called == name) for name in (*TYPES, "undetermined")])
    assert shares == pytest.approx(np.mean(simulated, axis=0), abs=0.02)
    # a real change is called far more often than that
    rising = np.linspace(0, 1, sizes)[:, np.newaxis]
    changed = flat_called_shares(
        np.full((sizes, examples), n_in),
        n_in,
        random.binomial(n_out, 1 - np.broadcast_to(rising, (sizes, examples))),
        n_out,
    )
    assert changed[1] < 0.1


def test_without_any_example_that_is_defined_nothing_would_be_called():
    assert np.isnan(flat_called_shares(np.zeros((2, 3), int), 0, np.zeros((2, 3), int), 5)).all()
