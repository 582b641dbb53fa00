"""The null of influence, against enumeration of all memberships and against draws of subsets as runs have them."""

import math
from fractions import Fraction
from itertools import combinations, product

import numpy as np
import pytest

import memscope
from memscope.analysis.influential.chance import nulls
from memscope.analysis.influential.classes import class_goals, drawn_together, sampled, values_of
from memscope.analysis.influential.expected import expected_by_chance, expected_pairs
from memscope.analysis.influential.search import Wanted, numbers_of
from memscope.analysis.influential.units import Units
from memscope.errors import OptionError
from memscope.plan.subsets import block_subsets

T = Fraction(3, 20)


def blocks_of(examples: int, blocks: int, size: int = 10, fraction: float = 0.7) -> tuple[np.ndarray, np.ndarray]:
    """Subsets [units, examples] and the block of each."""
    subsets = [block_subsets(examples, block, fraction, seed=5)[:size] for block in range(blocks)]
    return np.concatenate(subsets), np.repeat(np.arange(blocks), size)


def enumerated(right: list[list[Fraction]], inside: int) -> dict[Fraction, Fraction]:
    """The distribution of influence over all memberships of one example, in `inside` units of each block."""
    found: dict[Fraction, Fraction] = {}
    units, total = sum(map(len, right)), sum(sum(block) for block in right)
    n = inside * len(right)
    ways = [list(combinations(range(len(block)), inside)) for block in right]
    for chosen in product(*ways):
        c = sum(block[unit] for block, units_in in zip(right, chosen, strict=True) for unit in units_in)
        influence = c / n - (total - c) / (units - n)
        found[influence] = found.get(influence, Fraction(0)) + 1
    number = sum(found.values())
    return {value: ways / number for value, ways in found.items()}


def enumerated_without(blocks: list[list[tuple[bool, bool]]], inside: int) -> dict[Fraction | None, Fraction]:
    """The same where units are (counted, right): one of a block that is not counted says nothing."""
    found: dict[Fraction | None, Fraction] = {}
    ways = [list(combinations(range(len(block)), inside)) for block in blocks]
    for chosen in product(*ways):
        with_it = [block[u] for block, some in zip(blocks, chosen, strict=True) for u in some if block[u][0]]
        others = [
            block[u] for block, some in zip(blocks, chosen, strict=True) for u in range(len(block)) if u not in some
        ]
        others = [unit for unit in others if unit[0]]
        influence = None
        if with_it and others:
            influence = Fraction(sum(r for _, r in with_it), len(with_it)) - Fraction(
                sum(r for _, r in others), len(others)
            )
        found[influence] = found.get(influence, Fraction(0)) + 1
    number = sum(found.values())
    return {value: ways / number for value, ways in found.items()}


def units_for(right: np.ndarray, blocks: int, scale: int = 1) -> Units:
    """Units of blocks of 5, an example in 3 of each, whose outcomes on some targets are these [units, M]."""
    in_subset = np.zeros((5 * blocks, 5), dtype=bool)
    for block in range(blocks):
        for unit in range(5):
            in_subset[5 * block + unit, [(unit + step) % 5 for step in range(3)]] = True
    return Units(in_subset, right.astype(np.uint8), np.repeat(np.arange(blocks), 5), scale)


@pytest.mark.parametrize("scale", [1, 2])
def test_probabilities_are_those_of_all_memberships(scale: int) -> None:
    generator = np.random.default_rng(scale)
    right = generator.integers(0, scale + 1, (15, 7))
    right[:, 0], right[:, 1] = 0, scale  # nobody is right, everybody is
    units = units_for(right, blocks=3, scale=scale)
    checked = 0
    for null in nulls(units):
        assert null.probability.sum(1) == pytest.approx(1, abs=1e-12)
        for row, target in enumerate(null.targets):
            truth = enumerated(
                [[Fraction(int(v), scale) for v in right[5 * b : 5 * b + 5, target]] for b in range(3)], 3
            )
            for limit in (T, Fraction(1, 3), Fraction(0)):
                more = sum(p for value, p in truth.items() if value >= limit)
                less = sum(p for value, p in truth.items() if value <= -limit)
                assert null.at_least(float(limit))[row] == pytest.approx(float(more), abs=1e-12)
                assert null.at_most(-float(limit))[row] == pytest.approx(float(less), abs=1e-12)
            checked += 1
    assert checked == 7


