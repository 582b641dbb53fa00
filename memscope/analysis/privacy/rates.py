"""How well an attack tells members from others, with thresholds that are not from the judged models' scores.

A threshold is chosen on the non-members of all other blocks, so that the false-positive rate which it is meant to have
is also measured: on the block's own. Intervals are over blocks, which are independent draws of subsets but for the
references that they share: Student's t with blocks - 1 degrees of freedom on the logit, which keeps them within 0
and 1. The blocks' thresholds have most of their non-members in common, so that the spread of the blocks' true-positive
rates misses the noise of the threshold (benchmarks/attack_intervals.py: such intervals hold the truth 38 to 84 % of the
time); theirs is a jackknife that leaves a block out of both.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.privacy.references import Floats
from memscope.analysis.statistics.intervals import t_quantile
from memscope.analysis.statistics.jackknife import jackknife_error
from memscope.reports.ranged import Ranged

FEWEST_BLOCKS = 4
"""For an interval"""
FEWEST_FALSE = 10
"""Non-members beyond a threshold, of as many distinct examples, for its rate to be told"""
NEARLY_NONE = 1e-4
"""Of a block's area: nearer to 0 or 1 it says no more, and one block that is exactly 1 would make any interval wide"""
STEPS = 200
"""Of thresholds among which that of the best balanced accuracy is looked for"""


@dataclass(frozen=True, eq=False)
class Targets:
    """Models that are judged, of whole blocks: what an attack says of them, and the truth; [models, N]."""

    scores: NDArray[np.floating]
    member: NDArray[np.bool_]
    block: NDArray[np.int64]
    """[models]"""


@dataclass(frozen=True, eq=False)
class Beyond:
    """Scores beyond the thresholds for one false-positive rate; counts [blocks, (beyond, all)]."""

    asked: float
    held_out: Floats
    """Of each block's members, by the threshold of the other blocks"""
    left_out: Floats
    """Of the other blocks' members, by the same threshold: all without the block"""
    wrongly: Floats
    """Of each block's non-members"""
    examples: int
    """Distinct examples that are wrongly beyond it"""

    @property
    def tellable(self) -> bool:
        """Whether enough non-members of enough examples are beyond."""
        return min(int(self.wrongly[:, 0].sum()), self.examples) >= FEWEST_FALSE


def block_areas(targets: Targets) -> Floats:
    """Area under the ROC curve of a model, mean over the models of each block [blocks]."""
    each = np.array([area_of(score, member) for score, member in zip(targets.scores, targets.member, strict=True)])
    return np.array([each[here].mean() for _, here in blocks_of(targets)])


def area_of(scores: NDArray[np.floating], member: NDArray[np.bool_]) -> float:
    """Of one model [N], as `area_under_roc`, ties counted half; several times as fast, scores are not rounded."""
    false = np.sort(scores[~member])
    low, high = (np.searchsorted(false, scores[member], side=side) for side in ("left", "right"))
    return float((low.mean() + high.mean()) / 2 / len(false))


def beyond(targets: Targets, asked: float) -> Beyond:
    """What is beyond the thresholds for this false-positive rate."""
    found = thresholds(targets, asked)
    lowest = min(found.values())
    held_out, left_out, wrongly = (np.zeros((len(found), 2)) for _ in range(3))
    # by block the few scores that any threshold can be below, so that no threshold is held against all scores
    high = {
        block: np.sort(targets.scores[here][targets.member[here] & (targets.scores[here] > lowest)])
        for block, here in blocks_of(targets)
    }
    beyond_examples = np.zeros(targets.member.shape[1], dtype=bool)
    for place, (block, here) in enumerate(blocks_of(targets)):
        held_out[place, 1], wrongly[place, 1] = targets.member[here].sum(), (~targets.member[here]).sum()
        wrong = (targets.scores[here] > found[block]) & ~targets.member[here]
        wrongly[place, 0] = wrong.sum()
        beyond_examples |= wrong.any(0)
        above = {other: len(s) - np.searchsorted(s, found[block], side="right") for other, s in high.items()}
        held_out[place, 0] = above.pop(block)
        left_out[place, 0] = sum(above.values())
    left_out[:, 1] = held_out[:, 1].sum() - held_out[:, 1]
    return Beyond(asked, held_out, left_out, wrongly, int(beyond_examples.sum()))


