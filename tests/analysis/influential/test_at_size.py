"""The influential pairs of a size, against learners whose influence is known."""

from dataclasses import dataclass
from math import comb

import numpy as np
import pytest

from memscope.analysis.influential.around import around
from memscope.analysis.influential.at_size import AtSize, influence_at_size
from memscope.analysis.influential.compared import Change, Measured, change_of
from memscope.analysis.influential.means import mean_influence
from memscope.analysis.influential.roles import Roles, roles_of
from memscope.analysis.influential.search import influence_of
from memscope.analysis.influential.spread import chance_of
from memscope.analysis.influential.units import Units
from memscope.errors import OptionError
from memscope.plan.subsets import block_subsets


def subsets(examples: int, blocks: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    in_subset = np.concatenate([block_subsets(examples, block, 0.7, seed) for block in range(blocks)])
    return in_subset, np.repeat(np.arange(blocks), 10)


class NearestNeighbour:
    """A learner that says of an image the label of its nearest training image: no noise but that of the subset."""

    def __init__(self, examples: int, targets: int, classes: int, noise: float, seed: int) -> None:
        generator = np.random.default_rng(seed)
        self.labels = np.arange(examples) % classes
        self.target_labels = np.arange(targets) % classes
        centres = generator.normal(size=(classes, 2))
        points = centres[self.labels] + noise * generator.normal(size=(examples, 2))
        queries = centres[self.target_labels] + noise * generator.normal(size=(targets, 2))
        self.order = np.argsort(((queries[:, None] - points) ** 2).sum(2), axis=1)
        self.own_order = np.argsort(((points[:, None] - points) ** 2).sum(2), axis=1)

    def right(self, in_subset: np.ndarray, order: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """uint8 [units, targets]"""
        nearest = order[np.arange(len(order)), in_subset[:, order].argmax(2)]
        return (self.labels[nearest] == labels).astype(np.uint8)

    def influence(self, train: int, target: int, inside: int) -> float:
        """The truth over all subsets of `inside` examples, by where one stands among the target's neighbours."""
        ranked, examples = self.order[target], len(self.labels)
        good = self.labels[ranked] == self.target_labels[target]
        rank = int(np.flatnonzero(ranked == train)[0])
        others = examples - 1

        def nobody(nearer: int, held: int) -> float:
            """The probability that none of so many nearer ones is among `held` of the others."""
            return comb(others - nearer, held) / comb(others, held) if others - nearer >= held else 0.0

        with_it = sum(  # the nearest but those that are not in, if none is nearer than the example itself
            good[place] * (nobody(place, inside - 1) - nobody(place + 1, inside - 1)) for place in range(rank)
        )
        with_it += good[rank] * nobody(rank, inside - 1)
        left = np.delete(good, rank)
        without = sum(left[place] * (nobody(place, inside) - nobody(place + 1, inside)) for place in range(others))
        return float(with_it - without)


def found_by(learner: NearestNeighbour, blocks: int, seed: int = 0, **options: float) -> tuple[AtSize, Units]:
    in_subset, block = subsets(len(learner.labels), blocks, seed)
    units = Units(in_subset, learner.right(in_subset, learner.order, learner.target_labels), block)
    correct = learner.right(in_subset, learner.own_order, learner.labels)
    given = {"threshold": 0.15, "memorised": 0.25} | options
    return (
        influence_at_size(units, roles_of(range(blocks)), correct, learner.labels, learner.target_labels, **given),
        units,
    )


def test_influence_of_a_nearest_neighbour_learner_is_the_truth_without_bias() -> None:
    """Pairs are chosen by some models: in those influence is too large, in the others it is right."""
    learner = NearestNeighbour(300, 400, classes=3, noise=0.8, seed=1)
    told, chosen, truth = [], [], []
    for seed in range(12):
        found, _ = found_by(learner, 12, seed, threshold=0.35)
        listed = found.helpful.listed
        assert listed is not None
        told.append(listed.influence.mean())
        chosen.append(listed.chosen_by.mean())
        truth.append(
            np.mean([learner.influence(*pair, inside=210) for pair in zip(listed.train, listed.target, strict=True)])
        )
    away = np.array(told) - truth
    assert len(truth) == 12
    assert np.mean(away) == pytest.approx(0, abs=3 * np.std(away) / np.sqrt(12))
    assert np.std(away) / np.sqrt(12) < 0.01
    assert np.mean(np.array(chosen) - truth) > 0.01


def test_the_truth_of_a_pair_is_what_many_models_show() -> None:
    """The formula of the truth against plain simulation, so that the test above rests on something."""
    learner = NearestNeighbour(30, 10, classes=3, noise=0.6, seed=2)
    in_subset, block = subsets(30, 600)
    units = Units(in_subset, learner.right(in_subset, learner.order, learner.target_labels), block)
    trains, targets = (each.reshape(-1) for each in np.indices((30, 10)))
    values, errors = influence_of(units, trains, targets)
    truth = [learner.influence(*pair, inside=21) for pair in zip(trains, targets, strict=True)]
    away = (values - truth) / np.maximum(errors, 1e-3)
    assert np.abs(away).max() < 5
    assert np.sqrt((away**2).mean()) < 1.2


@dataclass(frozen=True, eq=False)
class World:
    """Models of one size, and what pairs are looked for in it."""

    units: Units
    correct: np.ndarray
    labels: np.ndarray
    target_labels: np.ndarray
    threshold: float

    def roles(self) -> Roles:
        return roles_of(np.unique(self.units.block).tolist())

    def found(self) -> AtSize:
        return influence_at_size(
            self.units,
            self.roles(),
            self.correct,
            self.labels,
            self.target_labels,
            threshold=self.threshold,
            memorised=0.25,
        )

    def change_to(self, larger: "World") -> Change:
        return change_of(
            *(Measured(one.units, one.correct, one.found()) for one in (self, larger)),
            self.roles(),
            self.labels,
            self.target_labels,
            threshold=self.threshold,
            memorised=0.25,
        )


def planted(seed: int, blocks: int = 12, pairs: int = 60, strength: float = 0.6) -> tuple[World, set[tuple[int, int]]]:
    """Half of the training examples are memorised; `pairs` of them carry a target of their class.

    The influence of such a pair is `strength`. Where two carry one target, that of
    the first is less. Models are good or bad as a whole.
    """
    generator = np.random.default_rng(seed)
    examples, targets = 300, 600
    in_subset, block = subsets(examples, blocks, seed)
    labels, target_labels = np.arange(examples) % 6, np.arange(targets) % 6
    skill = generator.normal(size=(len(block), 1))
    hardness = generator.normal(size=targets)
    right = generator.normal(size=(len(block), targets)) + 0.5 * skill > hardness
    truth = []
    for number in range(pairs):
        train, target = number, number + 6 * int(generator.integers(0, 40))
        decided = generator.random(len(block)) < strength
        right[:, target] = np.where(decided, in_subset[:, train], right[:, target])
        truth.append((train, target))
    memorised = np.arange(examples) < 150
    correct = np.where(memorised, in_subset, generator.random(in_subset.shape) < 0.8).astype(np.uint8)
    return World(Units(in_subset, right.astype(np.uint8), block), correct, labels, target_labels, 0.35), set(truth)


def test_planted_pairs_are_found_at_the_stated_false_share() -> None:
    false, stated, found_of, shares = [], [], [], []
    for seed in range(20):
        world, truth = planted(seed)
        found = world.found()
        listed = found.helpful.listed
        assert listed is not None
        pairs = set(zip(listed.train.tolist(), listed.target.tolist(), strict=True))
        false.append(len(pairs - truth))
        stated.append(found.helpful.by_chance)
        shares.append([len(pairs - truth) / len(pairs), found.helpful.false_share])
        found_of.append(len(pairs & truth) / len(truth))
        assert found.helpful.chance < 1e-6
    assert np.mean(found_of) > 0.85
    assert np.mean(false) == pytest.approx(np.mean(stated), rel=0.35)
    true_share, stated_share = np.mean(shares, axis=0)
    assert true_share == pytest.approx(stated_share, rel=0.2)


def without_influence(seed: int, blocks: int = 6, size: int = 0) -> World:
    """No influence at all: training examples are right or wrong as their class, so are targets, model by model."""
    generator = np.random.default_rng([seed, size])
    examples, targets = 200, 300
    in_subset, block = subsets(examples, blocks, seed)
    labels, target_labels = np.arange(examples) % 4, np.arange(targets) % 4
    mood = 1.5 * generator.normal(size=(len(block), 4))
    correct = generator.normal(size=in_subset.shape) + mood[:, labels] > generator.normal(size=examples)
    right = generator.normal(size=(len(block), targets)) + mood[:, target_labels] > generator.normal(size=targets)
    units = Units(in_subset, right.astype(np.uint8), block)
    return World(units, correct.astype(np.uint8), labels, target_labels, 0.3)


def test_models_with_moods_for_classes_do_not_make_influence() -> None:
    """A filter by the same models would keep what good models had by chance, and they are good at its whole class."""
    ratios, calls, listed = [], 0, 0
    for seed in range(60):
        found = without_influence(seed).found()
        assert found.memorised.sum() > 5
        ratios.append(found.helpful.pairs / found.helpful.by_chance)
        calls += found.helpful.chance < 0.05
        listed += found.helpful.listed is not None
    assert np.mean(ratios) == pytest.approx(1, abs=3 * np.std(ratios) / np.sqrt(60))
    assert np.std(ratios) / np.sqrt(60) < 0.1
    assert calls <= 8  # of 60; 3 are expected, and 8 or fewer are in 99 % of cases
    assert listed <= 3


def test_sizes_without_influence_do_not_differ() -> None:
    """Two sizes on the same subsets, both without influence; and the stated error is not far from the truth."""
    changes = [without_influence(seed).change_to(without_influence(seed, size=1)).number for seed in range(60)]
    outside = sum(not one.low <= 0 <= one.high for one in changes)
    assert outside <= 7
    stated = np.sqrt(np.mean([one.error**2 for one in changes]))
    assert 0.8 < stated / np.std([one.value for one in changes]) < 1.3


def test_intervals_of_the_mean_influence_cover_the_truth() -> None:
    """One block of ten models measures planted pairs anew; models are good or bad as a whole."""
    inside, errors, values = 0, [], []
    for seed in range(200):
        generator = np.random.default_rng(seed)
        in_subset, block = subsets(60, 1, seed)
        skill = 0.15 * (generator.random((10, 1)) < 0.5)
        chance = np.where(in_subset[:, :20], 0.85, 0.35) + skill - 0.075
        units = Units(in_subset, (generator.random(chance.shape) < chance).astype(np.uint8), block)
        found = mean_influence(units, np.arange(20), np.arange(20))
        inside += found.low <= 0.5 <= found.high
        errors.append(found.error)
        values.append(found.value)
    assert 0.9 <= inside / 200 <= 0.995
    assert np.mean(values) == pytest.approx(0.5, abs=0.02)
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(values), rel=0.35)


def test_the_spread_by_permutations_is_that_of_runs() -> None:
    """The number of pairs over many runs without influence varies as its permutations say."""
    runs = [without_influence(seed).found() for seed in range(60)]
    deviations = [run.helpful.pairs - run.helpful.by_chance for run in runs]
    stated = np.sqrt(np.mean([run.helpful.by_chance_sd**2 for run in runs]))
    assert stated == pytest.approx(np.sqrt(np.mean(np.square(deviations))), rel=0.35)
    assert stated > 1.2 * np.sqrt(np.mean([run.helpful.by_chance for run in runs]))  # more than independent pairs would


def test_growing_influence_is_told() -> None:
    """Three times as many planted pairs at the larger size: more pairs, and more influence of those of both."""
    for seed in range(10):
        change = planted(seed, pairs=20)[0].change_to(planted(seed, pairs=60)[0])
        assert 15 < change.number.value < 60
        assert change.number.low > 0
        assert change.influence.low > 0
        assert change.pairs > 30


def test_more_power_is_not_more_influence() -> None:
    """Pairs of influence .2 on targets that are right always but for it, or half of the time: more of the latter pass a
    threshold, and the mean influence of those that either shows, measured anew, is the same."""
    numbers, apart = [], 0
    memorised, labels = np.arange(300) < 120, np.arange(300) % 6
    for seed in range(20):
        sizes = []
        in_subset, block = subsets(300, 12, seed)
        for size, middle in enumerate((0.9, 0.5)):
            generator = np.random.default_rng([seed, size])
            chance = middle + np.where(in_subset[:, np.arange(300) % 120], 0.06, -0.14)
            right = (generator.random(chance.shape) < chance).astype(np.uint8)
            correct = np.where(memorised, in_subset, True).astype(np.uint8)
            sizes.append(World(Units(in_subset, right, block), correct, labels, labels, 0.3))
        change = sizes[0].change_to(sizes[1])
        numbers.append(change.number.value)
        apart += not change.influence.low <= 0 <= change.influence.high
    assert np.mean(numbers) > 3 * np.std(numbers) / np.sqrt(20)
    assert apart <= 4  # of 20; one is expected


def test_pairs_of_each_size_alone_are_not_told_for_those_of_the_larger() -> None:
    """As many pairs at both sizes, but others, and the smaller is the noisier: neither leans on more examples."""
    apart, shown = 0, 0
    labels = np.arange(300) % 6
    for seed in range(20):
        sizes = []
        in_subset, block = subsets(300, 12, seed)
        for size, middle in enumerate((0.5, 0.85)):
            generator = np.random.default_rng([seed, size])
            chance = np.full((len(block), 300), middle)
            here = np.arange(150) + 150 * size
            chance[:, here] += np.where(in_subset[:, np.arange(150)], 0.12, -0.28)
            right = (generator.random(chance.shape) < chance).astype(np.uint8)
            correct = np.where(np.arange(300) < 150, in_subset, True).astype(np.uint8)
            sizes.append(World(Units(in_subset, right, block), correct, labels, labels, 0.2))
        change = sizes[0].change_to(sizes[1])
        shown += change.pairs
        apart += not change.influence.low <= 0 <= change.influence.high
    assert shown > 400
    assert apart <= 4


def test_sizes_are_compared_in_the_same_models() -> None:
    with pytest.raises(OptionError, match="different blocks"):
        planted(0)[0].change_to(planted(1)[0])


def test_one_example_with_all_others() -> None:
    learner = NearestNeighbour(60, 80, classes=4, noise=0.5, seed=4)
    _, units = found_by(learner, 8)
    roles = roles_of(range(8))
    others = np.flatnonzero(learner.labels == learner.target_labels[5])
    found = around(units, roles, others, target=5)
    choosing = units.only(roles.choosing)
    assert found.chosen_by == pytest.approx(influence_of(choosing, others, np.full(len(others), 5))[0])
    # by chance: draws of memberships, with the outcomes as they are
    generator = np.random.default_rng(0)
    shuffled = []
    for _ in range(3_000):
        order = np.concatenate([places[generator.permutation(len(places))] for places in choosing.by_block()])
        shuffled.append(influence_of(choosing.permuted(order), others, np.full(len(others), 5))[0])
    drawn = np.stack(shuffled)
    best = int(np.argmax(found.chosen_by))
    more = (drawn >= found.chosen_by[best] - 1e-9).sum(1).mean()
    assert found.as_much_by_chance[best] == pytest.approx(more, abs=4 * np.sqrt(more / 3_000) + 1e-3)
    least = int(np.argmin(found.chosen_by))
    fewer = (drawn <= found.chosen_by[least] + 1e-9).sum(1).mean()
    assert found.as_little_by_chance[least] == pytest.approx(fewer, abs=4 * np.sqrt(fewer / 3_000) + 1e-3)


def test_one_training_example_with_all_targets() -> None:
    learner = NearestNeighbour(60, 80, classes=4, noise=0.5, seed=4)
    _, units = found_by(learner, 8)
    roles = roles_of(range(8))
    others = np.flatnonzero(learner.target_labels == learner.labels[7])
    found = around(units, roles, others, train=7)
    pairs = influence_of(units.only(roles.choosing), np.full(len(others), 7), others)[0]
    assert found.chosen_by == pytest.approx(pairs)
    alone = sum(
        around(units, roles, np.array([7]), target=int(target)).as_much_by_chance[0]
        for target in others
        if influence_of(units.only(roles.choosing), np.array([7]), np.array([target]))[0][0] >= pairs.max()
    )
    assert found.as_much_by_chance[int(np.argmax(pairs))] >= alone > 0


@pytest.mark.parametrize(("pairs", "expected", "spread"), [(3, 1.2, 0.5), (9, 4.0, 4.0), (30, 20.0, 6.0)])
def test_probabilities_of_numbers_of_pairs(pairs: int, expected: float, spread: float) -> None:
    """Against draws: Poisson numbers whose mean is fixed, or is gamma distributed where the spread is wider."""
    generator = np.random.default_rng(7)
    extra = spread**2 - expected
    means = generator.gamma(expected**2 / extra, extra / expected, 400_000) if extra > 0 else expected
    drawn = generator.poisson(means, 400_000)
    assert chance_of(pairs, expected, spread) == pytest.approx((drawn >= pairs).mean(), abs=0.003)


@pytest.mark.parametrize("spread", [150.0, 2_000.0, 8_000.0])
@pytest.mark.parametrize("probability", [0.3, 0.01])
def test_large_numbers_of_pairs_go_on_from_smaller_ones(spread: float, probability: float) -> None:
    """Above a limit they are not summed; there is no step there, and a wide spread stays skewed."""
    draws = np.random.default_rng(0).gamma((10_000 / spread) ** 2, spread**2 / 10_000, 400_000)
    pairs = int(np.quantile(draws, 1 - probability))
    below, above = chance_of(pairs, 10_000.0, spread), chance_of(pairs, 10_000.1, spread)
    assert above == pytest.approx(below, rel=0.06)
    assert below == pytest.approx(probability, rel=0.06)
    assert chance_of(0, 3.0, 1.0) == 1.0


def test_roles_stay_when_blocks_are_added() -> None:
    few, many = roles_of(range(5)), roles_of(range(40))
    for role in ("memorised", "choosing", "telling"):
        assert set(getattr(few, role)) <= set(getattr(many, role))
    assert sorted(many.memorised + many.choosing + many.telling) == list(range(40))
    with pytest.raises(OptionError, match=r"needs 4 whole blocks .* there are 3$"):
        roles_of([0, 1, 2])
    lost = roles_of([0, 1, 2, 4, 5])  # a model of block 3 diverged
    assert (lost.memorised, lost.choosing, lost.telling) == ((0,), (1, 2, 5), (4,))
    assert roles_of(range(10), fewest=10).telling == (3, 9)
    with pytest.raises(OptionError, match="needs 10 whole blocks"):
        roles_of(range(9), fewest=10)
