"""Proxies against the score at one size: what is found, against definitions and what simulations are known to hold."""

import numpy as np
import pytest

from memscope.analysis.memorisation import Counts, count_outcomes, stack_blocks
from memscope.analysis.proxy_agreement import agreement_at_size, crossed_agreement, flipped_labels, precision_at_number
from memscope.analysis.statistics.correlation import rank_correlation
from memscope.errors import OptionError
from memscope.plan.subsets import balanced_subsets

BLOCK = 10


def ranks(values):
    return np.array([(values < v).sum() + ((values == v).sum() + 1) / 2 for v in values])


def outcomes(inside, outside, models, seed):
    """Outcomes of independent models with these accuracies [examples], and their counts by block."""
    random = np.random.default_rng(seed)
    mask = balanced_subsets(len(inside), models, 0.7, seed)
    correct = random.random(mask.shape) < np.where(mask, inside, outside)
    blocks = range(0, models, BLOCK)
    return mask, correct, stack_blocks([count_outcomes(mask[b : b + BLOCK], correct[b : b + BLOCK]) for b in blocks])


def test_correlations_are_those_of_the_means_by_definition():
    random = np.random.default_rng(0)
    truth = random.random(300)
    _, _, counts = outcomes(np.ones(300), 1 - truth, 60, 1)
    values = truth + random.normal(size=(3, 300))
    values[random.random(values.shape) < 0.3] = np.nan
    found = agreement_at_size(values, [-1, -1, -1], counts, range(6))
    known = ~np.isnan(values).all(axis=0)
    mean, score = np.nanmean(values[:, known], axis=0), counts.total().score[known]
    assert found.overall.pearson.value == pytest.approx(np.corrcoef(mean, score)[0, 1])
    assert found.overall.spearman.value == pytest.approx(np.corrcoef(ranks(mean), ranks(np.round(score, 9)))[0, 1])
    assert found.overall.cosine.value == pytest.approx(mean @ score / np.linalg.norm(mean) / np.linalg.norm(score))
    assert (found.examples, found.blocks, found.models) == (known.sum(), 6, 3)
    assert found.overall.pearson.low < found.overall.pearson.value < found.overall.pearson.high


def test_a_proxy_of_any_scale_has_the_ranks_that_it_has():
    random = np.random.default_rng(0)
    truth = random.random(300)
    _, _, counts = outcomes(np.ones(300), 1 - truth, 40, 1)
    values = truth + random.normal(size=(3, 300))
    spearman = [
        agreement_at_size(values * scale, [-1] * 3, counts, range(4)).overall.spearman.value for scale in (1, 1e-12)
    ]
    assert spearman[0] == pytest.approx(spearman[1])


def test_infinite_values_have_a_rank_and_no_pearson():
    random = np.random.default_rng(0)
    truth = random.random(300)
    _, _, counts = outcomes(np.ones(300), 1 - truth, 40, 1)
    values = truth[np.newaxis].copy()
    values[0, truth > 0.9] = np.inf
    found = agreement_at_size(values, [-1], counts, range(4)).overall
    assert found.spearman.value > 0.8
    assert np.isnan([found.pearson.value, found.cosine.value]).all()