def test_targets_that_are_training_examples_count_where_they_were_left_out() -> None:
    generator = np.random.default_rng(3)
    right = generator.integers(0, 2, (15, 5))
    units = units_for(right, blocks=3)
    units = Units(units.in_subset, units.right, units.block, counted=~units.in_subset)
    for null in nulls(units):
        for row, target in enumerate(null.targets):
            blocks = [
                [(bool(~units.in_subset[u, target]), bool(right[u, target])) for u in range(5 * b, 5 * b + 5)]
                for b in range(3)
            ]
            truth = enumerated_without(blocks, 3)
            more = sum(p for value, p in truth.items() if value is not None and value >= T)
            less = sum(p for value, p in truth.items() if value is not None and value <= -T)
            assert null.at_least(0.15)[row] == pytest.approx(float(more), abs=1e-12)
            assert null.at_most(-0.15)[row] == pytest.approx(float(less), abs=1e-12)


def test_a_tilted_null_has_the_mean_it_was_asked_for() -> None:
    right = np.random.default_rng(0).integers(0, 2, (20, 4))
    units = units_for(right, blocks=4)
    (null,) = nulls(units)
    assert null.targets.tolist() != sorted(null.targets.tolist())  # targets with the same patterns come together
    middle = (null.probability * null.statistic).sum(1)
    wanted = middle + np.array([0.3, -0.4, 0.0, 0.6])
    tilted = null.tilted(wanted)
    assert (tilted.probability * null.statistic).sum(1) == pytest.approx(wanted, abs=1e-9)
    assert tilted.probability[2] == pytest.approx(null.probability[2], abs=1e-9)
    odds = tilted.probability[0] / null.probability[0].clip(1e-300)
    held = null.probability[0] > 1e-9
    steps = np.diff(np.log(odds[held])) / np.diff(null.statistic[held])
    assert steps == pytest.approx(np.full(len(steps), steps[0]), rel=1e-6)  # theta^count, and nothing else


def tendencies(units: int, targets: int, seed: int) -> np.ndarray:
    """Outcomes without influence: a unit is good or bad on all targets, and targets are easy or hard."""
    generator = np.random.default_rng(seed)
    skill = generator.normal(size=(units, 1))
    hardness = 2 * generator.normal(size=(1, targets))
    return (generator.normal(size=(units, targets)) + skill > hardness).astype(np.uint8)


@pytest.mark.parametrize(("blocks", "fraction", "size"), [(3, 0.7, 10), (12, 0.7, 10), (12, 0.75, 12), (27, 0.5, 10)])
def test_without_influence_as_many_pairs_are_found_as_expected(blocks: int, fraction: float, size: int) -> None:
    """Every target has its own outcomes, so that their pairs are independent enough to tell R / V within 5 %."""
    examples, targets = 400, 3_000
    in_subset, block = blocks_of(examples, blocks, size, fraction)
    generator = np.random.default_rng(blocks)
    hardness = generator.beta(0.5, 0.5, size=targets)  # most targets are easy or hard: T_j is skewed
    units = Units(in_subset, (generator.random((len(block), targets)) < hardness).astype(np.uint8), block)
    classes, target_classes = np.arange(examples) % 4, np.arange(targets) % 4
    wanted = Wanted(np.ones(examples, dtype=bool), classes, target_classes)
    found, expected = numbers_of(units, wanted, 0.1), expected_by_chance(units, wanted, 0.1)
    assert min(expected) > 1_000
    assert 0.95 < found.helpful.sum() / expected[0] < 1.05
    assert 0.95 < found.harmful.sum() / expected[1] < 1.05


def test_where_models_are_good_or_bad_as_a_whole_the_mean_over_runs_is_as_expected() -> None:
    """R varies much then; V is its mean."""
    ratios = []
    for seed in range(40):
        in_subset = np.concatenate([block_subsets(200, block, 0.7, seed) for block in range(6)])
        units = Units(in_subset, tendencies(60, 300, seed), np.repeat(np.arange(6), 10))
        wanted = Wanted(np.ones(200, dtype=bool), np.zeros(200, dtype=int), np.zeros(300, dtype=int))
        found, expected = numbers_of(units, wanted, 0.15), expected_by_chance(units, wanted, 0.15)
        ratios.append(found.helpful.sum() / expected[0])
    assert np.mean(ratios) == pytest.approx(1, abs=3 * np.std(ratios) / np.sqrt(40))
    assert np.std(ratios) / np.sqrt(40) < 0.03


def test_pairs_of_training_examples_without_influence() -> None:
    """Models are right on what they were trained on, and by chance on others: no example has influence on another."""
    found, expected = 0, 0.0
    for seed in range(10):
        in_subset = np.concatenate([block_subsets(300, block, 0.7, seed) for block in range(12)])
        generator = np.random.default_rng(seed)
        right = in_subset | (generator.random(in_subset.shape) < generator.random(300))
        units = Units(in_subset, right.astype(np.uint8), np.repeat(np.arange(12), 10), counted=~in_subset)
        rows = generator.random(300) < 0.5
        wanted = Wanted(rows, np.arange(300) % 3, np.arange(300) % 3, itself=np.arange(300))
        found += int(numbers_of(units, wanted, 0.3).helpful.sum())
        expected += expected_by_chance(units, wanted, 0.3)[0]
    assert expected > 1_000
    assert 0.95 < found / expected < 1.05


