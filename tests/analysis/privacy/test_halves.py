"""Rates and curves of many models against slow versions, and halves of the blocks on nulls and planted effects."""

import math
from statistics import NormalDist

import numpy as np
import pytest

from memscope.analysis.privacy.curves import GRID, band, curve
from memscope.analysis.privacy.groups import group_change, rates_by_group
from memscope.analysis.privacy.halves import Apart, Half, attacked_half, changes_together, halves_of
from memscope.analysis.privacy.rates import (
    Targets,
    area_change,
    balanced_accuracy,
    beyond,
    block_areas,
    rate_change,
    thresholds,
)
from memscope.analysis.privacy.scores import ATTACKS
from memscope.analysis.statistics.correlation import rank_correlation
from memscope.analysis.statistics.roc import area_under_roc
from memscope.plan.subsets import block_subsets


def models(examples: int, blocks: int, effect: float | np.ndarray, seed: int = 0, draw: int = 0) -> Targets:
    """Log-odds of the models of some blocks; runs of one seed share subsets and middles, each `draw` has its noise."""
    member = np.concatenate([block_subsets(examples, block, 0.7, seed) for block in range(blocks)])
    middle = np.random.default_rng(seed).normal(1, 1.5, examples)
    noise = np.random.default_rng([seed, draw]).normal(size=member.shape)
    return Targets(middle + member * effect + noise, member, np.repeat(np.arange(blocks), 10))


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize(("examples", "blocks"), [(150, 2), (60, 5)])
@pytest.mark.parametrize("asked", [0.001, 0.03, 0.5])
def test_counts_beyond_thresholds_are_those_of_a_look_at_every_score(examples, blocks, asked, ties):
    found = models(examples, blocks, 1.0)
    targets = Targets(np.round(found.scores) if ties else found.scores, found.member, found.block)
    counted = beyond(targets, asked)
    for block, cut in thresholds(targets, asked).items():
        here = targets.block == block
        false = np.sort(targets.scores[~here][~targets.member[~here]])
        expected = np.arange(len(false), 0, -1) / (len(false) + 1)  # how often a further score is beyond each of them
        assert cut == false[min(np.flatnonzero(expected <= asked), default=-1)]
        above, member = targets.scores > cut, targets.member
        assert counted.held_out[block].tolist() == [(above & member)[here].sum(), member[here].sum()]
        assert counted.left_out[block].tolist() == [(above & member)[~here].sum(), member[~here].sum()]
        assert counted.wrongly[block].tolist() == [(above & ~member)[here].sum(), (~member[here]).sum()]


def test_balanced_accuracy_is_that_of_the_best_of_200_thresholds_of_other_blocks():
    targets = models(80, 3, 1.0)
    each = []
    for block in range(3):
        here = targets.block == block
        scores, member = targets.scores[~here], targets.member[~here]
        cuts = np.quantile(scores[~member], np.arange(200) / 200)
        best = max(cuts, key=lambda cut: (scores[member] > cut).mean() + (scores[~member] <= cut).mean())
        scores, member = targets.scores[here], targets.member[here]
        each.append(((scores[member] > best).mean() + (scores[~member] <= best).mean()) / 2)
    assert balanced_accuracy(targets).value == pytest.approx(np.mean(each), abs=0.005)


def test_areas_of_blocks_are_means_of_those_of_models():
    targets = models(70, 3, 0.8)
    rounded = Targets(np.round(targets.scores, 1), targets.member, targets.block)
    each = [area_under_roc(score, member) for score, member in zip(rounded.scores, rounded.member, strict=True)]
    assert block_areas(rounded) == pytest.approx(np.reshape(each, (3, 10)).mean(1))


def test_a_curve_has_the_share_of_members_above_so_many_non_members_and_ends_at_ten():
    random = np.random.default_rng(0)
    member = np.arange(500) % 2 == 0
    scores = random.normal(size=500) + member
    found = curve(scores, member)
    false = np.sort(scores[~member])[::-1]
    for rate, true in zip(GRID, found, strict=True):
        allowed = math.floor(rate * 250 + 1e-9)
        if allowed < 10:
            assert math.isnan(true)
        elif allowed == 250:
            assert true == 1
        else:
            assert true == pytest.approx(np.mean(scores[member] > false[allowed]))
    assert (np.diff(found[~np.isnan(found)]) >= 0).all()


def test_the_band_is_about_the_analytic_curve():
    """Of two normal distributions that are 1.5 apart, where middles are known: Phi(1.5 - z)."""
    targets = models(2_000, 4, 1.5)
    middle = np.random.default_rng(0).normal(1, 1.5, 2_000)
    found = band(Targets(targets.scores - middle, targets.member, targets.block))
    normal = NormalDist()
    known = (~np.isnan(found.median)) & (GRID < 1)
    assert GRID[known][0] == pytest.approx(10 / 600, rel=0.13)
    truth = np.array([normal.cdf(1.5 - normal.inv_cdf(1 - false)) for false in GRID[known]])
    assert found.median[known] == pytest.approx(truth, abs=0.02)
    assert ((found.low[known] <= truth) & (truth <= found.high[known])).all()