def test_the_top_is_chosen_by_other_blocks_than_it_is_correlated_with():
    """All true scores are equal: the noise of the models that chose the top is no memorisation. On the same models it
    seems to be, since a proxy of their own outcomes goes with it."""
    mask, correct, counts = outcomes(np.ones(2000), np.full(2000, 0.5), 80, 2)
    right = np.where(mask[:40], np.nan, correct[:40].astype(float))  # of the score's own models, half of them
    found = agreement_at_size(-right, np.full(40, -1), counts, range(8))  # its blocks are not said: nobody can see it
    assert found.overall.spearman.value > 0.6
    apart = agreement_at_size(-right, np.arange(40) // BLOCK, Counts(*(c[4:] for c in fields(counts))), range(4, 8))
    for one in (apart.overall.spearman, apart.top.spearman, apart.top.pearson):
        assert one.low < 0 < one.high


def test_the_top_of_each_half_is_correlated_with_the_score_of_the_other():
    random = np.random.default_rng(0)
    truth = random.random(400)
    _, _, counts = outcomes(0.5 + truth / 2, 0.5 - truth / 3, 2000, 1)  # so many models that no scores tie
    proxy = truth + 0.1 * random.normal(size=400)
    halves = [counts.only(range(first, 200, 2)).score for first in (0, 1)]
    expected = []
    for chosen, other in (halves, halves[::-1]):
        top = chosen >= np.sort(chosen)[-40]
        expected.append(np.corrcoef(proxy[top], other[top])[0, 1])
    few = Counts(*(np.stack([c[0::2].sum(axis=0), c[1::2].sum(axis=0)]) for c in fields(counts)))
    found = agreement_at_size(proxy[np.newaxis], [-1], few, range(2))
    assert found.top.pearson.value == pytest.approx(np.mean(expected))


def fields(counts):
    return counts.n_in, counts.n_out, counts.sum_in, counts.sum_out


def test_accuracy_out_of_the_same_models_correlates_by_construction_and_of_others_does_not():
    """Models interpolate, and no example is more memorised than another: score and accuracy out are noise."""
    mask, correct, counts = outcomes(np.ones(1000), np.full(1000, 0.6), 80, 3)
    out = np.where(mask, np.nan, correct.astype(float))
    same = rank_correlation(np.nanmean(out[:40], axis=0), counts.only(range(4)).score)
    assert same == pytest.approx(-1)
    blocks = np.arange(40) // BLOCK
    with pytest.raises(OptionError, match="correlate by construction"):
        agreement_at_size(out[:40], blocks, counts, range(8))
    crossed = agreement_at_size(out[:40], blocks, Counts(*(c[4:] for c in fields(counts))), range(4, 8))
    assert abs(crossed.overall.spearman.value) < 0.1
    assert crossed.overall.spearman.low < 0 < crossed.overall.spearman.high


def test_accuracy_out_of_the_scores_own_models_is_crossed():
    """What is measured is the mean of the two crossed correlations; its interval holds its mean; of noise, 0."""
    random = np.random.default_rng(0)
    truth, values, spans = random.beta(0.5, 1, 200), [], []
    for seed in range(80):
        mask, correct, counts = outcomes(np.ones(200), 1 - truth, 40, seed)
        out = np.where(mask, np.nan, correct.astype(float))
        found = crossed_agreement(out, np.arange(40) // BLOCK, counts, range(4)).overall.pearson
        values.append(found.value)
        spans.append((found.low, found.high))
        if seed == 0:
            even = np.arange(40) // BLOCK % 2 == 0
            sides = [
                np.corrcoef(np.nanmean(out[side], axis=0), counts.only(blocks).score)[0, 1]
                for side, blocks in ((even, [1, 3]), (~even, [0, 2]))
            ]
            assert found.value == pytest.approx(np.mean(sides))
    low, high = np.transpose(spans)
    assert 0.88 < np.mean((low <= np.mean(values)) & (np.mean(values) <= high)) <= 1
    noise = []
    for seed in range(40):
        mask, correct, counts = outcomes(np.ones(500), np.full(500, 0.6), 40, seed)
        out = np.where(mask, np.nan, correct.astype(float))
        noise.append(crossed_agreement(out, np.arange(40) // BLOCK, counts, range(4)).overall.spearman)
    assert np.mean([one.low < 0 < one.high for one in noise]) > 0.88
    assert abs(np.mean([one.value for one in noise])) < 0.02
    with pytest.raises(OptionError, match=r"models of blocks \[9\]"):
        crossed_agreement(out[:1], [9], counts, range(4))


def test_intervals_hold_the_mean_over_models_of_both():
    random = np.random.default_rng(7)
    truth = random.beta(0.5, 1, 150)
    found = []
    for seed in range(100):
        _, _, counts = outcomes(np.ones(150), 1 - truth, 50, seed)
        values = truth + 0.6 * random.normal(size=(4, 150))
        found.append(agreement_at_size(values, np.full(4, -1), counts, range(5)).overall)
    for name in ("spearman", "pearson", "cosine"):
        each = [getattr(one, name) for one in found]
        mean = np.mean([one.value for one in each])
        assert 0.89 < np.mean([one.low <= mean <= one.high for one in each]) <= 1, name


def test_below_four_blocks_there_are_values_without_intervals():
    _, _, counts = outcomes(np.ones(100), np.linspace(0, 1, 100), 20, 0)
    found = agreement_at_size(np.linspace(1, 0, 100)[np.newaxis], [-1], counts, [0, 1])
    assert found.overall.spearman.value > 0.8
    assert np.isnan([found.overall.spearman.low, found.overall.spearman.high]).all()


def test_arrays_that_do_not_fit_are_refused():
    _, _, counts = outcomes(np.ones(100), np.full(100, 0.5), 20, 0)
    for values, blocks, numbers in (
        (np.zeros((2, 99)), [-1, -1], [0, 1]),
        (np.zeros((2, 100)), [-1], [0, 1]),
        (np.zeros((2, 100)), [-1, -1], [0]),
    ):
        with pytest.raises(OptionError):
            agreement_at_size(values, blocks, counts, numbers)


def test_flipped_labels_are_found_as_counting_all_pairs_says():
    random = np.random.default_rng(1)
    flipped = random.random(60) < 0.2
    values = np.round(random.normal(size=(4, 60)) + flipped, 0)
    mean = values.mean(axis=0)
    for sign in (1, -1):
        found = flipped_labels(values, [-1] * 4, flipped, sign)
        pairs = sign * (mean[flipped][:, np.newaxis] - mean[~flipped])
        assert found.area == pytest.approx((pairs > 0).mean() + (pairs == 0).mean() / 2)
        shuffled = [random.permutation(60) for _ in range(4000)]
        first = [order[np.argsort(-sign * mean[order], kind="stable")][: flipped.sum()] for order in shuffled]
        assert found.precision == pytest.approx(np.mean([flipped[one].mean() for one in first]), abs=0.01)
        assert found.flipped == flipped.sum()
        assert 0 < found.area_error < 0.2
    assert np.isnan(flipped_labels(values[:2], [-1] * 2, flipped, 1).area_error)
    assert np.isnan(precision_at_number(mean, np.zeros(60, bool)))