def exact_tilted(right: np.ndarray, scale: int, log_theta: float) -> tuple[float, float]:
    """Of one target, units in blocks of 10 with 7 inside: the mean count and P(influence >= .15), by convolutions of
    whole numbers, tilted block by block in exact arithmetic."""
    ways = {0: 1}
    for block in right.reshape(-1, 10):
        inside: dict[tuple[int, int], int] = {(0, 0): 1}
        for value in block.tolist():
            added = dict(inside)
            for (drawn, total), number in inside.items():
                key = (drawn + 1, total + value)
                added[key] = added.get(key, 0) + number
            inside = added
        of_block = {total: number for (drawn, total), number in inside.items() if drawn == 7}
        ways_now: dict[int, int] = {}
        for one, number in ways.items():
            for other, more in of_block.items():
                ways_now[one + other] = ways_now.get(one + other, 0) + number * more
        ways = ways_now
    units = len(right)
    n, everything = 7 * units // 10, int(right.sum())
    logs = {c: math.log(number) + log_theta * c / scale for c, number in ways.items()}
    most = max(logs.values())
    weights = {c: math.exp(log - most) for c, log in logs.items()}
    total = sum(weights.values())
    mean = sum(c / scale * weight for c, weight in weights.items()) / total
    beyond = sum(
        weight
        for c, weight in weights.items()
        if Fraction(c, scale * n) - Fraction(everything - c, scale * (units - n)) >= T
    )
    return mean, beyond / total


@pytest.mark.parametrize("blocks", [27, 67])
@pytest.mark.parametrize("scale", [1, 2])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
@pytest.mark.parametrize("log_theta", [-1.5, 0.3, 1.5])
def test_tilts_of_many_blocks_are_exact(blocks: int, scale: int, share: float, log_theta: float) -> None:
    """Far from the null, where rounding of the convolution would be multiplied by theta^c."""
    generator = np.random.default_rng(blocks)
    right = (generator.random((10 * blocks, scale)) < share).sum(1)
    in_subset = np.tile(np.arange(10)[:, None] < 7, (blocks, 1))
    units = Units(in_subset, right[:, None].astype(np.uint8), np.repeat(np.arange(blocks), 10), scale)
    mean, beyond = exact_tilted(right, scale, log_theta)
    (null,) = nulls(units)
    assert null.tilted(np.array([mean])).at_least(0.15)[0] == pytest.approx(beyond, abs=1e-6)


World = tuple[Units, Wanted]


def world(seed: int, kind: str, examples: int = 400, among: bool = False, all_classes: bool = False) -> World:
    """Targets of four classes, on which models are right the more often the more of some examples of their class they
    were trained on: all have this influence, and none stands out. A fifth of the examples is paired."""
    generator = np.random.default_rng(seed)
    in_subset = np.concatenate([block_subsets(examples, block, 0.7, seed) for block in range(12)])
    classes, rows = np.arange(examples) % 4, np.arange(examples) % 5 == 0
    target_classes = classes if among else np.arange(300) % 4
    carriers = {"all": np.ones(examples, dtype=bool), "paired": rows, "others": ~rows, "none": rows}[kind]
    share = np.stack([in_subset[:, carriers & (classes == one)].mean(1) for one in range(4)], axis=1)
    away = (share - share.mean(0)) / share.std(0)
    chance = 0.5 + (0.0 if kind == "none" else 0.12) * away[:, target_classes]
    right = (generator.random(chance.shape) < chance).astype(np.uint8)
    units = Units(in_subset, right, np.repeat(np.arange(12), 10), counted=~in_subset if among else None)
    itself = np.arange(examples) if among else None
    return units, Wanted(rows, classes, target_classes, all_classes, itself)


@pytest.mark.parametrize("kind", ["all", "paired", "others", "none"])
@pytest.mark.parametrize("all_classes", [False, True])
def test_a_class_as_a_whole_is_not_taken_for_its_examples(kind: str, all_classes: bool) -> None:
    """Chance alone would be too few, or too many; the class as a whole accounts for the pairs."""
    found, by_class, by_chance = [], [], []
    for seed in range(16):
        units, wanted = world(seed, kind, all_classes=all_classes)
        numbers, expected = numbers_of(units, wanted, 0.2), expected_pairs(units, wanted, 0.2)
        found.append([numbers.helpful.sum(), numbers.harmful.sum()])
        by_class.append([expected.helpful_by_class.sum(), expected.harmful_by_class.sum()])
        by_chance.append(expected.helpful)
    away = np.array(found) - by_class
    assert np.abs(away.mean(0)).max() < 3 * (away.std(0) / 4).max() + 0.03 * np.mean(by_class)
    if kind == "paired":
        assert np.mean([one[0] for one in found]) > 1.3 * np.mean(by_chance)


