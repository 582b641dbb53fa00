"""`memscope trajectories`: the type of every example's trajectory over size, and shares of the types."""

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from memscope.analysis.memorisation import memorisation_from_counts
from memscope.analysis.population.estimate import Population, population_from_sums
from memscope.analysis.population.threshold import share_ranges, shares_near
from memscope.analysis.population.told import commonest
from memscope.analysis.statistics.groups import GroupMeans
from memscope.analysis.trajectories import (
    TYPES,
    UNDEFINED,
    UNDETERMINED,
    Change,
    decompose_change,
    raw_types,
    type_shares,
)
from memscope.analysis.trajectory_types import flat_called_shares, flat_shares, trajectory_types
from memscope.counting.marks import marks_of
from memscope.counting.mean_trajectory import block_means, mean_trajectory
from memscope.counting.outcomes import SizeCounts, sizes_in_ledger
from memscope.counting.population import count_and_sum
from memscope.counting.population_check import check_population
from memscope.counting.type_errors import called_shares_error, raw_shares_error, stacked
from memscope.counting.type_scores import scores_elsewhere
from memscope.errors import RunError
from memscope.reports.evidence import TrajectoriesEvidence
from memscope.reports.keys import report_of, stored_keys
from memscope.reports.score import ScoreReport
from memscope.reports.trajectories import (
    RESULTS,
    EpsilonShares,
    PopulationTypes,
    RawTypeChange,
    TrajectoriesReport,
    TypesByLabel,
    TypeShares,
    TypesOfLabels,
)
from memscope.run import Run, open_run
from memscope.steps.drawing import Drawing, write
from memscope.steps.score import score_of
from memscope.store.ledger import state_for
from memscope.store.results import read_results, results_path, write_results
from memscope.work.data_set import ensure_examples
from memscope.work.timing import spent_on

EPSILONS = (0.1, 0.15, 0.2, 0.25, 0.3)
"""Thresholds at which the shares are shown, so that a reader sees how much they depend on the threshold."""
CALLED = (*TYPES, UNDETERMINED)


def trajectories(
    path: str | os.PathLike[str],
    epsilon: float = 0.2,
    confidence: float = 0.8,
    seed: int = 0,
    *,
    plot: Drawing | Path | None = None,
) -> TrajectoriesReport:
    """Classify the trajectories of a run, write `results/trajectories.h5`, and return what was found.

    `plot` says where the figures go, and how they look. RunError if fewer than two sizes have models.
    """
    found = trajectories_of(path, epsilon, confidence, seed)
    if plot is not None:
        found = replace(found, figures=tuple(str(picture) for picture in draw_figures(path, plot)))
    return found


def draw_figures(run_path: str | os.PathLike[str], plot: Drawing | Path) -> list[Path]:
    """Draw the stored types and the scores; the paths of the files, in reading order.

    The trajectories must have been classified; scores are computed first where they are missing or come from
    other models than the trajectories. RunError where results are missing or a file cannot be written.
    """
    from memscope.plots.trajectories.figures import figures  # loads matplotlib

    run = open_run(run_path)
    ensure_examples(run)
    found, ledger, summary = read_results(run.path, "trajectories", run.plan)
    scored, score_report = scores_of(run, ledger)
    report = report_of(TrajectoriesReport, summary)
    return write(plot, figures(run, found, report, scored["score"], score_report))


def scores_of(run: Run, ledger: str) -> tuple[dict[str, np.ndarray], ScoreReport]:
    """Arrays and report of `score` from the same ledger as the trajectories."""
    if results_path(run.path, "score").is_file():
        values, used, summary = read_results(run.path, "score", run.plan)
        if used == ledger:
            return values, report_of(ScoreReport, summary)
    score_of(run.path)
    values, used, summary = read_results(run.path, "score", run.plan)
    if used != ledger:
        raise RunError(
            f"{run.path}: the ledger has moved on since its trajectories were classified; "
            f"run memscope trajectories {run.path} again"
        )
    return values, report_of(ScoreReport, summary)


@spent_on("scoring")
def trajectories_of(path: str | os.PathLike[str], epsilon: float, confidence: float, seed: int) -> TrajectoriesReport:
    """Classify, write `results/trajectories.h5`, and return what is stored there."""
    run = open_run(path)
    sizes = sizes_in_ledger(run)
    if len(sizes) < 2:
        raise RunError(
            f"{run.path} has models of one size only ({run.plan.axis} {sizes[0]}), and a trajectory needs two; "
            f"add sizes with memscope train-family {run.path} --{run.plan.axis}s, or use memscope score"
        )
    ledger = state_for(run.path, run.plan, RESULTS)
    counts, (sums,) = count_and_sum(run, sizes)
    population = population_from_sums(sums, epsilon, confidence, seed)
    near = np.full((3, len(TYPES)), np.nan)
    if population.type_prior is not None and not np.isnan(population.shares).any():
        near = shares_near(sums, population.type_prior, epsilon, seed)
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

    all_sizes = shares_over(sizes, counts, raw, called.called, epsilon, confidence, seed)
    fits = [position for position, one in enumerate(counts) if one.interpolates]
    interpolating = all_sizes if len(fits) == len(sizes) else None
    if 2 <= len(fits) < len(sizes):
        there = [counts[position] for position in fits]
        kept = stacked([one.hard.total() for one in there])
        raw_there = raw_types(*kept, epsilon)
        called_there = trajectory_types(*kept, epsilon=epsilon, confidence=confidence, seed=seed).called
        sizes_there = [sizes[position] for position in fits]
        interpolating = shares_over(sizes_there, there, raw_there, called_there, epsilon, confidence, seed)
    judges = sizes[int(np.argmax([one.test_accuracy.mean() for one in counts]))]
    found = TrajectoriesReport(
        run=str(path),
        axis=run.plan.axis,
        epsilon=epsilon,
        confidence=confidence,
        models=tuple(one.used for one in counts),
        all_sizes=all_sizes,
        interpolating_sizes=interpolating,
        population=population_types(population, near),
        population_check=check_population(run, sums, near, epsilon, seed),
        by_type=with_scores_elsewhere(
            [raw_type_change(name, raw, called.called, rise, fall, scores) for name in TYPES],
            scores_elsewhere(counts, epsilon),
        ),
        marks=marks_of(run, raw, judges),
        disputed_at=judges,
        by_epsilon=tuple(
            EpsilonShares(epsilon=each, shares=tuple(map(float, type_shares(raw_types(*stacked(total), each)))))
            for each in EPSILONS
        ),
        flipped_types=types_by_label(run, raw, called.called),
        evidence=TrajectoriesEvidence(
            block=run.plan.block,
            examples=scores.shape[1],
            mean=mean_trajectory([block_means(one.hard, one.blocks) for one in counts]),
            blocks=len({block for one in counts for block in one.blocks}),
            trainer=run.plan.recipe.trainer,
        ),
    )
    write_results(run.path, run.plan, "trajectories", values, ledger, stored_keys(found))
    return found


