"""`memscope score`: memorisation of every example at every size, hard and soft, from the ledger."""

import os
from typing import Any

import numpy as np

from memscope.analysis.jackknife import delete_one_block
from memscope.analysis.memorisation import Counts, Memorisation, memorisation_from_counts
from memscope.analysis.roc import area_under_roc
from memscope.run import Run, open_run
from memscope.steps.counting import SizeCounts, count_size, sizes_in_ledger, suggested_labels
from memscope.store.ledger import ledger_state
from memscope.store.results import write_results

LOW, HIGH = 0.1, 0.9
"""Scores below and above which an example counts as hardly and as fully memorised, for bimodality."""

INTERPOLATES = 0.99
"""A size interpolates where the median model fits at least this share of its own subset."""

STUCK = 0.5
"""A model is stuck where it fits less than this part of what the median model of its size fits."""


def score(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Score a run, write `results/score.h5`, and give the summary that the command prints.

    The keys are those of `memscope score --json` in docs/format.md. RunError where there is nothing to score.
    """
    run = open_run(path)
    examples = run.examples
    sizes = sizes_in_ledger(run)
    columns: dict[str, list[np.ndarray]] = {}
    rows, made_by = [], set()
    ledger = ledger_state(run.path, run.plan)
    for size in sizes:
        counts = count_size(run, size)
        hard = memorisation_from_counts(counts.hard.total())
        soft = memorisation_from_counts(counts.soft.total()) if counts.soft is not None else None
        suggested, share = suggested_labels(run, size)
        for name, values in size_columns(hard, soft, suggested, share).items():
            columns.setdefault(name, []).append(values)
        rows.append(size_row(run, size, counts, hard, soft))
        made_by |= set(counts.made_by)
    mark_sizes_that_fit_less(rows, run.plan.axis)
    summary = {
        "run": str(path),
        "axis": run.plan.axis,
        "fraction": run.plan.fraction,
        "data": run.plan.data.spec,
        "family": run.plan.learner,
        "examples": len(examples.labels),
        "flipped": None if examples.flipped is None else int(examples.flipped.sum()),
        "duplicates": duplicate_counts(run),
        "trainer": run.plan.recipe.trainer,
        "models_planned": run.plan.models,
        "sizes": rows,
        "made_by": sorted(made_by),
    }
    stored: dict[str, Any] = {name: np.stack(arrays) for name, arrays in columns.items()}
    stored |= {
        "size": np.array(sizes),
        "example": np.arange(len(examples.labels)),
        "models_used": np.array([row["models"] for row in rows]),
        "models_diverged": np.array([row["diverged"] for row in rows]),
        "own_accuracy": np.array([row["own_accuracy"] for row in rows]),
        "test_accuracy": np.array([row["test_accuracy"] for row in rows]),
    }
    write_results(run.path, run.plan, "score", stored, ledger, summary)
    return summary


def size_columns(
    hard: Memorisation, soft: Memorisation | None, suggested: np.ndarray, share: np.ndarray
) -> dict[str, np.ndarray]:
    """What is stored of one size, arrays [examples]; soft fields are NaN where log-odds are not known."""
    unknown = np.full(len(hard.score), np.nan)
    values = {
        "score": hard.score,
        "standard_error": hard.standard_error,
        "interval_low": hard.interval_low,
        "interval_high": hard.interval_high,
        "accuracy_in": hard.accuracy_in,
        "accuracy_out": hard.accuracy_out,
        "soft_score": soft.score if soft else unknown,
        "soft_standard_error": soft.standard_error if soft else unknown,
        "probability_in": soft.accuracy_in if soft else unknown,
        "probability_out": soft.accuracy_out if soft else unknown,
        "suggested_share": share,
    }
    return {name: column.astype(np.float32) for name, column in values.items()} | {
        "n_in": hard.n_in,
        "n_out": hard.n_out,
        "suggested_label": suggested.astype(np.int32),
    }


def size_row(run: Run, size: int, counts: SizeCounts, hard: Memorisation, soft: Memorisation | None) -> dict[str, Any]:
    """The line of the table for one size; means are over examples with a score."""
    flipped = run.examples.flipped
    own = float(np.median(counts.own_accuracy))
    row: dict[str, Any] = {
        "size": size,
        "models": counts.used,
        "blocks": len(counts.hard.n_in),
        "diverged": len(counts.diverged),
        "diverged_models": list(counts.diverged),
        "undefined": hard.undefined,
        "mean_score": mean(hard.score),
        "mean_score_error": jackknifed(counts.hard, lambda s: mean(s.score)),
        "mean_soft_score": mean(soft.score) if soft else None,
        "mean_accuracy_in": mean(hard.accuracy_in),
        "mean_accuracy_in_error": jackknifed(counts.hard, lambda s: mean(s.accuracy_in)),
        "mean_accuracy_out": mean(hard.accuracy_out),
        "mean_accuracy_out_error": jackknifed(counts.hard, lambda s: mean(s.accuracy_out)),
        "test_accuracy": mean(counts.test_accuracy),
        "test_accuracy_sd": float(np.std(counts.test_accuracy, ddof=1)) if counts.used > 1 else None,
        "mean_standard_error": mean(hard.standard_error),
        "share_low": share_below(hard.score),
        "share_low_error": jackknifed(counts.hard, lambda s: share_below(s.score)),
        "share_high": share_above(hard.score),
        "share_high_error": jackknifed(counts.hard, lambda s: share_above(s.score)),
        "own_accuracy": own,
        "interpolates": own >= INTERPOLATES,
        "stuck_models": int((counts.own_accuracy < STUCK * own).sum()),
        "fit_warning": None,
    }
    if flipped is not None:
        row["auc_score"] = number(area_under_roc(hard.score, flipped))
        row["auc_score_error"] = jackknifed(counts.hard, lambda s: area_under_roc(s.score, flipped))
        row["auc_one_minus_accuracy_out"] = number(area_under_roc(1 - hard.accuracy_out, flipped))
        row["mean_score_flipped"] = mean(hard.score[flipped])
        row["mean_score_clean"] = mean(hard.score[~flipped])
        # the long-tail theory's own check: held-out examples with true labels are like test examples
        row["clean_accuracy_out_minus_test"] = mean(hard.accuracy_out[~flipped]) - mean(counts.test_accuracy)
    return row


def mark_sizes_that_fit_less(rows: list[dict[str, Any]], axis: str) -> None:
    """Say where a size does not fit what it could: there a low score may be bad optimisation, not capacity.

    Two signs need no other training to be seen: a smaller size fits more, and single models far below the
    median of their size.
    """
    best, best_size = -1.0, 0
    for row in rows:
        warnings = []
        if row["own_accuracy"] < best - 0.01:
            warnings.append(
                f"the median model fits {row['own_accuracy']:.1%} of its subset, {axis} {best_size} fits {best:.1%}: "
                "badly optimised rather than too small; try another --learning-rate or more --epochs"
            )
        if row["stuck_models"]:
            warnings.append(
                f"{row['stuck_models']} of {row['models']} models fit less than half of what the median model fits"
            )
        if row["own_accuracy"] > best:
            best, best_size = row["own_accuracy"], row["size"]
        row["fit_warning"] = "; ".join(warnings) or None


def duplicate_counts(run: Run) -> dict[str, int | bool]:
    """How many training examples have an identical or nearly identical image, in train or in test."""
    examples = run.examples
    return {
        "exact": int((examples.exact_group >= 0).sum()),
        "near": int((examples.near_group >= 0).sum()),
        "near_in_test": int(np.isin(examples.near_group[examples.near_group >= 0], examples.test_near_group).sum()),
        "near_searched": examples.near_searched,
    }


def jackknifed(counts: Counts, statistic: Any) -> float | None:
    """Delete-one-block standard error of a statistic of counts; None below two blocks."""
    return number(delete_one_block(lambda block: statistic(counts.without(block)), len(counts.n_in)))


def share_below(scores: np.ndarray) -> float:
    """The share of scores below LOW among those that are defined."""
    return mean((scores < LOW)[~np.isnan(scores)])


def share_above(scores: np.ndarray) -> float:
    return mean((scores > HIGH)[~np.isnan(scores)])


def mean(values: np.ndarray) -> float:
    """Mean of the values that are defined, NaN if there are none."""
    defined = values[~np.isnan(values.astype(np.float64))]
    return float(defined.mean()) if len(defined) else float("nan")


def number(value: Any) -> float | None:
    """A float for JSON, which has no NaN: None stands for it."""
    return None if np.isnan(value) else float(value)
