"""Whether others take the place of the most memorised examples when those are gone.

In come the scores that fresh models give in the arms of a removal (removal.py): of one that was trained without the
most memorised examples, and of those without a random set each. Out comes how much more, or less, is memorised without
the most memorised.

An example can be compared only where it is there: what an arm was trained without has no score in it. So of each random
set the examples count that are in neither set, the same ones on both sides. That they are those that were not chosen is
true of both sides alike, and so is what follows from it: an example just below the cut was underrated by the models
that it was chosen by, as often as not, and its score rises when others measure it. It rises in both arms, as both are
measured by models that had no part in the choice, and drops out. What is left is what the removal does.

Compared are the number of examples whose score reaches a threshold, an absolute one, and the mean score. Arms have
equally many examples: fewer examples raise everyone's score, in both. The mean is free of the noise of single scores.
The number is not: of ten models three are without an example, and many scores pass a threshold by chance; as many on
both sides only as far as examples are as hard in both arms.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from memscope.analysis.removal import RemovalEffect, paired_effect
from memscope.errors import OptionError


@dataclass(frozen=True, eq=False)
class PeelEffect:
    """What is memorised of the remaining examples, at one size; each is a mean over random sets."""

    remaining: float
    """Examples in neither of the two sets"""
    number: RemovalEffect
    """How many of them reach the threshold"""
    share: RemovalEffect
    """That as a share of them"""
    score: RemovalEffect
    """Their mean score"""


def remaining(most: ArrayLike, random: ArrayLike) -> NDArray[np.bool_]:
    """bool [sets, N]: the examples that are left in both arms, of sets removed, bool [N] and [sets, N]."""
    found: NDArray[np.bool_] = ~(np.asarray(most, dtype=bool) | np.asarray(random, dtype=bool))
    return found


def peel_effect(
    here: ArrayLike, score_most: ArrayLike, score_random: ArrayLike, above_most: ArrayLike, above_random: ArrayLike
) -> PeelEffect:
    """Compare the arms on the examples that are `here`, bool [sets, N], one row for each random set.

    `score_most` float [N] and `score_random` float [sets, N] are scores, `above_most` bool [N] and `above_random` bool
    [sets, N] whether they reach the threshold. An example without a score in one arm, for want of models that did not
    diverge, is left out. OptionError where none is left, or for fewer than five sets.
    """
    most, random = np.asarray(score_most, dtype=np.float64), np.asarray(score_random, dtype=np.float64)
    both = np.asarray(here, dtype=bool) & ~np.isnan(most) & ~np.isnan(random)
    counts = both.sum(1)
    if not counts.all():
        raise OptionError("no example is left in both arms of a comparison; remove fewer")
    numbers = (both & np.asarray(above_most, dtype=bool)).sum(1), (both & np.asarray(above_random, dtype=bool)).sum(1)
    means = [np.where(both, scores, 0).sum(1) / counts for scores in (most, random)]
    return PeelEffect(
        remaining=float(counts.mean()),
        number=paired_effect(*numbers),
        share=paired_effect(numbers[0] / counts, numbers[1] / counts),
        score=paired_effect(*means),
    )
