"""Does a larger size lean on more or fewer single examples? Two answers, since the first depends on noise.

The number of pairs beyond what a class as a whole makes is free of chance, but not of power: an influence of .1 passes
a threshold of .15 more often where targets are right half of the time than where they are nearly always. So a size
whose models are noisier, or just worse, shows more pairs of the same influence. The mean influence of the pairs that
either size shows, in models of both sizes that had no part in choosing them, does not depend on that.
"""

from dataclasses import dataclass

import numpy as np

from memscope.analysis.influential.at_size import AtSize
from memscope.analysis.influential.means import change_of_influence, change_of_number
from memscope.errors import OptionError
from memscope.reports.ranged import UNKNOWN, Ranged


@dataclass(frozen=True)
class Change:
    """From one size to a larger one, of helpful pairs."""

    number: Ranged
    """Of pairs beyond what a class as a whole makes; the interval is over training examples"""
    influence: Ranged
    """Of the mean influence of the pairs that either size lists, measured anew at both; the interval is over units"""
    pairs: int
    """How many these are"""


def change_of(smaller: AtSize, larger: AtSize) -> Change:
    """How helpful pairs change; OptionError unless both sizes are measured in models of the same subsets."""
    if not np.array_equal(smaller.telling.in_subset, larger.telling.in_subset):
        raise OptionError("the sizes have different blocks of models; compare them by those that both have")
    number = change_of_number(*(one.helpful.per_train - one.helpful.by_class_of for one in (smaller, larger)))
    listed = [one.helpful.listed for one in (smaller, larger) if one.helpful.listed is not None]
    both = {pair for one in listed for pair in zip(one.train.tolist(), one.target.tolist(), strict=True)}
    if not both:
        return Change(number, UNKNOWN, 0)
    train, target = np.array(sorted(both), dtype=np.int64).T
    return Change(number, change_of_influence(smaller.telling, larger.telling, train, target), len(both))
