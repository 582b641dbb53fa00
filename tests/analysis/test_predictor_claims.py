"""Answers to what is claimed of predictors: yes, no and the other way round only where noise allows them."""

from dataclasses import replace
from math import nan

import pytest

from memscope.analysis.predictor_agreement import PairDifference
from memscope.analysis.predictor_claims import NO, REVERSED, UNKNOWN, YES, answer_of, residual_beats_plain
from memscope.analysis.predictor_intervals import NOTHING, PredictorInterval


def found(value: float, error: float, degrees: float = 30.0) -> PredictorInterval:
    reach = 2.04 * error
    return replace(NOTHING, value=value, low=value - reach, high=value + reach, error=error, degrees=degrees)


@pytest.mark.parametrize(
    ("one", "among", "answer"),
    [
        (found(0.1, 0.03), 1, YES),
        (found(-0.1, 0.03), 1, REVERSED),
        (found(0.07, 0.03), 1, YES),
        (found(0.07, 0.03), 3, UNKNOWN),  # the largest of three would be so by chance
        (found(0.01, 0.01), 1, NO),
        (found(0.01, 0.05), 1, UNKNOWN),
        (replace(found(0.1, 0.03), error=nan, low=nan, high=nan), 1, UNKNOWN),
        (NOTHING, 1, UNKNOWN),
    ],
)
def test_an_answer_is_what_the_interval_allows(one, among, answer):
    assert answer_of(one, among) == answer


@pytest.mark.parametrize(
    ("one", "answer"),
    [
        (found(0.1, 0.02), YES),
        (found(0.09, 0.03), UNKNOWN),  # clear of 0, and not of what it may be off by
        (found(-0.2, 0.03), REVERSED),
        (found(0.01, 0.01), NO),
    ],
)
def test_what_may_be_off_counts_beyond_that(one, answer):
    assert answer_of(one, off=0.04) == answer


def pair(one: PredictorInterval) -> PairDifference:
    return PairDifference("resnet18", "plain", one, NOTHING, NOTHING)


def test_one_residual_network_that_is_better_is_enough_and_all_must_be_alike_for_a_no():
    better, alike, unknown = found(0.2, 0.03), found(0.0, 0.01), found(0.02, 0.05)
    assert residual_beats_plain([pair(unknown), pair(better)]) == YES
    assert residual_beats_plain([pair(alike), pair(alike)]) == NO
    assert residual_beats_plain([pair(alike), pair(unknown)]) == UNKNOWN
    assert residual_beats_plain([pair(found(-0.2, 0.03))]) == REVERSED
    assert residual_beats_plain([]) == UNKNOWN
