"""What is found of memorability: planted relations, types and corners, against what was planted."""

import numpy as np
import pytest

from memscope.analysis.memorability import (
    CORNERS,
    beside_models,
    beside_values,
    ends_of,
    ranks_by_type,
)
from memscope.analysis.memorisation import stack_blocks
from memscope.analysis.statistics.correlation import rank_correlation
from memscope.analysis.statistics.within import within_correlation
from memscope.analysis.trajectories import TYPES, raw_types
from tests.analysis.statistics.test_crossed import counts_of

ALONE = np.arange(600)
CLASSES = ALONE % 6


def clear(found):
    return not found.low <= 0 <= found.high


def test_a_planted_relation_is_found_over_all_and_within_classes_and_accuracy_out_has_the_other_sign():
    random = np.random.default_rng(0)
    truth = random.random(600)
    memorability = truth + 0.5 * random.normal(size=600)
    counts = counts_of(1 - truth, 40, 0)
    score, out = beside_models(memorability, counts, CLASSES, ALONE)
    measured = counts.total()
    assert score.overall.value == pytest.approx(rank_correlation(memorability, measured.score))
    assert score.within.value == pytest.approx(within_correlation(memorability, measured.score, CLASSES))
    assert out.overall.value == pytest.approx(rank_correlation(memorability, measured.accuracy_out))
    assert all(clear(each) for each in (score.overall, score.within, out.overall, out.within))
    assert score.overall.low > 0.3
    assert out.overall.value == pytest.approx(-score.overall.value)  # these models get all right that they have seen


def test_what_classes_alone_have_in_common_is_over_all_and_not_within():
    random = np.random.default_rng(1)
    truth = (CLASSES + random.random(600)) / 7
    memorability = CLASSES + 2 * random.random(600)
    score, _ = beside_models(memorability, counts_of(1 - truth, 40, 1), CLASSES, ALONE)
    assert score.overall.low > 0.5
    assert not clear(score.within)


def test_only_the_order_counts_and_what_is_not_known_is_left_out():
    random = np.random.default_rng(2)
    truth = random.random(600)
    memorability = truth + random.normal(size=600)
    counts = counts_of(1 - truth, 40, 2)
    found = beside_models(memorability, counts, CLASSES, ALONE)
    assert beside_models(1e-13 * np.exp(memorability), counts, CLASSES, ALONE) == found
    memorability[:300] = np.nan
    (half, _) = beside_models(memorability, counts, CLASSES, ALONE)
    assert half.overall.value == pytest.approx(rank_correlation(memorability[300:], counts.total().score[300:]))
    nothing, _ = beside_models(np.full(600, np.nan), counts, CLASSES, ALONE)
    assert np.isnan([nothing.overall.value, nothing.overall.low, nothing.within.value]).all()


def test_a_proxy_may_be_infinite_or_unknown():
    random = np.random.default_rng(3)
    proxy = random.random(600)
    memorability = proxy + 0.3 * random.normal(size=600)
    proxy[proxy > 0.9] = np.inf  # never learnt
    proxy[:50] = np.nan
    found = beside_values(memorability, proxy, CLASSES, ALONE)
    assert found.overall.low > 0.6
    assert found.within.low > 0.6


def typed(seed, related, models):
    """Counts [blocks, 3 sizes, examples]: a third constant, rising and falling; memorability high where it rises."""
    random = np.random.default_rng(seed)
    kind = random.integers(0, 3, 600)
    steps = np.linspace(0, 0.9, 3)[:, np.newaxis]
    out = np.where(kind == 1, 1 - steps, np.where(kind == 2, 0.1 + steps, 1.0))
    sizes = [counts_of(one, models, 3 * seed + size) for size, one in enumerate(out)]
    blocks = [stack_blocks([one.only([block]) for one in sizes]) for block in range(models // 10)]
    memorability = random.random(600) + related * (kind == 1)
    return memorability, kind, stack_blocks(blocks)


def test_types_that_people_remember_better_stand_higher():
    memorability, kind, counts = typed(0, 0.5, 100)
    rows = {one.type: one for one in ranks_by_type(memorability, counts, CLASSES, ALONE, 0.2)}
    total = counts.total()
    raw = raw_types(total.sum_in, total.n_in, total.sum_out, total.n_out, 0.2)
    rank = (memorability.argsort().argsort() + 0.5) / 600
    assert tuple(rows) == TYPES
    for name in ("constant", "increasing", "decreasing"):
        assert rows[name].examples == (raw == name).sum()
        assert rows[name].rank.overall.value == pytest.approx(rank[raw == name].mean())
    assert ((raw == "increasing") == (kind == 1)).mean() > 0.9
    assert rows["increasing"].rank.overall.low > 0.6
    assert rows["constant"].rank.overall.high < 0.5


@pytest.mark.parametrize("times", [15, 60])
def test_where_types_have_nothing_to_do_with_it_their_intervals_hold_a_half(times):
    held = []
    for seed in range(times):
        memorability, _, counts = typed(seed, 0.0, 40)
        for one in ranks_by_type(memorability, counts, CLASSES, ALONE, 0.2)[:3]:
            held += [each.low <= 0.5 <= each.high for each in (one.rank.overall, one.rank.within)]
    assert 0.88 < np.mean(held) <= 1


def test_the_corners_are_the_farthest_in_both_orders():
    memorability = np.array([0.0, 1, 2, 3, 4, 5, 6, 7, 8, 9, np.nan])
    score = np.array([0.9, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1])
    found = {ways: ends_of(memorability, score, 2, ways).tolist() for ways in CORNERS}
    assert found[("high", "high")][0] == 9
    assert found[("low", "high")][0] == 0
    assert found[("high", "low")] == [8, 7]  # of those that tie in the score, the most memorable first
    assert found[("low", "low")] == [1, 2]
    assert ends_of(np.full(3, np.nan), np.zeros(3), 2, CORNERS[0]).tolist() == []
