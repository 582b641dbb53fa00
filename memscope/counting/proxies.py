"""From the files of a run to the values of proxies: a number for every model that was recorded and every example.

Reads one task's files at a time. Models that diverged are left out.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from memscope.analysis.proxies.catalogue import GROUPS, PROXIES
from memscope.analysis.proxies.dynamics import proxies_of_dynamics
from memscope.run import Run
from memscope.store.dynamics import finished_dynamics, made_by, read_dynamics_of
from memscope.store.ledger import FULL, ONEHOT, Outcome, Task, outcome_digest, outcome_path, read_outcome
from memscope.store.memories import MemoryFile, finished_memories, read_memory
from memscope.store.proxies import finished_proxies, read_proxies

ON_ALL = -1
"""The block of models on all the data, and of what is no model's."""


@dataclass(frozen=True, eq=False)
class ProxyValues:
    """What a proxy says of N examples, by P models; of one number an example P is 1."""

    values: np.ndarray
    """float64 [P, N], NaN where the model was not trained on the example"""
    models: np.ndarray
    """int [P], their numbers; -1: no model's"""
    blocks: np.ndarray
    """int [P], the blocks of models that they belong to; -1: on all the data, or no model's"""


def proxy_values(
    run: Run,
    size: int,
    variant: str,
    names: Sequence[str],
    *,
    ledger_blocks: Collection[int] = (),
) -> tuple[dict[str, ProxyValues], dict[str, str]]:
    """The values of these proxies at one size by name, and why the others are left out, by name.

    `variant` says which models are asked, `onehot` or `full`. `accuracy-out` is of the models of the `ledger_blocks`,
    and that of residual memories of models on subsets of a smaller size: neither may be compared with scores of the
    same blocks.
    """
    found: dict[str, ProxyValues] = {}
    left_out: dict[str, str] = {}
    if asked := [name for name in names if PROXIES[name].needs == "dynamics"]:
        from_dynamics = values_of_dynamics(run, size, variant, asked)
        found |= from_dynamics
        left_out |= {name: lacking_dynamics_of(run, size, variant) for name in asked if name not in from_dynamics}
    for group, members in GROUPS.items():
        if asked := [name for name in names if name in members]:
            measured = measured_values(run, size, variant, group)
            if isinstance(measured, str):
                left_out |= dict.fromkeys(asked, measured)
            else:
                found |= {name: measured[name] for name in asked}
    if "accuracy-out" in names:
        held_out = held_out_correctness(run, size, ledger_blocks)
        if held_out is None:
            left_out["accuracy-out"] = "it needs a block of models that were not trained on the example"
        else:
            found["accuracy-out"] = held_out
    if "residual" in names:
        residual = residual_values(run, size)
        if residual is None:
            left_out["residual"] = (
                f"it needs residual memories of a smaller {run.plan.axis}: memscope resmem {run.path}"
            )
        else:
            found["residual"] = residual
    ordered = {name: found[name] for name in names if name in found}
    return ordered, {name: left_out[name] for name in names if name in left_out}


def values_of_dynamics(run: Run, size: int, variant: str, names: Sequence[str]) -> dict[str, ProxyValues]:
    """The values of proxies that need nothing but dynamics; empty where no model's are there."""
    rows = Rows(run, names)
    for task, outcome in outcomes_of(run, finished_dynamics(run.path, run.plan, size, variant)):
        recorded = read_dynamics_of(run.path, run.plan, task, outcome, run.examples.labels)
        for position in np.flatnonzero(~outcome.diverged).tolist():
            log_odds = recorded.log_odds[position].astype(np.float32)
            log_odds[:, ~outcome.in_subset[position]] = np.nan
            rows.add(task, position, proxies_of_dynamics(recorded.correct[position], log_odds))
    return rows.values()


def lacking_dynamics_of(run: Run, size: int, variant: str) -> str:
    """Why there are none: what makes them, or that all models diverged."""
    if finished_dynamics(run.path, run.plan, size, variant):
        return f"all recorded models of {run.plan.axis} {size} diverged"
    full = " --full 1" if variant == FULL and not run.plan.full_models else ""
    return f"it needs recorded models of {run.plan.axis} {size}: {made_by(run.path, run.plan)}{full}"


