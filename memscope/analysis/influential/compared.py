"""Does a larger size lean on more or fewer single examples? Two answers, since the first depends on noise.

The number of pairs beyond what a class as a whole makes is free of chance, but not of power: an influence of .1 passes
a threshold of .15 more often where targets are right half of the time than where they are nearly always. So a size
whose models are noisier, or just worse, shows more pairs of the same influence.

The second is the mean influence of the same pairs at both sizes, in models that had no part in choosing them. The pairs
that one size shows would have more influence there for being chosen there. So they are those that both sizes show
together: the two models of a subset, one of each size, are one unit, and its influence is the mean of both. Pairs whose
influences are alike at both sizes are then as likely to have the larger one at either, whatever the noise of each is.
"""

from dataclasses import dataclass
from math import lcm

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.influential.at_size import AtSize, helpful_pairs
from memscope.analysis.influential.means import change_of_influence, change_of_number
from memscope.analysis.influential.roles import Roles
from memscope.analysis.influential.units import Positions, Units
from memscope.errors import OptionError
from memscope.reports.ranged import UNKNOWN, Ranged


@dataclass(frozen=True, eq=False)
class Measured:
    """One size, as it was measured."""

    units: Units
    correct: NDArray[np.uint8]
    """[units, N], as `influence_at_size` takes it"""
    found: AtSize


@dataclass(frozen=True)
class Change:
    """From one size to a larger one, of helpful pairs."""

    number: Ranged
    """Of pairs beyond what a class as a whole makes; the interval is over training examples"""
    influence: Ranged
    """Of the mean influence of the pairs that both sizes show together, measured anew; the interval is over units. Not
    known where none are listed, or among training examples"""
    pairs: int
    """How many these are"""


def change_of(
    smaller: Measured,
    larger: Measured,
    roles: Roles,
    labels: Positions,
    target_labels: Positions,
    *,
    threshold: float,
    memorised: float,
    all_classes: bool = False,
) -> Change:
    """How helpful pairs change; OptionError unless both sizes are measured in models of the same subsets."""
    if not np.array_equal(smaller.units.in_subset, larger.units.in_subset):
        raise OptionError("the sizes have different blocks of models; compare them by those that both have")
    both = (smaller, larger)
    number = change_of_number(*(one.found.helpful.per_train - one.found.helpful.by_class_of for one in both))
    if smaller.units.counted is not None:
        return Change(number, UNKNOWN, 0)
    scale = lcm(smaller.units.scale, larger.units.scale)
    listed = helpful_pairs(
        Units(
            smaller.units.in_subset,
            together([one.units.right for one in both], [one.units.scale for one in both]),
            smaller.units.block,
            2 * scale,
        ),
        roles,
        together([one.correct for one in both], [one.units.scale for one in both]),
        labels,
        target_labels,
        threshold=threshold,
        memorised=memorised,
        all_classes=all_classes,
    )
    if listed is None:
        return Change(number, UNKNOWN, 0)
    first, second = (one.units.only(roles.telling) for one in both)
    return Change(number, change_of_influence(first, second, listed.train, listed.target), len(listed.train))


def together(right: list[NDArray[np.uint8]], scales: list[int]) -> NDArray[np.uint8]:
    """[units, n], the sum of what is right at both sizes, in parts of their common scale."""
    scale = lcm(*scales)
    found: NDArray[np.uint8] = right[0] * np.uint8(scale // scales[0]) + right[1] * np.uint8(scale // scales[1])
    return found
