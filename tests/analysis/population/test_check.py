"""Halves of the models that check each other: with a known truth the numbers are known."""

from dataclasses import replace

import numpy as np
import pytest

from memscope.analysis.population.check import Half, block_noise, check_halves
from memscope.errors import OptionError

EXAMPLES = 60_000


def half(random, truth, gain, stated=1.0, times=4):
    """A half that measures normal truths of variance 1 so many times, noise variance 2 each, and shrinks the mean."""
    blocks = truth + np.sqrt(2) * random.normal(size=(times, *truth.shape))
    raw = blocks.mean(axis=0)
    sd = stated * np.sqrt(gain**2 * 2 / times + (1 - gain) ** 2)
    return Half(gain * raw, np.full(truth.shape, sd), raw, block_noise(blocks))


def test_squared_error_calibration_and_agreement_are_those_that_follow_from_the_truth():
    random = np.random.default_rng(0)
    truth = random.normal(size=(2, EXAMPLES))
    found = check_halves((half(random, truth, 2 / 3), half(random, truth, 2 / 3)))
    assert found.raw_squared_error == pytest.approx([0.5, 0.5], abs=0.02)
    assert found.squared_error == pytest.approx([1 / 3, 1 / 3], abs=0.02)
    assert found.ratio == pytest.approx([2 / 3, 2 / 3], abs=0.04)
    assert found.calibration == pytest.approx([1, 1], abs=0.05)
    assert found.calibration_thirds == pytest.approx(np.ones(3), abs=0.1)
    assert found.helps.all()
    assert found.calibrated == [True, True]
    # both halves measure with variance .5: Pearson's 1 / 1.5, Spearman's 6 / pi asin(r / 2)
    assert found.agreement == pytest.approx([6 / np.pi * np.arcsin(1 / 3)] * 2, abs=0.01)
    assert found.agreement == pytest.approx(found.raw_agreement)


def test_halves_of_unequal_size_give_the_mean_of_what_each_is_worth():
    random = np.random.default_rng(0)
    truth = random.normal(size=(1, EXAMPLES))
    # noise variances 1 and 1 / 4: the best gains are 1 / 2 and 4 / 5, and leave errors of as much
    found = check_halves((half(random, truth, 1 / 2, times=2), half(random, truth, 4 / 5, times=8)))
    assert found.raw_squared_error == pytest.approx([(1 + 1 / 4) / 2], abs=0.02)
    assert found.squared_error == pytest.approx([(1 / 2 + 1 / 5) / 2], abs=0.02)
    assert found.calibration == pytest.approx([1], abs=0.05)
    assert found.calibration_thirds == pytest.approx(np.ones(3), abs=0.1)
    # variances 2 and 5 / 4 with their noise: Pearson's 1 / sqrt(2 * 5 / 4), whichever half is predicted
    assert found.agreement == pytest.approx([6 / np.pi * np.arcsin(1 / np.sqrt(2 * 5 / 4) / 2)], abs=0.01)


def test_too_much_shrinkage_does_not_help_and_too_short_deviations_are_not_calibrated():
    random = np.random.default_rng(0)
    truth = 3 * random.normal(size=(1, EXAMPLES))
    worse = check_halves((half(random, truth, 0.5), half(random, truth, 0.5)))
    assert not worse.helps.any()
    truth /= 3
    short = check_halves((half(random, truth, 2 / 3, 0.7), half(random, truth, 2 / 3, 0.7)))
    assert short.helps.all()
    assert short.calibration == pytest.approx([1 / 0.49], abs=0.1)
    assert short.calibrated == [False]


def test_several_ways_of_halving_are_averaged_and_tell_how_far_they_go_apart():
    random = np.random.default_rng(0)
    truth = random.normal(size=(1, 400))
    ways = [(half(random, truth, 2 / 3, 0.8), half(random, truth, 2 / 3, 0.8)) for _ in range(3)]
    found, each = check_halves(*ways), [check_halves(way) for way in ways]
    assert found.squared_error == pytest.approx(np.mean([one.squared_error for one in each], axis=0))
    apart = np.std([one.calibration for one in each], axis=0, ddof=1)
    assert found.calibration_spread == pytest.approx(apart)
    assert np.isnan(each[0].calibration_spread).all()
    # c is 1 / .64 here: whether it is right follows where the ways of halving go apart little enough
    beyond = np.sqrt(3) * float(found.calibration[0] - 1.25)
    assert beyond > 0
    assert replace(found, calibration_spread=np.array([beyond + 0.01])).calibrated == [None]
    assert replace(found, calibration_spread=np.array([beyond - 0.01])).calibrated == [False]
    one = replace(found, calibration=np.ones(1))
    assert replace(one, calibration_spread=np.array([0.1])).calibrated == [True]
    assert replace(one, calibration_spread=np.array([2.0])).calibrated == [None]
    assert replace(one, calibration=np.array([np.nan])).calibrated == [None]
    assert not replace(found, raw_squared_error=np.array([-0.1])).helps.any()


def test_thirds_are_by_the_stated_deviation():
    random = np.random.default_rng(0)
    truth = random.normal(size=(1, EXAMPLES))
    halves = []
    for _ in range(2):
        one = half(random, truth, 2 / 3)
        sd = np.repeat([0.5, 1.0, 2.0], EXAMPLES // 3)[np.newaxis] * one.score_sd
        halves.append(Half(one.score, sd, one.raw, one.raw_noise))
    found = check_halves(tuple(halves))
    assert found.calibration_thirds == pytest.approx([4, 1, 0.25], rel=0.1)


def test_undefined_scores_are_left_out():
    random = np.random.default_rng(0)
    truth = random.normal(size=(1, EXAMPLES))
    one, other = half(random, truth, 2 / 3), half(random, truth, 2 / 3)
    one.score[0, : EXAMPLES // 2] = np.nan
    found = check_halves((one, other))
    assert found.ratio == pytest.approx([2 / 3], abs=0.04)


def test_one_block_has_no_noise_that_could_be_seen():
    with pytest.raises(OptionError, match="1 blocks of models, expected at least 2 in each half"):
        block_noise(np.zeros((1, 3)))
