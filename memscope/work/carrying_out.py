"""Carrying out tasks with an engine, and keeping their products: the same code for training and for measuring.

Work is handed out in bundles: tasks that one worker does together because they share something, such as a teacher.
Most bundles are one task. Every task ends in one file, which is the record that it is done. Several calls on one run
share the tasks that are missing.
"""

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from memscope.cores import cores
from memscope.engines import Bundle, Cluster, ClusterState, OpenWork, Report, last_line, open_engine
from memscope.engines.cluster import connect, room
from memscope.errors import OptionError
from memscope.files.atomic import write_atomically
from memscope.plan.plan_file import plan_text
from memscope.run import Run
from memscope.store.claims import release, unfinished
from memscope.store.examples import RunData, read_data
from memscope.store.ledger import Task, failure_path
from memscope.text import printable
from memscope.under_way import announce

NOTES = logging.getLogger(__name__)

WRITERS = 8
"""Reports whose files are written at the same time. A disk flushes several files in little more than the time of one:
120 files a second were measured one after another, 400 with two at a time."""

PATIENCE = 0.003
"""Seconds to wait at least for a report's files, when no others are being written, before asking for the next report:
as long as it took to come, so that it is counted before a long wait for the next, and quick reports are not held up."""


@dataclass(frozen=True)
class WorkOptions:
    """How the work is carried out. Nothing here changes a number on a CPU."""

    device: str = "auto"
    engine: str = "processes"
    address: str | None = None
    """HOST:PORT of the Ray cluster, for the engine `ray`; None or `auto`: the cluster that this machine belongs to"""
    workers: int | None = None
    keep_weights: bool = True
    shard: tuple[int, int] = (1, 1)
    """(i, n): this call does only every n-th of the plan's tasks, from the i-th on; i from 1 to n"""


@dataclass(frozen=True)
class Ended:
    """A bundle of tasks that ended, for a progress display."""

    tasks: Bundle
    failed: bool
    done: int
    """Models, or fits of predictors, that this call has finished"""
    total: int
    """Those that it has to do in all"""
    cluster: ClusterState | None = None
    error: float = math.nan
    """Standard error to expect of a score with the models that there are; NaN if a size has too few"""


Say = Callable[[str], None]
OnEnd = Callable[[Ended], None]


def silent(message: str) -> None:
    """A `Say` for callers who do not want messages."""


def unseen(ended: Ended) -> None:
    """An `OnEnd` for callers who show no progress."""


def its_models(task: Task) -> str:
    return f"size {task.size} models {task.first} to {task.first + task.count - 1}"


@dataclass(frozen=True)
class Work:
    """A kind of work: how a worker opens it, where the file of a task is, and how a product is written there."""

    open: OpenWork
    path_of: Callable[[Task], Path]
    write: Callable[[Task, Any], Any]
    """Returns what the caller wants to know about a task in the end. Called for several tasks at once, in threads"""
    name: Callable[[Task], str] = its_models
    """What a task is called where it is noted how it ended"""


@dataclass
class Done:
    """What a call did."""

    models: int = 0
    """Models, or fits, whose task ended well, counted once for each task"""
    failures: list[tuple[Task, str]] = field(default_factory=list)
    """Tasks that failed twice, and the last line of why"""
    told: list[tuple[Task, Any]] = field(default_factory=list)
    """What `Work.write` returned for each task that ended well"""


def check_work_options(options: WorkOptions) -> None:
    if options.workers is not None and options.workers < 1:
        raise OptionError(f"--workers is {options.workers}; it must be at least 1")
    share, shares = options.shard
    if not 1 <= share <= shares:
        raise OptionError(f"--shard is {share}/{shares}; it must be i/n with i from 1 to n, as in 1/8 to 8/8")
    if options.address is not None and options.engine != "ray":
        raise OptionError(f"--address {options.address} is of a Ray cluster; give --engine ray with it")
    open_engine(options.engine)
    if options.engine == "ray":
        connect(cluster_of(options, "cpu").address)  # now, before data are read for nothing


def workers_of(options: WorkOptions, device: str) -> int:
    """How many workers there will be: one for the inline engine; on a Ray cluster, as many as it has room for now."""
    if options.engine == "ray":
        return room(cluster_of(options, device))
    from memscope.training.device import default_workers  # loads torch, which commands that only draw do without

    return 1 if options.engine == "inline" else options.workers or default_workers(device, cores())


def cluster_of(options: WorkOptions, device: str) -> Cluster:
    return Cluster(options.address or "auto", device, options.workers)


