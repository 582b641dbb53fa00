"""`memscope distill`: train students of a larger teacher and compare them with models trained on labels alone."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from memscope.analysis.memorisation import memorisation_from_counts
from memscope.analysis.student_change import histogram_edges, score_histogram
from memscope.analysis.trajectories import check_options, raw_types
from memscope.counting.needed import without_weights
from memscope.counting.outcomes import count_pairs, count_size, sizes_in_ledger
from memscope.counting.students import Pairs, called_types, compare_setting
from memscope.counting.type_errors import stacked
from memscope.errors import OptionError, RunError
from memscope.files.atomic import remove_abandoned
from memscope.plan.recipe import OWN_LOOP
from memscope.plan.teaching import Teaching
from memscope.reports.distill import RESULTS, DistillReport
from memscope.reports.keys import report_of, stored_keys
from memscope.run import Run, open_run
from memscope.steps.drawing import Drawing, write
from memscope.store.ledger import (
    FULL,
    ONEHOT,
    Task,
    distilled_settings,
    finished_tasks,
    outcome_path,
    read_outcome,
    state_for,
)
from memscope.store.results import read_results, write_results
from memscope.text import counted
from memscope.training.device import resolve_device
from memscope.work.carrying_out import OnEnd, Say, WorkOptions, check_work_options, silent, unseen, workers_of
from memscope.work.data_set import ensure_examples, say_what_changed
from memscope.work.grouping import bundles_of_students, group_sizes
from memscope.work.lost import diverged_models, failed_tasks
from memscope.work.making_runs import check_networks
from memscope.work.timing import spent_on
from memscope.work.training import Trained, train_tasks


@dataclass(frozen=True)
class StudentWork:
    """The students of one setting that can be trained, and why others cannot."""

    bundles: list[tuple[Task, ...]]
    missing: int
    """Students that have no teacher yet"""
    diverged: list[int]
    """Numbers of the teachers that diverged, whose students are left out"""


def distill(
    path: str | os.PathLike[str],
    teaching: Teaching | None = None,
    students: Sequence[int] | None = None,
    options: WorkOptions | None = None,
    *,
    epsilon: float = 0.2,
    plot: Drawing | Path | None = None,
    say: Say = silent,
    on_end: OnEnd = unseen,
) -> DistillReport:
    """Train the missing students of a setting, compare all settings of the run, and write `results/distill.h5`.

    Without `teaching` nothing is trained. `students` are sizes, by default all that are smaller than the teacher.
    `plot` says where the figures go. OptionError for a setting that the run's family does not allow, RunError
    if there is no teacher.
    """
    options = options or WorkOptions()
    check_work_options(options)
    run = open_run(path)
    trained = Trained(run)
    if teaching is not None:
        device = resolve_device(options.device)
        sizes = student_sizes(run, teaching, students)
        work = plan_students(run, teaching, sizes)
        remove_abandoned(run.path)
        ensure_examples(run, say=say)
        say_what_changed(run, say)
        for line in notes(run, teaching, work):
            say(line)
        lacking = [
            task for bundle in work.bundles for task in bundle if not outcome_path(run.path, run.plan, task).exists()
        ]
        missing = sum(task.count for task in lacking)
        if missing:
            check_networks(run, {teaching.teacher, *(task.size for task in lacking)})
            say(f"training {counted(missing, 'student')} with {counted(workers_of(options, device), 'worker')}")
        groups = group_sizes(run, lacking, device, workers_of(options, device), say)
        bundles = bundles_of_students(work.bundles, groups)
        trained = train_tasks(run, bundles, options, device, on_end, groups=groups, teaching=teaching)
        trained.already = sum(task.count for bundle in work.bundles for task in bundle) - missing
    elif students:
        raise OptionError("--students without --teacher trains none; give the size of their teacher")
    if distilled_settings(run.path):
        say("comparing with the one-hot models")
        found = compare_students(run, epsilon)
        if plot is not None:
            found = replace(found, figures=tuple(str(picture) for picture in draw_distill_figures(run.path, plot)))
    elif trained.failures:
        found = without_students(run, epsilon)
    else:
        raise RunError(
            f"{run.path} has no distilled models; train some with "
            f"memscope distill {run.path} --teacher {run.plan.sizes[-1]}"
        )
    return replace(
        found,
        trained=trained.trained,
        already=trained.already,
        diverged=diverged_models(trained) or None,
        failed=failed_tasks(trained.failures) or None,
    )


def draw_distill_figures(run_path: str | os.PathLike[str], plot: Drawing | Path) -> list[Path]:
    """Draw the stored comparison; the paths of the files. RunError where there is none."""
    from memscope.plots.distill.figures import figures  # loads matplotlib

    run = open_run(run_path)
    values, _, summary = read_results(run.path, "distill", run.plan)
    return write(plot, figures(values, report_of(DistillReport, summary)))


def student_sizes(run: Run, teaching: Teaching, students: Sequence[int] | None) -> tuple[int, ...]:
    """The sizes of the students; OptionError if they, or the teacher, do not fit the family."""
    plan, axis = run.plan, run.plan.axis
    known = ", ".join(map(str, plan.sizes))
    if plan.recipe.trainer != OWN_LOOP:
        raise OptionError(
            f"{run.path} was made with --trainer {plan.recipe.trainer}; memscope distils what its own loop trains"
        )
    if teaching.teacher not in plan.sizes:
        raise OptionError(
            f"--teacher is {teaching.teacher}, no {axis} of {run.path} ({known}); take one of them, or add it with "
            f"memscope train-family {run.path} --{axis}s {teaching.teacher}"
        )
    smaller = tuple(size for size in plan.sizes if size < teaching.teacher)
    for size in students or ():
        if size >= teaching.teacher:
            raise OptionError(
                f"--students has {axis} {size}, and the teacher's is {teaching.teacher}: a teacher is larger than its "
                "students; leave it out or take a larger teacher"
            )
        if size not in plan.sizes:
            raise OptionError(
                f"--students has {axis} {size}, which is no {axis} of {run.path} ({known}): there is nothing to hold "
                f"it against; add it with memscope train-family {run.path} --{axis}s {size}"
            )
    if not smaller:
        raise OptionError(f"--teacher is {teaching.teacher}, the smallest {axis} of {run.path}; take a larger one")
    return tuple(sorted(set(students))) if students else smaller


def plan_students(run: Run, teaching: Teaching, sizes: Sequence[int]) -> StudentWork:
    """The bundles of students whose teachers are trained and kept; RunError if there are none."""
    plan = run.plan
    full = teaching.on == "full"
    done = finished_tasks(run.path, plan, teaching.teacher, FULL if full else ONEHOT)
    teachers = [task for task in done if not full or task.first == 0]  # on all the data, model 0 teaches them all
    what = f"{'model of' if full else 'models of'} {plan.axis} {teaching.teacher}"
    if not teachers:
        train = f"memscope train-family {run.path}{' --full 1' if full else ''}"
        raise RunError(f"{run.path} has no finished {what}{' on all the data' if full else ''} to teach; run {train}")
    lost = without_weights(run, teachers)
    kept = [task for task in teachers if task not in lost]
    if not kept:
        raise RunError(
            f"{run.path} has not kept the weights of its {what}, which teach; to train them again: "
            f"memscope train-family {run.path} --missing-weights"
        )
    # a teacher that diverged cannot teach; its outcome, which says so, is small beside its weights
    diverged = [
        model
        for task in kept
        for model, lost in zip(task.models, read_outcome(run.path, plan, task).diverged, strict=True)
        if lost
    ]
    if full and diverged:
        raise RunError(f"{run.path}: the {what} on all the data diverged, and cannot teach; take another teacher")
    units = range(0, plan.models, plan.unit) if full else [task.first for task in kept]
    bundles = [
        tuple(Task(teaching.variant, size, first, plan.unit) for size in sorted(sizes, reverse=True))
        for first in units
        if first < plan.models
    ]
    return StudentWork(bundles, plan.models - plan.unit * len(bundles), diverged)


def notes(run: Run, teaching: Teaching, work: StudentWork) -> list[str]:
    """What a user must know about the students that cannot be trained."""
    teacher = f"{run.plan.axis} {teaching.teacher}"
    lines = []
    if work.missing:
        lines.append(
            f"{work.missing} of {run.plan.models} subsets have no teacher of {teacher} yet, or not its weights; "
            f"memscope train-family {run.path} --missing-weights trains them, then run this command again"
        )
    if work.diverged:
        numbers = ", ".join(map(str, work.diverged))
        lines.append(f"teachers of {teacher} that diverged: models {numbers}; their students are left out")
    return lines


@spent_on("scoring")
def compare_students(run: Run, epsilon: float) -> DistillReport:
    """Compare every setting, write `results/distill.h5`, and return what is stored there."""
    check_options(epsilon)
    settings = distilled_settings(run.path)
    ledger = state_for(run.path, run.plan, RESULTS)
    family = {size: count_size(run, size) for size in sizes_in_ledger(run)}
    found: list[tuple[Teaching, Pairs]] = []
    for teaching in settings:
        pairs = {size: pair for size in family if (pair := count_pairs(run, size, teaching.variant)) is not None}
        if pairs:
            found.append((teaching, pairs))
    if not found:
        raise RunError(f"{run.path} has no distilled model that can be held against a one-hot one of its size")
    sizes = tuple(sorted({size for _, pairs in found for size in pairs}))
    compared = tuple(compare_setting(run, teaching, pairs, family, epsilon) for teaching, pairs in found)
    report = replace(without_students(run, epsilon), settings=compared)
    write_results(run.path, run.plan, "distill", stored(run, found, sizes, epsilon), ledger, stored_keys(report))
    return report


def without_students(run: Run, epsilon: float) -> DistillReport:
    """The report of a run without its students."""
    return DistillReport(
        run=str(run.path),
        axis=run.plan.axis,
        fraction=run.plan.fraction,
        data=run.plan.data.spec,
        family=run.plan.learner,
        examples=len(run.examples.labels),
        flipped=None if run.examples.flipped is None else int(run.examples.flipped.sum()),
        epsilon=epsilon,
        augment=run.plan.recipe.augment,
        settings=(),
        block=run.plan.block,
    )


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
