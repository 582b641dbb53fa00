"""What is found of groups of examples, such as types of trajectory, at one threshold for all examples.

The groups are named by the blocks that are not attacked (halves.py). A group may be small: of two examples nothing is
told but their numbers, and intervals are never narrower than so many independent cases would make them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.privacy.rates import (
    FEWEST_FALSE,
    Targets,
    blocks_of,
    logits_of,
    on_line,
    on_logit,
    place_of,
    thresholds,
)
from memscope.analysis.privacy.references import Floats
from memscope.analysis.statistics.jackknife import jackknife_error
from memscope.reports.ranged import Ranged

FEWEST_OF_GROUP = 10
"""Examples of a group, in the mean over the halves, for anything to be said of it beside its numbers"""


@dataclass(frozen=True, eq=False)
class GroupRate:
    """What is found of the examples of a group, at the threshold of all."""

    examples: float
    """Mean over the halves"""
    held: Floats
    """[blocks, (beyond, all)] of each block's members of the group"""
    left_out: Floats
    """The same of all blocks without each, at its threshold"""
    wrongly: Floats
    """Of each block's non-members"""

    @property
    def true_positive(self) -> Ranged:
        return on_logit(self.held.sum(0), float(jackknife_error(logits_of(self.left_out))), len(self.held))

    @property
    def false_positive(self) -> Ranged:
        some = self.wrongly[self.wrongly[:, 1] > 0]
        logits = logits_of(some)
        error = float(np.std(logits, ddof=1) / np.sqrt(len(logits))) if len(logits) > 1 else np.nan
        return on_logit(self.wrongly.sum(0), error, len(some))


def rates_by_group(
    halves: Sequence[Targets], groups: Sequence[NDArray[np.str_]], names: Sequence[str], asked: float
) -> list[GroupRate] | None:
    """By name and, last, of all examples: the rates at a threshold of all examples of other blocks of the same half.

    `groups` has, for each half, the group of every example [N], named by the other half. None where the threshold has
    too few non-members beyond it, or is chosen by so few that it could not. Rates are NaN where a group has no members.
    """
    fewest = min(
        int((~targets.member[targets.block != one]).sum()) for targets in halves for one, _ in blocks_of(targets)
    )
    if asked * fewest < FEWEST_FALSE:
        return None
    chosen = [np.stack([*(group == name for name in names), np.ones(len(group), dtype=bool)]) for group in groups]
    held, wrong, without, whole = [], [], [], []
    wrongly = np.zeros(len(chosen[0][0]), dtype=np.int64)
    for targets, groups_here in zip(halves, chosen, strict=True):
        cuts = thresholds(targets, asked)
        everything = cut_of_all(targets, asked)
        for block, here in blocks_of(targets):
            others = targets.block != block
            held.append(counts_of(targets, here, True, cuts[block], groups_here))
            wrong.append(counts_of(targets, here, False, cuts[block], groups_here))
            without.append(counts_of(targets, np.flatnonzero(others), True, cuts[block], groups_here))
            wrongly += ((targets.scores[here] > cuts[block]) & ~targets.member[here]).sum(0)
        whole.append(counts_of(targets, np.arange(len(targets.block)), True, everything, groups_here))
    if min(int(wrongly.sum()), int((wrongly > 0).sum())) < FEWEST_FALSE:
        return None
    sizes = [len(np.unique(targets.block)) for targets in halves]
    # leaving a block out leaves the other half as it is
    left = np.array(without) + np.repeat(np.array(whole[::-1]), sizes, axis=0)
    members, others_found = np.array(held), np.array(wrong)
    return [
        GroupRate(
            examples=float(np.mean([groups_here[place].sum() for groups_here in chosen])),
            held=members[:, place],
            left_out=left[:, place],
            wrongly=others_found[:, place],
        )
        for place in range(len(names) + 1)
    ]


def group_change(one: GroupRate, other: GroupRate) -> Ranged:
    """True-positive rate of the other, less that of the one, of models of the same subsets; paired by blocks."""
    beyond, members = np.array([each.held.sum(0) for each in (one, other)]).T
    if not members.all():
        return Ranged(value=math.nan)
    true, shrunk = beyond / members, (beyond + 0.5) / (members + 1)
    without = [each.left_out[:, 0] / each.left_out[:, 1] for each in (one, other)]
    cases = math.sqrt(float((shrunk * (1 - shrunk) / members).sum()))  # as in on_logit: of independent cases
    error = max(float(jackknife_error(without[1] - without[0])), cases)
    return on_line(float(true[1] - true[0]), error, len(one.held))


def cut_of_all(targets: Targets, asked: float) -> float:
    """The threshold from all non-members."""
    false = targets.scores[~targets.member]
    place = len(false) - place_of(asked, len(false))
    return float(np.partition(false, place)[place])


def counts_of(
    targets: Targets, models: NDArray[np.int64], member: bool, cut: float, groups: NDArray[np.bool_]
) -> Floats:
    """By group [groups, (beyond, all)]: of the members, or non-members, of some models."""
    inside = targets.member[models] == member
    beyond = (targets.scores[models] > cut) & inside
    return np.stack([groups @ one.sum(0).astype(np.float64) for one in (beyond, inside)], axis=1)
