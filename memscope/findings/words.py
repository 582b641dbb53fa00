"""Words that findings share, and when a number may be called one: it must lie outside what noise alone would give."""

import math
import os
from collections.abc import Sequence
from typing import TypeVar

from memscope.analysis.statistics.intervals import t_quantile
from memscope.findings.screen import Remark
from memscope.reports.evidence import Estimate
from memscope.text import counted

T = TypeVar("T")
ERRORS = "±: standard error, by leaving out blocks of models."


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


def clearest(changes: Sequence[tuple[T, Estimate]], sign: int) -> tuple[list[T], T, Estimate] | None:
    """Of changes that are clear among all of them and go the way of the sign: whose they are, and the largest of them.

    None where there is none.
    """
    there = [(whose, one) for whose, one in changes if clear(one, len(changes)) and one.value * sign > 0]
    if not there:
        return None
    whose, most = max(there, key=lambda each: each[1].value * sign)
    return [each for each, _ in there], whose, most


def listed(things: Sequence[object]) -> str:
    """1, 2 and 4"""
    words = list(map(str, things))
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def at_sizes(axis: str, sizes: Sequence[int]) -> str:
    """width 2; widths 2 and 4; widths 2 to 64 (7 of them)"""
    if len(sizes) > 4:
        return f"{len(sizes)} {axis}s from {sizes[0]} to {sizes[-1]}"
    return f"{axis}{'s' * (len(sizes) > 1)} {listed(sizes)}"


def drawn(figures: Sequence[str]) -> Remark:
    """Where the figures are."""
    places = dict.fromkeys(os.path.dirname(figure) or "." for figure in figures)
    return Remark(f"Drew {counted(len(figures), 'figure')} in {listed(list(places))}.")


def short(name: str, longest: int = 40) -> str:
    """A name that others chose, its middle left out where it is long: a line has room for it."""
    if len(name) <= longest:
        return name
    end = (longest - 3) // 2
    return f"{name[: longest - 3 - end]}...{name[-end:]}"
