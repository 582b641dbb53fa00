"""Pairs that others found, in these models: how much influence they have here, beside random pairs of the same targets.

Whoever chose them did so by other models, so that all models can tell of them.
"""

import math
from dataclasses import dataclass

import numpy as np

from memscope.analysis.influential.chance import Floats
from memscope.analysis.influential.search import influence_of
from memscope.analysis.influential.units import Positions, Units
from memscope.analysis.statistics.correlation import rank_correlation
from memscope.analysis.statistics.intervals import t_quantile
from memscope.reports.ranged import UNKNOWN, Ranged
from memscope.streams import integers, stream


@dataclass(frozen=True)
class PairsHere:
    """What these models say of pairs."""

    influence: Ranged
    """The mean over the pairs; its interval is over blocks of models"""
    random: Ranged
    """The same of random training examples of the targets' classes"""
    spearman: float
    """Rank correlation of the influence that others found with that in all units; NaN with fewer than three pairs"""


def pairs_here(
    units: Units, labels: Positions, target_labels: Positions, train: Positions, target: Positions, theirs: Floats
) -> PairsHere:
    """Hold pairs [P] of others, and the influence that they found, against some units; classes are those of the run."""
    ours, _ = influence_of(units, train, target)
    random, there = random_partners(labels, target_labels, target)
    return PairsHere(
        influence=mean_over_blocks(units, train, target),
        random=mean_over_blocks(units, random, target[there]),
        spearman=rank_correlation(theirs, ours),
    )


def random_partners(labels: Positions, target_labels: Positions, target: Positions) -> tuple[Positions, Positions]:
    """For each target a training example of its class, and the positions of those targets of whose class there are."""
    order = np.argsort(labels, kind="stable")
    ends = np.searchsorted(labels[order], target_labels[target], side="right")
    starts = np.searchsorted(labels[order], target_labels[target], side="left")
    there = np.flatnonzero(ends > starts)
    drawn = integers(stream("influence beside", len(target)), 2**31, len(target))[there]
    return order[starts[there] + drawn % (ends - starts)[there]], there


def mean_over_blocks(units: Units, train: Positions, target: Positions) -> Ranged:
    """The mean influence of pairs, block by block: blocks are alike, and independent of each other."""
    if not len(train):
        return UNKNOWN
    means = np.array([influence_of(units.at(places), train, target)[0].mean() for places in units.by_block()])
    value, degrees = float(means.mean()), len(means) - 1
    if not degrees:
        return Ranged(value=value)
    error = float(means.std(ddof=1)) / math.sqrt(len(means))
    reach = t_quantile(0.975, degrees) * error
    return Ranged(value=value, low=value - reach, high=value + reach, error=error, degrees=float(degrees))
