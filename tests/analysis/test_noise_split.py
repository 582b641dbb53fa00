import numpy as np
import pytest

from memscope.analysis.noise_split import split_noise
from memscope.errors import OptionError
from memscope.plan.subsets import balanced_subsets


def outcomes(random, subset_noise: float, training_noise: float, subsets: int = 10, examples: int = 4000):
    """Two models of each subset: right where a level, the effect of the subset and the own effect add up to over 0."""
    mask = balanced_subsets(examples, subsets, 0.7, 0)
    level = random.normal(size=examples)
    shared = subset_noise * random.normal(size=(subsets, examples))
    own = training_noise * random.normal(size=(2, subsets, examples))
    return mask, level + mask + shared + own > 0


def test_without_training_noise_the_share_is_zero_and_without_subset_noise_it_is_one():
    random, one_block = np.random.default_rng(0), np.zeros(10, dtype=int)
    assert split_noise(*outcomes(random, 1.0, 0.0), one_block).training == 0
    found = split_noise(*outcomes(random, 0.0, 1.0), one_block)
    assert found.training_share == pytest.approx(1, abs=0.03)
    assert np.isnan(found.training_share_error)


def test_the_parts_are_those_of_a_closed_form():
    """Both noises alone: P[right | subset] is normal; the variance of its mean is the subset's part."""
    random = np.random.default_rng(1)
    mask = balanced_subsets(20000, 10, 0.7, 0)
    probability = np.where(random.random((10, 20000)) < 0.5, 0.1, 0.7)  # decided by the subset
    right = random.random((2, 10, 20000)) < probability
    found = split_noise(mask, right, np.zeros(10, dtype=int))
    assert found.variance == pytest.approx(0.4 * 0.6, abs=0.003)
    assert found.training == pytest.approx((0.1 * 0.9 + 0.7 * 0.3) / 2, abs=0.003)
    assert found.training_share == pytest.approx(0.15 / 0.24, abs=0.01)


def test_nothing_that_varies_has_no_share():
    mask = balanced_subsets(50, 10, 0.7, 0)
    found = split_noise(mask, np.ones((2, 10, 50), dtype=bool), np.zeros(10, dtype=int))
    assert found.variance == found.training == 0
    assert np.isnan(found.training_share)


def test_other_shapes_and_too_few_subsets_are_refused():
    mask = balanced_subsets(50, 10, 0.7, 0)
    with pytest.raises(OptionError, match=r"expected bool \[subsets, examples\]"):
        split_noise(mask, np.ones((3, 10, 50), dtype=bool), np.zeros(10, dtype=int))
    with pytest.raises(OptionError, match="2 subsets, expected at least 3"):
        split_noise(mask[:2], np.ones((2, 2, 50), dtype=bool), [0, 0])
    with pytest.raises(OptionError, match=r"block \(3,\), expected \[10\]"):
        split_noise(mask, np.ones((2, 10, 50), dtype=bool), [0, 0, 0])


def test_the_error_leaves_out_whole_blocks_because_subsets_of_one_depend_on_each_other():
    random = np.random.default_rng(2)
    mask, right = outcomes(random, 0.7, 0.7, subsets=40, examples=300)
    block = np.repeat(np.arange(4), 10)
    found = split_noise(mask, right, block)
    shares = []
    for left_out in range(4):
        kept = block != left_out
        without = split_noise(mask[kept], right[:, kept], block[kept])
        shares.append(without.training / without.variance)
    expected = np.sqrt(3 / 4 * np.sum((np.array(shares) - np.mean(shares)) ** 2))
    assert found.training_share_error == pytest.approx(expected)


def test_the_error_of_the_share_is_as_wide_as_the_share_varies():
    shares, errors = [], []
    for number in range(60):
        mask, right = outcomes(np.random.default_rng(number), 0.7, 0.7, subsets=40, examples=100)
        found = split_noise(mask, right, np.repeat(np.arange(4), 10))
        shares.append(found.training_share)
        errors.append(found.training_share_error)
    assert np.mean(errors) / np.std(shares, ddof=1) == pytest.approx(1, abs=0.25)
