import numpy as np
import pytest

from memscope.analysis.memorisation import count_outcomes, memorisation_from_counts
from memscope.analysis.memorised import binomial, count_memorised, memorised_if_none


def test_probabilities_are_those_of_coins():
    assert binomial(2, np.array([0.5, 0.1, 0.0, 1.0])) == pytest.approx(
        np.array([[0.25, 0.5, 0.25], [0.81, 0.18, 0.01], [1, 0, 0], [0, 0, 1]])
    )


def test_probabilities_of_thousands_of_coins_neither_overflow_nor_vanish():
    found = binomial(4000, np.array([0.0, 0.3, 0.999, 1.0]))
    assert found.sum(axis=1) == pytest.approx(1)
    assert found @ np.arange(4001) == pytest.approx([0, 1200, 3996, 4000])
    assert found[1] @ (np.arange(4001) - 1200) ** 2 == pytest.approx(4000 * 0.3 * 0.7)


@pytest.mark.parametrize("models", [20, 40])
def test_where_nothing_is_memorised_as_many_are_counted_as_noise_is_said_to_show(models):
    """Examples that are got right as often with as without: by simulation."""
    random = np.random.default_rng(0)
    examples = 40_000
    inside = np.argsort(random.random((models, examples)), axis=0) < models * 7 // 10
    right = random.random((models, examples)) < random.beta(2, 1, examples)
    counts = count_outcomes(inside, right)
    found = count_memorised(memorisation_from_counts(counts).interval_low)
    assert found == pytest.approx(memorised_if_none(counts), abs=4 * np.sqrt(found))
    assert found < 0.025 * examples


def test_whoever_is_memorised_is_counted():
    inside = np.tile(np.arange(20) % 10 < 7, (3, 1)).T
    right = np.stack([inside[:, 0], np.ones(20, bool), np.zeros(20, bool)], axis=1)
    counts = count_outcomes(inside, right)
    assert count_memorised(memorisation_from_counts(counts).interval_low) == 1
    assert memorised_if_none(counts) < 0.05
    nobody = count_outcomes(np.ones((4, 2), bool), np.ones((4, 2), bool))  # trained with all: no score
    assert (count_memorised(memorisation_from_counts(nobody).interval_low), memorised_if_none(nobody)) == (0, 0)
