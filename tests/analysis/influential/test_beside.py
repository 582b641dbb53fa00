"""Pairs of others in our models: their mean over blocks, and random pairs of the same targets."""

import numpy as np
import pytest

from memscope.analysis.influential.beside import mean_over_blocks, pairs_here, random_partners
from memscope.analysis.influential.units import Units
from memscope.plan.subsets import block_subsets


def units_with_pairs(blocks: int, pairs: int, lift: float, seed: int = 0) -> Units:
    """Target j is right in .6 of the units without training example j, and by `lift` more often with it."""
    in_subset = np.concatenate([block_subsets(60, block, 0.7, seed) for block in range(blocks)])
    chance = 0.6 + lift * in_subset[:, :pairs]
    right = np.random.default_rng(seed).random(chance.shape) < chance
    return Units(in_subset, right.astype(np.uint8), np.repeat(np.arange(blocks), 10))


def test_the_interval_over_blocks_holds_the_truth_as_often_as_it_says():
    inside = 0
    pairs = np.arange(20)
    for seed in range(200):
        found = mean_over_blocks(units_with_pairs(6, 20, 0.3, seed), pairs, pairs)
        inside += found.low <= 0.3 <= found.high
        assert found.degrees == 5
    assert 180 <= inside <= 199  # 95 %, less or more 2.6 standard deviations


def test_no_pairs_and_one_block_have_no_interval():
    units, nothing = units_with_pairs(1, 5, 0.3), np.zeros(0, dtype=np.int64)
    assert np.isnan(mean_over_blocks(units, nothing, nothing).value)
    one = mean_over_blocks(units, np.arange(5), np.arange(5))
    assert np.isfinite(one.value)
    assert np.isnan(one.low)


def test_random_partners_are_of_the_targets_classes_all_of_them_sometimes():
    labels, target_labels = np.arange(60) % 3, np.array([0, 1, 2, 3])  # of class 3 there is no training example
    target = np.tile(np.arange(4), 500)
    train, there = random_partners(labels, target_labels, target)
    assert (target[there] < 3).all()
    assert len(there) == 1500
    assert (labels[train] == target_labels[target[there]]).all()
    counts = np.bincount(train, minlength=60)
    assert counts.min() > 5  # of 25 expected each
    assert counts.max() < 60


def test_pairs_that_have_influence_stand_out_of_random_ones_and_are_ranked():
    units = units_with_pairs(12, 40, 0.35)
    labels = np.zeros(60, dtype=np.int64)
    pairs = np.arange(40)
    # theirs: half of them said to have none
    strong = np.where(pairs < 20, 0.35, 0.0)
    weak = units_with_pairs(12, 40, 0.0)
    mixed = Units(units.in_subset, np.where(pairs < 20, units.right, weak.right).astype(np.uint8), units.block)
    found = pairs_here(mixed, labels, labels[:40], pairs, pairs, strong)
    assert found.influence.value == pytest.approx(0.175, abs=0.04)
    assert abs(found.random.value) < 0.04
    assert found.spearman > 0.7
