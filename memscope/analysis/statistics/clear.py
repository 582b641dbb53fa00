"""When a number may be called a finding, on screens and in figures: it must lie outside what noise alone would give."""

import math
from collections.abc import Sequence
from typing import TypeVar

from memscope.analysis.statistics.intervals import t_quantile
from memscope.reports.evidence import Estimate

T = TypeVar("T")


def known(estimate: Estimate) -> bool:
    """Whether it has an error: there are enough blocks of models."""
    return not math.isnan(estimate.error) and estimate.blocks > 1


def clear(estimate: Estimate, among: int = 1) -> bool:
    """Whether its interval leaves out 0: of 95 % confidence, for all of so many estimates together (Bonferroni).

    With few blocks the t distribution is wide: 4.3 errors at three blocks.
    """
    if not known(estimate):
        return False
    return abs(estimate.value) > t_quantile(1 - 0.025 / among, estimate.blocks - 1) * estimate.error


def apart(value: float, error: float, degrees: float, among: int = 1) -> bool:
    """`clear` of a number whose t has these degrees of freedom; false where one of them is not known."""
    if math.isnan(value) or math.isnan(error) or math.isnan(degrees):
        return False
    return abs(value) > t_quantile(1 - 0.025 / among, degrees) * error


def clearest(changes: Sequence[tuple[T, Estimate]], sign: int) -> tuple[list[T], T, Estimate] | None:
    """Of changes that are clear among all of them and go the way of the sign: whose they are, and the largest of them.

    None where there is none.
    """
    there = [(whose, one) for whose, one in changes if clear(one, len(changes)) and one.value * sign > 0]
    if not there:
        return None
    whose, most = max(there, key=lambda each: each[1].value * sign)
    return [each for each, _ in there], whose, most
