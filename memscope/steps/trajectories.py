"""`memscope trajectories`: the type of every example's trajectory over size, and shares of the types."""

import os
from typing import Any

import numpy as np

from memscope.analysis.memorisation import memorisation_from_counts
from memscope.analysis.population.estimate import Population, population_from_sums
from memscope.analysis.trajectories import (
    TYPES,
    UNDEFINED,
    UNDETERMINED,
    decompose_change,
    raw_types,
    type_shares,
)
from memscope.analysis.trajectory_types import flat_called_shares, flat_shares, trajectory_types
from memscope.counting.outcomes import SizeCounts, sizes_in_ledger
from memscope.counting.population import count_and_sum
from memscope.counting.type_errors import called_shares_error, raw_shares_error, stacked
from memscope.errors import RunError
from memscope.reports.keys import number
from memscope.run import Run, open_run
from memscope.steps.score import INTERPOLATES
from memscope.store.ledger import ledger_state
from memscope.store.results import write_results
from memscope.work.timing import spent_on

EPSILONS = (0.1, 0.15, 0.2, 0.25, 0.3)
"""Thresholds at which the shares are shown, so that a reader sees how much they depend on it."""


@spent_on("scoring")
def trajectories(
    path: str | os.PathLike[str], epsilon: float = 0.2, confidence: float = 0.8, seed: int = 0
) -> dict[str, Any]:
    """Classify the trajectories of a run, write `results/trajectories.h5`, and give what the command prints.

    The keys are those of `memscope trajectories --json` in docs/format.md. RunError where fewer than two sizes
    have models.
    """
    run = open_run(path)
    sizes = sizes_in_ledger(run)
    if len(sizes) < 2:
        raise RunError(
            f"{run.path} has models of one size only ({run.plan.axis} {sizes[0]}), and a trajectory needs two; "
            f"add sizes with memscope train-family {run.path} --{run.plan.axis}s, or use memscope score"
        )
    ledger = ledger_state(run.path, run.plan)
    counts, (sums,) = count_and_sum(run, sizes)
    population = population_from_sums(sums, epsilon, confidence, seed)
    total = [one.hard.total() for one in counts]
    measured = [memorisation_from_counts(one) for one in total]
    scores = np.stack([one.score for one in measured])
    raw = raw_types(*stacked(total), epsilon)
    called = trajectory_types(*stacked(total), epsilon=epsilon, confidence=confidence, seed=seed)
    rise, fall = decompose_change(
        np.stack([one.accuracy_in for one in measured]), np.stack([one.accuracy_out for one in measured])
    )
    values: dict[str, Any] = {
        "size": np.array(sizes),
        "example": np.arange(scores.shape[1]),
        "type": list(TYPES),
        "raw_type": list(raw),
        "called_type": list(called.called),
        "probability": called.probabilities.astype(np.float32),
        "population_type": list(population.called),
        "population_probability": population.type_probabilities.astype(np.float32),
    }
    for name, change in (("rise", rise), ("fall", fall)):
        values[name] = change.amount.astype(np.float32)
        values[f"{name}_from_in"] = change.from_accuracy_in.astype(np.float32)
        values[f"{name}_from_out"] = change.from_accuracy_out.astype(np.float32)

    fits = [position for position, one in enumerate(counts) if np.median(one.own_accuracy) >= INTERPOLATES]
    summary: dict[str, Any] = {
        "run": str(path),
        "axis": run.plan.axis,
        "epsilon": epsilon,
        "confidence": confidence,
        "models": [one.used for one in counts],
        "all_sizes": shares(sizes, counts, range(len(sizes)), raw, called.called, epsilon, confidence, seed),
        "interpolating_sizes": None,
        "population": population_shares(population),
        "by_type": [type_row(name, raw, called.called, rise, fall, scores) for name in TYPES],
        "by_epsilon": [
            {"epsilon": each, "shares": [number(s) for s in type_shares(raw_types(*stacked(total), each))]}
            for each in EPSILONS
        ],
        "flipped_types": flipped_types(run, raw, called.called),
    }
    if 2 <= len(fits) < len(sizes):
        kept = [total[position] for position in fits]
        raw_there = raw_types(*stacked(kept), epsilon)
        called_there = trajectory_types(*stacked(kept), epsilon=epsilon, confidence=confidence, seed=seed).called
        summary["interpolating_sizes"] = shares(sizes, counts, fits, raw_there, called_there, epsilon, confidence, seed)
    elif len(fits) == len(sizes):
        summary["interpolating_sizes"] = summary["all_sizes"]
    write_results(run.path, run.plan, "trajectories", values, ledger, summary)
    return summary


