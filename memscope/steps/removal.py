"""`memscope influence RUN --remove N` and `--peel N`: derived runs without some examples, made and compared."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from memscope.counting.compared_arms import at_size, peel_at_size, removal_at_size
from memscope.counting.removal_forecast import forecast_of
from memscope.errors import OptionError
from memscope.files.atomic import remove_abandoned
from memscope.findings.removal_forecast import ahead
from memscope.plan.recipe import OWN_LOOP
from memscope.reports.keys import stored_keys
from memscope.reports.removal import PEEL_RESULTS, RESULTS, ArmFound, ArmsForecast, PeelReport, RemovalReport
from memscope.reports.training import FailedTask
from memscope.run import open_run, plan_path
from memscope.steps.train_family import train_family
from memscope.store.ledger import state_for
from memscope.store.results import write_results
from memscope.training.device import resolve_device
from memscope.work.carrying_out import OnEnd, Say, WorkOptions, check_work_options, silent, unseen, workers_of
from memscope.work.data_set import ensure_examples
from memscope.work.deriving import file_to_put_back
from memscope.work.making_runs import grown_plan
from memscope.work.removal_arms import Arm, Arms, arms_of, write_choice
from memscope.work.removal_sets import ALL, LEAST, MATCHED, MOST, PAIRS, RANDOM, Removing
from memscope.work.timing import spent_on

OF_REMOVAL = (ALL, MOST, LEAST, PAIRS, RANDOM, MATCHED)
OF_PEEL = (ALL, MOST, RANDOM, MATCHED)


@dataclass(frozen=True, eq=False)
class Made:
    """What came of making the arms."""

    missing: int
    """Models that are not there: those of other shards, or put in from elsewhere"""
    failed: tuple[FailedTask, ...] | None
    failed_in: str | None


def remove(
    path: str | os.PathLike[str],
    removing: Removing,
    options: WorkOptions | None = None,
    *,
    say: Say = silent,
    on_end: OnEnd = unseen,
) -> RemovalReport:
    """Train what is missing of the arms, compare them, write `results/removal.h5`, and return what was found.

    Where models are missing in the end nothing is written, and the report says how many. OptionError for what cannot
    be asked for, RunError where the run has no scores, or not those of all its models, or pairs of others.
    """
    options = options or WorkOptions()
    arms = begun(path, removing, options, OF_REMOVAL, say)
    made = make_arms(arms, options, say, on_end)
    return compare(arms, made)


def peel(
    path: str | os.PathLike[str],
    removing: Removing,
    options: WorkOptions | None = None,
    *,
    threshold: float = 0.25,
    say: Say = silent,
    on_end: OnEnd = unseen,
) -> PeelReport:
    """Score the examples again when the most memorised are gone, write `results/peel.h5`, and return what was found.

    An example counts as memorised from this score on. Arms and errors are those of `remove`.
    """
    options = options or WorkOptions()
    check_threshold(threshold)
    arms = begun(path, removing, options, OF_PEEL, say)
    made = make_arms(arms, options, say, on_end)
    return compare_scores(arms, made, threshold)


def check_threshold(threshold: float) -> None:
    """OptionError for what no score could reach, or any."""
    if not 0 < threshold <= 1:
        raise OptionError(f"--memorised is {threshold}; it must be a score above 0 and at most 1, such as 0.25")


def plan_arms(
    path: str | os.PathLike[str],
    removing: Removing,
    options: WorkOptions | None = None,
    *,
    peeling: bool = False,
    threshold: float = 0.25,
) -> ArmsForecast:
    """What `remove`, or `peel` with this threshold, would train; nothing is written. Errors are those of both."""
    options = options or WorkOptions()
    if peeling:
        check_threshold(threshold)
    check_work_options(options)
    arms = arms_of(open_run(path), removing, OF_PEEL if peeling else OF_REMOVAL)
    return forecast_of(arms, arms_found(arms), options, workers_of(options, resolve_device(options.device)))


def begun(
    path: str | os.PathLike[str], removing: Removing, options: WorkOptions, kinds: Sequence[str], say: Say
) -> Arms:
    """The arms, chosen for good, and their cost told."""
    check_work_options(options)
    workers = workers_of(options, resolve_device(options.device))
    run = open_run(path)
    arms = arms_of(run, removing, kinds)
    remove_abandoned(run.path)
    ensure_examples(run, say=say)
    say(ahead(forecast_of(arms, arms_found(arms), options, workers)))
    if not arms.pairs.by_size and not arms.listed.is_file():
        say(
            "no pairs are known, and the choice stays without them: for those, stop this now, delete "
            f"{arms.listed.parent}, and run memscope influence {run.path} first"
        )
    write_choice(arms)
    return arms


def make_arms(arms: Arms, options: WorkOptions, say: Say, on_end: OnEnd) -> Made:
    """Train the arms one after the other, each as `train-family --from` does; those that are there are left alone."""
    options = replace(options, keep_weights=False)  # nothing asks for them
    for number, arm in enumerate(arms.arms, 1):
        if is_made(arms, arm):
            continue
        say(f"arm {number} of {len(arms.arms)}: {arm.name}")
        trained = train_family(arm.path, arms.choices(arm), options, on_end=on_end)
        if trained.failed:
            return Made(missing(arms), trained.failed, str(arm.path))
    return Made(missing(arms), None, None)


def is_made(arms: Arms, arm: Arm) -> bool:
    """Whether an arm has all its models. OptionError where a run in its place was made otherwise."""
    if not plan_path(arm.path).is_file():
        return False
    run, choices = open_run(arm.path), arms.choices(arm)
    grown_plan(run, choices)
    return file_to_put_back(run, choices) is None and not arms.missing(arm)


def missing(arms: Arms) -> int:
    return sum(task.count for arm in arms.arms for task in arms.missing(arm))


def arms_found(arms: Arms) -> tuple[ArmFound, ...]:
    """What each arm is trained without, for reports."""
    flipped, most = arms.run.examples.flipped, arms.named(MOST).removed
    pairs = arms.pairs.at(arms.size)
    found = []
    for arm in arms.arms:
        count = int(arm.removed.sum())
        found.append(
            ArmFound(
                name=arm.name,
                run=str(arm.path),
                removed=count,
                flipped=None if flipped is None else int((flipped & arm.removed).sum()),
                shared=float((arm.removed & most).sum() / max(count, 1)),
                of_pairs=None if pairs is None else len(np.unique(pairs.of(arm.removed).train)),
            )
        )
    return tuple(found)


def about(arms: Arms, made: Made) -> dict[str, Any]:
    """What both reports begin with."""
    run = arms.run
    return {
        "run": str(run.path),
        "axis": run.plan.axis,
        "data": run.plan.data.spec,
        "family": run.plan.learner,
        "examples": len(run.examples.labels),
        "removed": int(arms.named(MOST).removed.sum()),
        "by_size": arms.size,
        "seed": arms.seed,
        "models": arms.models,
        "sets": len(arms.of_kind(RANDOM)),
        "equal_steps": run.plan.recipe.trainer == OWN_LOOP,
        "arms": arms_found(arms),
        "missing": made.missing,
        "failed": made.failed,
        "failed_in": made.failed_in,
        "trainer": run.plan.recipe.trainer,
        "block": run.plan.block,
        "options": arms.options,
    }


@spent_on("scoring")
def compare(arms: Arms, made: Made) -> RemovalReport:
    """Compare what the arms' models get right, and write the results."""
    run = arms.run
    flipped, targets = run.examples.flipped, len(run.examples.test_labels)
    beside: dict[str, Any] = {
        "targets": targets,
        "flipped": None if flipped is None else int(flipped.sum()),
        "pairs_threshold": arms.pairs.threshold,
        "pairs_memorised": arms.pairs.memorised,
        "pairs_all_classes": arms.pairs.all_classes,
    }
    if made.missing:
        return RemovalReport(**about(arms, made), **beside, sizes=())
    rows, accuracy, carried = [], [], []
    for size in run.plan.sizes:
        found = at_size(arms, size)
        rows.append(removal_at_size(found))
        accuracy.append([[one.test, one.parts[0]] for one in found.accuracies.values()])
        carried.append(found.carried[MOST])
    report = RemovalReport(**about(arms, made), **beside, sizes=tuple(rows))
    values = np.array(accuracy).transpose(2, 1, 0, 3)  # [test or influenced, arm, size, model]
    influenced = np.zeros((len(rows), targets), dtype=np.uint8)
    for row, positions in zip(influenced, carried, strict=True):
        row[positions] = 1
    arrays = arm_arrays(arms) | {
        "test_accuracy": values[0].astype(np.float32),
        "influenced": influenced,
        "influenced_accuracy": values[1].astype(np.float32),
    }
    write_results(run.path, run.plan, "removal", arrays, state_for(run.path, run.plan, RESULTS), stored_keys(report))
    return report


@spent_on("scoring")
def compare_scores(arms: Arms, made: Made, threshold: float) -> PeelReport:
    """Compare what is memorised of the remaining examples, and write the results."""
    run, rows, scores = arms.run, [], []
    if made.missing:
        return PeelReport(**about(arms, made), threshold=threshold, sizes=())
    for size in run.plan.sizes:
        found, row = peel_at_size(arms, size, threshold)
        rows.append(row)
        scores.append([found[arm.name].score for arm in arms.arms])
    report = PeelReport(**about(arms, made), threshold=threshold, sizes=tuple(rows))
    arrays = arm_arrays(arms) | {"score": np.array(scores).transpose(1, 0, 2).astype(np.float32)}
    write_results(run.path, run.plan, "peel", arrays, state_for(run.path, run.plan, PEEL_RESULTS), stored_keys(report))
    return report


def arm_arrays(arms: Arms) -> dict[str, Any]:
    """What both groups of results have."""
    return {
        "size": np.array(arms.run.plan.sizes),
        "arm": [arm.name for arm in arms.arms],
        "example": np.arange(len(arms.run.examples.labels)),
        "removed": np.stack([arm.removed for arm in arms.arms]).astype(np.uint8),
    }
