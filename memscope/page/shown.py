"""Which examples the gallery shows: all, or of very many a random sample and the extremes."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from memscope.streams import permutation, stream

MOST = 50_000
"""Examples that a page has room for: at eight sizes, about 20 MB"""
EXTREME = 1_000
"""Of each kind of extreme"""


@dataclass(frozen=True, eq=False)
class Shown:
    """The examples of the gallery."""

    positions: np.ndarray
    """int64 [n], in the run, ascending"""
    drawn: int
    """How many of them were drawn at random from all others; all are shown where it is their number"""
    sampled: bool = False
    """Whether some are left out"""
    extremes: tuple[str, ...] = ()
    """What the others are shown for, where some are left out"""


def shown_of(total: int, extremes: Mapping[str, np.ndarray], most: int = MOST, each: int = EXTREME) -> Shown:
    """All of `total` examples if they are at most `most`; else the extremes, and of the others a random sample.

    `extremes` are arrays [total] by what is told of them: the `each` examples with the largest values of each are
    shown, of equal ones the first. NaN is no extreme.
    """
    if total <= most:
        return Shown(np.arange(total), total)
    kept = np.zeros(total, dtype=bool)
    for values in extremes.values():
        order = np.argsort(np.where(np.isnan(values), np.inf, -values), kind="stable")[:each]
        kept[order[~np.isnan(values[order])]] = True
    others = np.flatnonzero(~kept)
    drawn = others[permutation(stream("gallery of report"), len(others))[: max(0, most - int(kept.sum()))]]
    kept[drawn] = True
    return Shown(np.flatnonzero(kept), len(drawn), True, tuple(extremes))