def blocks_of(targets: Targets) -> list[tuple[int, NDArray[np.int64]]]:
    """The number of each block, and the positions of its models."""
    return [(int(block), np.flatnonzero(targets.block == block)) for block in np.unique(targets.block)]


def true_positives(found: Beyond) -> Ranged:
    """Share of the members beyond the thresholds; whether it may be told is another question (`tellable`)."""
    return on_logit(found.held_out.sum(0), float(jackknife_error(logits_of(found.left_out))), len(found.held_out))


def false_positives(found: Beyond) -> Floats:
    """Share of each block's non-members beyond its threshold [blocks].

    Their mean is what was asked, whatever the models are: a block with many high scores makes the thresholds of the
    others high by as much as it is beyond its own. So there is no interval of it; how blocks differ says what to expect
    of one.
    """
    return found.wrongly[:, 0] / found.wrongly[:, 1]


def rate_change(one: Beyond, other: Beyond) -> Ranged:
    """True-positive rate of the other, less that of the one, of models of the same subsets; paired by blocks."""
    true, without = (
        [each[:, 0].sum() / each[:, 1].sum() for each in (one.held_out, other.held_out)],
        [each[:, 0] / each[:, 1] for each in (one.left_out, other.left_out)],
    )
    error = float(jackknife_error(without[1] - without[0]))
    return on_line(float(true[1] - true[0]), error, len(one.held_out))


def area_change(one: Floats, other: Floats) -> Ranged:
    """The same of areas [blocks]."""
    change = other - one
    error = float(np.std(change, ddof=1)) / math.sqrt(len(change)) if len(change) > 1 else math.nan
    return on_line(float(change.mean()), error, len(change))


def thresholds(targets: Targets, asked: float) -> dict[int, float]:
    """By block, the threshold that a further non-member is beyond at this rate, from the other blocks' non-members."""
    blocks = blocks_of(targets)
    false = {block: targets.scores[here][~targets.member[here]] for block, here in blocks}
    everything = np.concatenate(list(false.values()))
    owner = np.repeat(np.arange(len(blocks)), [len(one) for one in false.values()])
    # the highest of all: of those without a block, as many as are wanted lie among them
    wanted = {block: place_of(asked, len(everything) - len(one)) for block, one in false.items()}
    most = min(len(everything), max(len(false[block]) + after for block, after in wanted.items()))
    if most < len(everything):
        kept = np.argpartition(everything, len(everything) - most)[len(everything) - most :]
        everything, owner = everything[kept], owner[kept]
    order = np.argsort(everything)[::-1]
    everything, owner = everything[order], owner[order]
    return {block: float(everything[owner != place][wanted[block] - 1]) for place, (block, _) in enumerate(blocks)}


def place_of(asked: float, number: int) -> int:
    """Which of so many scores, the highest first and from 1, is the threshold.

    A further score of the same kind is beyond the k-th highest of n with probability k / (n + 1): so k is the largest
    for which that is not more than what is asked, or 1. Of the n themselves fewer are beyond, k - 1.
    """
    return max(1, math.floor(asked * (number + 1) + 1e-9))


