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
    deviations: Floats
    """[permutations], from V, of the number of pairs in permutations; the same permutations at every size"""
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
    def by_chance_sd(self) -> float:
        return float(np.sqrt((self.deviations**2).mean()))

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
    """[N], its score, in the models that say so"""


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
    memorisation = memorisation_of(units, correct, roles.memorised)
    wanted = Wanted(
        rows=np.nan_to_num(memorisation, nan=-1) >= memorised - TIE,
        classes=np.asarray(labels, dtype=np.int64),
        target_classes=np.asarray(target_labels, dtype=np.int64),
        all_classes=all_classes,
        itself=np.arange(len(labels)) if among_training else None,
    )
    choosing, telling = units.only(roles.choosing), units.only(roles.telling)
    numbers, expected = numbers_of(choosing, wanted, threshold), expected_pairs(choosing, wanted, threshold)
    deviations = permuted_numbers(choosing, wanted, threshold, seed)

    def tail(sign: int, per_train: NDArray[np.int64], by_chance: float, by_class: Floats) -> Tail:
        listed = None
        if share_false(int(per_train.sum()), by_chance, float(by_class.sum())) <= MOST_FALSE:
            train, target, chosen_by = pairs_of(choosing, wanted, threshold, sign)
            values, errors = influence_of(telling, train, target)
            listed = Listed(train, target, chosen_by, values, errors, mean_influence(telling, train, target))
        members = np.bincount(wanted.classes[wanted.rows], minlength=wanted.number)
        each = np.where(wanted.rows, (by_class / np.maximum(members, 1))[wanted.classes], 0.0)
        return Tail(per_train, by_chance, each, deviations[:, 0 if sign > 0 else 1], listed)

    return AtSize(
        helpful=tail(1, numbers.helpful, expected.helpful, expected.helpful_by_class),
        harmful=tail(-1, numbers.harmful, expected.harmful, expected.harmful_by_class),
        memorised=wanted.rows,
        memorisation=memorisation,
    )


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
