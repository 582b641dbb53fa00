"""What a class does as a whole: the mean, over examples of a class, of what tilts the null of a target.

For a pair of an example and a target let s be the sum, over the units that are trained on the example, of whether they
are right (of those that count, less their mean). Without influence its mean mu and variance v are those of a sample
without replacement from each block. Examples of a class that have the same small influence shift its mean over the
class; d = (m - mu) / v is about the logarithm of the odds theta that makes such a shift.

The mean of a handful of examples is noisy, and a null that is tilted to noise has tails that are too heavy. So over the
targets of a class d is drawn towards its mean c, by how much of its spread is noise (James & Stein; the root keeps the
spread over targets, on which the tails depend). Only examples that are paired are averaged: what those do that are not
memorised is not theirs.

What is left in it is the single influences themselves, which are in the mean of their class: of few examples it cannot
be told what each does alone.
"""

import numpy as np

from memscope.analysis.influential.chance import Floats
from memscope.analysis.influential.search import Wanted
from memscope.analysis.influential.units import Units

SMALLEST = 1e-12


def class_goals(units: Units, wanted: Wanted) -> Floats:
    """[M, classes or 1]: the mean of s to which a target's null is tilted for the examples of a class; of its own class
    alone, or of every class by its number."""
    values = values_of(units)
    middle, variance = sampled(units, values)
    members = np.stack([wanted.rows & (wanted.classes == one) for one in range(wanted.number)], axis=1).astype(float)
    sums = values.T @ np.stack([one.astype(np.float64) @ members for one in units.in_subset])
    counts = np.repeat(members.sum(0)[None], len(sums), axis=0)
    if wanted.itself is not None:  # no unit that counts for it was trained on it, so that it is in no sum
        counts[np.arange(len(sums)), wanted.classes[wanted.itself]] -= wanted.rows[wanted.itself]
    if not wanted.all_classes:
        own = wanted.target_classes[:, None]
        sums, counts = (np.take_along_axis(each, own, axis=1) for each in (sums, counts))
    goals = np.repeat(middle[:, None], sums.shape[1], axis=1)
    for column in range(sums.shape[1]):
        for one in np.unique(wanted.target_classes):
            here = (wanted.target_classes == one) & (counts[:, column] > 0) & (variance > SMALLEST)
            if here.any():
                mean = sums[here, column] / counts[here, column]
                noise = variance[here] * (1 / counts[here, column] - 1 / len(wanted.rows))
                goals[here, column] += drawn_together(mean - middle[here], variance[here], noise)
    return goals


def values_of(units: Units) -> Floats:
    """[units, M]: whether a unit is right; where not all count, less the mean of those that do, and 0 for others."""
    right = units.right_where_counted / units.scale
    if units.counted is None:
        return right
    number = np.maximum(units.counted.sum(0), 1)
    found: Floats = (right - right.sum(0) / number) * units.counted
    return found


def sampled(units: Units, values: Floats) -> tuple[Floats, Floats]:
    """Mean and variance [M] of the sum of the values of the units that an example without influence is in."""
    design = units.design
    middle, variance = np.zeros(values.shape[1]), np.zeros(values.shape[1])
    for places in units.by_block():
        middle += design.inside * values[places].mean(0)
        variance += design.inside * (1 - design.inside / design.size) * values[places].var(0, ddof=1)
    return middle, variance


def drawn_together(shift: Floats, variance: Floats, noise: Floats) -> Floats:
    """Shifts [targets] of a class's mean, drawn together by what of their spread is noise; `noise`: their variances."""
    d = shift / variance
    weight = variance**2 / np.maximum(noise, SMALLEST)
    middle = (weight * d).sum() / weight.sum()
    spread = float((weight * (d - middle) ** 2).sum())
    kept = max(0.0, 1 - (len(d) - 1) / spread) if spread > 0 else 0.0
    found: Floats = variance * (middle + np.sqrt(kept) * (d - middle))
    return found
