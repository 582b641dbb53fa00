"""Means by group where the groups come from noisy scores: groups from one half of the models, means from the other.

Types of trajectories are estimated. If examples are grouped by type and a change is measured against the scores of the
same models, changes are found where there are none: an example is called increasing partly because its last score came
out too high by chance, and anything measured against that score then seems to be lower (regression to the mean). Here
the blocks of models are halved, into those with even and those with odd numbers. Groups are defined on one half,
baseline and effect are measured on the other; then the halves are swapped, and the two results are combined.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.statistics.intervals import t_quantile
from memscope.analysis.statistics.jackknife import jackknife_error

Blocks = frozenset[int]
GroupOf = Callable[[Blocks], NDArray[np.str_]]
"""blocks of models -> the group of every example [examples], as those models' scores have it"""
ValuesOf = Callable[[Blocks], NDArray[np.float64]]
"""blocks of models -> values [..., examples] measured on them, NaN where there is none"""


@dataclass(frozen=True)
class GroupMeans:
    """Means of values [...] over the examples of each group; arrays [groups, ...]."""

    mean: NDArray[np.float64]
    """NaN where a group has no example, or there are no two halves"""
    standard_error: NDArray[np.float64]
    """Delete-one-block jackknife; NaN below two blocks in each half that is used, which are four together"""
    low: NDArray[np.float64]
    """95 % interval: mean -+ t standard errors, with blocks - 1 degrees of freedom"""
    high: NDArray[np.float64]
    examples: NDArray[np.float64]
    """float64 [groups]: the mean over the two ways of how many examples are in each group"""


def means_by_group(
    group_of: GroupOf,
    values_of: ValuesOf,
    groups: Sequence[str],
    group_blocks: Collection[int],
    value_blocks: Collection[int],
) -> GroupMeans:
    """Means of values by group, each measured on other blocks of models than the groups were defined on.

    `group_blocks` and `value_blocks` are the numbers of the blocks that can define groups and measure values; they may
    differ by blocks that serve one purpose only. If one half has no blocks, only one of the two ways is measured, and
    its result is used alone. The standard error leaves out each block of either kind in turn.
    """

    def estimate(left_out: int | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return _swapped(group_of, values_of, groups, _without(group_blocks, left_out), _without(value_blocks, left_out))

    mean, examples = estimate()
    blocks = sorted({*group_blocks, *value_blocks})
    ways = [way for way in _ways(group_blocks, value_blocks) if all(way)]
    error = np.full(mean.shape, np.nan)
    if ways and all(len(half) > 1 for way in ways for half in way):
        error = jackknife_error([estimate(block)[0] for block in blocks])
    reach = t_quantile(0.975, len(blocks) - 1) * error if len(blocks) > 1 else error
    return GroupMeans(mean, error, mean - reach, mean + reach, examples)


def _without(blocks: Collection[int], left_out: int | None) -> Blocks:
    return frozenset(block for block in blocks if block != left_out)


def _ways(group_blocks: Collection[int], value_blocks: Collection[int]) -> list[tuple[Blocks, Blocks]]:
    """(blocks that define the groups, blocks that the values are measured on), the one half and the other."""
    return [
        (
            frozenset(block for block in group_blocks if block % 2 == define),
            frozenset(block for block in value_blocks if block % 2 != define),
        )
        for define in (0, 1)
    ]


def _swapped(
    group_of: GroupOf, values_of: ValuesOf, groups: Sequence[str], group_blocks: Blocks, value_blocks: Blocks
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means [groups, ...] with the halves swapped and put together, and mean numbers of examples [groups]."""
    found = []
    for define, measure in _ways(group_blocks, value_blocks):
        if define and measure:
            members = group_of(define)
            found.append((*_sums(members, values_of(measure), groups), [(members == name).sum() for name in groups]))
    if not found:
        shape = np.shape(values_of(value_blocks))[:-1]
        return np.full((len(groups), *shape), np.nan), np.zeros(len(groups))
    sums, counts, members = (np.sum([one[part] for one in found], axis=0) for part in range(3))
    with np.errstate(invalid="ignore"):
        return sums / counts, members / len(found)


def _sums(
    members: NDArray[np.str_], values: NDArray[np.float64], groups: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums and numbers [groups, ...] of the values that are defined."""
    sums, counts = [], []
    for name in groups:
        chosen = values[..., members == name]
        sums.append(np.nansum(chosen, axis=-1))
        counts.append((~np.isnan(chosen)).sum(axis=-1))
    return np.stack(sums), np.stack(counts).astype(np.float64)
