"""From the ledger to the units of influence: which subsets there are, and what the models trained on each get right.

Reads a file or two of the ledger at a time, so that memory holds these and the result: of 50,000 training and 10,000
test examples and 400 subsets, 44 MB. Only whole blocks without models that diverged are used, the same at every size,
so that sizes can be compared. A second model of a subset counts where all subsets of its block have one, and stands
for the first where that diverged. Among training examples one model of a subset counts.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.influential.units import Units
from memscope.counting.needed import block_of, whole_blocks
from memscope.run import Run
from memscope.store.ledger import Outcome, Task, finished_tasks, outcome_path, read_diverged, read_outcome

ONCE, TWICE = 1, 2
"""How often a subset was trained on"""


@dataclass(frozen=True, eq=False)
class UnitsFound:
    """The units of one size."""

    units: Units
    """About the targets: the test examples, or the training examples, for which only subsets without them count"""
    right_train: NDArray[np.uint8]
    """[units, N], the same as `units.right` of the training examples"""
    left_out: int
    """Models in the ledger that are not among them, second models of subsets not counted"""


def usable_blocks(run: Run, sizes: Sequence[int]) -> list[int]:
    """The blocks that every size has whole, each of their subsets with a model that did not diverge."""
    blocks = set(whole_blocks(run, sizes))
    for size in sizes:
        for task in finished_tasks(run.path, run.plan, size):
            if block_of(run, task) in blocks and lost(run, task).any():
                blocks.remove(block_of(run, task))
    return sorted(blocks)


def lost(run: Run, task: Task) -> NDArray[np.bool_]:
    """bool [models]: all models of the subset that there are diverged."""
    diverged = read_diverged(run.path, run.plan, task)
    again = replace(task, replicate=1)
    if diverged.any() and outcome_path(run.path, run.plan, again).is_file():
        diverged = diverged & read_diverged(run.path, run.plan, again)
    return diverged


def units_at(run: Run, size: int, blocks: Collection[int], among_training: bool = False) -> UnitsFound:
    """The units of one size from `usable_blocks`; with `among_training` the targets are the training examples."""
    examples = run.examples
    all_of_size = finished_tasks(run.path, run.plan, size)
    tasks = [task for task in all_of_size if block_of(run, task) in blocks]
    again = set(finished_tasks(run.path, run.plan, size, replicate=1))
    once = {block_of(run, task) for task in tasks if among_training or replace(task, replicate=1) not in again}
    scale = ONCE if once >= set(blocks) else TWICE
    count = sum(task.count for task in tasks)
    in_subset = np.empty((count, len(examples.labels)), dtype=bool)
    right_train = np.empty(in_subset.shape, dtype=np.uint8)
    right_test = np.empty((0 if among_training else count, len(examples.test_labels)), dtype=np.uint8)
    last = 0
    for task in tasks:
        here, last = slice(last, last + task.count), last + task.count
        outcomes = [read_outcome(run.path, run.plan, task)]
        twice = block_of(run, task) not in once
        if replace(task, replicate=1) in again and (twice or outcomes[0].diverged.any()):
            outcomes.append(read_outcome(run.path, run.plan, replace(task, replicate=1)))
        used = used_of(outcomes, twice)
        in_subset[here] = outcomes[0].in_subset
        right_train[here] = shares([one.predicted_train == examples.labels for one in outcomes], used, scale)
        if not among_training:
            right_test[here] = shares([one.predicted_test == examples.test_labels for one in outcomes], used, scale)
    block = np.repeat([block_of(run, task) for task in tasks], [task.count for task in tasks]).astype(np.int64)
    right, counted = (right_train, ~in_subset) if among_training else (right_test, None)
    return UnitsFound(
        units=Units(in_subset, right, block, scale, counted),
        right_train=right_train,
        left_out=sum(task.count for task in all_of_size) - count,
    )


def used_of(outcomes: Sequence[Outcome], twice: bool) -> list[NDArray[np.bool_]]:
    """bool [models] for the first and, where they are there, the second models of some subsets: which of them count."""
    first = ~outcomes[0].diverged
    return [first, *(~one.diverged & (twice | ~first) for one in outcomes[1:])]


def shares(right: Sequence[NDArray[np.bool_]], used: Sequence[NDArray[np.bool_]], scale: int) -> NDArray[np.uint8]:
    """uint8 [subsets, n]: the share of the models of each subset that count and are right, times `scale`."""
    models = np.sum(used, axis=0)
    number = sum((one & those[:, None]).astype(np.uint8) for one, those in zip(right, used, strict=True))
    return np.asarray(number * (scale // models).astype(np.uint8)[:, None])