def population_shares(population: Population) -> dict[str, Any]:
    """Shares of the types by the population estimate: of the fitted population, and called."""
    called = type_shares(population.called, (*TYPES, UNDETERMINED))
    return {
        "shares": {name: number(s) for name, s in zip(TYPES, population.shares, strict=True)},
        "shares_error": {name: number(s) for name, s in zip(TYPES, population.shares_sd, strict=True)},
        "called": {name: number(s) for name, s in zip((*TYPES, UNDETERMINED), called, strict=True)},
        "fitted_examples": population.fitted_examples,
        "undefined": int((population.called == UNDEFINED).sum()),
    }


def shares(
    sizes: tuple[int, ...],
    counts: list[SizeCounts],
    which: Any,
    raw: np.ndarray,
    called: np.ndarray,
    epsilon: float,
    confidence: float,
    seed: int,
) -> dict[str, Any]:
    """Shares of the types over one grid of sizes, with what flat trajectories alone would give."""
    there = [counts[position] for position in which]
    flat = flat_shares(*stacked([one.hard.total() for one in there]), epsilon=epsilon, seed=seed)
    flat_called = flat_called_shares(
        *stacked([one.hard.total() for one in there]), epsilon=epsilon, confidence=confidence, seed=seed
    )
    raw_error = raw_shares_error(there, epsilon)
    called_error = called_shares_error(there, epsilon, confidence, seed)
    called_shares = type_shares(called, (*TYPES, UNDETERMINED))
    return {
        "sizes": [sizes[position] for position in which],
        "raw": {name: number(s) for name, s in zip(TYPES, type_shares(raw), strict=True)},
        "raw_error": {name: number(s) for name, s in zip(TYPES, raw_error, strict=True)},
        "called": {name: number(s) for name, s in zip((*TYPES, UNDETERMINED), called_shares, strict=True)},
        "called_error": {name: number(s) for name, s in zip((*TYPES, UNDETERMINED), called_error, strict=True)},
        "if_all_flat": {name: number(s) for name, s in zip(TYPES, flat, strict=True)},
        "if_all_flat_called": {name: number(s) for name, s in zip((*TYPES, UNDETERMINED), flat_called, strict=True)},
        "undefined": int((raw == UNDEFINED).sum()),
    }


def type_row(
    name: str, raw: np.ndarray, called: np.ndarray, rise: Any, fall: Any, scores: np.ndarray
) -> dict[str, Any]:
    """How the examples of one raw type change: mean rise and fall, and the parts of each."""
    members = raw == name
    row: dict[str, Any] = {"type": name, "raw": int(members.sum()), "called": int((called == name).sum())}
    for label, change in (("rise", rise), ("fall", fall)):
        for key, values in (
            (label, change.amount),
            (f"{label}_from_in", change.from_accuracy_in),
            (f"{label}_from_out", change.from_accuracy_out),
        ):
            row[key] = float(values[members].mean()) if members.any() else None
    row["mean_score"] = [float(score) for score in scores[:, members].mean(1)] if members.any() else None
    return row


def flipped_types(run: Run, raw: np.ndarray, called: np.ndarray) -> dict[str, Any] | None:
    """Shares of the types among flipped and among clean labels; None without label noise."""
    flipped = run.examples.flipped
    if flipped is None:
        return None
    return {
        kind: {
            "raw": {name: number(s) for name, s in zip(TYPES, type_shares(raw[which]), strict=True)},
            "called": {
                name: number(s)
                for name, s in zip(
                    (*TYPES, UNDETERMINED), type_shares(called[which], (*TYPES, UNDETERMINED)), strict=True
                )
            },
        }
        for kind, which in (("flipped", flipped), ("clean", ~flipped))
    }
