"""Distilled against one-hot models: what `memscope distill` reports and stores, of every setting in the ledger."""

from collections.abc import Callable
from typing import Any

import numpy as np

from memscope.analysis.memorisation import Counts, memorisation_from_counts
from memscope.analysis.statistics.groups import Blocks, means_by_group
from memscope.analysis.statistics.jackknife import StatisticOf, delete_half, delete_one_block
from memscope.analysis.student_change import changed_shares, changed_shares_if_same, histogram_edges, score_histogram
from memscope.analysis.trajectories import TYPES, check_options, raw_types, type_shares
from memscope.analysis.trajectory_types import trajectory_types
from memscope.counting.outcomes import SizeCounts, count_pairs, count_size, sizes_in_ledger
from memscope.counting.type_errors import called_shares_error, raw_shares_error, stacked
from memscope.errors import RunError
from memscope.plan.teaching import Teaching
from memscope.run import Run
from memscope.steps.score import mean, number
from memscope.store.ledger import ONEHOT, distilled_settings, ledger_state
from memscope.store.results import write_results
from memscope.work.timing import spent_on

CONFIDENCE = 0.8

Measure = Callable[[Counts, Counts], float]
"""A number from the counts of one-hot and of distilled models [examples]"""
Jackknife = Callable[[StatisticOf, int], np.ndarray]

Pairs = dict[int, tuple[SizeCounts, SizeCounts]]
"""By size: counts of the one-hot models and of the distilled ones of the same numbers"""


@spent_on("scoring")
def compare_students(run: Run, epsilon: float) -> dict[str, Any]:
    """Compare every setting, write `results/distill.h5`, and give what the command prints."""
    check_options(epsilon)
    settings = distilled_settings(run.path)
    ledger = ledger_state(run.path, run.plan, ONEHOT, *(teaching.variant for teaching in settings))
    family = {size: count_size(run, size) for size in sizes_in_ledger(run)}
    found: list[tuple[Teaching, Pairs]] = []
    for teaching in settings:
        pairs = {size: pair for size in family if (pair := count_pairs(run, size, teaching.variant)) is not None}
        if pairs:
            found.append((teaching, pairs))
    if not found:
        raise RunError(f"{run.path} has no distilled model that can be held against a one-hot one of its size")
    sizes = tuple(sorted({size for _, pairs in found for size in pairs}))
    summary = {
        "run": str(run.path),
        "axis": run.plan.axis,
        "fraction": run.plan.fraction,
        "data": run.plan.data.spec,
        "family": run.plan.learner,
        "examples": len(run.examples.labels),
        "flipped": None if run.examples.flipped is None else int(run.examples.flipped.sum()),
        "epsilon": epsilon,
        "augment": run.plan.recipe.augment,
        "settings": [setting_summary(run, teaching, pairs, family, epsilon) for teaching, pairs in found],
    }
    write_results(run.path, run.plan, "distill", stored(run, found, sizes, epsilon), ledger, summary)
    return summary


def setting_summary(
    run: Run, teaching: Teaching, pairs: Pairs, family: dict[int, SizeCounts], epsilon: float
) -> dict[str, Any]:
    """One setting: its students by size, the change by type, and its own trajectories."""
    return {
        "setting": teaching.setting,
        "teacher": teaching.teacher,
        "temperature": teaching.temperature,
        "soft_weight": teaching.soft_weight,
        "teacher_on": teaching.on,
        "students": [student_row(run, size, *pair, epsilon) for size, pair in pairs.items()],
        "by_type": change_by_type(pairs, family, epsilon),
        "trajectories": trajectory_shares(pairs, epsilon),
    }


