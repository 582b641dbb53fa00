"""How many pairs chance would show, and a class as a whole: sums of the probabilities of chance.py."""

from dataclasses import dataclass

import numpy as np

from memscope.analysis.influential.chance import Floats, nulls
from memscope.analysis.influential.classes import class_goals
from memscope.analysis.influential.search import Wanted
from memscope.analysis.influential.units import Units


@dataclass(frozen=True, eq=False)
class Expected:
    """Numbers of pairs at the threshold or beyond it."""

    helpful: float
    """Without any influence"""
    harmful: float
    helpful_by_class: Floats
    """[classes], of training examples of a class, where all of them have the same influence on a target"""
    harmful_by_class: Floats


def expected_by_chance(units: Units, wanted: Wanted, threshold: float) -> tuple[float, float]:
    """The expected numbers of helpful and of harmful pairs without any influence."""
    number, helpful, harmful = wanted.per_target().sum(1), 0.0, 0.0
    for null in nulls(units):
        helpful += float(number[null.targets] @ null.at_least(threshold))
        harmful += float(number[null.targets] @ null.at_most(-threshold))
    return helpful, harmful


def expected_pairs(units: Units, wanted: Wanted, threshold: float) -> Expected:
    """The expected numbers of pairs, without any influence and where all examples of a class have the same."""
    weights, goals = wanted.per_target(), class_goals(units, wanted)
    sums, by_class = np.zeros(2), np.zeros((2, wanted.number))
    for null in nulls(units):
        here = null.targets
        sums += weights[here].sum(1) @ np.stack([null.at_least(threshold), null.at_most(-threshold)], 1)
        for column in np.flatnonzero(weights[here].any(0)):
            one = null.tilted(goals[here, column])
            of_target = weights[here, column] * np.stack([one.at_least(threshold), one.at_most(-threshold)])
            if wanted.all_classes:
                by_class[:, column] += of_target.sum(1)
            else:
                for side in (0, 1):
                    by_class[side] += np.bincount(wanted.target_classes[here], of_target[side], wanted.number)
    return Expected(float(sums[0]), float(sums[1]), by_class[0], by_class[1])
