"""`memscope score`: memorisation of every example at every size, hard and soft, from the ledger."""

import math
import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from memscope.analysis.fit import fits_more_before, stuck_models
from memscope.analysis.memorisation import Memorisation, memorisation_from_counts
from memscope.analysis.memorised import count_memorised, memorised_if_none
from memscope.analysis.noise_split import split_noise
from memscope.analysis.population.estimate import Population, population_from_sums
from memscope.analysis.population.sums import population_sums
from memscope.analysis.statistics.jackknife import delete_half, jackknife_error
from memscope.analysis.statistics.means import mean, rms, spread
from memscope.analysis.statistics.roc import area_under_roc
from memscope.counting.mean_trajectory import BlockMeans, block_means, mean_trajectory
from memscope.counting.outcomes import Add, SizeCounts, count_size, note_code, sizes_in_ledger, ways
from memscope.counting.population import SEED, adding
from memscope.counting.score_errors import jackknifed, share_above, share_below
from memscope.counting.suggestions import Votes, disputed, suggested_labels
from memscope.reports.evidence import ScoreEvidence
from memscope.reports.keys import stored_keys
from memscope.reports.score import (
    RESULTS,
    Duplicates,
    FlippedLabels,
    PopulationRow,
    ScoreReport,
    SizeScore,
    TrainingNoise,
)
from memscope.run import Run, open_run
from memscope.steps.exports import check_csv_safe, most_memorised, with_exports
from memscope.steps.validation import validation
from memscope.store.ledger import finished_tasks, outcome_path, read_outcome, state_for
from memscope.store.results import write_results
from memscope.work.timing import spent_on


def score(
    path: str | os.PathLike[str],
    *,
    top: int = 10,
    validate: bool = False,
    suspects: Path | None = None,
    csv_file: Path | None = None,
    csv_safe: bool = False,
    npz_file: Path | None = None,
) -> ScoreReport:
    """Score a run, write `results/score.h5`, and return what was found.

    `top` is how many of the most memorised examples to list. `validate` checks the population estimate on halves of
    the models. `suspects`, `csv_file` and `npz_file` are files to write (exports.py). RunError if there is nothing to
    score, or too little to validate; OptionError for `csv_safe` without a csv file.
    """
    check_csv_safe(csv_safe, csv=csv_file, suspects=suspects)
    found = score_of(path)
    run = open_run(path)
    found = replace(found, validated=validation(run) if validate else None, most_memorised=most_memorised(run, top))
    return with_exports(run, found, suspects, csv_file, csv_safe, npz_file)


