"""From the ledgers of the arms of a removal to what their models do: accuracies of each, and scores of the examples."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.memorisation import Counts, count_outcomes, memorisation_from_counts
from memscope.analysis.statistics.means import rms
from memscope.errors import RunError
from memscope.run import Run, open_run
from memscope.work.removal_arms import Arm, Arms


@dataclass(frozen=True, eq=False)
class ArmAccuracies:
    """What the models of one arm and size get right; NaN of those that diverged."""

    test: NDArray[np.float64]
    """[models], of all test examples"""
    parts: tuple[NDArray[np.float64], ...]
    """[models] each, of some of them; NaN where these are none"""


@dataclass(frozen=True, eq=False)
class ArmScores:
    """What the models of one arm and size memorise, over the training examples of the run."""

    models: int
    """That did not diverge"""
    score: NDArray[np.float64]
    """[N], NaN of what the arm is trained without"""
    above: NDArray[np.bool_]
    """[N], whether the score reaches a threshold"""
    error: float
    """Root mean squared standard error of a score"""


def accuracies_of(arms: Arms, arm: Arm, size: int, parts: Sequence[NDArray[np.int64]]) -> ArmAccuracies:
    """The accuracies of an arm on all test examples, and on those at each of some positions."""
    run = arm_run(arm)
    found = np.full((1 + len(parts), arms.models), np.nan)
    for task, outcome in run.outcomes(size):
        if task.first >= arms.models:
            continue
        right = outcome.predicted_test == run.examples.test_labels
        rows = np.array(task.models)[~outcome.diverged]
        for row, some in enumerate((np.arange(right.shape[1]), *parts)):
            if len(some):
                found[row, rows] = right[~outcome.diverged][:, some].mean(1)
    return ArmAccuracies(found[0], tuple(found[1:]))


def scores_of(arms: Arms, arm: Arm, size: int, threshold: float) -> ArmScores:
    """The scores of an arm's examples; RunError where none of its models can be scored."""
    run, total, models = arm_run(arm), None, 0
    for task, outcome in run.outcomes(size):
        good = ~outcome.diverged
        if task.first >= arms.models or not good.any():
            continue
        counts = count_outcomes(outcome.in_subset[good], outcome.predicted_train[good] == run.examples.labels)
        total, models = counts if total is None else total + counts, models + int(good.sum())
    if total is None:
        raise RunError(f"{arm.path}: all models of {run.plan.axis} {size} diverged; train more with --arm-models")
    left = ~arm.removed
    score, above = np.full(len(left), np.nan), np.zeros(len(left), dtype=bool)
    score[left], above[left] = total.score, reaches(total, threshold)
    return ArmScores(models, score, above, rms(memorisation_from_counts(total).standard_error))


def reaches(counts: Counts, threshold: float) -> NDArray[np.bool_]:
    """bool [N]: whether hard scores are at a threshold or above, in whole numbers; false where there are none."""
    return ~counts.score_below(threshold) & (counts.n_in > 0) & (counts.n_out > 0)


def arm_run(arm: Arm) -> Run:
    """The derived run of an arm. RunError where it is not of the data that are left."""
    run = open_run(arm.path)
    left = int((~arm.removed).sum())
    if len(run.examples.labels) != left:
        raise RunError(
            f"{arm.path} has {len(run.examples.labels):,} training examples, expected {left:,}, as {arm.file.name} "
            "beside it leaves; remove that run, and run the command again"
        )
    return run