def balanced_accuracy(targets: Targets) -> Ranged:
    """Mean of true-positive and true-negative rate, at the threshold that is best in the other blocks."""
    sums = []
    shares = np.linspace(0, 1, STEPS, endpoint=False)
    blocks = blocks_of(targets)
    false = {block: targets.scores[here][~targets.member[here]] for block, here in blocks}
    members = {block: np.sort(targets.scores[here][targets.member[here]]) for block, here in blocks}
    owner = np.repeat(np.arange(len(blocks)), [len(one) for one in false.values()])
    everything = np.concatenate(list(false.values()))
    order = np.argsort(everything)
    everything, owner = everything[order], owner[order]
    for place, (block, _) in enumerate(blocks):
        cuts = at_shares(everything[owner != place], shares)
        others = [one for other, one in members.items() if other != block]
        below = sum(np.searchsorted(one, cuts, side="right") for one in others)
        true_positive = 1 - below / sum(map(len, others))
        best = cuts[np.argmax(true_positive + shares)]
        sums.append(((members[block] > best).mean() + (false[block] <= best).mean()) / 2)
    return over_blocks(np.array(sums))


def at_shares(ordered: NDArray[np.floating], shares: Floats) -> Floats:
    """`numpy.quantile` of what is in order already."""
    place = shares * (len(ordered) - 1)
    low = np.floor(place).astype(np.int64)
    high = np.minimum(low + 1, len(ordered) - 1)
    one, other = ordered[low].astype(np.float64), ordered[high].astype(np.float64)
    found: Floats = one + (other - one) * (place - low)
    return found


def logits_of(counts: Floats) -> Floats:
    """log(p / (1 - p)) of counts [..., (beyond, all)], half a case added to each."""
    some, everything = counts[..., 0], counts[..., 1]
    found: Floats = np.log((some + 0.5) / (everything - some + 0.5))
    return found


def over_blocks(shares: Floats) -> Ranged:
    """The mean of shares that are not counts [blocks], areas or accuracies, and its interval over them."""
    value, blocks = float(shares.mean()), len(shares)
    if blocks < FEWEST_BLOCKS or math.isnan(value):
        return Ranged(value=value)
    inside = np.clip(shares, NEARLY_NONE, 1 - NEARLY_NONE)
    error = float(np.std(np.log(inside / (1 - inside)), ddof=1)) / math.sqrt(blocks)
    middle = min(max(value, NEARLY_NONE), 1 - NEARLY_NONE)
    return ranged_on_logit(value, math.log(middle / (1 - middle)), error, blocks)


def on_logit(counts: Floats, error: float, blocks: int) -> Ranged:
    """A share of counts (beyond, all) with the 95 % interval that an error of its logit gives; none below four blocks.

    The interval is never narrower than that many independent cases would make it: where none of few is beyond the
    threshold, or all are, blocks do not differ at all. Half a case is added to each side for it.
    """
    some, everything = (float(one) for one in counts)
    if not everything:
        return Ranged(value=math.nan)
    if blocks < FEWEST_BLOCKS or math.isnan(error):
        return Ranged(value=some / everything)
    cases = math.sqrt(1 / (some + 0.5) + 1 / (everything - some + 0.5))
    middle = math.log((some + 0.5) / (everything - some + 0.5))
    return ranged_on_logit(some / everything, middle, max(error, cases), blocks)


def ranged_on_logit(value: float, middle: float, error: float, blocks: int) -> Ranged:
    """With ends that hold the value, 0 and 1 too."""
    reach, inside = t_quantile(0.975, blocks - 1) * error, 1 / (1 + math.exp(-middle))
    low, high = (1 / (1 + math.exp(-(middle + side * reach))) for side in (-1, 1))
    return Ranged(
        value=value,
        low=min(low, value),
        high=max(high, value),
        error=error * inside * (1 - inside),
        degrees=blocks - 1.0,
    )


def on_line(value: float, error: float, blocks: int) -> Ranged:
    """A difference with its 95 % interval; none below four blocks."""
    if blocks < FEWEST_BLOCKS or math.isnan(value) or math.isnan(error):
        return Ranged(value=value)
    reach = t_quantile(0.975, blocks - 1) * error
    return Ranged(value=value, low=value - reach, high=value + reach, error=error, degrees=blocks - 1.0)
