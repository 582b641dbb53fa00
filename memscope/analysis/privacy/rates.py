"""How well an attack tells members from others, with thresholds that the judged models had no part in.

A threshold is chosen on the non-members of all other blocks, so that the false-positive rate which it is meant to have
is also measured: on the block's own. Intervals are over blocks, which are independent draws of subsets but for the
references that they share: Student's t with blocks - 1 degrees of freedom on the logit, which keeps them within 0
and 1. The blocks' thresholds have most of their non-members in common, so that the spread of the blocks' true-positive
rates misses the noise of the threshold (in simulation such intervals cover 75 %); theirs is a jackknife that leaves a
block out of both.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.privacy.references import Floats
from memscope.analysis.statistics.intervals import t_quantile
from memscope.analysis.statistics.jackknife import jackknife_error
from memscope.analysis.statistics.roc import area_under_roc
from memscope.reports.ranged import Ranged

FEWEST_BLOCKS = 4
"""For an interval"""
FEWEST_FALSE = 10
"""Non-members beyond a threshold, of as many distinct examples, for its rate to be told"""
SMALLEST = 1e-9
"""Share whose logit is taken"""
STEPS = 200
"""Of thresholds among which that of the best balanced accuracy is looked for"""


@dataclass(frozen=True)
class Rate:
    """True positives at a false-positive rate that was asked for."""

    asked: float
    """The false-positive rate that the threshold is chosen for"""
    true_positive: Ranged
    """Share of the members beyond it"""
    false_positive: Ranged
    """Share of the non-members beyond it, of blocks that had no part in choosing it"""


@dataclass(frozen=True, eq=False)
class Targets:
    """Models that are judged, of whole blocks: what an attack says of them, and the truth; [models, N]."""

    scores: NDArray[np.floating]
    member: NDArray[np.bool_]
    block: NDArray[np.int64]
    """[models]"""

    def of_examples(self, examples: NDArray[np.bool_]) -> "Targets":
        """On some examples alone, bool [N]."""
        return Targets(self.scores[:, examples], self.member[:, examples], self.block)


def areas(targets: Targets) -> Ranged:
    """Area under the ROC curve of a model, mean over models; interval over blocks."""
    each = np.array(
        [area_under_roc(score, member) for score, member in zip(targets.scores, targets.member, strict=True)]
    )
    return over_blocks(np.array([np.nanmean(each[targets.block == one]) for one in np.unique(targets.block)]))


def rate_at(targets: Targets, asked: float, judged_on: Targets | None = None) -> Rate | None:
    """The rates of a threshold for this false-positive rate; None where too few non-members are beyond it.

    `judged_on`: the same models on some of the examples; the threshold is that of all.
    """
    on = judged_on or targets
    numbers = np.unique(on.block)
    beyond_pairs, beyond_examples = 0, np.zeros(on.member.shape[1], dtype=bool)
    held_out, left_out, wrongly = np.zeros((len(numbers), 2)), np.zeros((len(numbers), 2)), np.zeros((len(numbers), 2))
    for place, (block, threshold) in enumerate(thresholds(targets, asked).items()):
        here = on.block == block
        beyond, member = on.scores > threshold, on.member
        wrong = beyond[here] & ~member[here]
        beyond_pairs += int(wrong.sum())
        beyond_examples |= wrong.any(0)
        held_out[place] = (beyond & member)[here].sum(), member[here].sum()
        left_out[place] = (beyond & member)[~here].sum(), member[~here].sum()
        wrongly[place] = wrong.sum(), (~member[here]).sum()
    if judged_on is None and (beyond_pairs < FEWEST_FALSE or beyond_examples.sum() < FEWEST_FALSE):
        return None
    true = float(held_out[:, 0].sum() / held_out[:, 1].sum())
    error = float(jackknife_error(logits_of(left_out)))
    return Rate(
        asked, on_logit(true, error, len(numbers)), over_blocks(wrongly[:, 0] / wrongly[:, 1], logits_of(wrongly))
    )


def thresholds(targets: Targets, asked: float) -> dict[int, float]:
    """By block, the threshold that this share of the other blocks' non-members is beyond, or less where scores tie."""
    found = {}
    for block in np.unique(targets.block):
        others = targets.block != block
        scores = targets.scores[others][~targets.member[others]]
        place = min(len(scores) - 1, math.ceil((1 - asked) * len(scores)) - 1)
        found[int(block)] = float(np.partition(scores, place)[place])
    return found


def balanced_accuracy(targets: Targets) -> Ranged:
    """Mean of true-positive and true-negative rate, at the threshold that is best in the other blocks."""
    sums = []
    shares = np.linspace(0, 1, STEPS, endpoint=False)
    for block in np.unique(targets.block):
        here = targets.block == block
        cuts = np.quantile(targets.scores[~here][~targets.member[~here]], shares)
        members = np.sort(targets.scores[~here][targets.member[~here]])
        true_positive = 1 - np.searchsorted(members, cuts, side="right") / len(members)
        best = cuts[np.argmax(true_positive + shares)]
        beyond, member = targets.scores[here] > best, targets.member[here]
        sums.append((beyond[member].mean() + (~beyond[~member]).mean()) / 2)
    return over_blocks(np.array(sums))


def logits_of(counts: Floats) -> Floats:
    """log(p / (1 - p)) of counts [..., (beyond, all)], half a case added to each."""
    beyond, everything = counts[..., 0], counts[..., 1]
    found: Floats = np.log((beyond + 0.5) / (everything - beyond + 0.5))
    return found


def over_blocks(shares: Floats, logits: Floats | None = None) -> Ranged:
    """The mean of shares [blocks], and its interval over them."""
    if logits is None:
        inside = np.clip(shares, SMALLEST, 1 - SMALLEST)
        logits = np.log(inside / (1 - inside))
    return on_logit(float(shares.mean()), float(np.std(logits, ddof=1)) / math.sqrt(len(shares)), len(shares))


def on_logit(value: float, error: float, blocks: int) -> Ranged:
    """A share with the 95 % interval that an error of its logit gives; none below four blocks."""
    if blocks < FEWEST_BLOCKS or math.isnan(value) or math.isnan(error):
        return Ranged(value=value)
    inside = min(max(value, SMALLEST), 1 - SMALLEST)
    middle, reach = math.log(inside / (1 - inside)), t_quantile(0.975, blocks - 1) * error
    low, high = (1 / (1 + math.exp(-(middle + side * reach))) for side in (-1, 1))
    return Ranged(value=value, low=low, high=high, error=error * inside * (1 - inside), degrees=blocks - 1.0)