@spent_on("scoring")
def score_of(path: str | os.PathLike[str]) -> ScoreReport:
    """Score a run, write `results/score.h5`, and return what is stored there."""
    run = open_run(path)
    examples = run.examples
    sizes = sizes_in_ledger(run)
    columns: dict[str, list[np.ndarray]] = {}
    rows: list[SizeScore] = []
    means: list[BlockMeans] = []
    memorised: list[int] = []
    by_chance: list[float] = []
    made_by: list[frozenset[tuple[str, str]]] = []
    made_from: dict[str, set[str]] = {}
    ledger = state_for(run.path, run.plan, RESULTS)
    sums = population_sums(len(sizes), len(examples.labels), SEED)
    for position, size in enumerate(sizes):
        votes = Votes(run)
        also: list[Add] = [adding(run, (sums,), position), votes.add, partial(note_code, made_from)]
        counts = count_size(run, size, also=also)
        hard = memorisation_from_counts(counts.hard.total())
        soft = memorisation_from_counts(counts.soft.total()) if counts.soft is not None else None
        suggested, share = suggested_labels(run, size, votes)
        for name, values in size_columns(hard, soft, suggested, share).items():
            columns.setdefault(name, []).append(values)
        means.append(block_means(counts.hard, counts.blocks))
        memorised.append(count_memorised(hard.interval_low))
        by_chance.append(memorised_if_none(counts.hard.total()))
        rows.append(size_row(run, size, counts, means[-1], hard, soft, noise_row(run, size, made_from)))
        made_by.append(counts.made_by)
    estimate = population_from_sums(sums, types=False)
    rows = [
        replace(row, population=population_row(estimate, position), fit_warning=warning)
        for position, (row, warning) in enumerate(zip(rows, fit_warnings(rows, run.plan.axis), strict=True))
    ]
    found = ScoreReport(
        run=str(path),
        axis=run.plan.axis,
        fraction=run.plan.fraction,
        data=run.plan.data.spec,
        family=run.plan.learner,
        examples=len(examples.labels),
        flipped=None if examples.flipped is None else int(examples.flipped.sum()),
        duplicates=duplicate_counts(run),
        trainer=run.plan.recipe.trainer,
        models_planned=run.plan.models,
        sizes=tuple(rows),
        made_by=ways(made_by),
        made_from={kind: tuple(sorted(values)) for kind, values in sorted(made_from.items())},
        evidence=ScoreEvidence(
            block=run.plan.block,
            mean=mean_trajectory(means),
            memorised=tuple(memorised),
            by_chance=tuple(by_chance),
            disputed=disputed(run, sizes, [row.test_accuracy for row in rows], columns),
        ),
    )
    stored: dict[str, Any] = {name: np.stack(arrays) for name, arrays in columns.items()}
    stored |= {
        f"population_{name}": getattr(estimate, name).astype(np.float32)
        for name in ("score", "score_sd", "accuracy_in", "accuracy_out")
    }
    stored |= {
        "size": np.array(sizes),
        "example": np.arange(len(examples.labels)),
        "models_used": np.array([row.models for row in rows]),
        "models_diverged": np.array([row.diverged for row in rows]),
        "own_accuracy": np.array([row.own_accuracy for row in rows]),
        "test_accuracy": np.array([row.test_accuracy for row in rows]),
    }
    write_results(run.path, run.plan, "score", stored, ledger, stored_keys(found))
    return found


def size_columns(
    hard: Memorisation, soft: Memorisation | None, suggested: np.ndarray, share: np.ndarray
) -> dict[str, np.ndarray]:
    """What is stored for one size, arrays [examples]; soft fields are NaN if log-odds are not known."""
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


def size_row(
    run: Run,
    size: int,
    counts: SizeCounts,
    means: BlockMeans,
    hard: Memorisation,
    soft: Memorisation | None,
    noise: TrainingNoise | None,
) -> SizeScore:
    """The row of the table for one size, without the population estimate, which needs all sizes."""
    total = counts.hard.total()
    return SizeScore(
        size=size,
        models=counts.used,
        blocks=len(counts.hard.n_in),
        diverged=len(counts.diverged),
        diverged_models=tuple(counts.diverged),
        undefined=hard.undefined,
        mean_score=mean(hard.score),
        mean_score_error=float(jackknife_error(means.without)),
        mean_soft_score=mean(soft.score) if soft else math.nan,
        mean_accuracy_in=mean(hard.accuracy_in),
        mean_accuracy_in_error=jackknifed(counts.hard, lambda s: mean(s.accuracy_in)),
        mean_accuracy_out=mean(hard.accuracy_out),
        mean_accuracy_out_error=jackknifed(counts.hard, lambda s: mean(s.accuracy_out)),
        test_accuracy=mean(counts.test_accuracy),
        test_accuracy_sd=spread(counts.test_accuracy),
        mean_standard_error=mean(hard.standard_error),
        rms_standard_error=rms(hard.standard_error),
        agreement=counts.agreement,
        seconds=float(np.median(counts.seconds)),
        share_low=share_below(total),
        share_low_error=jackknifed(counts.hard, share_below, delete_half),
        share_high=share_above(total),
        share_high_error=jackknifed(counts.hard, share_above, delete_half),
        own_accuracy=float(np.median(counts.own_accuracy)),
        interpolates=counts.interpolates,
        stuck_models=stuck_models(counts.own_accuracy),
        noise=noise,
        flipped=flipped_row(run.examples.flipped, counts, hard),
    )


