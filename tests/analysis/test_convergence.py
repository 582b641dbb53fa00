"""Sets of fewer models: with binomial outcomes of known accuracies their errors are known."""

import numpy as np
import pytest

from memscope.analysis.convergence import (
    MOST_SETS,
    ByBlock,
    disjoint_sets,
    numbers_of_blocks,
    same_types,
    scores_of_set,
    spread_of,
)

EXAMPLES, SIZES, BLOCKS, IN, OUT = 20_000, 2, 8, 7, 3


@pytest.fixture(scope="module")
def accuracies():
    """[2, sizes, examples], with an example and without it."""
    return np.random.default_rng(0).uniform(0.05, 0.95, (2, SIZES, EXAMPLES))


@pytest.fixture(scope="module")
def every(accuracies):
    """Independent models; probabilities are the accuracies and a little noise."""
    random = np.random.default_rng(1)
    models = np.broadcast_to(np.array([IN, OUT], dtype=np.int32)[:, None, None], (BLOCKS, 2, SIZES, EXAMPLES))
    correct = random.binomial(models, accuracies).astype(np.int32)
    soft = models * accuracies + random.normal(scale=0.1, size=models.shape)
    return ByBlock(models, correct, soft)


@pytest.mark.parametrize(
    ("blocks", "numbers"),
    [
        (1, [1]),
        (2, [1, 2]),
        (3, [1, 2, 3]),
        (7, [1, 2, 3, 5, 7]),
        (10, [1, 2, 5, 10]),
        (20, [1, 2, 5, 10, 20]),
        (120, [1, 2, 5, 10, 20, 50, 60, 100, 120]),
    ],
)
def test_numbers_of_blocks_go_up_to_all_by_way_of_half(blocks, numbers):
    assert numbers_of_blocks(blocks) == numbers


@pytest.mark.parametrize(("blocks", "number"), [(1, 1), (5, 2), (20, 1), (20, 10), (7, 4)])
def test_sets_share_no_block(blocks, number):
    sets = disjoint_sets(blocks, number)
    assert len(sets) == min(MOST_SETS, blocks // number)
    everything = [block for one in sets for block in one]
    assert len(set(everything)) == len(everything) == number * len(sets)
    assert set(everything) <= set(range(blocks))


def test_the_error_of_raw_scores_is_that_of_binomial_counts(accuracies, every):
    variance = accuracies * (1 - accuracies)
    for chosen in ([0], [2, 5], [0, 1, 2, 3]):
        found = scores_of_set(every, chosen, np.zeros((SIZES, EXAMPLES)), np.ones((SIZES, EXAMPLES)))
        count = len(chosen)
        truth = (variance[0] / (IN * count) + variance[1] / (OUT * count)).mean(axis=1)
        assert found.squared_error == pytest.approx(truth, rel=0.05)
        assert found.standard_error**2 == pytest.approx(truth, rel=0.05)


def test_the_error_of_an_estimate_is_that_from_the_truth_whatever_the_noise_of_those_who_judge(accuracies, every):
    truth = accuracies[0] - accuracies[1]
    off = np.array([[0.1], [0.02]])
    found = scores_of_set(every, [1, 2], truth + off, np.full(truth.shape, 0.3))
    assert found.population_squared_error == pytest.approx([0.01, 0.0004], abs=0.001)
    assert found.population_sd == pytest.approx([0.3, 0.3])


def test_the_spread_of_true_scores_has_no_noise_in_it(accuracies, every):
    truth = accuracies[0] - accuracies[1]
    assert spread_of(every) == pytest.approx(truth.var(axis=1), rel=0.03)
    raw = every.counts(list(range(BLOCKS))).score
    assert np.all(raw.var(axis=1) > 1.05 * truth.var(axis=1))


def test_halves_agree_by_the_ranks_of_their_scores(every):
    nothing = np.zeros((SIZES, EXAMPLES))
    found = scores_of_set(every, [0, 1, 2, 3], nothing, nothing)
    for values, agreement in ((every.correct, found.agreement), (every.probability, found.soft_agreement)):
        for size in range(SIZES):
            halves = []
            for half in ([0, 2], [1, 3]):
                means = values[half, :, size].sum(axis=0) / every.models[half, :, size].sum(axis=0)
                score = means[0] - means[1]
                # the mean rank of equal scores
                _, place, count = np.unique(score.round(9), return_inverse=True, return_counts=True)
                halves.append((np.cumsum(count) - count / 2)[place])
            assert agreement[size] == pytest.approx(np.corrcoef(halves)[0, 1], abs=1e-6)
    assert np.all(found.soft_agreement > found.agreement)


def test_what_nobody_is_left_to_judge_is_not_known(every):
    nothing = np.zeros((SIZES, EXAMPLES))
    for chosen in (list(range(BLOCKS)), list(range(BLOCKS - 1))):
        found = scores_of_set(every, chosen, nothing, nothing)
        assert np.isnan(found.squared_error).all()
        assert np.isnan(found.population_squared_error).all()
        assert not np.isnan(found.standard_error).any()
    assert np.isnan(scores_of_set(every, [3], nothing, nothing).agreement).all()


def test_the_same_types_by_hand():
    first = np.array(["a", "a", "b", "b", "none", "a"])
    second = np.array(["a", "b", "b", "none", "a", "a"])
    found = same_types([first, second], ("a", "b", "c"))
    assert found.both == pytest.approx(4 / 6)
    assert found.same == pytest.approx(3 / 4)
    assert found.by_chance == pytest.approx(3 / 4 * 2 / 4 + 1 / 4 * 2 / 4)
    third = np.array(["none"] * 6)
    three = same_types([first, second, third], ("a", "b", "c"))
    assert three.both == pytest.approx(4 / 6 / 3)
    assert three.same == pytest.approx(3 / 4)
    assert np.isnan(same_types([first], ("a", "b")).same)
    assert np.isnan(same_types([first, third], ("a", "b")).same)


def test_types_dealt_out_at_random_agree_as_chance_says():
    random = np.random.default_rng(2)
    sets = [random.choice(["a", "b", "c"], 20_000, p=[0.6, 0.3, 0.1]) for _ in range(3)]
    found = same_types(sets, ("a", "b", "c"))
    assert found.same == pytest.approx(found.by_chance, abs=0.01)
    assert found.by_chance == pytest.approx(0.46, abs=0.01)
