"""Intervals over examples and blocks of models: against their definition, and how often they hold what is true."""

import numpy as np
import pytest

from memscope.analysis.memorisation import Counts, count_outcomes, stack_blocks
from memscope.analysis.statistics.correlation import rank_correlation
from memscope.analysis.statistics.crossed import (
    ROUNDS,
    crossed_intervals,
    diagonals,
    example_intervals,
    groups_of,
    units_of,
)
from memscope.analysis.statistics.intervals import t_quantile
from memscope.plan.subsets import balanced_subsets

BLOCK = 10


def counts_of(outside, models, seed, inside=1.0):
    """Counts [blocks, examples] of independent models that get all right with an example, and so often without it.

    `outside` [examples], or [blocks, examples] where the blocks differ.
    """
    random = np.random.default_rng(seed)
    mask = balanced_subsets(outside.shape[-1], models, 0.7, seed)
    by_model = np.broadcast_to(outside, (models // BLOCK, outside.shape[-1])).repeat(BLOCK, axis=0)
    correct = random.random(mask.shape) < np.where(mask, inside, by_model)
    return stack_blocks([count_outcomes(mask[b : b + BLOCK], correct[b : b + BLOCK]) for b in range(0, models, BLOCK)])


def fields(counts):
    return counts.n_in, counts.n_out, counts.sum_in, counts.sum_out


def spearman(memorability):
    def statistic(counts, kept):
        return np.array([rank_correlation(memorability[kept], counts.score[kept])])

    return statistic


def test_a_unit_is_never_parted_and_groups_are_of_nearly_equal_size():
    near = np.full(403, -1, dtype=np.int32)
    near[[0, 100, 200]], near[[1, 2]] = 0, 1
    units = units_of(near)
    assert len(set(units.tolist())) == 403 - 3
    assert len(set(units[[0, 100, 200]].tolist())) == len(set(units[[1, 2]].tolist())) == 1
    group = groups_of(units)
    assert len(set(group[[0, 100, 200]].tolist())) == 1
    assert sorted(np.bincount(group).tolist())[0] >= 10
    assert max(np.bincount(group)) <= 13
    assert (group == groups_of(units)).all()
    assert groups_of(np.arange(7)).max() == 6  # no more groups than units


def test_the_diagonals_are_all_blocks_and_each_has_as_many_examples_of_every_block():
    counts = counts_of(np.full(400, 0.5), 40, 0)
    found = diagonals(counts, np.arange(400), 1)
    assert len(found) == 4
    for mine, all_together in zip(zip(*map(fields, found), strict=True), fields(counts.total()), strict=True):
        assert (np.sum(mine, axis=0) == all_together).all()
    numbered = Counts(*(np.arange(4)[:, np.newaxis] + np.zeros((4, 400), np.int32) for _ in range(4)))
    for one in diagonals(numbered, np.arange(400), 1):
        assert np.bincount(one.n_in).tolist() == [100] * 4
    pairs = np.repeat(np.arange(200), 2)
    of_pairs = diagonals(numbered, pairs, 0)[0].n_in
    assert (of_pairs[::2] == of_pairs[1::2]).all()


def test_errors_are_those_of_the_definition():
    """Of the mean score, whose jackknives are plain variances."""
    random = np.random.default_rng(0)
    counts = counts_of(random.random((4, 80)), 40, 0)  # blocks that differ, and examples that differ in each
    units = np.arange(80)

    def mean(of, kept):
        return np.array([of.score[kept].mean()])

    (found,) = crossed_intervals(mean, counts, units)
    group = groups_of(units)
    assert group.max() == 39

    def variance(values):
        return (len(values) - 1) / len(values) * ((values - np.mean(values)) ** 2).sum()

    score = counts.total().score
    examples = variance(np.array([score[group != out].mean() for out in range(40)]))
    block = variance(np.array([counts.only([b for b in range(4) if b != out]).score.mean() for out in range(4)]))
    cells = []
    for number in range(ROUNDS):
        one_round = []
        for left_out in diagonals(counts, units, number):
            n_in, n_out, sum_in, sum_out = (
                a - b for a, b in zip(fields(counts.total()), fields(left_out), strict=True)
            )
            one_round.append((sum_in / n_in - sum_out / n_out).mean())
        cells.append(variance(np.array(one_round)))
    more = max(0.0, block - np.mean(cells))
    assert found.value == pytest.approx(score.mean())
    assert found.example_error == pytest.approx(np.sqrt(examples))
    assert found.error == pytest.approx(np.sqrt(examples + more))
    degrees = (
        39 if more == 0 else (examples + more) ** 2 / (examples**2 / 39 + (block**2 + np.mean(cells) ** 2 / ROUNDS) / 3)
    )
    assert found.degrees == pytest.approx(degrees)
    assert found.high - found.value == pytest.approx(t_quantile(0.975, degrees) * found.error)


@pytest.mark.parametrize(
    ("examples", "models", "kind", "times"),
    [
        (300, 40, "ties", 60),
        (300, 40, "ties", 200),
        (300, 40, "noisy", 200),
        (300, 40, "few classes", 200),
        (300, 100, "noisy", 150),
        (2000, 40, "ties", 150),
        (2000, 40, "noisy", 150),
    ],
)
def test_where_nothing_is_related_intervals_hold_0_as_often_as_they_say(examples, models, kind, times):
    """Ties: 70 % of the truths are 0, and memorability has eleven values. Noisy: the score's reliability is .3."""
    held, errors, values = 0, [], []
    for seed in range(times):
        random = np.random.default_rng([seed, examples, models])
        truth = random.random(examples)
        memorability = random.random(examples)
        if kind == "ties":
            truth = np.where(random.random(examples) < 0.7, 0, truth)
            memorability = np.round(memorability, 1)
        elif kind == "noisy":
            truth = 0.5 + 0.1 * random.normal(size=examples).clip(-3, 3)
        else:
            truth, memorability = (np.round(2 * each) / 2 for each in (truth, memorability))
        counts = counts_of(1 - truth, models, seed)
        (found,) = crossed_intervals(spearman(memorability), counts, np.arange(examples))
        held += found.low < 0 < found.high
        errors.append(found.error)
        values.append(found.value)
    chance = 2.6 * np.sqrt(0.95 * 0.05 / times)
    assert 0.95 - chance < held / times <= 0.995 or times < 100
    assert held / times > 0.85
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(values), rel=0.35 if times < 100 else 0.2)


@pytest.mark.parametrize(("blocks", "times"), [(4, 40), (4, 200), (10, 200)])
def test_what_models_do_to_all_examples_together_is_in_the_interval(blocks, times):
    """Each block memorises what people remember by another amount: over the examples alone, they are too narrow."""
    held, alone, correlations = [], [], []
    for seed in range(times):
        random = np.random.default_rng(seed)
        memorability = random.random(300)
        slope = 0.2 * random.normal(size=(blocks, 1))  # of each block
        outside = np.clip(0.5 - slope * (memorability - 0.5), 0, 1)
        (found,) = crossed_intervals(spearman(memorability), counts_of(outside, 10 * blocks, seed), np.arange(300))
        held.append(found.low <= 0 <= found.high)  # blocks that are drawn anew have slopes of mean 0
        reach = t_quantile(0.975, 39) * found.example_error
        alone.append(abs(found.value) <= reach)
        correlations.append(found.value)
    assert np.mean(alone) < 0.6
    assert np.mean(held) > (0.86 if times > 100 else 0.75)
    assert np.std(correlations) > 0.15


@pytest.mark.parametrize("times", [40, 150])
def test_copies_of_images_are_no_more_images(times):
    """Every image is there four times: as examples of their own they would be too sure, as units they are not."""
    held, apart = [], []
    for seed in range(times):
        random = np.random.default_rng(seed)
        units = np.repeat(np.arange(100), 4)
        memorability, truth = random.random(100)[units], random.random(100)[units]
        counts = counts_of(1 - truth, 40, seed)
        statistic = spearman(memorability)
        (found,) = crossed_intervals(statistic, counts, units)
        (naive,) = crossed_intervals(statistic, counts, np.arange(400))
        held.append(found.low < 0 < found.high)
        apart.append(naive.low < 0 < naive.high)
    assert np.mean(held) > 0.88
    assert np.mean(apart) < 0.8


def test_below_four_blocks_intervals_are_over_the_examples_alone():
    random = np.random.default_rng(0)
    counts = counts_of(random.random((3, 200)), 30, 0)
    memorability = random.random(200)
    (found,) = crossed_intervals(spearman(memorability), counts, np.arange(200))
    assert found.error == found.example_error
    score = counts.total().score
    (same,) = example_intervals(
        lambda kept: np.array([rank_correlation(memorability[kept], score[kept])]), np.arange(200)
    )
    assert (same.value, same.low, same.high) == (found.value, found.low, found.high)


def test_two_units_have_a_value_and_no_interval():
    counts = counts_of(np.linspace(0, 1, 10), 40, 0)
    (found,) = crossed_intervals(spearman(np.arange(10.0)), counts, np.repeat([0, 1], 5))
    assert found.value == pytest.approx(rank_correlation(np.arange(10.0), counts.total().score))
    assert np.isnan([found.low, found.high, found.error]).all()


def test_what_is_not_defined_without_one_of_the_blocks_has_no_interval():
    random = np.random.default_rng(0)
    counts = counts_of(random.random(200), 50, 0)
    most = counts.total().n_in.max()

    def of_all_models_alone(some, kept):
        return np.array([kept.mean() if some.n_in.max() == most else np.nan])

    (found,) = crossed_intervals(of_all_models_alone, counts, np.arange(200))
    assert found.value == 1
    assert np.isnan([found.error, found.low, found.high]).all()
