"""The claims of Needell & Bainbridge, asked of predictors of memorisation, each with an answer that noise allows.

Reference: Needell & Bainbridge 2022, 'Embracing new techniques in deep learning for estimating image memorability'.
There residual networks foretold what people remember better than plain ones, and networks that were fitted to one set
of photographs did less well on another than on their own.
"""

from collections.abc import Sequence
from math import isnan

from memscope.analysis.predictor_agreement import BackboneAgreement, PairDifference
from memscope.analysis.predictor_intervals import PredictorInterval
from memscope.analysis.statistics.clear import apart

YES, NO, REVERSED, UNKNOWN = "yes", "no", "the other way round", "cannot be told"
NEGLIGIBLE = 0.05
"""A difference of rank correlations that does not count: an interval within it says no"""
OFF = 0.04
"""What taking noise out of a rank correlation may be off by: see analysis/predictor_agreement.py"""


def answer_of(found: PredictorInterval, among: int = 1, off: float = 0.0) -> str:
    """What the interval of a difference, which may be off by so much, says of a claim that it is positive, being one of
    so many, or the one chosen of so many.

    A `no` of what may be off allows differences of NEGLIGIBLE and that.
    """
    if abs(found.value) > off and apart(abs(found.value) - off, found.error, found.degrees, among):
        return YES if found.value > 0 else REVERSED
    if not isnan(found.low) and found.low > -NEGLIGIBLE and found.high < NEGLIGIBLE:
        return NO
    return UNKNOWN


def residual_beats_plain(pairs: Sequence[PairDifference]) -> str:
    """Whether any residual network foretells more than the plain one, all of them taken together."""
    answers = [answer_of(pair.spearman, len(pairs)) for pair in pairs]
    for answer in (YES, REVERSED):
        if answer in answers:
            return answer
    return NO if answers and all(answer == NO for answer in answers) else UNKNOWN


def less_than_it_seems(best: BackboneAgreement, among: int = 1) -> str:
    """Whether the best of so many backbones foretells less of images that it was not fitted to than of those that it
    was."""
    return answer_of(best.lost_own, among)


def less_elsewhere(best: BackboneAgreement, among: int = 1) -> str:
    """Whether the best of so many backbones foretells less on another run's images, were both targets without noise."""
    return answer_of(best.lost_there, among, OFF)
