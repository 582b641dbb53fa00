import math
from decimal import Decimal, getcontext

import numpy as np
import pytest

from memscope.analysis.proxies.dynamics import (
    cumulative_loss,
    final_loss,
    final_margin,
    first_right,
    forgetting_events,
    learning_time,
    losses,
    mean_accuracy,
    mean_confidence,
    probabilities,
    proxies_of_dynamics,
    variability,
)

# after each of five epochs: wrong 0, right 1
SEQUENCES = {
    "11111": {"forgotten": 0, "learnt": 1, "first": 1},  # always right
    "00000": {"forgotten": None, "learnt": 6, "first": 6},  # never learnt
    "00111": {"forgotten": 0, "learnt": 3, "first": 3},
    "10101": {"forgotten": 2, "learnt": 5, "first": 1},
    "01110": {"forgotten": 1, "learnt": 6, "first": 2},  # forgotten at the end
    "10000": {"forgotten": 1, "learnt": 6, "first": 1},
    "00001": {"forgotten": 0, "learnt": 5, "first": 5},
    "01011": {"forgotten": 1, "learnt": 4, "first": 2},
}
CORRECT = np.array([[letter == "1" for letter in sequence] for sequence in SEQUENCES]).T
EXTREME = np.array([-60000, -800, -40, -1.5, -1e-3, 0, 1e-3, 1.5, 40, 800, 60000], np.float16)


@pytest.mark.parametrize("never", [5, 0, 1000, math.inf])
def test_forgetting_events_are_those_of_hand_made_sequences(never):
    expected = [never if row["forgotten"] is None else row["forgotten"] for row in SEQUENCES.values()]
    assert forgetting_events(CORRECT, never_learnt=never).tolist() == expected


def test_learning_times_are_those_of_hand_made_sequences():
    assert learning_time(CORRECT).tolist() == [row["learnt"] for row in SEQUENCES.values()]
    assert first_right(CORRECT).tolist() == [row["first"] for row in SEQUENCES.values()]


def test_one_epoch_is_enough():
    correct = np.array([[True, False]])
    assert forgetting_events(correct, never_learnt=1).tolist() == [0, 1]
    assert learning_time(correct).tolist() == first_right(correct).tolist() == [1, 2]


def test_accuracy_is_the_share_of_epochs_that_were_right():
    assert mean_accuracy(CORRECT).tolist() == [sequence.count("1") / 5 for sequence in SEQUENCES]


def decimal_probability(odds):
    return 1 / (1 + Decimal(-float(odds)).exp())


def test_probabilities_and_losses_are_exact_from_one_end_of_float16_to_the_other():
    getcontext().prec = 60
    getcontext().Emin = -(10**9)
    exact = [decimal_probability(odds) for odds in EXTREME]
    np.testing.assert_allclose(probabilities(EXTREME), [float(p) for p in exact], rtol=1e-14)
    # -log p through log1p of the exact odds against the label, whose tail no logarithm of p in float64 would show
    expected = [float((1 + Decimal(-float(odds)).exp()).ln()) for odds in EXTREME]
    np.testing.assert_allclose(losses(EXTREME), expected, rtol=1e-14)
    assert losses(EXTREME)[0] == 60000.0  # of float16 itself, to which nothing is added
    assert 0 < losses(EXTREME)[8] < 1e-17


def test_losses_are_summed_over_epochs_in_float64():
    odds = np.stack([EXTREME, EXTREME[::-1], np.full(len(EXTREME), 2.5, np.float16)])
    expected = [sum(float((1 + Decimal(-float(value)).exp()).ln()) for value in column) for column in odds.T]
    np.testing.assert_allclose(cumulative_loss(odds), expected, rtol=1e-14)
    np.testing.assert_allclose(final_loss(odds), math.log1p(math.exp(-2.5)), rtol=1e-14)
    assert final_margin(odds).tolist() == [2.5] * len(EXTREME)


def test_confidence_and_variability_are_mean_and_population_deviation_of_the_probability():
    odds = np.array([[0.0, 3.0], [math.log(3), 3.0], [-math.log(3), 3.0]])  # probabilities 1/2, 3/4, 1/4
    np.testing.assert_allclose(mean_confidence(odds), [0.5, 1 / (1 + math.exp(-3))], rtol=1e-14)
    np.testing.assert_allclose(variability(odds), [math.sqrt((0 + 1 / 16 + 1 / 16) / 3), 0], atol=1e-15)


def test_probabilities_of_many_classes_follow_from_the_log_odds():
    logits = np.random.default_rng(0).normal(size=(4, 6, 10)) * 5  # [epochs, N, C]
    label = np.arange(6)
    exponential = np.exp(logits)
    p = np.take_along_axis(exponential / exponential.sum(axis=2, keepdims=True), label[None, :, None], 2)[..., 0]
    others = exponential.sum(axis=2) - np.take_along_axis(exponential, label[None, :, None], 2)[..., 0]
    odds = np.take_along_axis(logits, label[None, :, None], 2)[..., 0] - np.log(others)
    np.testing.assert_allclose(mean_confidence(odds), p.mean(axis=0), rtol=1e-10)
    np.testing.assert_allclose(cumulative_loss(odds), -np.log(p).sum(axis=0), rtol=1e-10)


def test_an_example_with_undefined_log_odds_has_no_proxy_and_changes_no_other():
    odds = np.random.default_rng(1).normal(size=CORRECT.shape).astype(np.float16)
    before = proxies_of_dynamics(CORRECT, odds)
    odds[2, 3] = np.nan
    for name, values in proxies_of_dynamics(CORRECT, odds).items():
        assert values.dtype == np.float64, name
        assert np.isnan(values).tolist() == [False] * 3 + [True] + [False] * 4, name
        assert np.array_equal(np.delete(values, 3), np.delete(before[name], 3)), name


def test_the_names_mean_what_they_say():
    found = proxies_of_dynamics(CORRECT, np.zeros(CORRECT.shape))
    never = list(SEQUENCES).index("00000")
    variants = ["forgetting", "forgetting-0", "forgetting-1000", "forgetting-infinity"]
    assert [found[name][never] for name in variants] == [5, 0, 1000, math.inf]
    np.testing.assert_allclose(found["cumulative-loss"], 5 * math.log(2))
    np.testing.assert_allclose(found["final-loss"], math.log(2))
    assert found["learning-time"][-1] == 4
    assert found["first-right"][-1] == 2
    assert found["mean-accuracy"][0] == 1
    assert found["mean-confidence"][0] == 0.5
    assert found["variability"][0] == found["final-margin"][0] == 0
