"""`memscope train-family`: make or check the plan, and train what is missing from the ledger."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from memscope.datasets import load_dataset
from memscope.datasets.duplicates import find_duplicates
from memscope.datasets.image_dataset import ImageDataset
from memscope.engines import Report, open_engine
from memscope.errors import OptionError, RunError
from memscope.plan import Plan
from memscope.recipe import RECORDED
from memscope.run import Run, create_or_open, grow, open_run, plan_path
from memscope.steps.forecast import Forecast, forecast
from memscope.steps.options import (
    Choices,
    absolute,
    check_against,
    check_choices,
    new_plan,
    sizes_of,
    with_defaults,
    with_saved_axis,
)
from memscope.store.atomic import remove_abandoned, write_atomically
from memscope.store.claims import release, unfinished
from memscope.store.examples import cache_images, open_dataset, read_examples, write_examples
from memscope.store.ledger import Task, missing_tasks, outcome_path, size_directory, task_name, write_outcome
from memscope.store.weights import write_weights
from memscope.training.device import default_workers, resolve_device
from memscope.training.task import Job, open_work


@dataclass(frozen=True)
class Where:
    """How the work is carried out: nothing here changes a number on a CPU."""

    device: str = "auto"
    engine: str = "processes"
    workers: int | None = None
    keep_weights: bool = True


@dataclass(frozen=True)
class Ended:
    """One task that ended, for a progress display."""

    task: Task
    failed: bool
    done: int
    """Models of this call that are finished"""
    total: int
    """Models that this call set out to train"""


@dataclass
class Trained:
    """What a call did."""

    run: Run
    trained: int = 0
    """Models"""
    already: int = 0
    failures: list[tuple[Task, str]] = field(default_factory=list)
    """Tasks that failed twice, and the last line of why"""
    diverged: list[tuple[int, int]] = field(default_factory=list)
    """(size, model) of this call's models whose loss became NaN or infinite"""


Say = Callable[[str], None]


def train_family(
    path: str | os.PathLike[str],
    choices: Choices,
    where: Where | None = None,
    *,
    say: Say = lambda message: None,
    on_end: Callable[[Ended], None] = lambda ended: None,
) -> Trained:
    """Create the run or go on with it. MemscopeError where the plan, the data or the disk does not allow it."""
    where = where or Where()
    check_where(where)
    device = resolve_device(where.device)
    run = prepare(Path(path), choices, device, say)
    if run.plan.recipe.trainer == RECORDED:
        return Trained(run)
    return train_missing(run, where, device, say, on_end)


def plan_ahead(
    path: str | os.PathLike[str],
    choices: Choices,
    where: Where | None = None,
    *,
    say: Say = lambda message: None,
) -> Forecast:
    """What `train_family` would do, as measured by a short probe; nothing is written."""
    where = where or Where()
    check_where(where)
    device = resolve_device(where.device)
    workers = workers_of(where, device)
    directory = Path(path)
    if plan_path(directory).is_file():
        run = open_run(directory)
        plan, dataset = grown_plan(run, choices), None
        with suppress(RunError):
            dataset = open_dataset(directory, run.examples, plan.data.spec)
        dataset = dataset or load_as_planned(plan, None)
        tasks = missing_tasks(directory, plan)
    else:
        dataset, plan = plan_anew(directory, choices, device, say)
        tasks = missing_tasks(directory, plan)
    say("measuring a few training steps at each size")
    return forecast(plan, dataset, tasks, device, workers, where.keep_weights)


def check_where(where: Where) -> None:
    if where.workers is not None and where.workers < 1:
        raise OptionError(f"--workers is {where.workers}; it must be at least 1")
    open_engine(where.engine)


def workers_of(where: Where, device: str) -> int:
    """How many workers there will be; the inline engine is one."""
    return 1 if where.engine == "inline" else where.workers or default_workers(device, cores())


