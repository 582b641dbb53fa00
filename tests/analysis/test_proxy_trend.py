"""Simulated proxies get the verdict that they deserve: the score, its contrary, its mean over sizes, and nothing."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from memscope.analysis.memorisation import Counts
from memscope.analysis.population.ceiling import spearman_ceilings
from memscope.analysis.population.sums import population_sums
from memscope.analysis.proxy_agreement import agreement_at_size
from memscope.analysis.proxy_trend import SlopeTrend, slope_ceiling, slope_trend, slope_weights
from memscope.analysis.proxy_types import mean_trajectories, trend_types
from memscope.analysis.proxy_verdict import AGAINST, FOLLOWS, LEVEL, NOT, UNKNOWN, across_sizes, verdict
from memscope.analysis.statistics.ceilings import reliability
from memscope.analysis.statistics.two_sets import Interval
from memscope.analysis.trajectories import TYPES, classify_trajectories
from memscope.errors import OptionError
from tests.analysis.population.test_estimate import FLAT, MIXTURE, SIZES, SMOOTH, STEP, fitted, simulated
from tests.analysis.simulated_proxies import (
    FULL,
    MEAN,
    MINUS,
    NOTHING,
    PROXIES,
    SCORE,
    SIZE_AND_MEAN,
    STEEP,
    WIDTHS,
    counts_of,
    proxy_values,
)

pytestmark = pytest.mark.xdist_group("population")  # simulations are kept by one process


def at_size(counts, size):
    return Counts(*(values[:, size] for values in (counts.n_in, counts.n_out, counts.sum_in, counts.sum_out)))


@cache
def noise_of(kind, models):
    """What every proxy is held against: reliabilities, Spearman's ceilings, and the ceiling of slopes."""
    counts, here = counts_of(kind, models), simulated(kind)
    blocks = models // 10
    each = [at_size(counts, size) for size in range(SIZES)]
    reliabilities = [reliability(lambda kept, one=one: one.only(kept).score, blocks) for one in each]
    sums = population_sums(SIZES, here.score.shape[1])
    for size in range(SIZES):
        given = [values[:models] for values in (here.in_subset, here.correct[size], here.probability[size])]
        sums.add(size, range(models), *given, np.arange(models) // 10)
    return reliabilities, spearman_ceilings(sums, sums.models.astype(np.int64)), slope_ceiling(counts, WIDTHS)


def trend_of(kind, models, name, of_proxy=5, seed=0):
    values, sign = proxy_values(name, simulated(kind).score, of_proxy, seed=seed)
    numbers = np.full(of_proxy, FULL)
    counts, blocks = counts_of(kind, models), np.arange(models // 10)
    return values, sign, slope_trend(values, numbers, counts, blocks, WIDTHS, noise_of(kind, models)[2])


def judged(kind, models, name, of_proxy=5, seed=0):
    counts, blocks = counts_of(kind, models), np.arange(models // 10)
    reliabilities, ceilings, _ = noise_of(kind, models)
    values, sign, trend = trend_of(kind, models, name, of_proxy, seed)
    numbers = np.full(of_proxy, FULL)
    agreements = [agreement_at_size(values[:, size], numbers, at_size(counts, size), blocks) for size in range(SIZES)]
    return verdict(agreements, reliabilities, ceilings, trend, sign)


DESERVED = {
    SCORE: (FOLLOWS, {FOLLOWS}),
    MINUS: (FOLLOWS, {FOLLOWS}),  # with its sign said: larger means less memorised
    MEAN: (FOLLOWS, {NOT}),
    SIZE_AND_MEAN: (FOLLOWS, {NOT, LEVEL}),
    STEEP: (FOLLOWS, {NOT, LEVEL}),
    NOTHING: (NOT, {NOT}),
}


@pytest.mark.parametrize("models", [40, 100])
@pytest.mark.parametrize("kind", [SMOOTH, MIXTURE, STEP])
@pytest.mark.parametrize("name", PROXIES)
def test_proxies_get_the_verdict_that_they_deserve(kind, models, name):
    across, sizes = DESERVED[name]
    found = judged(kind, models, name)
    assert found.across_examples == across, found.words
    assert found.across_sizes in sizes, found.words


@pytest.mark.parametrize("name", PROXIES)
def test_of_20_models_nothing_can_be_told(name):
    """They are two blocks."""
    found = judged(MIXTURE, 20, name)
    assert (found.across_examples, found.across_sizes) == (UNKNOWN, UNKNOWN)
    assert "so few models" in found.words


@pytest.mark.parametrize("name", [SCORE, NOTHING])
def test_one_model_of_the_proxy_is_judged_over_the_scores_blocks_alone(name):
    found = judged(SMOOTH, 40, name, of_proxy=1)
    across, sizes = DESERVED[name]
    assert found.across_examples == across
    assert found.across_sizes in sizes


def test_nothing_is_found_to_follow_in_one_of_twenty_at_most():
    """A proxy that has nothing to do with the score correlates with it by chance over these examples, in all models."""
    said = [judged(SMOOTH, 40, NOTHING, of_proxy=1, seed=seed) for seed in range(20)]
    assert all(one.across_examples == NOT for one in said)
    assert sum(one.across_sizes != NOT for one in said) <= 1


def interval(value, reach):
    return Interval(value, reach / 3, np.nan, value - reach, value + reach, 3.0)


@pytest.mark.parametrize(
    ("own", "beyond", "answer"),
    [
        (interval(0.6, 0.1), interval(0.3, 0.1), FOLLOWS),
        (interval(0.6, 0.1), interval(0.1, 0.3), UNKNOWN),  # it may be the level alone, and may be more
        (interval(0.6, 0.1), interval(-0.1, 0.1), LEVEL),
        (interval(-0.6, 0.1), interval(-0.1, 0.1), AGAINST),
        (interval(0.1, 0.1), interval(0.1, 0.3), NOT),
        (interval(0.2, 0.3), interval(-0.1, 0.1), NOT),
        (interval(0.2, 0.3), interval(0.1, 0.3), UNKNOWN),
        (interval(0.6, np.nan), interval(0.3, np.nan), UNKNOWN),
    ],
)
def test_what_is_said_of_sizes_follows_from_the_intervals(own, beyond, answer):
    level = interval(own.value - beyond.value, 0.1)
    found = SlopeTrend(True, own, level, beyond, 0.9, interval(own.value / 0.9, (own.high - own.value) / 0.9), 1000)
    assert across_sizes(found, 1)[0] == answer


def test_what_does_not_change_cannot_be_followed():
    found = judged(FLAT, 100, SCORE)
    assert found.across_sizes == UNKNOWN
    assert found.across_examples == UNKNOWN


def test_the_wrong_way_round_is_said():
    values, _ = proxy_values(MINUS, simulated(SMOOTH).score, 5)
    counts, blocks, numbers = counts_of(SMOOTH, 40), np.arange(4), np.full(5, FULL)
    reliabilities, ceilings, noise = noise_of(SMOOTH, 40)
    agreements = [agreement_at_size(values[:, size], numbers, at_size(counts, size), blocks) for size in range(SIZES)]
    trend = slope_trend(values, numbers, counts, blocks, WIDTHS, noise)
    found = verdict(agreements, reliabilities, ceilings, trend, sign=1)
    assert found.across_examples == AGAINST
    assert found.across_sizes == AGAINST  # it moves with the score where it is read the other way round
    assert trend.increasing is False
    assert verdict(agreements, reliabilities, ceilings, trend, sign=-1).across_sizes == FOLLOWS
    assert verdict(agreements, reliabilities, ceilings, replace(trend, increasing=None), 1).across_sizes == UNKNOWN


def test_slopes_are_those_of_least_squares():
    trajectories = np.random.default_rng(0).normal(size=(5, 7))
    expected = np.polyfit(np.log(WIDTHS), trajectories, 1)[0]
    assert slope_weights(WIDTHS) @ trajectories == pytest.approx(expected)
    for sizes in ([4], [4, 4], [0, 4]):
        with pytest.raises(OptionError):
            slope_weights(sizes)


@pytest.mark.parametrize("kind", [SMOOTH, STEP])
def test_the_true_score_reaches_the_ceiling_of_the_slopes(kind):
    here = simulated(kind)
    values = here.score[np.newaxis]
    noise = slope_ceiling(counts_of(kind, 100), WIDTHS)
    found = slope_trend(values, [FULL], counts_of(kind, 100), range(10), WIDTHS, noise)
    weights = slope_weights(WIDTHS)
    true = np.corrcoef(weights @ here.score, weights @ counts_of(kind, 100).total().score)[0, 1]
    assert found.ceiling == pytest.approx(true, abs=0.02)
    assert found.correlation.value == pytest.approx(true, abs=0.03)
    assert found.ratio.value == pytest.approx(1, abs=0.03)
    assert found.examples == 1200


def test_a_function_that_was_fitted_to_the_same_examples_would_find_what_is_not_there():
    """One number of each example through a steep function: on other examples its slopes say nothing."""
    from memscope.analysis.statistics.isotonic import fit_monotone, monotone_values

    here, counts = simulated(SMOOTH), counts_of(SMOOTH, 100)
    values = proxy_values(STEEP, here.score, 1, noise=0)[0]
    halves = [counts.only(range(first, 10, 2)).score for first in (0, 1)]
    same = monotone_values(fit_monotone(values[0].ravel(), halves[0].ravel()), values[0])
    weights = slope_weights(WIDTHS)
    assert np.corrcoef(weights @ same, weights @ halves[1])[0, 1] > 0.12
    found = slope_trend(values, [FULL], counts, range(10), WIDTHS, slope_ceiling(counts, WIDTHS))
    assert abs(found.correlation.value) < 0.08


def test_the_ratios_interval_holds_what_other_models_would_give():
    """The ratio of a proxy with this noise, in the limit of many models of the score: what it is with the truth."""
    here = simulated(SMOOTH)
    held = []
    for seed in range(30):
        values, _ = proxy_values(SCORE, here.score, 5, seed=seed)
        counts, blocks = counts_of(SMOOTH, 100), np.arange(10)
        four = [(seed + step) % 10 for step in (0, 3, 5, 8)]
        some = Counts(*(c[four] for c in (counts.n_in, counts.n_out, counts.sum_in, counts.sum_out)))
        found = slope_trend(values, np.full(5, FULL), some, blocks[four], WIDTHS, slope_ceiling(some, WIDTHS))
        held.append((found.ratio.low, found.ratio.value, found.ratio.high))
    low, value, high = np.array(held).T
    assert np.mean((low <= value.mean()) & (value.mean() <= high)) > 0.88


def test_types_are_held_against_chance_and_against_what_says_one_number_only():
    for kind in (SMOOTH, STEP):
        counts, blocks, numbers = counts_of(kind, 100), range(10), np.full(5, FULL)
        probabilities = fitted(kind, 100).type_probabilities
        found = {
            name: trend_types(
                proxy_values(name, simulated(kind).score, 5)[0], numbers, counts, blocks, WIDTHS, 0.2, probabilities
            )
            for name in PROXIES
        }
        for name, one in found.items():
            assert sum(one.shares) == pytest.approx(1)
            assert abs(one.additive.kappa) < 0.02, name
            assert one.memorisation.kappa > 0.3
        assert found[SCORE].proxy.kappa > found[SCORE].neighbour.kappa + 0.15
        assert found[SCORE].population.kappa > found[SCORE].additive_population.kappa + 0.2
        for name in (MEAN, SIZE_AND_MEAN, NOTHING):
            assert abs(found[name].proxy.kappa - found[name].neighbour.kappa) < 0.07, name
        assert abs(found[NOTHING].proxy.kappa) < 0.02


def test_agreement_chance_and_kappa_are_those_of_the_contingency_table():
    """The true score as the proxy; a step function of it, so wide steps that its types can be counted by hand."""
    here, counts = simulated(STEP), counts_of(STEP, 100)
    found = trend_types(here.score[np.newaxis], [FULL], counts, range(10), WIDTHS)
    halves = [classify_trajectories(counts.only(range(first, 10, 2)).score) for first in (0, 1)]
    table = np.array([[np.mean((halves[0] == one) & (halves[1] == other)) for other in TYPES] for one in TYPES])
    chance = table.sum(axis=0) @ table.sum(axis=1)
    assert found.memorisation.agreement == pytest.approx(np.trace(table))
    assert found.memorisation.chance == pytest.approx(chance)
    assert found.memorisation.kappa == pytest.approx((np.trace(table) - chance) / (1 - chance))


def test_rising_and_falling_examples_are_followed_by_the_score_and_by_no_level():
    for kind in (SMOOTH, STEP):
        counts, numbers = counts_of(kind, 100), np.full(5, FULL)
        for name in (SCORE, MINUS, SIZE_AND_MEAN, NOTHING):
            found = trend_types(proxy_values(name, simulated(kind).score, 5)[0], numbers, counts, range(10), WIDTHS)
            both = (found.rising.proxy + found.falling.proxy) / 2
            assert found.rising.examples > 100
            assert found.falling.examples > 100
            assert min(found.rising.score, found.falling.score) > 0.85
            assert found.rising.size_means + found.falling.size_means == pytest.approx(1)
            if name in (SCORE, MINUS):
                assert min(found.rising.proxy, found.falling.proxy) > 0.8
            else:
                assert both == pytest.approx(0.5, abs=0.07)


def test_mean_trajectories_are_those_of_the_examples_of_each_type():
    here, counts = simulated(STEP), counts_of(STEP, 100)
    values, _ = proxy_values(SCORE, here.score, 5)
    found = mean_trajectories(values, np.full(5, FULL), counts, range(10))
    named = classify_trajectories(counts.total().score)
    for row, name in enumerate(TYPES):
        some = named == name
        assert found.examples[row] == some.sum()
        if some.any():
            expected = values.mean(axis=0)[:, some].mean(axis=1)
            assert [one.value for one in found.proxy[row]] == pytest.approx(expected)
    rising = TYPES.index("increasing")
    assert found.score[rising, -1] - found.score[rising, 0] > 0.5
    assert all(one.low < one.value < one.high for one in found.proxy[rising])


def test_the_models_of_the_proxy_may_not_be_the_scores_and_shapes_must_fit():
    counts = counts_of(SMOOTH, 40)
    noise = slope_ceiling(counts, WIDTHS)
    values = np.zeros((2, SIZES, 1200))
    with pytest.raises(OptionError, match="by construction"):
        slope_trend(values, [0, 9], counts, range(4), WIDTHS, noise)
    with pytest.raises(OptionError, match="for 2 sizes"):
        slope_trend(values, [8, 9], counts, range(4), [2, 4], noise)


def test_a_proxy_that_is_the_same_for_all_sizes_has_no_slopes_to_correlate():
    values = np.broadcast_to(simulated(SMOOTH).score.mean(axis=0), (1, SIZES, 1200))
    counts = counts_of(SMOOTH, 40)
    found = slope_trend(values, [FULL], counts, range(4), WIDTHS, slope_ceiling(counts, WIDTHS))
    assert found.correlation.value == found.of_level.value == 0


def test_examples_without_a_proxy_at_some_size_are_left_out_of_all():
    values, _ = proxy_values(SCORE, simulated(SMOOTH).score, 3)
    values[:, 2, :100] = np.nan
    counts = counts_of(SMOOTH, 40)
    found = slope_trend(values, np.full(3, FULL), counts, range(4), WIDTHS, slope_ceiling(counts, WIDTHS))
    assert found.examples == 1100
    assert found.correlation.value > 0.7
