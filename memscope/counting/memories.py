"""From the ledger and the files of memories to counts: what ResMem got right, with and without every example.

Streams over the files, one task at a time. Models that diverged are left out and counted.
"""

from dataclasses import dataclass, field

import numpy as np

from memscope.analysis.memorisation import Counts, count_outcomes, stack_blocks
from memscope.analysis.memory_choice import MemoryChoice
from memscope.analysis.statistics.groups import Blocks
from memscope.run import Run
from memscope.store.ledger import Task, outcome_digest, read_outcome
from memscope.store.memories import MemoryFile, read_memory

LARGEST_NORM = 2**0.5
"""Of a residual: all the probability on one wrong class. Norms are counted as shares of it."""

COUNTED = ("base", "resmem", "residual", "flip", "harm")
"""What is counted with and without every example: right predictions of the model and of ResMem, the norm of the
residual (as a share of the largest), wrong turned into right, right turned into wrong"""


@dataclass(eq=False)
class MemoryCounts:
    """What the memories of one size did: counts [blocks, examples] of each of COUNTED, sums [examples], models."""

    blocks: tuple[int, ...] = ()
    counts: dict[str, Counts] = field(default_factory=dict)
    test: dict[str, np.ndarray] = field(default_factory=dict)
    """`base` and `resmem`: float64 [models], accuracy on the test examples"""
    train: dict[str, np.ndarray] = field(default_factory=dict)
    """The same on all the training examples"""
    models: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    retrieved: np.ndarray = field(default_factory=lambda: np.empty(0))
    weight: np.ndarray = field(default_factory=lambda: np.empty(0))
    class_weight: np.ndarray | None = None
    diverged: int = 0

    def of(self, name: str, blocks: Blocks) -> Counts:
        """One of COUNTED over the models of some blocks."""
        return self.counts[name].only([at for at, block in enumerate(self.blocks) if block in blocks])


def count_memories(run: Run, choice: MemoryChoice, tasks: list[Task]) -> MemoryCounts:
    """Add up what the memories of these tasks did; models that diverged are left out."""
    labels, test_labels = run.examples.labels, run.examples.test_labels
    num_examples = len(labels)
    found = MemoryCounts(retrieved=np.zeros(num_examples), weight=np.zeros(num_examples))
    by_block: dict[int, dict[str, Counts]] = {}
    columns: dict[tuple[str, str], list[float]] = {
        (part, kind): [] for part in ("test", "train") for kind in ("base", "resmem")
    }
    models: list[int] = []
    for task in tasks:
        outcome = read_outcome(run.path, run.plan, task)
        memory = read_memory(run.path, run.plan, task, MemoryFile("memory", choice.name), outcome_digest(outcome))
        good = ~outcome.diverged
        found.diverged += int((~good).sum())
        if not good.any():
            continue
        right = {
            "base": outcome.predicted_train[good] == labels,
            "resmem": memory["predicted_train"][good] == labels,
        }
        counted = {
            **right,
            "residual": np.minimum(memory["residual"][good].astype(np.float64) / LARGEST_NORM, 1),
            "flip": ~right["base"] & right["resmem"],
            "harm": right["base"] & ~right["resmem"],
        }
        block = by_block.setdefault(task.first // run.plan.block, {})
        for name in COUNTED:
            more = count_outcomes(outcome.in_subset[good], counted[name])
            block[name] = block[name] + more if name in block else more
        for kind, predicted in (("base", outcome.predicted_test), ("resmem", memory["predicted_test"])):
            columns["test", kind] += (predicted[good] == test_labels).mean(1).tolist()
            columns["train", kind] += right[kind].mean(1).tolist()
        models += [model for model, kept in zip(task.models, good, strict=True) if kept]
        found.retrieved += memory["retrieved"].sum(0)
        found.weight += memory["weight"].sum(0)
        if "class_weight" in memory:
            more_weight = memory["class_weight"].astype(np.float64)
            found.class_weight = more_weight if found.class_weight is None else found.class_weight + more_weight
    found.blocks = tuple(sorted(by_block))
    if by_block:
        found.counts = {name: stack_blocks([by_block[block][name] for block in found.blocks]) for name in COUNTED}
    found.test = {kind: np.array(columns["test", kind]) for kind in ("base", "resmem")}
    found.train = {kind: np.array(columns["train", kind]) for kind in ("base", "resmem")}
    found.models = np.array(models, dtype=np.int64)
    return found
