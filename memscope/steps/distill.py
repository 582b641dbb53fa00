"""`memscope distill`: train students of a larger teacher, and hold them against the models trained on labels alone."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from memscope.errors import OptionError, RunError
from memscope.files.atomic import remove_abandoned
from memscope.plan.recipe import OWN_LOOP
from memscope.plan.teaching import Teaching
from memscope.run import Run, open_run
from memscope.steps.compare_students import compare_students
from memscope.store.ledger import (
    FULL,
    ONEHOT,
    Task,
    distilled_variants,
    finished_tasks,
    outcome_path,
    read_outcome,
)
from memscope.store.weights import weights_path
from memscope.training.device import resolve_device
from memscope.work.carrying_out import OnEnd, Say, Where, check_where, silent, unseen, workers_of
from memscope.work.data_set import ensure_examples
from memscope.work.grouping import bundles_of_students, group_sizes
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
    where: Where | None = None,
    *,
    epsilon: float = 0.2,
    say: Say = silent,
    on_end: OnEnd = unseen,
) -> tuple[dict[str, Any], Trained]:
    """Train what is missing of the students of a setting, compare all settings of the run, write `results/distill.h5`.

    Gives what the command prints (keys of `memscope distill --json` in docs/format.md) and what was trained. Without
    `teaching` nothing is trained. `students` are sizes; all smaller than the teacher if not given. OptionError for
    a setting that the run's family does not allow, RunError where no teacher is there.
    """
    where = where or Where()
    check_where(where)
    run = open_run(path)
    trained = Trained(run)
    if teaching is not None:
        device = resolve_device(where.device)
        sizes = student_sizes(run, teaching, students)
        work = plan_students(run, teaching, sizes)
        remove_abandoned(run.path)
        ensure_examples(run, say=say)
        for line in notes(run, teaching, work):
            say(line)
        lacking = [
            task for bundle in work.bundles for task in bundle if not outcome_path(run.path, run.plan, task).exists()
        ]
        missing = sum(task.count for task in lacking)
        if missing:
            say(f"training {missing} students with {workers_of(where, device)} workers")
        groups = group_sizes(run, lacking, device, workers_of(where, device), say)
        bundles = bundles_of_students(work.bundles, groups)
        trained = train_tasks(run, bundles, where, device, on_end, groups=groups, teaching=teaching)
        trained.already = sum(task.count for bundle in work.bundles for task in bundle) - missing
    elif students:
        raise OptionError("--students without --teacher trains none; give the size of their teacher")
    if not distilled_variants(run.path):
        if trained.failures:
            return {}, trained
        raise RunError(
            f"{run.path} has no distilled models; train some with "
            f"memscope distill {run.path} --teacher {run.plan.sizes[-1]}"
        )
    say("comparing with the one-hot models")
    return compare_students(run, epsilon), trained


def student_sizes(run: Run, teaching: Teaching, students: Sequence[int] | None) -> tuple[int, ...]:
    """The sizes of the students; OptionError where they, or the teacher, do not fit the family."""
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
    """The bundles of students whose teachers are there; RunError where none is."""
    plan = run.plan
    full = teaching.on == "full"
    done = finished_tasks(run.path, plan, teaching.teacher, FULL if full else ONEHOT)
    teachers = [task for task in done if not full or task.first == 0]  # on the full data model 0 teaches them all
    what = f"{'model of' if full else 'models of'} {plan.axis} {teaching.teacher}"
    if not teachers:
        train = f"memscope train-family {run.path}{' --full 1' if full else ''}"
        raise RunError(f"{run.path} has no finished {what}{' on all the data' if full else ''} to teach; run {train}")
    kept = [task for task in teachers if weights_path(run.path, plan, task).is_file()]
    if not kept:
        raise RunError(
            f"{run.path} has not kept the weights of its {what}, which teach; to train them again: "
            f"memscope train-family {run.path} --missing-weights"
        )
    # only models that diverged have no say; an outcome is small beside the teacher's weights
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
    """What a user must know of the students that cannot be trained."""
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
