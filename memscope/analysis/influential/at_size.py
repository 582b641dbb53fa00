"""The influential pairs of one size: what is found, what chance would show, and what other models say of them."""

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.influential.chance import TIE, Floats, influences
from memscope.analysis.influential.expected import expected_pairs
from memscope.analysis.influential.means import mean_influence
from memscope.analysis.influential.roles import Roles
from memscope.analysis.influential.search import Wanted, influence_of, numbers_of, pairs_of
from memscope.analysis.influential.spread import chance_of, permuted_numbers
from memscope.analysis.influential.units import Positions, Units
from memscope.reports.ranged import Ranged

MOST_FALSE = 0.5
"""Where more of the pairs are expected to be false, none are listed"""


@dataclass(frozen=True, eq=False)
class Listed:
    """Pairs, by training example and then target, [pairs] each."""

    train: Positions
    target: Positions
    chosen_by: Floats
    """Influence in the models that the pairs were chosen by"""
    influence: Floats
    """Influence in models that had no part in that"""
    standard_error: Floats
    """Of the same"""
    measured_anew: Ranged
    """The mean of the same; its interval is over units"""


@dataclass(frozen=True, eq=False)
class Tail:
    """The pairs of one direction."""

    per_train: NDArray[np.int64]
    """[N], the number of pairs of each training example"""
    by_chance: float
    """V"""
    by_class_of: Floats
    """[N], the expected pairs of each training example if all of its class had the same influence"""
    by_chance_sd: float
    """The standard deviation of the number of pairs without influence, by permutations"""
    listed: Listed | None
    """None where too many are expected to be false"""

    @property
    def pairs(self) -> int:
        """R"""
        return int(self.per_train.sum())

    @property
    def by_class(self) -> float:
        """The number of pairs if all examples of a class had the same influence on a target."""
        return float(self.by_class_of.sum())

    @property
    def chance(self) -> float:
        """The probability of as many pairs by chance."""
        return chance_of(self.pairs, self.by_chance, self.by_chance_sd)

    @property
    def false_share(self) -> float:
        """NaN without pairs."""
        return share_false(self.pairs, self.by_chance, self.by_class)

    @property
    def beyond_class(self) -> float:
        """By how many pairs there are more than a class as a whole makes: what sizes are compared by."""
        return self.pairs - self.by_class


@dataclass(frozen=True, eq=False)
class AtSize:
    """What the models of one size show."""

    helpful: Tail
    harmful: Tail
    memorised: NDArray[np.bool_]
    """[N], whether a training example is"""
    memorisation: Floats
    """[N], its score, in models that had no part in saying so"""


def influence_at_size(
    units: Units,
    roles: Roles,
    correct: NDArray[np.uint8],
    labels: NDArray[np.int64],
    target_labels: NDArray[np.int64],
    *,
    threshold: float,
    memorised: float,
    all_classes: bool = False,
    among_training: bool = False,
    seed: int = 0,
) -> AtSize:
    """The pairs of a memorised training example and a target with influence at the threshold or beyond it.

    `correct` uint8 [units, N] is what `units.right` is, of the training examples; `labels` int [N] and `target_labels`
    int [M] are classes; with `among_training` targets are the training examples, and `units.counted` says which units
    are without them.
    """
    itself = np.arange(len(labels)) if among_training else None
    wanted = wanted_of(units, roles, correct, labels, target_labels, memorised, all_classes, itself)
    choosing, telling = units.only(roles.choosing), units.only(roles.telling)
    numbers, expected = numbers_of(choosing, wanted, threshold), expected_pairs(choosing, wanted, threshold)
    spread = np.sqrt((permuted_numbers(choosing, wanted, threshold, seed) ** 2).mean(0))
    members = np.maximum(np.bincount(wanted.classes[wanted.rows], minlength=wanted.number), 1)

    def tail(sign: int, per_train: NDArray[np.int64], by_chance: float, by_class: Floats, sd: float) -> Tail:
        listed = None
        if share_false(int(per_train.sum()), by_chance, float(by_class.sum())) <= MOST_FALSE:
            listed = listed_of(choosing, telling, wanted, threshold, sign)
        return Tail(per_train, by_chance, np.where(wanted.rows, (by_class / members)[wanted.classes], 0), sd, listed)

    return AtSize(
        helpful=tail(1, numbers.helpful, expected.helpful, expected.helpful_by_class, float(spread[0])),
        harmful=tail(-1, numbers.harmful, expected.harmful, expected.harmful_by_class, float(spread[1])),
        memorised=wanted.rows,
        memorisation=memorisation_of(units, correct, (*roles.choosing, *roles.telling)),
    )


def helpful_pairs(
    units: Units,
    roles: Roles,
    correct: NDArray[np.uint8],
    labels: NDArray[np.int64],
    target_labels: NDArray[np.int64],
    *,
    threshold: float,
    memorised: float,
    all_classes: bool,
) -> Listed | None:
    """The helpful pairs alone, as `influence_at_size` lists them."""
    wanted = wanted_of(units, roles, correct, labels, target_labels, memorised, all_classes, None)
    choosing = units.only(roles.choosing)
    pairs = int(numbers_of(choosing, wanted, threshold).helpful.sum())
    expected = expected_pairs(choosing, wanted, threshold)
    if not share_false(pairs, expected.helpful, float(expected.helpful_by_class.sum())) <= MOST_FALSE:
        return None
    return listed_of(choosing, units.only(roles.telling), wanted, threshold, 1)


def wanted_of(
    units: Units,
    roles: Roles,
    correct: NDArray[np.uint8],
    labels: NDArray[np.int64],
    target_labels: NDArray[np.int64],
    memorised: float,
    all_classes: bool,
    itself: Positions | None,
) -> Wanted:
    """Which pairs are looked at: those of training examples that the models for it call memorised."""
    filtered_by = memorisation_of(units, correct, roles.memorised)
    return Wanted(
        rows=np.nan_to_num(filtered_by, nan=-1) >= memorised - TIE,
        classes=np.asarray(labels, dtype=np.int64),
        target_classes=np.asarray(target_labels, dtype=np.int64),
        all_classes=all_classes,
        itself=itself,
    )


def listed_of(choosing: Units, telling: Units, wanted: Wanted, threshold: float, sign: int) -> Listed:
    """The pairs that some units choose, with their influence in others."""
    train, target, chosen_by = pairs_of(choosing, wanted, threshold, sign)
    values, errors = influence_of(telling, train, target)
    return Listed(train, target, chosen_by, values, errors, mean_influence(telling, train, target))


def memorisation_of(units: Units, correct: NDArray[np.uint8], blocks: Collection[int]) -> Floats:
    """[N], the memorisation score of every training example in the units of some blocks."""
    here = np.isin(units.block, list(blocks))
    inside = units.in_subset[here]
    right = correct[here] / units.scale
    n = inside.sum(0)
    return influences((right * inside).sum(0), n.astype(np.float64), right.sum(0), float(len(inside)))


def share_false(pairs: int, by_chance: float, by_class: float) -> float:
    """What share of the pairs is expected to be there without influence of single examples; NaN without pairs."""
    return min(1.0, max(by_chance, by_class) / pairs) if pairs else math.nan
