"""Distilled models compared with one-hot models of the same subsets, from the counts of both, for one setting."""

import math
from collections.abc import Callable

import numpy as np

from memscope.analysis.memorisation import Counts
from memscope.analysis.statistics.groups import Blocks, means_by_group
from memscope.analysis.statistics.jackknife import StatisticOf, delete_half, delete_one_block
from memscope.analysis.statistics.means import mean, spread
from memscope.analysis.student_change import changed_shares, changed_shares_if_same
from memscope.analysis.trajectories import TYPES, raw_types, type_shares
from memscope.analysis.trajectory_types import trajectory_types
from memscope.counting.halves import sums_of
from memscope.counting.outcomes import SizeCounts
from memscope.counting.type_errors import called_shares_error, raw_shares_error, stacked
from memscope.plan.teaching import Teaching
from memscope.reports.distill import (
    ChangeOfType,
    DistillationSetting,
    LabelErrors,
    SizeOfStudents,
    StudentKind,
    StudentTrajectories,
    TypeChange,
)
from memscope.reports.labels import LabelScores
from memscope.run import Run

CONFIDENCE = 0.8

Measure = Callable[[Counts, Counts], float]
"""A number from the counts of one-hot and of distilled models [examples]"""
Jackknife = Callable[[StatisticOf, int], np.ndarray]

Pairs = dict[int, tuple[SizeCounts, SizeCounts]]
"""By size: counts of the one-hot models and of the distilled ones of the same numbers"""


def compare_setting(
    run: Run, teaching: Teaching, pairs: Pairs, family: dict[int, SizeCounts], epsilon: float
) -> DistillationSetting:
    """One setting: its students by size, the change by type, and its own trajectories."""
    return DistillationSetting(
        setting=teaching.setting,
        teacher=teaching.teacher,
        temperature=teaching.temperature,
        soft_weight=teaching.soft_weight,
        teacher_on=teaching.on,
        students=tuple(compare_size(run, size, *pair, epsilon) for size, pair in pairs.items()),
        by_type=change_by_type(pairs, family, epsilon),
        trajectories=trajectory_shares(pairs, epsilon),
    )


def compare_size(run: Run, size: int, onehot: SizeCounts, distilled: SizeCounts, epsilon: float) -> SizeOfStudents:
    """One size of students beside the one-hot models of the same numbers; errors by leaving out blocks."""
    flipped = run.examples.flipped
    kinds = (onehot.hard, distilled.hard)
    total = [one.total() for one in kinds]

    def value(of: Measure) -> float:
        return float(of(*total))

    def error(of: Measure, jackknife: Jackknife = delete_one_block) -> float:
        return float(jackknife(lambda kept: of(*(one.only(kept) for one in kinds)), len(onehot.blocks)))

    def score(one: Counts, other: Counts) -> float:
        return mean(other.score - one.score)

    def accuracy_in(one: Counts, other: Counts) -> float:
        return mean(other.accuracy_in - one.accuracy_in)

    def accuracy_out(one: Counts, other: Counts) -> float:
        return mean(other.accuracy_out - one.accuracy_out)

    def score_of(chosen: np.ndarray) -> Measure:
        return lambda one, other: mean((other.score - one.score)[chosen])

    def inhibited(one: Counts, other: Counts) -> float:
        return changed_shares(one, other, epsilon)[0]

    def raised(one: Counts, other: Counts) -> float:
        return changed_shares(one, other, epsilon)[1]

    inhibited_if_same, raised_if_same = changed_shares_if_same(total[0], total[1], epsilon)
    seconds, seconds_onehot = np.median(distilled.seconds), np.median(onehot.seconds)
    test, test_error = test_change(run, onehot, distilled)
    return SizeOfStudents(
        size=size,
        models=onehot.used,
        blocks=len(onehot.blocks),
        left_out=len(onehot.diverged),
        onehot=kind_of(onehot, flipped),
        distilled=kind_of(distilled, flipped),
        inhibited_if_same=float(inhibited_if_same),
        raised_if_same=float(raised_if_same),
        seconds_onehot=float(seconds_onehot),
        seconds=float(seconds),
        teacher_seconds=float(np.median(distilled.teacher_seconds)),
        time_ratio=float(seconds / seconds_onehot),
        mean_change_flipped=math.nan if flipped is None else value(score_of(flipped)),
        mean_change_clean=math.nan if flipped is None else value(score_of(~flipped)),
        mean_change=value(score),
        mean_change_error=error(score),
        mean_change_in=value(accuracy_in),
        mean_change_in_error=error(accuracy_in),
        mean_change_out=value(accuracy_out),
        mean_change_out_error=error(accuracy_out),
        by_label_errors=None
        if flipped is None
        else LabelErrors(
            mean_change_flipped_error=error(score_of(flipped)), mean_change_clean_error=error(score_of(~flipped))
        ),
        inhibited=value(inhibited),
        inhibited_error=error(inhibited, delete_half),
        raised=value(raised),
        raised_error=error(raised, delete_half),
        undefined=int(np.isnan(total[1].score - total[0].score).sum()),
        test_change=test,
        test_change_error=test_error,
    )


