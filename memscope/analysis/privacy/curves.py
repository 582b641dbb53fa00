"""ROC curves of many models as one band: the median and the middle 90 % over models, on a grid of false-positive rates.

A model's curve ends where ten of its own non-members are beyond the threshold: to the left of that it would tell of
those few. Each model has its own thresholds here, which nobody who attacks knows; rates.py has those of other blocks.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.privacy.rates import FEWEST_FALSE, Targets
from memscope.analysis.privacy.references import Floats

GRID = np.logspace(-4, 0, 81)
"""False-positive rates, twenty a decade"""
ENDS = (0.05, 0.5, 0.95)


@dataclass(frozen=True, eq=False)
class Band:
    """True-positive rates over models, NaN where the curves have ended; [points] of GRID."""

    low: Floats
    median: Floats
    high: Floats


def band(targets: Targets) -> Band:
    curves = np.stack([curve(*one) for one in zip(targets.scores, targets.member, strict=True)])
    known = ~np.isnan(curves).any(0)
    found = np.full((len(ENDS), len(GRID)), np.nan)
    if known.any():
        found[:, known] = np.quantile(curves[:, known], ENDS, axis=0)
    return Band(*found)


def curve(scores: NDArray[np.floating], member: NDArray[np.bool_]) -> Floats:
    """True-positive rates [points] of one model: members beyond a score that so many non-members, or fewer, exceed."""
    false, true = np.sort(scores[~member])[::-1], np.sort(scores[member])
    allowed = np.floor(GRID * len(false) + 1e-9).astype(np.int64)
    # beyond the next of the non-members: those that may be beyond are above it, or tie with it
    lowest = np.append(false, -np.inf)[np.minimum(allowed, len(false))]
    found = 1 - np.searchsorted(true, lowest, side="right") / len(true)
    return np.where(allowed >= FEWEST_FALSE, found, np.nan)
