"""How many pairs chance would show, and a class as a whole: sums of the probabilities of chance.py."""

from dataclasses import dataclass

import numpy as np

from memscope.analysis.influential.chance import Floats, nulls
from memscope.analysis.influential.search import Wanted
from memscope.analysis.influential.units import Units


@dataclass(frozen=True)
class Expected:
    """Numbers of pairs at the threshold or beyond it, without any influence and with that of a class alone."""

    helpful: float
    harmful: float
    helpful_by_class: float = np.nan
    harmful_by_class: float = np.nan


def expected_by_chance(units: Units, wanted: Wanted, threshold: float) -> Expected:
    """The expected numbers of pairs without any influence."""
    number, sums = wanted.per_target().sum(1), np.zeros(2)
    for null in nulls(units):
        sums += number[null.targets] @ np.stack([null.at_least(threshold), null.at_most(-threshold)], 1)
    return Expected(float(sums[0]), float(sums[1]))


def expected_pairs(units: Units, wanted: Wanted, threshold: float) -> Expected:
    """The expected numbers of pairs, without any influence and where all examples of a class have the same."""
    weights, means = wanted.per_target(), class_means(units, wanted)
    sums = np.zeros(4)
    for null in nulls(units):
        here = null.targets
        sums[:2] += weights[here].sum(1) @ np.stack([null.at_least(threshold), null.at_most(-threshold)], 1)
        for column in np.flatnonzero(weights[here].any(0)):
            one = null.tilted(means[here, column])
            sums[2:] += weights[here, column] @ np.stack([one.at_least(threshold), one.at_most(-threshold)], 1)
    return Expected(*(float(one) for one in sums))


def class_means(units: Units, wanted: Wanted) -> Floats:
    """[M, classes or 1]: the mean over the examples of a class of how many units are trained on them and right on the
    target; of the target's class alone, or of every class by its number. The target itself is left out of them."""
    members = np.bincount(wanted.classes, minlength=wanted.number).astype(np.float64)
    inside = np.stack([np.bincount(wanted.classes, weights=one, minlength=wanted.number) for one in units.in_subset])
    right = units.right_where_counted / units.scale
    sums = right.T @ inside  # where a target is a training example, it is in none of the units that count for it
    counts = np.repeat(members[None], len(sums), axis=0)
    if wanted.itself is not None:
        counts[np.arange(len(sums)), wanted.classes[wanted.itself]] -= 1
    with np.errstate(divide="ignore", invalid="ignore"):
        means = np.where(counts > 0, sums / counts, 0)
    return means if wanted.all_classes else np.take_along_axis(means, wanted.target_classes[:, None], axis=1)
