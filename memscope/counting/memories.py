"""From the ledger and the files of memories to counts: what ResMem got right, with and without every example.

Reads one task's files at a time. Models that diverged are left out, and their number is kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from memscope.analysis.memorisation import Counts, count_outcomes, memorisation_from_counts, stack_blocks
from memscope.analysis.memory_choice import MemoryChoice, MemoryGrid
from memscope.analysis.statistics.groups import Blocks
from memscope.analysis.statistics.means import mean
from memscope.reports.resmem import MemorySelection
from memscope.run import Run
from memscope.store.ledger import Task, outcome_digest, read_outcome
from memscope.store.memories import MemoryFile, read_memory

LARGEST_NORM = 2**0.5
"""The largest norm of a residual: all the probability on one wrong class. Norms are counted as fractions of it."""

COUNTED = ("base", "resmem", "residual", "flip", "harm")
"""What is counted with and without every example: right predictions of the model and of ResMem, the norm of the
residual (as a fraction of the largest), wrong turned into right, right turned into wrong"""


@dataclass(frozen=True, eq=False)
class Chosen:
    """The memory of one size, and how it was chosen."""

    choice: MemoryChoice
    edge: list[str]
    """Those of k, sigma and temperature that lie at the edge of the grid"""
    selection: MemorySelection | None
    """The choice on the reserved block; None if the grid had a single choice"""
    grid_accuracy: np.ndarray | None
    """float64 [k, sigma, temperature]"""


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


def stored(
    run: Run, grid: MemoryGrid, chosen: Mapping[int, Chosen], on_subsets: Mapping[int, MemoryCounts]
) -> dict[str, Any]:
    """The arrays of the group `resmem`."""
    rows: dict[str, list[Any]] = {}
    for found in on_subsets.values():
        for name, values in example_columns(run, found).items():
            rows.setdefault(name, []).append(values)
    choices = [one.choice for one in chosen.values()]
    shape = (len(grid.k), len(grid.sigma), len(grid.temperature))
    tried = [np.full(shape, np.nan) if one.grid_accuracy is None else one.grid_accuracy for one in chosen.values()]
    found_all = list(on_subsets.values())
    return {name: np.stack(values) for name, values in rows.items()} | {
        "size": np.array(list(chosen)),
        "example": np.arange(len(run.examples.labels)),
        "k": np.array([one.k for one in choices]),
        "sigma": np.array([one.sigma for one in choices]),
        "temperature": np.array([one.temperature for one in choices]),
        "models_used": np.array([len(found.models) for found in found_all]),
        "test_accuracy": np.array([mean(found.test["resmem"]) for found in found_all]),
        "base_test_accuracy": np.array([mean(found.test["base"]) for found in found_all]),
        "grid_k": np.array(grid.k),
        "grid_sigma": np.array(grid.sigma),
        "grid_temperature": np.array(grid.temperature),
        "grid_accuracy": np.stack(tried),
    }


def example_columns(run: Run, found: MemoryCounts) -> dict[str, np.ndarray]:
    """What is stored for one size, arrays [examples]; NaN where no model was left."""
    num_examples = len(run.examples.labels)
    unknown = np.full(num_examples, np.nan, dtype=np.float32)
    total = {name: counts.total() for name, counts in found.counts.items()}
    columns: dict[str, np.ndarray] = {}
    for prefix, kind in (("", "resmem"), ("base_", "base")):
        columns |= {
            f"{prefix}score": total[kind].score if total else unknown,
            f"{prefix}accuracy_in": total[kind].accuracy_in if total else unknown,
            f"{prefix}accuracy_out": total[kind].accuracy_out if total else unknown,
        }
    columns["standard_error"] = memorisation_from_counts(total["resmem"]).standard_error if total else unknown
    for side in ("in", "out"):
        columns[f"residual_{side}"] = (
            LARGEST_NORM * getattr(total["residual"], f"accuracy_{side}") if total else unknown
        )
        for name in ("flip", "harm"):
            columns[f"{name}_{side}"] = getattr(total[name], f"accuracy_{side}") if total else unknown
    holders = total["base"].n_in if total else np.zeros(num_examples)
    with np.errstate(divide="ignore", invalid="ignore"):
        columns["retrieved"] = found.retrieved / holders
        columns["weight"] = found.weight / holders
    by_class = found.class_weight
    own, share, which = unknown, unknown, np.full(num_examples, -1, dtype=np.int32)
    if by_class is not None:
        whole = by_class.sum(1)
        with np.errstate(divide="ignore", invalid="ignore"):  # never retrieved: NaN
            own = by_class[np.arange(num_examples), run.examples.labels] / whole
            share = by_class.max(1) / whole
        which = np.where(whole > 0, by_class.argmax(1), -1).astype(np.int32)
    columns |= {"weight_own_class": own, "weight_class_share": share}
    return {name: np.asarray(values, dtype=np.float32) for name, values in columns.items()} | {"weight_class": which}
