"""The split of examples: copies together, classes alike on all sides, and nothing but data and seed decide it."""

import numpy as np
import pytest

from memscope.analysis.example_split import FEWEST, SHARES, split_examples
from memscope.errors import OptionError

FINGERPRINT = "0123456789abcdef" * 4


def parts_of(split, count):
    part = np.full(count, -1)
    for number, positions in enumerate((split.fitted, split.validating, split.held_out)):
        assert (part[positions] == -1).all()
        assert (np.diff(positions) > 0).all()
        part[positions] = number
    return part


def test_every_example_is_on_one_side_and_every_class_has_its_shares_on_each():
    labels = np.arange(1000) % 10
    part = parts_of(split_examples(labels, np.arange(1000), FINGERPRINT), 1000)
    assert (part >= 0).all()
    for label in range(10):
        shares = np.bincount(part[labels == label], minlength=3) / 100
        assert shares == pytest.approx(SHARES, abs=0.015)
    assert np.bincount(part).tolist() == [600, 200, 200]


def test_copies_are_never_apart():
    random = np.random.default_rng(0)
    units = random.integers(0, 150, 600)  # four copies of each on average
    labels = random.integers(0, 3, 600)  # which may have other labels
    part = parts_of(split_examples(labels, units, FINGERPRINT), 600)
    for unit in np.unique(units):
        assert len(set(part[units == unit])) == 1
    assert np.bincount(part) / 600 == pytest.approx(SHARES, abs=0.03)


def test_classes_of_one_example_are_on_all_sides():
    part = parts_of(split_examples(np.arange(100), np.arange(100), FINGERPRINT), 100)
    assert np.bincount(part).tolist() == [60, 20, 20]


def test_it_is_a_function_of_the_data_and_the_seed_alone():
    labels, units = np.arange(200) % 4, np.arange(200)
    one = split_examples(labels, units, FINGERPRINT)
    assert split_examples(labels, units, FINGERPRINT).digest == one.digest
    assert split_examples(labels, units, FINGERPRINT, seed=1).digest != one.digest
    assert split_examples(labels, units, FINGERPRINT[::-1]).digest != one.digest


def test_too_few_are_refused():
    count = FEWEST - 1
    with pytest.raises(OptionError, match=f"{count} training examples"):
        split_examples(np.zeros(count, dtype=int), np.arange(count), FINGERPRINT)