def test_a_band_has_nine_in_ten_of_the_models():
    targets = models(600, 4, 1.0)
    found = band(targets)
    curves = np.array([curve(*one) for one in zip(targets.scores, targets.member, strict=True)])
    known = ~np.isnan(curves[0])
    assert np.isnan(found.median[~known]).all()
    assert (found.low[known] <= found.median[known]).all()
    inside = (curves[:, known] >= found.low[known] - 1e-12) & (curves[:, known] <= found.high[known] + 1e-12)
    assert 0.88 < inside.mean() < 0.97
    assert found.median[known] == pytest.approx(np.median(curves[:, known], axis=0))


def test_changes_between_sizes_are_paired_and_cover_nothing_where_there_is_none():
    covered, clear = [], []
    for seed in range(60):
        one, same, other = (
            Targets(found.scores - np.random.default_rng(seed).normal(1, 1.5, 300), found.member, found.block)
            for found in (
                models(300, 6, 1.0, seed, draw) if draw < 2 else models(300, 6, 2.0, seed, draw) for draw in range(3)
            )
        )
        counts = [beyond(each, 0.05) for each in (one, same, other)]
        none, more = rate_change(counts[0], counts[1]), rate_change(counts[0], counts[2])
        covered.append(none.low <= 0 <= none.high)
        clear.append(more.low > 0)
        area = area_change(block_areas(one), block_areas(other))
        assert area.low > 0
    assert np.mean(covered) >= 0.85
    assert np.mean(clear) > 0.95


def halves(targets: Targets) -> list[Half]:
    found = halves_of(range(len(np.unique(targets.block))))
    assert found is not None
    return [half_of(targets, targets.scores, half) for half in found]


def half_of(targets: Targets, scores: np.ndarray, blocks: list[int]) -> Half:
    return attacked_half(targets.member, scores, targets.block, np.zeros((len(scores), 5)), blocks)


def lira(both: list[Half]) -> list[Targets]:
    return [half.targets("lira") for half in both]


def test_every_other_block_makes_a_half_and_three_blocks_are_too_few():
    assert halves_of([0, 3, 4, 9, 11]) == ([0, 4, 11], [3, 9])
    assert halves_of([0, 1, 2]) is None
    assert halves_of([2, 4, 6, 8]) == ([2, 6], [4, 8])


def test_a_half_is_attacked_with_its_own_blocks_alone():
    targets = models(200, 4, 1.0)
    spoilt = targets.scores + 50 * np.isin(targets.block, [1, 3])[:, None]
    one, other = (half_of(targets, scores, [0, 2]) for scores in (targets.scores, spoilt))
    for attack in ATTACKS:
        assert np.array_equal(one.scores[attack], other.scores[attack])


def test_a_type_is_found_as_often_as_its_examples_are_and_no_more_where_nothing_is():
    """Half of the examples have an effect: true positives are found among them alone. On a null, all rates agree."""
    group = np.where(np.arange(400) % 2 == 0, "a", "b")
    planted = rates_by_group(
        lira(halves(models(400, 6, np.where(group == "a", 3.0, 0.0)))), [group, group], ["a", "b"], 0.05
    )
    assert planted is not None
    a, b, everything = planted
    assert (a.examples, everything.examples) == (200, 400)
    assert a.true_positive.low > 0.5
    assert b.true_positive.value == pytest.approx(0.05, abs=0.04)
    assert everything.true_positive.value == pytest.approx(
        (a.true_positive.value + b.true_positive.value) / 2, abs=0.02
    )
    away = []
    for seed in range(10):
        null = rates_by_group(lira(halves(models(400, 4, 0.0, seed))), [group, group], ["a", "b"], 0.05)
        assert null is not None
        away += [one.true_positive.value - one.false_positive.value for one in null]
    assert np.mean(away) == pytest.approx(0, abs=0.01)
    assert rates_by_group(lira(halves(models(100, 4, 0.0))), [group[:100]] * 2, ["a"], 0.001) is None


def test_a_group_of_two_that_are_always_found_or_never_is_not_told_for_certain():
    """All blocks agree, so that they show no spread: the interval is that of so many independent cases, not a point."""
    group = np.full(800, "others")
    group[:2], group[2:4] = "found", "not"
    effect = np.zeros(800)
    effect[:2], effect[2:4], effect[4:] = 40.0, 0.0, 1.5
    always, never, _, everything = rates_by_group(
        lira(halves(models(800, 4, effect))), [group, group], ["found", "not", "others"], 0.01
    )
    for one, value in ((always.true_positive, 1.0), (never.true_positive, 0.0), (never.false_positive, 0.0)):
        assert one.value == value
        assert one.low <= value <= one.high
        assert one.high - one.low > 0.1
    assert everything.true_positive.high - everything.true_positive.low < 0.1


