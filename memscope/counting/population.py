"""From the ledger to the population estimate: sums over the models of all sizes, a file at a time."""

from collections.abc import Collection, Sequence

import numpy as np

from memscope.analysis.memorisation import probability_of
from memscope.analysis.population.sums import PopulationSums, population_sums
from memscope.counting.outcomes import Add, SizeCounts, count_size
from memscope.run import Run
from memscope.store.ledger import Outcome, Task

SEED = 0
"""Decides which examples the population is fitted to, if there are more than it needs."""


def count_and_sum(
    run: Run, sizes: Collection[int], parts: Sequence[Collection[int] | None] = (None,)
) -> tuple[list[SizeCounts], tuple[PopulationSums, ...]]:
    """The counts of every size, and the sums for the population estimate, in one pass over the ledger.

    There is one set of sums for each of the `parts`, which are sets of blocks of models; None means all blocks.
    """
    sums = tuple(population_sums(len(sizes), len(run.examples.labels), SEED) for _ in parts)
    counts = [count_size(run, size, also=[adding(run, sums, position, parts)]) for position, size in enumerate(sizes)]
    return counts, sums


def adding(
    run: Run, sums: Sequence[PopulationSums], position: int, parts: Sequence[Collection[int] | None] = (None,)
) -> Add:
    """A function that adds an outcome's models to the sums of their parts, as the size at this position."""

    def add(task: Task, outcome: Outcome, good: np.ndarray) -> None:
        block = task.first // run.plan.block
        probability = probability_of(outcome.log_odds_train[good])
        for one, blocks in zip(sums, parts, strict=True):
            if blocks is None or block in blocks:
                one.add(
                    position,
                    [model for model, kept in zip(task.models, good, strict=True) if kept],
                    outcome.in_subset[good],
                    outcome.predicted_train[good] == run.examples.labels,
                    None if np.isnan(probability).all() else probability,
                    block,
                )

    return add
