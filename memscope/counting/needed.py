"""What commands need of a run's models. The commands refuse by these conditions, and `status` asks them first."""

from collections.abc import Iterable, Sequence

from memscope.run import Run
from memscope.store.dynamics import finished_dynamics
from memscope.store.ledger import FULL, ONEHOT, Task, finished_tasks, read_outcome
from memscope.store.weights import weights_path

RESERVED = 0
"""The block of models on which k, sigma and temperature are chosen: the first, which stays as a run grows."""


def all_diverged(run: Run, tasks: Iterable[Task]) -> bool:
    """Whether no model of these tasks can be scored; outcomes are read up to the first that has one that can."""
    return all(read_outcome(run.path, run.plan, task).diverged.all() for task in tasks)


def without_weights(run: Run, tasks: Iterable[Task]) -> list[Task]:
    """The tasks whose weights were not kept, or are gone."""
    return [task for task in tasks if not weights_path(run.path, run.plan, task).is_file()]


def block_of(run: Run, task: Task) -> int:
    """The block of models that a task of models on subsets belongs to."""
    return task.first // run.plan.block


def block_lacking(run: Run, tasks: Sequence[Task], reserved: int) -> str:
    """Why options cannot be chosen on the reserved block of one size's models and scores made from the others.

    Empty where they can.
    """
    blocks = {block_of(run, task) for task in tasks}
    if reserved not in blocks:
        return f"no model of block {reserved}"
    return f"no block but block {reserved}" if blocks == {reserved} else ""


def recorded_variants(run: Run, sizes: Sequence[int]) -> list[str]:
    """The variants of which models of every size were recorded while they were trained."""
    return [
        variant
        for variant in (ONEHOT, FULL)
        if all(finished_dynamics(run.path, run.plan, size, variant) for size in sizes)
    ]


def whole_blocks(run: Run, sizes: Sequence[int]) -> list[int]:
    """The blocks of models that every size has whole."""
    models = [{model for task in finished_tasks(run.path, run.plan, size) for model in task.models} for size in sizes]
    both, block = set.intersection(*models), run.plan.block
    return [one for one in range(run.plan.models // block) if both.issuperset(range(one * block, (one + 1) * block))]


def recorded_blocks(run: Run, sizes: Sequence[int]) -> set[int]:
    """The blocks of models on subsets of which some were recorded."""
    tasks = [task for size in sizes for task in finished_dynamics(run.path, run.plan, size, ONEHOT)]
    return {block_of(run, task) for task in tasks}