def student_row(run: Run, size: int, onehot: SizeCounts, distilled: SizeCounts, epsilon: float) -> dict[str, Any]:
    """One size of students beside the one-hot models of the same numbers; errors by leaving out blocks."""
    flipped = run.examples.flipped
    kinds = (onehot.hard, distilled.hard)

    def with_error(of: Measure, jackknife: Jackknife) -> tuple[float | None, float | None]:
        error = jackknife(lambda kept: of(*(one.only(kept) for one in kinds)), len(onehot.blocks))
        return number(of(*(one.total() for one in kinds))), number(error)

    total = [one.total() for one in kinds]
    change = total[1].score - total[0].score
    inhibited_if_same, raised_if_same = changed_shares_if_same(total[0], total[1], epsilon)
    row: dict[str, Any] = {
        "size": size,
        "models": onehot.used,
        "blocks": len(onehot.blocks),
        "left_out": len(onehot.diverged),
        "onehot": kind_row(onehot),
        "distilled": kind_row(distilled),
        "inhibited_if_same": number(inhibited_if_same),
        "raised_if_same": number(raised_if_same),
        "seconds_onehot": number(np.median(onehot.seconds)),
        "seconds": number(np.median(distilled.seconds)),
        "teacher_seconds": number(np.median(distilled.teacher_seconds)),
        "time_ratio": number(np.median(distilled.seconds) / np.median(onehot.seconds)),
        "mean_change_flipped": None,
        "mean_change_clean": None,
    }
    shares: dict[str, Measure] = {
        "inhibited": lambda one, other: changed_shares(one, other, epsilon)[0],
        "raised": lambda one, other: changed_shares(one, other, epsilon)[1],
    }
    means: dict[str, Measure] = {
        "mean_change": lambda one, other: mean(other.score - one.score),
        "mean_change_in": lambda one, other: mean(other.accuracy_in - one.accuracy_in),
        "mean_change_out": lambda one, other: mean(other.accuracy_out - one.accuracy_out),
    }
    if flipped is not None:
        means["mean_change_flipped"] = lambda one, other: mean((other.score - one.score)[flipped])
        means["mean_change_clean"] = lambda one, other: mean((other.score - one.score)[~flipped])
        for kind, counts in zip(("onehot", "distilled"), total, strict=True):
            row[kind]["mean_score_flipped"] = mean(counts.score[flipped])
            row[kind]["mean_score_clean"] = mean(counts.score[~flipped])
    for measures, jackknife in ((means, delete_one_block), (shares, delete_half)):
        for name, measure in measures.items():
            row[name], row[f"{name}_error"] = with_error(measure, jackknife)
    row["undefined"] = int(np.isnan(change).sum())
    row["test_change"], row["test_change_error"] = test_change(run, onehot, distilled)
    return row


def kind_row(counts: SizeCounts) -> dict[str, float | None]:
    total = counts.hard.total()
    return {
        "mean_score": number(mean(total.score)),
        "mean_accuracy_in": number(mean(total.accuracy_in)),
        "mean_accuracy_out": number(mean(total.accuracy_out)),
        "test_accuracy": number(counts.test_accuracy.mean()),
        "test_accuracy_sd": number(np.std(counts.test_accuracy, ddof=1)) if counts.used > 1 else None,
        "own_accuracy": number(np.median(counts.own_accuracy)),
    }


def test_change(run: Run, onehot: SizeCounts, distilled: SizeCounts) -> tuple[float | None, float | None]:
    """Mean change of the test accuracy, paired per subset, and its delete-one-block standard error."""
    change = distilled.test_accuracy - onehot.test_accuracy
    block_of = onehot.models // run.plan.block
    error = delete_one_block(
        lambda kept: change[np.isin(block_of, [onehot.blocks[position] for position in kept])].mean(),
        len(onehot.blocks),
    )
    return number(change.mean()), number(error)


def change_by_type(pairs: Pairs, family: dict[int, SizeCounts], epsilon: float) -> list[dict[str, Any]] | None:
    """The change of the score by type of the one-hot trajectory, types from other blocks than the change.

    None where the family has one size only, and so no trajectories.
    """
    if len(family) < 2:
        return None
    group_blocks = set.intersection(*(set(counts.blocks) for counts in family.values()))
    value_blocks = set.intersection(*(set(onehot.blocks) for onehot, _ in pairs.values()))

    def types_of(blocks: Blocks) -> np.ndarray:
        return raw_types(*stacked([counts.hard_of(blocks) for counts in family.values()]), epsilon)

    def scores_of(blocks: Blocks) -> np.ndarray:
        """[one-hot and change, sizes, examples]"""
        onehot, distilled = (
            np.stack([pair[kind].hard_of(blocks).score for pair in pairs.values()]) for kind in range(2)
        )
        return np.stack([onehot, distilled - onehot])

    found = means_by_group(types_of, scores_of, TYPES, group_blocks, value_blocks)
    return [
        {
            "type": name,
            "examples": number(found.examples[row]),
            "changes": [
                {
                    "size": size,
                    "onehot": number(found.mean[row, 0, column]),
                    "change": number(found.mean[row, 1, column]),
                    "error": number(found.standard_error[row, 1, column]),
                    "low": number(found.low[row, 1, column]),
                    "high": number(found.high[row, 1, column]),
                }
                for column, size in enumerate(pairs)
            ],
        }
        for row, name in enumerate(TYPES)
    ]


