import hashlib
from fractions import Fraction

import numpy as np
import pytest

from memscope.errors import OptionError
from memscope.plan.subsets import balanced_subsets, block_size, block_subsets, fraction_of

# fraction, models per block, models of a block that train on any one example
BLOCKS = [(0.7, 10, 7), (0.5, 10, 5), (0.75, 12, 9), (1 / 3, 12, 4), (0.05, 20, 1), (0.95, 20, 19)]


@pytest.mark.parametrize(("fraction", "block", "_members"), BLOCKS)
def test_a_block_is_the_smallest_multiple_of_the_denominator_from_ten_on(fraction, block, _members):
    assert block_size(fraction) == block


@pytest.mark.parametrize("value", [0.0, 1.0, -0.5, 1.5, float("nan"), float("inf"), 0.333, 1e-10, 0.99])
def test_a_fraction_that_blocks_cannot_have_is_refused_with_what_was_found(value):
    with pytest.raises(OptionError, match=f"fraction is {value}.*expected"):
        fraction_of(value)


def test_a_refused_fraction_is_answered_with_the_nearest_that_can_be():
    assert fraction_of(0.7) == fraction_of(Fraction(7, 10)) == Fraction(7, 10)
    with pytest.raises(OptionError, match=r"1/3 = 0\.3333333333"):
        fraction_of(0.333)
    with pytest.raises(OptionError, match=r"19/20 = 0\.95"):
        fraction_of(0.99)


@pytest.mark.parametrize(("fraction", "block", "members"), BLOCKS)
@pytest.mark.parametrize("num_examples", [20, 120, 121, 127, 239])
def test_a_block_is_balanced_per_example_and_per_model(fraction, block, members, num_examples):
    subsets = block_subsets(num_examples, 3, fraction, seed=1)
    assert subsets.shape == (block, num_examples)
    assert subsets.dtype == bool
    assert (subsets.sum(axis=0) == members).all()
    exact = Fraction(members, block) * num_examples
    assert set(subsets.sum(axis=1)) <= {int(np.floor(exact)), int(np.ceil(exact))}


def test_more_models_leave_the_subsets_of_the_first_ones_unchanged():
    many = balanced_subsets(57, 40, 0.7, seed=2)
    for models in (1, 9, 10, 11, 30):
        assert np.array_equal(balanced_subsets(57, models, 0.7, seed=2), many[:models])
    assert (many.sum(axis=0) == 28).all()


def test_blocks_and_seeds_give_different_subsets_and_a_block_is_a_function_of_its_number():
    many = balanced_subsets(500, 30, 0.7, seed=2)
    assert np.array_equal(many[20:30], block_subsets(500, 2, 0.7, seed=2))
    for other in (many[10:20], block_subsets(500, 0, 0.7, seed=3)):
        # Independent subsets agree on an example with probability .7^2 + .3^2 = .58.
        assert np.mean(many[:10] == other) == pytest.approx(0.58, abs=0.04)


@pytest.mark.parametrize("num_examples", [20, 23])
def test_each_subset_alone_is_uniform_so_every_pair_of_examples_is_as_likely(num_examples):
    seeds = 4000
    together = np.zeros((num_examples, num_examples))
    expected = 0.0
    for seed in range(seeds):
        subset = block_subsets(num_examples, 0, 0.7, seed)[3].astype(float)
        together += np.outer(subset, subset)
        size = subset.sum()
        expected += size * (size - 1) / (num_examples * (num_examples - 1)) / seeds
    pairs = together[np.triu_indices(num_examples, 1)] / seeds
    z = (pairs - expected) / np.sqrt(expected * (1 - expected) / seeds)
    assert np.abs(z).max() < 4.5
    # 1 on average; 3 and more if the examples were not shuffled: members of a group would meet less often.
    assert np.mean(z**2) < 1.8
    each = np.diag(together) / seeds
    assert np.abs(each - 0.7).max() < 4.5 * np.sqrt(0.21 / seeds)


def test_two_models_of_a_block_share_as_many_examples_whatever_their_distance_in_it():
    shared = np.zeros((10, 10))
    for block in range(20):
        subsets = block_subsets(1000, block, 0.7, seed=4).astype(float)
        shared += subsets @ subsets.T / 20_000
    # Two given positions of a random pattern are both in it with probability 7/10 * 6/9; those of a fixed run
    # of seven in 4 to 6 of 10 groups. Groups have a standard deviation of .1 in this share, 2,000 of them .0023.
    assert np.abs(shared[~np.eye(10, dtype=bool)] - 42 / 90).max() < 0.01


def test_subsets_of_one_seed_are_the_same_for_ever():
    subsets = np.packbits(balanced_subsets(103, 20, 0.7, seed=5), axis=1)
    assert (
        hashlib.sha256(subsets.tobytes()).hexdigest()
        == "f25db23eb565644b8938e511363fc40607f83c3901645c9130d7833c5998581b"
    )


def test_fewer_examples_than_a_block_negative_blocks_and_no_models_are_refused():
    with pytest.raises(OptionError, match=r"9 examples, expected at least 10"):
        balanced_subsets(9, 10, 0.7, seed=0)
    with pytest.raises(OptionError, match=r"block is -1"):
        block_subsets(50, -1, 0.7, seed=0)
    with pytest.raises(OptionError, match=r"0 models, expected at least 1"):
        balanced_subsets(50, 0, 0.7, seed=0)