def data_to_send(run: Run, options: WorkOptions) -> RunData | None:
    """The data set of a run, if its workers may be on machines that do not see the run's directory; else None."""
    return read_data(run.path, run.plan.data.fingerprint) if options.engine == "ray" else None


def of_shard(options: WorkOptions, tasks: Sequence[Task]) -> list[Task]:
    """The tasks of this shard; `tasks` are all tasks, in the same order for every shard."""
    share, shares = options.shard
    return list(tasks[share - 1 :: shares])


def carry_out(
    run: Run, work: Work, bundles: Sequence[Bundle], options: WorkOptions, device: str, on_end: OnEnd
) -> Done:
    """Do the tasks that have no file yet; what fails is tried once more at the end, models of other numbers apart."""
    result = Done()
    total = sum(task.count for bundle in bundles for task in bundle if not work.path_of(task).exists())
    announce(total)
    engine = open_engine(options.engine, cluster_of(options, device))
    # a cluster may grow beyond what it has room for now
    most = options.workers or len(bundles) if options.engine == "ray" else workers_of(options, device)
    failed: list[tuple[Bundle, str]] = []
    for _ in range(2):
        given = unfinished(run.path, bundles, work.path_of)
        failed = []
        # closed at once if something stops us, so that no worker outlives this call
        with (
            closing(engine(work.open, given, max(1, min(most, len(bundles))))) as reports,
            closing(keep(run, work, reports)) as kept,
        ):
            for report, told in kept:
                if report.failure is None:
                    result.models += sum(task.count for task in report.tasks)
                    result.told += zip(report.tasks, told, strict=True)
                else:
                    failed.append((report.tasks, report.failure))
                on_end(Ended(report.tasks, report.failure is not None, result.models, total, report.cluster))
                note(work, report)
        bundles = [part for bundle, _ in failed for part in apart(bundle)]
        if not failed:
            break
    result.failures = [(task, last_line(reason)) for bundle, reason in failed for task in bundle]
    return result


def apart(bundle: Bundle) -> list[Bundle]:
    """A bundle by the numbers of its models: what is wrong with some should not keep the others from being done."""
    return [
        tuple(task for task in bundle if task.first == first) for first in dict.fromkeys(one.first for one in bundle)
    ]


def note(work: Work, report: Report) -> None:
    """Note how a bundle ended; with the whole traceback if it failed."""
    tasks = ", ".join(map(work.name, report.tasks))
    if report.failure is None:
        NOTES.debug("done: %s", tasks)
    else:
        NOTES.debug("failed: %s\n%s", tasks, "\n".join(map(printable, report.failure.splitlines())))


def keep(run: Run, work: Work, reports: Iterable[Report]) -> Generator[tuple[Report, list[Any]], None, None]:
    """Write the products of each report, or the reason why there are none. When that is done, yield the report and what
    `work.write` returned for each of its tasks."""
    under_way: deque[tuple[Report, Future[list[Any]]]] = deque()
    with ThreadPoolExecutor(WRITERS) as writers:
        for report, waited in with_waits(reports):
            while under_way and under_way[0][1].done():
                yield written(*under_way.popleft())
            under_way.append((report, writers.submit(write_files, run, work, report)))
            if len(under_way) == 1:
                wait([under_way[0][1]], timeout=max(PATIENCE, waited))
            while under_way and (under_way[0][1].done() or len(under_way) > WRITERS):
                yield written(*under_way.popleft())
        while under_way:
            yield written(*under_way.popleft())


def with_waits(reports: Iterable[Report]) -> Iterator[tuple[Report, float]]:
    """Each report, and the seconds that it was waited for."""
    asked = time.monotonic()
    for report in reports:
        yield report, time.monotonic() - asked
        asked = time.monotonic()


def written(report: Report, files: "Future[list[Any]]") -> tuple[Report, list[Any]]:
    """The report, once its files are there, and what `Work.write` returned for its tasks."""
    return report, files.result()


def write_files(run: Run, work: Work, report: Report) -> list[Any]:
    """Write the products of a report, or the reason why there are none; returns what `work.write` did for each."""
    plan_text(run.path)
    told = []
    for position, task in enumerate(report.tasks):
        path = work.path_of(task)
        failure = failure_path(run.path, path)
        if report.failure is None:
            told.append(work.write(task, report.products[position]))
            failure.unlink(missing_ok=True)
        elif not path.exists():  # another call may have managed it
            write_atomically(failure, report.failure.encode())
        release(run.path, path)
    return told