def trajectory_shares(pairs: Pairs, epsilon: float) -> dict[str, Any] | None:
    """Shares of the types, over the students' sizes, of the distilled and of the one-hot family."""
    if len(pairs) < 2:
        return None
    shares: dict[str, Any] = {"sizes": list(pairs)}
    for kind, name in enumerate(("onehot", "distilled")):
        counts = [pair[kind] for pair in pairs.values()]
        raw = type_shares(raw_types(*stacked([one.hard.total() for one in counts]), epsilon))
        called = type_shares(called_types(counts, epsilon))
        for rule, found, error in (
            ("raw", raw, raw_shares_error(counts, epsilon)),
            ("called", called, called_shares_error(counts, epsilon, CONFIDENCE, 0)),
        ):
            shares[f"{rule}_{name}"] = {t: number(s) for t, s in zip(TYPES, found, strict=True)}
            shares[f"{rule}_{name}_error"] = {t: number(error[at]) for at, t in enumerate(TYPES)}
    return shares


def called_types(counts: list[SizeCounts], epsilon: float) -> np.ndarray:
    total = stacked([one.hard.total() for one in counts])
    return trajectory_types(*total, epsilon=epsilon, confidence=CONFIDENCE).called


def stored(run: Run, found: list[tuple[Teaching, Pairs]], sizes: tuple[int, ...], epsilon: float) -> dict[str, Any]:
    """The arrays of the group `distill`: [setting, size, example], NaN where a setting has no student of a size."""
    num_examples = len(run.examples.labels)
    shape = (len(found), len(sizes), num_examples)
    names = ("score", "standard_error", "accuracy_in", "accuracy_out")
    values: dict[str, Any] = {
        f"{prefix}{name}": np.full(shape, np.nan, dtype=np.float32) for prefix in ("", "onehot_") for name in names
    }
    values |= {f"{prefix}test_accuracy": np.full(shape[:2], np.nan, dtype=np.float32) for prefix in ("", "onehot_")}
    histogram = np.zeros((*shape[:2], len(histogram_edges()) - 1, len(histogram_edges()) - 1), dtype=np.int32)
    models = np.zeros(shape[:2], dtype=np.int32)
    raw, called = [], []
    for row, (_, pairs) in enumerate(found):
        for size, pair in pairs.items():
            column = sizes.index(size)
            for prefix, counts in zip(("onehot_", ""), pair, strict=True):
                measured = memorisation_from_counts(counts.hard.total())
                for name in names:
                    values[f"{prefix}{name}"][row, column] = getattr(measured, name)
                values[f"{prefix}test_accuracy"][row, column] = counts.test_accuracy.mean()
            models[row, column] = pair[0].used
            histogram[row, column] = score_histogram(*(counts.hard.total().score for counts in pair))
        enough = len(pairs) > 1
        distilled = [pair[1] for pair in pairs.values()]
        total = stacked([one.hard.total() for one in distilled])
        raw.append(list(raw_types(*total, epsilon)) if enough else [""] * num_examples)
        called.append(list(called_types(distilled, epsilon)) if enough else [""] * num_examples)
    return values | {
        "setting": [teaching.setting for teaching, _ in found],
        "size": np.array(sizes),
        "example": np.arange(num_examples),
        "teacher": np.array([teaching.teacher for teaching, _ in found]),
        "temperature": np.array([teaching.temperature for teaching, _ in found]),
        "soft_weight": np.array([teaching.soft_weight for teaching, _ in found]),
        "teacher_on": [teaching.on for teaching, _ in found],
        "models_used": models,
        "histogram": histogram,
        "histogram_edge": histogram_edges(),
        "raw_type": raw,
        "called_type": called,
    }