@pytest.mark.parametrize("kind", ["all", "none"])
def test_a_class_as_a_whole_among_training_examples(kind: str) -> None:
    found, by_class, by_chance = [], [], []
    for seed in range(9):
        units, wanted = world(seed, kind, among=True)
        numbers, expected = numbers_of(units, wanted, 0.35), expected_pairs(units, wanted, 0.35)
        found.append([numbers.helpful.sum(), numbers.harmful.sum()])
        by_class.append([expected.helpful_by_class.sum(), expected.harmful_by_class.sum()])
        by_chance.append(expected.helpful)
    away = np.array(found) - by_class
    assert np.abs(away.mean(0)).max() < 3 * (away.std(0) / 3).max() + 0.03 * np.mean(by_class)
    if kind == "all":
        assert np.mean([one[0] for one in found]) > 1.1 * np.mean(by_chance)


def test_middles_and_variances_of_a_sample_are_those_of_the_null() -> None:
    """In closed form, against the distribution that convolution gives."""
    generator = np.random.default_rng(8)
    in_subset, block = blocks_of(60, 3)
    right = generator.integers(0, 2, in_subset.shape).astype(np.uint8)
    for counted in (None, ~in_subset):
        units = Units(in_subset, right, block, counted=counted)
        middle, variance = sampled(units, values_of(units))
        for null in nulls(units):
            mean = (null.probability * null.statistic).sum(1)
            assert middle[null.targets] == pytest.approx(mean, abs=1e-9)
            spread = (null.probability * null.statistic**2).sum(1) - mean**2
            assert variance[null.targets] == pytest.approx(spread, abs=1e-9)


def test_means_of_classes_leave_the_target_out() -> None:
    """Where every target is alone in its class but for one, what is drawn together is that one's sum."""
    in_subset, block = blocks_of(20, 2)
    right = np.random.default_rng(1).integers(0, 2, in_subset.shape).astype(np.uint8)
    units = Units(in_subset, right, block, counted=~in_subset)
    classes = np.arange(20) % 10  # classes of two
    wanted = Wanted(np.ones(20, dtype=bool), classes, classes, itself=np.arange(20))
    values = values_of(units)
    middle, variance = sampled(units, values)
    goals = class_goals(units, wanted)
    for one in range(10):
        pair = np.flatnonzero(classes == one)
        others = zip(pair, pair[::-1], strict=True)
        sums = np.array([(values[:, target] * in_subset[:, other]).sum() for target, other in others])
        known, shift = pair[variance[pair] > 0], (sums - middle[pair])[variance[pair] > 0]
        together = drawn_together(shift, variance[known], variance[known] * (1 - 1 / 20))
        assert goals[known, 0] - middle[known] == pytest.approx(together)


def test_noise_is_drawn_together_and_a_real_spread_is_kept() -> None:
    generator = np.random.default_rng(0)
    variance = np.full(4_000, 5.0)
    noise = np.full(4_000, 0.5)
    only_noise = drawn_together(1.0 + generator.normal(size=4_000) * np.sqrt(0.5), variance, noise)
    assert only_noise.std() < 0.15
    assert only_noise.mean() == pytest.approx(1.0, abs=0.05)
    true = 1.0 + 2.0 * generator.normal(size=4_000)
    kept = drawn_together(true + generator.normal(size=4_000) * np.sqrt(0.5), variance, noise)
    assert kept.std() == pytest.approx(true.std(), rel=0.03)


def test_the_search_finds_what_the_dense_matrix_holds() -> None:
    in_subset, block = blocks_of(150, 4)
    right = tendencies(40, 90, seed=2)
    dense = memscope.influence(in_subset, right.astype(bool))
    classes, target_classes = np.arange(150) % 3, np.arange(90) % 3
    rows = np.arange(150) % 2 == 0
    for all_classes in (False, True):
        allowed = rows[:, None] & (all_classes | (classes[:, None] == target_classes))
        found = numbers_of(Units(in_subset, right, block), Wanted(rows, classes, target_classes, all_classes), 0.25)
        assert np.array_equal(found.helpful, (allowed & (dense >= 0.25 - 1e-6)).sum(1))
        assert np.array_equal(found.harmful, (allowed & (dense <= -0.25 + 1e-6)).sum(1))
        assert found.helpful.sum() > 10


def test_blocks_that_are_not_whole_are_refused() -> None:
    in_subset, block = blocks_of(20, 2)
    with pytest.raises(OptionError, match="leave out blocks that are not whole"):
        list(nulls(Units(in_subset[:-1], tendencies(19, 3, 0), block[:-1])))
