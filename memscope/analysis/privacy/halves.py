"""What is found of which examples, where groups and changes come from other models than those that are attacked.

Types of trajectories and scores are estimated from models; the same models as references would make an example whose
score came out high by chance seem to be found more. So the blocks of a run are halved, into every other one: one half
names types and measures scores, models of the other half are attacked, with the other blocks of their own half as
references. Then the halves are swapped, and both are put together. The attack has half of the references of the whole
run, for all examples alike.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.privacy.attacks import online_lira
from memscope.analysis.privacy.rates import (
    FEWEST_FALSE,
    Targets,
    blocks_of,
    logits_of,
    on_line,
    on_logit,
    over_blocks,
    place_of,
    thresholds,
)
from memscope.analysis.privacy.references import Floats, leave_one_block_out
from memscope.analysis.privacy.scores import finite, on_one_scale
from memscope.analysis.privacy.shrinkage import believed
from memscope.analysis.statistics.correlation import rank_correlation
from memscope.analysis.statistics.jackknife import jackknife_error
from memscope.reports.ranged import Ranged

FEWEST_OF_HALF = 2
"""Blocks of a half: one that is attacked, and one that it is held against"""


@dataclass(frozen=True, eq=False)
class Half:
    """The models of half of the blocks, attacked with each other as references."""

    targets: Targets
    """Scores of online LiRA"""
    ratio: NDArray[np.float32]
    """[models, N], log likelihood ratios"""

    def apart(self) -> "Apart":
        """Their sums by block."""
        targets, each = self.targets, []
        for _, here in blocks_of(targets):
            member, ratio = targets.member[here], self.ratio[here]
            inside = (ratio * member).sum(0, dtype=np.float64)
            each.append((member.sum(0), (~member).sum(0), inside, ratio.sum(0, dtype=np.float64) - inside))
        return Apart(tuple(block for block, _ in blocks_of(targets)), np.array(each).transpose(1, 0, 2))


@dataclass(frozen=True, eq=False)
class Apart:
    """How far the log likelihood ratios of members are above those of non-members, by block."""

    blocks: tuple[int, ...]
    sums: Floats
    """[4, blocks, N]: numbers of members and of others, and the sums of their ratios"""

    def differences(self, blocks: Sequence[int]) -> Floats:
        """Mean of these blocks' members less that of their non-members [N]; NaN without either."""
        n_in, n_out, inside, outside = self.sums[:, [block in blocks for block in self.blocks]].sum(1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(inside / n_in - outside / n_out)


def halves_of(blocks: Sequence[int]) -> tuple[list[int], list[int]] | None:
    """Every other block, from the first and from the second on; None with fewer than two of either."""
    numbers = sorted(blocks)
    halves = numbers[::2], numbers[1::2]
    return halves if len(halves[1]) >= FEWEST_OF_HALF else None


def attacked_half(
    in_subset: NDArray[np.bool_], log_odds: NDArray[np.floating], block: NDArray[np.int64], half: Sequence[int]
) -> Half:
    """Online LiRA on the models of some blocks, with the others of these blocks as references."""
    here = np.isin(block, half)
    member, phi, number = in_subset[here], finite(log_odds[here]), block[here]
    ratio = np.empty(phi.shape, dtype=np.float32)
    scores = np.empty(phi.shape, dtype=np.float32)
    for _, models, references in leave_one_block_out(member, phi, number):
        ratio[models] = online_lira(phi[models], *believed(references))
        scores[models] = on_one_scale(ratio[models])
    return Half(Targets(scores, member, number), ratio)


@dataclass(frozen=True)
class GroupRate:
    """What is found of the examples of a group, at the threshold of all."""

    examples: float
    """Mean over the halves"""
    true_positive: Ranged
    false_positive: Ranged


def rates_by_group(
    halves: Sequence[Half], groups: Sequence[NDArray[np.str_]], names: Sequence[str], asked: float
) -> list[GroupRate] | None:
    """By name and, last, of all examples: the rates at a threshold of all examples of other blocks of the same half.

    `groups` has, for each half, the group of every example [N], named by the other half. None where the threshold has
    too few non-members beyond it, or is chosen by so few that it could not. Rates are NaN where a group has no members.
    """
    fewest = min(
        int((~half.targets.member[half.targets.block != one]).sum())
        for half in halves
        for one, _ in blocks_of(half.targets)
    )
    if asked * fewest < FEWEST_FALSE:
        return None
    chosen = [np.stack([*(group == name for name in names), np.ones(len(group), dtype=bool)]) for group in groups]
    held, wrong, without, whole = [], [], [], []
    wrongly = np.zeros(len(chosen[0][0]), dtype=np.int64)
    for half, groups_here in zip(halves, chosen, strict=True):
        targets = half.targets
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
    sizes = [len(np.unique(half.targets.block)) for half in halves]
    # leaving a block out leaves the other half as it is
    left = np.array(without) + np.repeat(np.array(whole[::-1]), sizes, axis=0)
    members, others_found = np.array(held), np.array(wrong)
    found = []
    for place in range(len(names) + 1):
        number = float(np.mean([groups_here[place].sum() for groups_here in chosen]))
        of_members, of_others = members[:, place].sum(0), others_found[:, place].sum(0)
        if not of_members[1] or not of_others[1]:
            found.append(GroupRate(number, Ranged(value=math.nan), Ranged(value=math.nan)))
            continue
        error = float(jackknife_error(logits_of(left[:, place])))
        true = on_logit(float(of_members[0] / of_members[1]), error, len(members))
        some = others_found[:, place][others_found[:, place, 1] > 0]
        spread = over_blocks(some[:, 0] / some[:, 1], logits_of(some)) if len(some) > 1 else Ranged(value=math.nan)
        found.append(GroupRate(number, true, spread))
    return found


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


@dataclass(frozen=True)
class Together:
    """Whether two changes of an example go together, measured on different models."""

    correlation: Ranged
    """Rank correlation over examples; interval over blocks"""
    by_chance: float
    """Within how much of 0 it would be in 95 of 100 cases if examples had their changes of vulnerability by lot"""


def changes_together(
    scores: Callable[[Sequence[int]], Floats], smaller: Sequence[Apart], larger: Sequence[Apart]
) -> Together:
    """Rank correlation of the change of the score with the change of how far members stand apart, in other models.

    `scores(blocks)` gives the change of the score [N] from the smaller size to the larger in some blocks; the two
    halves of either size are of the same blocks. What is apart: mean log likelihood ratio of members less that of
    non-members. A block that is left out for the jackknife stays among the references of its half.
    """
    halves = [half.blocks for half in larger]

    def changes(left_out: int | None = None) -> tuple[list[Floats], list[Floats]]:
        """By half: of the score as the other half's models have it, and of what is apart in its own."""
        kept = [[block for block in half if block != left_out] for half in halves]
        of_score = [scores(kept[1 - attacked]) for attacked in (0, 1)]
        apart = [larger[at].differences(kept[at]) - smaller[at].differences(kept[at]) for at in (0, 1)]
        return of_score, apart

    def value(left_out: int | None = None) -> float:
        return float(np.mean([rank_correlation(*one) for one in zip(*changes(left_out), strict=True)]))

    blocks = sorted({*halves[0], *halves[1]})
    error = float(jackknife_error([value(block) for block in blocks]))
    # the two correlations of one permutation of the examples covary by the product of what the halves agree on
    agree = math.prod(rank_correlation(*both) for both in changes())
    variance = (1 + agree) / 2 / max(larger[0].sums.shape[2] - 1, 1)
    return Together(on_line(value(), error, len(blocks)), 1.96 * math.sqrt(variance))