def by_name(names: Iterable[str], shares: Iterable[float]) -> dict[str, float]:
    """Shares [names] by type."""
    return {name: float(share) for name, share in zip(names, shares, strict=True)}


def population_types(population: Population, near: np.ndarray) -> PopulationTypes:
    """Shares of the types by the population estimate: of the fitted population, and called.

    `near` [3, 6] are the shares at thresholds below epsilon, at it, and above.
    """
    name, right = commonest(population.shares)
    low, high = share_ranges(population.shares, population.shares_sd, near)
    return PopulationTypes(
        shares=by_name(TYPES, population.shares),
        shares_error=by_name(TYPES, population.shares_sd),
        shares_low=by_name(TYPES, low),
        shares_high=by_name(TYPES, high),
        called=by_name(CALLED, type_shares(population.called, CALLED)),
        fitted_examples=population.fitted_examples,
        undefined=int((population.called == UNDEFINED).sum()),
        commonest=name,
        commonest_right=right,
    )


def shares_over(
    sizes: Sequence[int],
    counts: Sequence[SizeCounts],
    raw: np.ndarray,
    called: np.ndarray,
    epsilon: float,
    confidence: float,
    seed: int,
) -> TypeShares:
    """Shares of the types over one grid of sizes, with what flat trajectories alone would give."""
    total = stacked([one.hard.total() for one in counts])
    flat = flat_shares(*total, epsilon=epsilon, seed=seed)
    flat_called = flat_called_shares(*total, epsilon=epsilon, confidence=confidence, seed=seed)
    return TypeShares(
        sizes=tuple(sizes),
        raw=by_name(TYPES, type_shares(raw)),
        raw_error=by_name(TYPES, raw_shares_error(counts, epsilon)),
        called=by_name(CALLED, type_shares(called, CALLED)),
        called_error=by_name(CALLED, called_shares_error(counts, epsilon, confidence, seed)),
        if_all_flat=by_name(TYPES, flat),
        if_all_flat_called=by_name(CALLED, flat_called),
        undefined=int((raw == UNDEFINED).sum()),
    )


def raw_type_change(
    name: str, raw: np.ndarray, called: np.ndarray, rise: Change, fall: Change, scores: np.ndarray
) -> RawTypeChange:
    """How the scores of one raw type change: their mean rise and fall, and the parts of each."""
    members = raw == name

    def average(values: np.ndarray) -> float:
        return float(values[members].mean()) if members.any() else math.nan

    return RawTypeChange(
        type=name,
        raw=int(members.sum()),
        called=int((called == name).sum()),
        rise=average(rise.amount),
        rise_from_in=average(rise.from_accuracy_in),
        rise_from_out=average(rise.from_accuracy_out),
        fall=average(fall.amount),
        fall_from_in=average(fall.from_accuracy_in),
        fall_from_out=average(fall.from_accuracy_out),
        mean_score=tuple(map(float, scores[:, members].mean(1))) if members.any() else None,
    )


def with_scores_elsewhere(rows: Sequence[RawTypeChange], found: GroupMeans) -> tuple[RawTypeChange, ...]:
    """The rows, in the order of TYPES, with their mean scores on other models than named the types, where known."""

    def known(values: np.ndarray) -> tuple[float, ...] | None:
        return None if np.isnan(values).any() else tuple(map(float, values))

    return tuple(
        replace(row, score_elsewhere=known(mean), low_elsewhere=known(low), high_elsewhere=known(high))
        for row, mean, low, high in zip(rows, found.mean, found.low, found.high, strict=True)
    )


def types_by_label(run: Run, raw: np.ndarray, called: np.ndarray) -> TypesByLabel | None:
    """Shares of the types among flipped and among clean labels; None without label noise."""
    flipped = run.examples.flipped
    if flipped is None:
        return None

    def of(which: np.ndarray) -> TypesOfLabels:
        return TypesOfLabels(
            raw=by_name(TYPES, type_shares(raw[which])), called=by_name(CALLED, type_shares(called[which], CALLED))
        )

    return TypesByLabel(flipped=of(flipped), clean=of(~flipped))