def kind_of(counts: SizeCounts, flipped: np.ndarray | None) -> StudentKind:
    """The models of one kind; also by whether the label was flipped, bool [examples], if that is known."""
    total = counts.hard.total()
    return StudentKind(
        mean_score=mean(total.score),
        mean_accuracy_in=mean(total.accuracy_in),
        mean_accuracy_out=mean(total.accuracy_out),
        test_accuracy=float(counts.test_accuracy.mean()),
        test_accuracy_sd=spread(counts.test_accuracy),
        own_accuracy=float(np.median(counts.own_accuracy)),
        by_label=None
        if flipped is None
        else LabelScores(mean_score_flipped=mean(total.score[flipped]), mean_score_clean=mean(total.score[~flipped])),
    )


def test_change(run: Run, onehot: SizeCounts, distilled: SizeCounts) -> tuple[float, float]:
    """Mean change of the test accuracy, paired per subset, and its delete-one-block standard error."""
    change = distilled.test_accuracy - onehot.test_accuracy
    block_of = onehot.models // run.plan.block
    error = delete_one_block(
        lambda kept: change[np.isin(block_of, [onehot.blocks[position] for position in kept])].mean(),
        len(onehot.blocks),
    )
    return float(change.mean()), float(error)


def change_by_type(pairs: Pairs, family: dict[int, SizeCounts], epsilon: float) -> tuple[ChangeOfType, ...] | None:
    """The change of the score by type of the one-hot trajectory; types and changes come from different blocks.

    None if the family has only one size, and so no trajectories.
    """
    if len(family) < 2:
        return None
    group_blocks = set.intersection(*(set(counts.blocks) for counts in family.values()))
    value_blocks = set.intersection(*(set(onehot.blocks) for onehot, _ in pairs.values()))

    of_family = [sums_of(counts.hard, counts.blocks) for counts in family.values()]
    of_pairs = [[sums_of(counts.hard, counts.blocks) for counts in pair] for pair in pairs.values()]

    def types_of(blocks: Blocks) -> np.ndarray:
        return raw_types(*stacked([one(blocks) for one in of_family]), epsilon)

    def scores_of(blocks: Blocks) -> np.ndarray:
        """[one-hot and change, sizes, examples]"""
        onehot, distilled = (np.stack([pair[kind](blocks).score for pair in of_pairs]) for kind in range(2))
        return np.stack([onehot, distilled - onehot])

    found = means_by_group(types_of, scores_of, TYPES, group_blocks, value_blocks)
    return tuple(
        ChangeOfType(
            type=name,
            examples=float(found.examples[row]),
            changes=tuple(
                TypeChange(
                    size=size,
                    onehot=float(found.mean[row, 0, column]),
                    change=float(found.mean[row, 1, column]),
                    error=float(found.standard_error[row, 1, column]),
                    low=float(found.low[row, 1, column]),
                    high=float(found.high[row, 1, column]),
                )
                for column, size in enumerate(pairs)
            ),
        )
        for row, name in enumerate(TYPES)
    )


def trajectory_shares(pairs: Pairs, epsilon: float) -> StudentTrajectories | None:
    """Shares of the types, over the students' sizes, of the distilled and of the one-hot family."""
    if len(pairs) < 2:
        return None
    shares: dict[str, dict[str, float]] = {}
    for kind, name in enumerate(("onehot", "distilled")):
        counts = [pair[kind] for pair in pairs.values()]
        raw = type_shares(raw_types(*stacked([one.hard.total() for one in counts]), epsilon))
        called = type_shares(called_types(counts, epsilon))
        for rule, found, error in (
            ("raw", raw, raw_shares_error(counts, epsilon)),
            ("called", called, called_shares_error(counts, epsilon, CONFIDENCE, 0)),
        ):
            shares[f"{rule}_{name}"] = {t: float(s) for t, s in zip(TYPES, found, strict=True)}
            shares[f"{rule}_{name}_error"] = {t: float(error[at]) for at, t in enumerate(TYPES)}
    return StudentTrajectories(sizes=tuple(pairs), **shares)


def called_types(counts: list[SizeCounts], epsilon: float) -> np.ndarray:
    total = stacked([one.hard.total() for one in counts])
    return trajectory_types(*total, epsilon=epsilon, confidence=CONFIDENCE).called