def flipped_row(flipped: np.ndarray | None, counts: SizeCounts, hard: Memorisation) -> FlippedLabels | None:
    """What the flipped labels show; `flipped` is bool [examples]. None without label noise."""
    if flipped is None:
        return None
    return FlippedLabels(
        auc_score=float(area_under_roc(hard.score, flipped)),
        auc_score_error=jackknifed(counts.hard, lambda s: area_under_roc(s.score, flipped)),
        auc_one_minus_accuracy_out=float(area_under_roc(1 - hard.accuracy_out, flipped)),
        mean_score_flipped=mean(hard.score[flipped]),
        mean_score_clean=mean(hard.score[~flipped]),
        # a check of the long-tail theory: held-out examples with true labels should be like test examples
        clean_accuracy_out_minus_test=mean(hard.accuracy_out[~flipped]) - mean(counts.test_accuracy),
    )


def noise_row(run: Run, size: int, made_from: dict[str, set[str]]) -> TrainingNoise | None:
    """How much of the variance of a model's outcomes is training noise, from subsets that were trained twice.

    The code that made the second models is added to `made_from`.
    """
    inside, correct, block, left_out = [], [], [], 0
    for task in finished_tasks(run.path, run.plan, size, replicate=1):
        first = replace(task, replicate=0)
        if outcome_path(run.path, run.plan, first).exists():
            both = [read_outcome(run.path, run.plan, one) for one in (first, task)]
            good = ~(both[0].diverged | both[1].diverged)
            left_out += int((~good).sum())
            block += [task.first // run.plan.block] * int(good.sum())
            note_code(made_from, task, both[1], good)
            inside.append(both[0].in_subset[good])
            correct.append(np.stack([one.predicted_train[good] == run.examples.labels for one in both]))
    if sum(map(len, inside)) < 3:
        return None
    found = split_noise(np.concatenate(inside), np.concatenate(correct, axis=1), block)
    return TrainingNoise(
        subsets=sum(map(len, inside)),
        blocks=len(set(block)),
        left_out=left_out,
        variance=float(found.variance),
        training=float(found.training),
        training_share=float(found.training_share),
        training_share_error=float(found.training_share_error),
    )


def population_row(estimate: Population, position: int) -> PopulationRow:
    """The population estimate of one size: its mean, its standard deviation, and the shares of low and high scores.

    The shares are those of the fitted population, because shares of raw scores carry the scores' noise.
    """
    return PopulationRow(
        mean_score=mean(estimate.score[position]),
        rms_sd=rms(estimate.score_sd[position]),
        share_low=float(estimate.share_low[position]),
        share_high=float(estimate.share_high[position]),
    )


def fit_warnings(rows: Sequence[SizeScore], axis: str) -> list[str | None]:
    """A warning for each size that fits less than it could: there a low score may mean bad optimisation, not capacity.

    Two signs can be seen without further training: a smaller size fits more, or single models are far below the
    median of their size.
    """
    found: list[str | None] = []
    for row, better in zip(rows, fits_more_before([row.own_accuracy for row in rows]), strict=True):
        warnings = []
        if better is not None:
            warnings.append(
                f"the median model fits {row.own_accuracy:.1%} of its subset, {axis} {rows[better].size} fits "
                f"{rows[better].own_accuracy:.1%}: badly optimised rather than too small; try another "
                "--learning-rate or more --epochs"
            )
        if row.stuck_models:
            warnings.append(
                f"{row.stuck_models} of {row.models} models fit less than half of what the median model fits"
            )
        found.append("; ".join(warnings) or None)
    return found


def duplicate_counts(run: Run) -> Duplicates:
    """How many training examples have an identical or nearly identical image, in train or in test."""
    examples = run.examples
    return Duplicates(
        exact=int((examples.exact_group >= 0).sum()),
        near=int((examples.near_group >= 0).sum()),
        near_in_test=int(np.isin(examples.near_group[examples.near_group >= 0], examples.test_near_group).sum()),
        near_searched=examples.near_searched,
    )
