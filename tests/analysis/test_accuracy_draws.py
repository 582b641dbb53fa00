import numpy as np
import pytest

from memscope.analysis.accuracy_draws import LEVELS, drawn_accuracies, jeffreys_quantiles, sixteen_bit_words
from memscope.analysis.statistics.intervals import beta_quantile
from memscope.analysis.trajectory_types import trajectory_types
from memscope.streams import stream


@pytest.mark.parametrize(
    ("correct", "models"),
    [(0, 0), (0, 1), (1, 1), (0, 6), (6, 6), (3, 6), (13, 14), (28, 28), (0, 280), (100, 280), (3999, 4000)],
)
def test_the_quantiles_are_those_of_the_beta_distribution(correct, models):
    levels = (np.arange(LEVELS) + 0.5) / LEVELS
    expected = beta_quantile(levels, correct + 0.5, models - correct + 0.5)
    assert jeffreys_quantiles(correct, models) == pytest.approx(expected, abs=1e-5)


def test_each_example_draws_from_the_posterior_of_its_own_counts():
    correct, models = np.array([[0, 5], [10, 10]]), np.array([[10, 10], [10, 20]])
    words = sixteen_bit_words(stream("a test", 0), (2, 2, 20000))
    drawn = drawn_accuracies(correct, models, words)
    a, b = correct + 0.5, models - correct + 0.5
    assert drawn.mean(axis=2) == pytest.approx(a / (a + b), abs=0.005)
    assert drawn.std(axis=2) == pytest.approx(np.sqrt(a * b / (a + b) ** 2 / (a + b + 1)), rel=0.03)


def test_words_are_the_raw_words_of_the_stream_in_pieces_of_sixteen_bits():
    raw = stream("a test", 1).random_raw(2)
    expected = [int(word) >> shift & 0xFFFF for word in raw for shift in (0, 16, 32, 48)]
    assert sixteen_bit_words(stream("a test", 1), (7,)).tolist() == expected[:7]


def test_the_probabilities_of_types_are_these_whatever_the_version_of_numpy():
    random = np.random.RandomState(0)  # whose numbers NumPy never changes
    correct_in, correct_out = random.randint(7, 15, (3, 100)), random.randint(0, 7, (3, 100))
    found = trajectory_types(correct_in, 14, correct_out, 6).probabilities
    # a draw may lie so near epsilon that another processor's sines decide it otherwise
    assert found[[0, 1, 70]] * 400 == pytest.approx(
        np.array([[57, 27, 110, 204, 2, 0], [0, 0, 159, 241, 0, 0], [0, 0, 393, 6, 1, 0]]), abs=1.5
    )
