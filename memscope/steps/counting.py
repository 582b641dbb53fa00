"""From the ledger to counts: what the models of one size got right, with and without every example.

Streams over the ledger's files, one at a time, so that memory holds one file and the sums. Models that
diverged are left out and counted.
"""

from dataclasses import dataclass

import numpy as np

from memscope.analysis.memorisation import Counts, count_outcomes, stack_blocks
from memscope.errors import RunError
from memscope.run import Run
from memscope.store.ledger import ONEHOT, finished_tasks

VOTES_AT_A_TIME = 2**28
"""Bytes of votes [examples, classes] held at once; more examples than fit are counted in several passes."""


HOW = ("device", "precision", "torch_version", "memscope_version")
"""What is told where the models of a run were not all made alike."""


@dataclass(frozen=True, eq=False)
class SizeCounts:
    """What the models of one size did: counts [blocks, examples], and shares of each model [models]."""

    blocks: tuple[int, ...]
    """Numbers of the blocks of models that have a place in the counts"""
    hard: Counts
    soft: Counts | None
    """None where log-odds are not known"""
    own_accuracy: np.ndarray
    """float64 [models], the share of its own subset that each model fits"""
    test_accuracy: np.ndarray
    """float64 [models]"""
    diverged: tuple[int, ...]
    """Numbers of the models that were left out"""
    made_by: tuple[str, ...]
    """What is different about how the models were made: one entry where all were made alike"""

    def hard_without(self, block: int) -> Counts:
        """The hard counts over all models but those of one block, which may have none here."""
        return self.hard.without(self.blocks.index(block)) if block in self.blocks else self.hard.total()

    @property
    def used(self) -> int:
        return len(self.own_accuracy)


def count_size(run: Run, size: int, variant: str = ONEHOT) -> SizeCounts:
    """The counts of one size; RunError where it has no model that can be scored."""
    examples = run.examples
    hard: dict[int, Counts] = {}
    soft: dict[int, Counts] = {}
    own, test, diverged, made_by = [], [], [], set()
    soft_known = True
    for task, outcome in run.outcomes(size, variant):
        made_by.add(", ".join(outcome.made_by.get(key, "?") for key in HOW))
        diverged += [model for model, lost in zip(task.models, outcome.diverged, strict=True) if lost]
        good = ~outcome.diverged
        if not good.any():
            continue
        mask = outcome.in_subset[good]
        correct = outcome.predicted_train[good] == examples.labels
        probability = probability_of(outcome.log_odds_train[good])
        own += list(outcome.own_accuracy[good].astype(np.float64))
        test += list((outcome.predicted_test[good] == examples.test_labels).mean(1))
        block = task.first // run.plan.block  # a task never crosses blocks: its unit divides the block
        add(hard, block, count_outcomes(mask, correct))
        soft_known = soft_known and not np.isnan(probability).any()
        if soft_known:
            add(soft, block, count_outcomes(mask, probability))
    if not hard:
        lost = f" but {len(diverged)} that diverged" if diverged else ""
        raise RunError(
            f"{run.path} has no finished model of {run.plan.axis} {size}{lost}; run memscope train-family {run.path}"
        )
    return SizeCounts(
        blocks=tuple(sorted(hard)),
        hard=stack_blocks([hard[block] for block in sorted(hard)]),
        soft=stack_blocks([soft[block] for block in sorted(soft)]) if soft_known else None,
        own_accuracy=np.array(own),
        test_accuracy=np.array(test),
        diverged=tuple(diverged),
        made_by=tuple(sorted(made_by)),
    )


def add(counts: dict[int, Counts], block: int, more: Counts) -> None:
    counts[block] = counts[block] + more if block in counts else more


def probability_of(log_odds: np.ndarray) -> np.ndarray:
    """float32 probability of the given label from its log-odds; NaN stays NaN."""
    with np.errstate(over="ignore"):  # exp of a large negative log-odds is infinite, its probability 0
        return 1 / (1 + np.exp(-log_odds.astype(np.float32)))


def sizes_in_ledger(run: Run) -> tuple[int, ...]:
    """The sizes that have at least one outcome; RunError where none has."""
    sizes = tuple(size for size in run.plan.sizes if finished_tasks(run.path, run.plan, size))
    if not sizes:
        raise RunError(f"{run.path} has no finished models yet; run memscope train-family {run.path}")
    return sizes


def suggested_labels(run: Run, size: int) -> tuple[np.ndarray, np.ndarray]:
    """For each example the most frequent prediction of the models trained without it, and its share.

    int64 [N] and float64 [N]; -1 and NaN where every model saw the example; the lowest class among equals.
    """
    num_examples, num_classes = len(run.examples.labels), len(run.examples.class_names)
    labels, shares = np.full(num_examples, -1), np.full(num_examples, np.nan)
    length = max(1, VOTES_AT_A_TIME // (2 * num_classes))
    for first in range(0, num_examples, length):
        here = slice(first, min(first + length, num_examples))
        votes = np.zeros((here.stop - here.start, num_classes), dtype=np.uint16)
        for _, outcome in run.outcomes(size):
            for model in np.flatnonzero(~outcome.diverged):
                out = np.flatnonzero(~outcome.in_subset[model, here])
                votes[out, outcome.predicted_train[model, here][out]] += 1  # one vote an example: no index twice
        total = votes.sum(1, dtype=np.int64)
        known = total > 0
        labels[here] = np.where(known, votes.argmax(1), -1)
        shares[here] = np.where(known, votes.max(1) / np.maximum(total, 1), np.nan)
    return labels, shares