def cores() -> int:
    """Cores that this process may use, which in a container are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def prepare(directory: Path, choices: Choices, device: str, say: Say) -> Run:
    """The run with its plan, examples and images in place."""
    dataset = None
    if plan_path(directory).is_file():
        run = open_run(directory)
        grown = grown_plan(run, choices)
        if choices.data is not None and absolute(choices.data) != run.plan.data.spec:
            say(f"reading {choices.data}")
            dataset = load_as_planned(run.plan, choices.data)
    else:
        dataset, grown = plan_anew(directory, choices, device, say)
        run = create_or_open(directory, grown)
        if run.plan.digest != grown.digest:
            raise RunError(
                f"{directory}: another call has just made this run with another plan (digest {run.plan.digest[:12]}, "
                f"ours {grown.digest[:12]}); choose another directory"
            )
    remove_abandoned(directory)
    ensure_examples(run, dataset, say)
    if choices.models is not None and choices.models != grown.models:
        why = "as planned before" if run.plan.whole_blocks(choices.models) < grown.models else "whole blocks"
        say(f"--models {choices.models}: the run has {grown.models} models of each {grown.axis}, {why}")
    return grow(run, grown.sizes, grown.models)


def grown_plan(run: Run, choices: Choices) -> Plan:
    """The saved plan with the sizes and models that were asked for; OptionError where others disagree."""
    filled = with_saved_axis(run.plan, choices)
    check_against(run.plan, filled, str(run.path))
    check_choices(replace(filled, trainer=run.plan.recipe.trainer))
    _, sizes = sizes_of(filled)
    return run.plan.grown(sizes or (), choices.models or 0)


def plan_anew(directory: Path, choices: Choices, device: str, say: Say) -> tuple[ImageDataset, Plan]:
    """The data and the plan of a run that does not exist yet."""
    if directory.is_file() or (directory.is_dir() and any(not p.name.startswith(".") for p in directory.iterdir())):
        raise RunError(f"{directory} exists and is not a run (no plan.toml in it); give a new or an empty directory")
    chosen = with_defaults(choices)
    check_choices(chosen)
    assert chosen.data is not None
    say(f"reading {chosen.data}")
    dataset = load_dataset(
        chosen.data,
        examples=chosen.examples,
        label_noise=chosen.label_noise or 0.0,
        data_seed=chosen.data_seed or 0,
        image_size=chosen.image_size,
    )
    return dataset, new_plan(chosen, dataset, device)


def load_as_planned(plan: Plan, spec: str | None) -> ImageDataset:
    """The plan's data set, perhaps from another place; RunError where it is not the same."""
    data = plan.data
    dataset = load_dataset(
        spec or data.spec,
        examples=data.examples,
        label_noise=data.label_noise,
        data_seed=data.data_seed,
        image_size=data.image_size,
    )
    if dataset.fingerprint != data.fingerprint:
        raise RunError(
            f"{spec or data.spec} has data fingerprint {dataset.fingerprint[:12]}, the run was made with "
            f"{data.fingerprint[:12]}: it is not the same data; give the original with --data, or make a new run"
        )
    return dataset


def ensure_examples(run: Run, dataset: ImageDataset | None = None, say: Say = lambda message: None) -> None:
    """See to it that `examples.h5` and the image cache are there and whole; make them from the source if not."""
    examples = None
    with suppress(RunError):  # missing or damaged: made again below
        examples = read_examples(run.path, run.plan.data.fingerprint)
        if open_dataset(run.path, examples, run.plan.data.spec).fingerprint == run.plan.data.fingerprint:
            return
    if dataset is None:
        say(f"reading {run.plan.data.spec}")
        dataset = load_as_planned(run.plan, None)
    if examples is None:
        say("looking for duplicates")
        write_examples(run.path, dataset, find_duplicates(dataset.train_images, dataset.test_images))
    cache_images(run.path, dataset)


def train_missing(run: Run, where: Where, device: str, say: Say, on_end: Callable[[Ended], None]) -> Trained:
    """Train what the ledger lacks; each failed task is tried once more at the end."""
    plan = run.plan
    tasks = missing_tasks(run.path, plan)
    total = sum(task.count for task in tasks)
    if tasks:
        say(f"training {total} models with {workers_of(where, device)} workers")
    result = Trained(run, already=len(plan.sizes) * plan.models - total)
    engine = open_engine(where.engine)
    workers = workers_of(where, device)
    work = partial(open_work, Job(str(run.path.absolute()), plan, device, where.keep_weights))
    for attempt in (1, 2):
        failed = []
        # closed at once where something stops us, so that no worker outlives this call
        with closing(engine(work, unfinished(run.path, plan, tasks), workers)) as reports:
            for report in keep(run, reports):
                task = report.task
                if report.failure is None:
                    outcome = report.product[0]
                    result.trained += task.count
                    lost = zip(task.models, outcome.diverged, strict=True)
                    result.diverged += [(task.size, model) for model, diverged in lost if diverged]
                else:
                    failed.append((task, report.failure))
                on_end(Ended(task, report.failure is not None, result.trained, total))
        tasks = [task for task, _ in failed]
        if not failed or attempt == 2:
            break
    result.failures = [(task, last_line(reason)) for task, reason in failed]
    return result


def last_line(traceback: str) -> str:
    """What went wrong, in one line: the exception, without the module of our own ones."""
    line = traceback.strip().splitlines()[-1]
    return line.split(": ", 1)[-1] if line.startswith("memscope.") else line


def keep(run: Run, reports: Iterable[Report]) -> Iterator[Report]:
    """Write each report's product, weights before outcome, or else why there is none."""
    for report in reports:
        failure = size_directory(run.path, "failures", run.plan, report.task.variant, report.task.size)
        failure = failure / f"{task_name(report.task)}.txt"
        if report.failure is None:
            outcome, weights = report.product
            if weights:
                write_weights(run.path, run.plan, report.task, weights)
            write_outcome(run.path, run.plan, report.task, outcome)
            failure.unlink(missing_ok=True)
        elif not outcome_path(run.path, run.plan, report.task).exists():  # another call may have managed it
            write_atomically(failure, report.failure.encode())
        release(run.path, report.task)
        yield report
