"""What is found of which examples, where groups and changes come from other models than those that are attacked.

Types of trajectories and scores are estimated from models; the same models as references would make an example whose
score came out high by chance seem to be found more. So the blocks of a run are halved, into every other one: one half
names types and measures scores, models of the other half are attacked, with the other blocks of their own half as
references. Then the halves are swapped, and both are put together. The attack has half of the references of the whole
run, for all examples alike.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.privacy.rates import Targets, on_line
from memscope.analysis.privacy.references import Floats
from memscope.analysis.privacy.scores import judged
from memscope.analysis.statistics.correlation import rank_correlation
from memscope.analysis.statistics.jackknife import jackknife_error
from memscope.reports.ranged import Ranged

FEWEST_OF_HALF = 2
"""Blocks of a half: one that is attacked, and one that it is held against"""


@dataclass(frozen=True, eq=False)
class Half:
    """The models of half of the blocks, attacked with each other as references; [models, N]."""

    scores: Mapping[str, NDArray[np.floating]]
    """By attack"""
    ratio: NDArray[np.float32]
    """Log likelihood ratios of online LiRA"""
    member: NDArray[np.bool_]
    block: NDArray[np.int64]
    """[models]"""

    def targets(self, attack: str) -> Targets:
        return Targets(self.scores[attack], self.member, self.block)

    def apart(self) -> "Apart":
        """Their sums by block."""
        each = []
        for block in np.unique(self.block):
            here = self.block == block
            member, ratio = self.member[here], self.ratio[here]
            inside = (ratio * member).sum(0, dtype=np.float64)
            each.append((member.sum(0), (~member).sum(0), inside, ratio.sum(0, dtype=np.float64) - inside))
        return Apart(tuple(np.unique(self.block).tolist()), np.array(each).transpose(1, 0, 2))


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
    in_subset: NDArray[np.bool_],
    log_odds: NDArray[np.floating],
    block: NDArray[np.int64],
    population: NDArray[np.floating],
    half: Sequence[int],
) -> Half:
    """Every attack on the models of some blocks, with the others of these blocks as references; shapes of `judged`."""
    here = np.isin(block, half)
    found = judged(in_subset[here], log_odds[here], block[here], population[here])
    return Half(found.scores, found.ratio, in_subset[here], block[here])


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
