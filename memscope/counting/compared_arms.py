"""The arms of a removal compared, size by size, as reports have it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.peel import PeelEffect, peel_effect, remaining
from memscope.analysis.removal import RemovalEffect, removal_effect
from memscope.counting.removal_arms import ArmAccuracies, ArmScores, accuracies_of, scores_of
from memscope.plan.subsets import fraction_of
from memscope.reports.ranged import UNKNOWN, Ranged
from memscope.reports.removal import ArmAccuracy, ArmDifference, InfluencedDifference, SizePeel, SizeRemoval
from memscope.store.listed_pairs import ListedPairs
from memscope.work.removal_arms import Arms
from memscope.work.removal_sets import ALL, LEAST, MATCHED, MOST, PAIRS, RANDOM

COMPARED = ((MOST, RANDOM), (LEAST, RANDOM), (PAIRS, RANDOM), (MOST, MATCHED))
"""Arms, and the random sets that each is held against"""
INFLUENCED = ((MOST, RANDOM), (MOST, MATCHED), (PAIRS, RANDOM))


@dataclass(frozen=True, eq=False)
class AtSize:
    """What the models of all arms get right at one size."""

    arms: Arms
    size: int
    pairs: ListedPairs | None
    """Of this size; None where it was not searched"""
    carried: dict[str, NDArray[np.int64]]
    """By `most` and `pairs`: positions of the test examples in pairs whose training example that arm is without"""
    accuracies: dict[str, ArmAccuracies]
    """By arm; `parts` are of what `most` and `pairs` carry"""

    def there(self, arm: str, beside: str) -> bool:
        return arm in self.accuracies and bool(self.arms.of_kind(beside))

    def effect(self, arm: str, beside: str, part: int | None = None) -> RemovalEffect:
        """An arm beside random sets: on all test examples, or on a part of them."""

        def of(one: ArmAccuracies) -> NDArray[np.float64]:
            return one.test if part is None else one.parts[part]

        random = [of(self.accuracies[other.name]) for other in self.arms.of_kind(beside)]
        return removal_effect(of(self.accuracies[arm]), random)


def at_size(arms: Arms, size: int) -> AtSize:
    """Read what the models of all arms get right at one size."""
    pairs = arms.pairs.at(size)
    there = {arm.name: arm.removed for arm in arms.arms}
    none = np.array([], dtype=np.int64)
    carried = {
        name: none if pairs is None or name not in there else np.unique(pairs.of(there[name]).test)
        for name in (MOST, PAIRS)
    }
    parts = (carried[MOST], carried[PAIRS])
    return AtSize(arms, size, pairs, carried, {arm.name: accuracies_of(arms, arm, size, parts) for arm in arms.arms})


def removal_at_size(found: AtSize) -> SizeRemoval:
    """What the arms show at one size."""
    pairs = found.pairs
    return SizeRemoval(
        size=found.size,
        arms=tuple(arm_row(name, one) for name, one in found.accuracies.items()),
        differences=tuple(
            ArmDifference(arm=arm, beside=beside, accuracy=ranged(found.effect(arm, beside)))
            for arm, beside in COMPARED
            if found.there(arm, beside)
        ),
        influenced=tuple(
            influenced(found, pairs, arm, beside)
            for arm, beside in INFLUENCED
            if pairs is not None and found.there(arm, beside)
        ),
        listed=None if pairs is None else len(pairs.train),
    )


def influenced(found: AtSize, pairs: ListedPairs, arm: str, beside: str) -> InfluencedDifference:
    """The same on the test examples whose carriers the arm is trained without.

    A model would have had a carrier with the probability of the fraction, so that without it the example is right as
    much less often as that share of the influence. Some carriers are in random sets too.
    """
    tests = found.carried[arm]
    if not len(tests):
        return InfluencedDifference(arm=arm, beside=beside, examples=0, accuracy=UNKNOWN, expected=float("nan"))
    of_these = np.isin(pairs.test, tests)

    def gone(removed: NDArray[np.bool_]) -> float:
        return float(pairs.influence[of_these & removed[pairs.train]].sum()) / len(tests)

    others = [gone(other.removed) for other in found.arms.of_kind(beside)]
    fraction = float(fraction_of(found.arms.run.plan.fraction))
    return InfluencedDifference(
        arm=arm,
        beside=beside,
        examples=len(tests),
        accuracy=ranged(found.effect(arm, beside, (MOST, PAIRS).index(arm))),
        expected=-fraction * (gone(found.arms.named(arm).removed) - float(np.mean(others))),
    )


def arm_row(name: str, one: ArmAccuracies) -> ArmAccuracy:
    good = ~np.isnan(one.test)
    means = [float(values[good].mean()) if good.any() else float("nan") for values in (one.test, *one.parts)]
    return ArmAccuracy(
        arm=name,
        accuracy=means[0],
        influenced=means[1],
        influenced_by_pairs=means[2],
        diverged=int((~good).sum()),
    )


def peel_at_size(arms: Arms, size: int, threshold: float) -> tuple[dict[str, ArmScores], SizePeel]:
    """The scores of every arm at one size, and what of the examples that are left is memorised."""
    found = {arm.name: scores_of(arms, arm, size, threshold) for arm in arms.arms}
    here, effect = peel_beside(arms, found, RANDOM)
    matched = peel_beside(arms, found, MATCHED)[1] if arms.of_kind(MATCHED) else None
    row = SizePeel(
        size=size,
        remaining=effect.remaining,
        whole=float(((here & found[ALL].above).sum(1) / here.sum(1)).mean()),
        most=effect.share.chosen,
        random=effect.share.random,
        share=ranged(effect.share),
        number=ranged(effect.number),
        score_most=effect.score.chosen,
        score_random=effect.score.random,
        score=ranged(effect.score),
        share_matched=UNKNOWN if matched is None else ranged(matched.share),
        score_matched=UNKNOWN if matched is None else ranged(matched.score),
        error=found[MOST].error,
        diverged=sum(arms.models - one.models for one in found.values()),
    )
    return found, row


def peel_beside(arms: Arms, found: dict[str, ArmScores], kind: str) -> tuple[NDArray[np.bool_], PeelEffect]:
    """The arm without the most memorised beside random sets of a kind: the examples that are left, and what of them is
    memorised."""
    random = arms.of_kind(kind)
    here = remaining(arms.named(MOST).removed, np.stack([arm.removed for arm in random]))
    others = [found[arm.name] for arm in random]
    return here, peel_effect(
        here,
        found[MOST].score,
        np.stack([one.score for one in others]),
        found[MOST].above,
        np.stack([one.above for one in others]),
    )


def ranged(effect: RemovalEffect) -> Ranged:
    return Ranged(value=effect.difference, low=effect.low, high=effect.high, error=effect.error, degrees=effect.degrees)
