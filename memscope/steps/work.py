"""Carrying out tasks with an engine, and keeping what they give: one way for training and for measuring.

Work is handed out in bundles: the tasks that one worker does together because they share something, such as a
teacher; mostly a bundle is one task. Every task ends in one file, which is the record that it is done. Several
calls on one run share what is missing.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from memscope.engines import Bundle, OpenWork, Report, open_engine
from memscope.errors import OptionError
from memscope.plan import plan_text
from memscope.run import Run
from memscope.store.atomic import write_atomically
from memscope.store.claims import release, unfinished
from memscope.store.ledger import Task, failure_path
from memscope.training.device import default_workers


@dataclass(frozen=True)
class Where:
    """How the work is carried out: nothing here changes a number on a CPU."""

    device: str = "auto"
    engine: str = "processes"
    workers: int | None = None
    keep_weights: bool = True
    shard: tuple[int, int] = (1, 1)
    """(i, n): of all tasks of the plan only every n-th is done here, from the i-th on; i from 1 to n"""


@dataclass(frozen=True)
class Ended:
    """A bundle of tasks that ended, for a progress display."""

    tasks: Bundle
    failed: bool
    done: int
    """Models of this call that are finished"""
    total: int
    """Models that this call set out to do"""


Say = Callable[[str], None]
OnEnd = Callable[[Ended], None]


def silent(message: str) -> None:
    """A `Say` for those who do not want to be told."""


def unseen(ended: Ended) -> None:
    """An `OnEnd` for those who do not want to be told."""


@dataclass(frozen=True)
class Work:
    """A kind of work: how a worker opens it, where the file of a task is, and how a product is written there."""

    open: OpenWork
    path_of: Callable[[Task], Path]
    write: Callable[[Task, Any], None]


@dataclass
class Done:
    """What a call did."""

    models: int = 0
    """Models whose task ended well, each counted once a task"""
    failures: list[tuple[Task, str]] = field(default_factory=list)
    """Tasks that failed twice, and the last line of why"""


def check_where(where: Where) -> None:
    if where.workers is not None and where.workers < 1:
        raise OptionError(f"--workers is {where.workers}; it must be at least 1")
    share, shares = where.shard
    if not 1 <= share <= shares:
        raise OptionError(f"--shard is {share}/{shares}; it must be i/n with i from 1 to n, as in 1/8 to 8/8")
    open_engine(where.engine)


def workers_of(where: Where, device: str) -> int:
    """How many workers there will be; the inline engine is one."""
    return 1 if where.engine == "inline" else where.workers or default_workers(device, cores())


def of_shard(where: Where, tasks: Sequence[Task]) -> list[Task]:
    """The tasks that are done here, of all tasks in an order that every shard knows."""
    share, shares = where.shard
    return list(tasks[share - 1 :: shares])


def cores() -> int:
    """Cores that this process may use, which in a container are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def carry_out(run: Run, work: Work, bundles: Sequence[Bundle], where: Where, device: str, on_end: OnEnd) -> Done:
    """Do the tasks that have no file yet; each bundle that fails is tried once more at the end."""
    result = Done()
    total = sum(task.count for bundle in bundles for task in bundle if not work.path_of(task).exists())
    engine = open_engine(where.engine)
    failed: list[tuple[Bundle, str]] = []
    for _ in range(2):
        given = unfinished(run.path, bundles, work.path_of)
        failed = []
        # closed at once where something stops us, so that no worker outlives this call
        with closing(engine(work.open, given, workers_of(where, device))) as reports:
            for report in keep(run, work, reports):
                if report.failure is None:
                    result.models += sum(task.count for task in report.tasks)
                else:
                    failed.append((report.tasks, report.failure))
                on_end(Ended(report.tasks, report.failure is not None, result.models, total))
        bundles = [bundle for bundle, _ in failed]
        if not failed:
            break
    result.failures = [(task, last_line(reason)) for bundle, reason in failed for task in bundle]
    return result


def keep(run: Run, work: Work, reports: Iterable[Report]) -> Iterator[Report]:
    """Write the products of each report, or else why there are none."""
    for report in reports:
        plan_text(run.path)
        for position, task in enumerate(report.tasks):
            path = work.path_of(task)
            failure = failure_path(run.path, path)
            if report.failure is None:
                work.write(task, report.products[position])
                failure.unlink(missing_ok=True)
            elif not path.exists():  # another call may have managed it
                write_atomically(failure, report.failure.encode())
            release(run.path, path)
        yield report


def last_line(traceback: str) -> str:
    """What went wrong, in one line: the exception, without the module of our own ones."""
    line = traceback.strip().splitlines()[-1]
    return line.split(": ", 1)[-1] if line.startswith("memscope.") else line
