"""From the ledger to what membership inference works on: subsets and log-odds of the models of whole blocks.

Reads a file of the ledger at a time; memory holds a file and the log-odds of one size in half precision: of 50,000
examples and 400 models 40 MB, and 20 for the subsets. Only whole blocks without models that diverged are used, and the
same at every size, so that sizes can be compared.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memscope.counting.needed import block_of
from memscope.counting.outcomes import SizeCounts
from memscope.errors import RunError
from memscope.plan.recipe import RECORDED
from memscope.run import Run
from memscope.store.ledger import ONEHOT, Task, finished_tasks, read_outcome


@dataclass(frozen=True, eq=False)
class Material:
    """The models of one size and variant."""

    in_subset: NDArray[np.bool_]
    """[models, N]"""
    log_odds: NDArray[np.float16]
    """[models, N], of the given label"""
    population: NDArray[np.float16]
    """[models, Z], of the test examples of `population_of`"""
    block: NDArray[np.int64]
    """[models]"""
    left_out: int
    """Models in the ledger that are not among them"""


def usable_blocks(run: Run, counts: Iterable[SizeCounts]) -> list[int]:
    """The blocks of which no model is missing, or diverged, at any of these sizes."""
    found: set[int] | None = None
    for one in counts:
        blocks, models = np.unique(one.models // run.plan.block, return_counts=True)
        whole = set(blocks[models == run.plan.block].tolist())
        found = whole if found is None else found & whole
    return sorted(found or ())


def population_of(run: Run) -> NDArray[np.bool_]:
    """bool [M]: the test examples without an identical or nearly identical image in training."""
    examples = run.examples
    known = [
        np.isin(test, train[train >= 0])
        for test, train in (
            (examples.test_exact_group, examples.exact_group),
            (examples.test_near_group, examples.near_group),
        )
    ]
    return np.asarray(~(known[0] | known[1]))


def without_log_odds(run: Run, tasks: Iterable[Task]) -> bool:
    """Whether some models of these tasks have no log-odds."""
    return any(lacks_log_odds(read_outcome(run.path, run.plan, task).log_odds_train) for task in tasks)


def lacks_log_odds(log_odds: NDArray[np.floating]) -> bool:
    return bool(np.isnan(log_odds).all(1).any())


def material_of(run: Run, size: int, blocks: Collection[int], variant: str = ONEHOT) -> Material:
    """The models of one size in these blocks, which `usable_blocks` gave; RunError where one has no log-odds."""
    tasks = finished_tasks(run.path, run.plan, size, variant)
    used = [task for task in tasks if block_of(run, task) in blocks]
    number, count = len(run.examples.labels), sum(task.count for task in used)
    population = population_of(run)
    in_subset = np.empty((count, number), dtype=bool)
    log_odds = np.empty((count, number), dtype=np.float16)
    of_population = np.empty((count, int(population.sum())), dtype=np.float16)
    last = 0
    for task in used:
        outcome = read_outcome(run.path, run.plan, task)
        if lacks_log_odds(outcome.log_odds_train):
            raise RunError(no_log_odds(run, task))
        here, last = slice(last, last + task.count), last + task.count
        in_subset[here], log_odds[here] = outcome.in_subset, outcome.log_odds_train
        of_population[here] = outcome.log_odds_test[:, population]
    block = np.repeat([block_of(run, task) for task in used], [task.count for task in used]).astype(np.int64)
    return Material(in_subset, log_odds, of_population, block, sum(task.count for task in tasks) - count)


def no_log_odds(run: Run, task: Task) -> str:
    """Why models without log-odds cannot be attacked, and what to do."""
    models = f"model {task.first}" if task.count == 1 else f"models {task.first} to {task.first + task.count - 1}"
    mend = (
        "give run.record their log_odds, with replace=True"
        if run.plan.recipe.trainer == RECORDED
        else "let the trainer give log-odds"
    )
    return (
        f"{run.path}: {models} of {run.plan.axis} {task.size} have no log-odds, from which membership is inferred; "
        f"{mend}"
    )