def measured_values(run: Run, size: int, variant: str, group: str) -> dict[str, ProxyValues] | str:
    """The values of a group that was measured on weights; or why there are none."""
    rows, reason = Rows(run, GROUPS[group]), ""
    for task, outcome in outcomes_of(run, finished_proxies(run.path, run.plan, size, group, variant)):
        measured = read_proxies(run.path, run.plan, task, group, outcome_digest(outcome))
        if measured.left_out is not None:
            reason = reason or measured.left_out
            continue
        for position in np.flatnonzero(~outcome.diverged).tolist():
            rows.add(task, position, {name: values[position] for name, values in measured.values.items()})
    if not rows.models:
        if reason:
            return reason
        if finished_proxies(run.path, run.plan, size, group, variant):
            return f"all recorded models of {run.plan.axis} {size} diverged"
        if finished_dynamics(run.path, run.plan, size, variant):
            return f"it is not measured yet: memscope proxies {run.path}"
        return lacking_dynamics_of(run, size, variant)
    return rows.values()


def held_out_correctness(run: Run, size: int, blocks: Collection[int]) -> ProxyValues | None:
    """Whether each model of some blocks is right on the examples that it was not trained on: 0 or 1.

    Their mean over models is accuracy out. None where there is no model that did not diverge.
    """
    rows, labels = Rows(run, ("accuracy-out",)), run.examples.labels
    for task, outcome in run.outcomes(size):
        if task.first // run.plan.block in blocks:
            right = np.where(outcome.in_subset, np.nan, outcome.predicted_train == labels)
            for position in np.flatnonzero(~outcome.diverged).tolist():
                rows.add(task, position, {"accuracy-out": right[position]})
    return rows.values().get("accuracy-out")


def residual_values(run: Run, size: int) -> ProxyValues | None:
    """The residuals of models of the largest smaller size whose residual memories are there; None where none are."""
    for smaller in sorted((known for known in run.plan.sizes if known < size), reverse=True):
        if (found := residuals_at(run, smaller)) is not None:
            return found
    return None


def residuals_at(run: Run, size: int) -> ProxyValues | None:
    """The norms of the residuals of the models of a size whose residual memories are there.

    At temperature 1, of the models that were trained on the example. The norm is the model's own, whatever k, sigma and
    temperature its memory had. None where there are none.
    """
    rows, seen = Rows(run, ("residual",)), set()
    for choice, task in finished_memories(run.path, run.plan, size):
        if task in seen:
            continue
        seen.add(task)
        outcome = read_outcome(run.path, run.plan, task)
        what = MemoryFile("memory", choice)
        norms = read_memory(run.path, run.plan, task, what, outcome_digest(outcome))["residual"]
        for position in np.flatnonzero(~outcome.diverged).tolist():
            inside = outcome.in_subset[position]
            rows.add(task, position, {"residual": np.where(inside, norms[position].astype(np.float64), np.nan)})
    return rows.values().get("residual")


def outcomes_of(run: Run, tasks: Sequence[Task]) -> Iterator[tuple[Task, Outcome]]:
    """Those of these tasks whose outcome is in the ledger, a file at a time."""
    for task in tasks:
        if outcome_path(run.path, run.plan, task).is_file():
            yield task, read_outcome(run.path, run.plan, task)


class Rows:
    """Values as they are read, model by model."""

    def __init__(self, run: Run, names: Sequence[str]) -> None:
        self.block = run.plan.block
        self.found: dict[str, list[np.ndarray]] = {name: [] for name in names}
        self.models: list[int] = []
        self.blocks: list[int] = []

    def add(self, task: Task, position: int, values: dict[str, np.ndarray]) -> None:
        """Add what each proxy says of the examples, [N], by the model at a position of a task."""
        self.models.append(task.models[position])
        self.blocks.append(task.first // self.block if task.variant == ONEHOT else ON_ALL)
        for name, rows in self.found.items():
            rows.append(values[name].astype(np.float64))

    def values(self) -> dict[str, ProxyValues]:
        """By the name of the proxy; empty where nothing was added."""
        if not self.models:
            return {}
        models, blocks = np.array(self.models), np.array(self.blocks)
        return {name: ProxyValues(np.stack(rows), models, blocks) for name, rows in self.found.items()}
