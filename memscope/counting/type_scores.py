"""Mean scores of the raw types on other models than those that named the types.

An example is called u-shaped partly because its middle score came out too low by chance, so the mean of the examples of
a type, over the models that named it, has the shape of its name where there is none. Types come from one half of the
blocks of models, scores from the other (analysis/statistics/groups.py); what is only noise is flat there.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from memscope.analysis.statistics.groups import Blocks, GroupMeans, means_by_group
from memscope.analysis.trajectories import TYPES, raw_types
from memscope.counting.halves import sums_of
from memscope.counting.outcomes import SizeCounts
from memscope.counting.type_errors import stacked


def scores_elsewhere(counts: Sequence[SizeCounts], epsilon: float) -> GroupMeans:
    """Mean scores [types, sizes], in the order of TYPES, on the half of the blocks that did not name the types.

    Only blocks that have models of every size take part; NaN where there are not two.
    """
    blocks = set.intersection(*(set(one.blocks) for one in counts))
    sums = [sums_of(one.hard, one.blocks) for one in counts]

    @lru_cache(maxsize=4)  # the half that loses no block is asked for again
    def types_of(some: Blocks) -> np.ndarray:
        return raw_types(*stacked([one(some) for one in sums]), epsilon)

    @lru_cache(maxsize=4)
    def scores_of(some: Blocks) -> np.ndarray:
        return np.stack([one(some).score for one in sums])

    return means_by_group(types_of, scores_of, TYPES, blocks, blocks)
