"""The mean score over the sizes, and errors of its changes. Subsets are the same at all sizes: blocks are paired."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import nan

import numpy as np

from memscope.analysis.memorisation import Counts
from memscope.analysis.statistics.jackknife import jackknife_error
from memscope.analysis.statistics.means import mean
from memscope.reports.evidence import Estimate, MeanTrajectory


@dataclass(frozen=True, eq=False)
class BlockMeans:
    """The mean score of one size, and what it is without each block of models."""

    mean: float
    blocks: tuple[int, ...]
    """Numbers of the blocks"""
    without: np.ndarray
    """float64 [blocks]"""


def block_means(counts: Counts, blocks: tuple[int, ...]) -> BlockMeans:
    """From hard counts [blocks, examples]."""
    total = counts.total()
    others = range(len(blocks))
    without = (
        [mean(counts.only([other for other in others if other != one]).score) for one in others]
        if len(blocks) > 1
        else [nan]
    )
    return BlockMeans(mean(total.score), blocks, np.array(without))


def mean_trajectory(sizes: Sequence[BlockMeans]) -> MeanTrajectory:
    """The means, and their changes; changes between sizes of other blocks have no error."""
    return MeanTrajectory(
        mean=tuple(one.mean for one in sizes),
        whole=change(sizes[0], sizes[-1]),
        steps=tuple(change(one, other) for one, other in pairwise(sizes)),
    )


def change(one: BlockMeans, other: BlockMeans) -> Estimate:
    paired = one.blocks == other.blocks
    return Estimate(
        value=other.mean - one.mean,
        error=float(jackknife_error(other.without - one.without)) if paired else nan,
        blocks=len(one.blocks) if paired else 0,
    )