def test_changes_of_a_group_are_paired_and_none_where_nothing_changes():
    group = np.where(np.arange(300) % 3 == 0, "a", "b")
    held, clear = [], 0
    for seed in range(30):
        one, same, more = (
            rates_by_group(lira(halves(models(300, 6, effect, seed, draw))), [group, group], ["a", "b"], 0.05)
            for draw, effect in enumerate((1.0, 1.0, np.where(group == "a", 3.0, 1.0)))
        )
        held += [none.low <= 0 <= none.high for none in (group_change(one[at], same[at]) for at in (0, 1))]
        clear += group_change(one[0], more[0]).low > 0.2
    assert np.mean(held) >= 0.87  # .95, of sixty with an error of .03
    assert clear == 30


def scored(smaller: Targets, larger: Targets):
    def change(blocks):
        scores = []
        for each in (smaller, larger):
            here = np.isin(each.block, blocks)
            right, member = each.scores[here] > 2, each.member[here]
            scores.append((right & member).sum(0) / member.sum(0) - (right & ~member).sum(0) / (~member).sum(0))
        return scores[1] - scores[0]

    return change


def test_examples_that_gain_in_both_are_found_and_a_null_is_not():
    random = np.random.default_rng(5)
    clear, values = 0, []
    for seed in range(20):
        gain = np.where(random.random(300) < 0.3, 3.0, 0.0)
        for effect, gains in ((1.0, gain), (1.0, 0.0)):
            smaller, larger = models(300, 6, effect, seed, 1), models(300, 6, effect + gains, seed, 2)
            parts = [[half.apart() for half in halves(each)] for each in (smaller, larger)]
            found = changes_together(scored(smaller, larger), *parts)
            if np.ndim(gains):
                clear += found.correlation.low > 0 and found.correlation.value > found.by_chance
            else:
                values.append(found.correlation)
    assert clear >= 18
    assert np.mean([one.value for one in values]) == pytest.approx(0, abs=0.03)
    assert np.mean([one.low <= 0 <= one.high for one in values]) >= 0.8  # .95, of twenty with an error of .05


@pytest.mark.parametrize(("noise", "agree"), [(0.2, True), (5.0, False)])
def test_what_changes_by_lot_would_give_is_what_permutations_give(noise, agree):
    """With scores and ratios that halves agree on both correlations are one; with noise alone they are two."""
    random = np.random.default_rng(3)
    examples, blocks = 150, (tuple(range(0, 8, 2)), tuple(range(1, 8, 2)))
    gained, of_score = random.normal(size=(2, examples))

    def sums(change):
        """Halves whose members are higher by the change, and by noise of each block."""
        found = []
        for half in blocks:
            each = change + noise * random.normal(size=(len(half), examples))
            ones = np.ones_like(each)
            found.append(Apart(half, np.stack([7 * ones, 3 * ones, 7 * each, 0 * each])))
        return found

    of_block = {one: of_score + noise * random.normal(size=examples) for one in range(8)}

    def scores(some):
        return np.mean([of_block[one] for one in some], axis=0)

    nothing = [Apart(half, np.stack([np.ones((4, examples))] * 2 + [np.zeros((4, examples))] * 2)) for half in blocks]
    larger = sums(gained)
    told = changes_together(scores, nothing, larger).by_chance
    drawn = []
    for _ in range(1_000):
        order = random.permutation(examples)
        moved = [Apart(one.blocks, one.sums[:, :, order]) for one in larger]
        parts = [scores(blocks[1 - at]) for at in (0, 1)]
        apart = [one.differences(one.blocks) for one in moved]
        drawn.append(np.mean([rank_correlation(*both) for both in zip(parts, apart, strict=True)]))
    assert told == pytest.approx(1.96 * np.std(drawn), rel=0.08)  # the error of a deviation of 1,000 is 2.2 %
    both = 1.96 / math.sqrt(examples - 1)
    assert told == pytest.approx(both if agree else both / math.sqrt(2), rel=0.15)


def test_differences_are_means_over_the_blocks_that_are_asked_for():
    (half, _) = halves(models(50, 6, 1.0))
    apart = half.apart()
    here = np.isin(half.block, [0, 4])
    member, ratio = half.member[here], half.ratio[here]
    for example in range(50):
        inside = member[:, example]
        expected = ratio[inside, example].mean(dtype=float) - ratio[~inside, example].mean(dtype=float)
        assert apart.differences([0, 4])[example] == pytest.approx(expected, abs=1e-5)
