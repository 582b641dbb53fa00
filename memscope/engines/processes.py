"""`processes`: worker processes on this machine, one thread each on a CPU, each on one bundle at a time.

The coordinator keeps a pipe to every worker. A pool from the standard library will not do, because the whole pool gives
up when one worker is killed. Here only the bundle of a dead worker is lost, and the worker is replaced.

The user's own code may start processes in a worker: torch's DataLoader, a pool, a program. A worker is therefore the
leader of a session, in which whatever it starts stays, and the session ends with the worker: however that ends, and
whoever ends first.
"""

import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.util import Finalize
from typing import Any

import numpy as np

from memscope.engines import Bundle, OpenWork, Report
from memscope.under_way import HAND, begin, pass_on

ENVIRONMENT = {
    # A waiting OpenMP thread that spins takes the core from the process beside it.
    "OMP_WAIT_POLICY": "PASSIVE",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    # The C library of Linux gives large blocks back to the system as soon as they are free, so every activation costs
    # new pages: a third of the time of evaluation from width 16 on. With this it keeps the blocks and uses them again.
    "MALLOC_MMAP_THRESHOLD_": str(2**30),
    "MALLOC_TRIM_THRESHOLD_": str(2**32),
}

TELL_EVERY = 0.25
"""Seconds between two words of a worker on how far it is."""

PATIENCE = 5.0
"""Seconds in which a worker that has no more to do may end by itself."""


@dataclass(eq=False)
class Worker:
    """One process, the coordinator's end of its pipe, and the bundle it is on."""

    number: int
    process: BaseProcess
    pipe: Connection
    end: Callable[[], None]
    """Kills it and what it has started, once"""
    bundle: Bundle = ()


def run_processes(open_work: OpenWork, bundles: Iterable[Bundle], workers: int) -> Generator[Report, None, None]:
    """Run the bundles in `workers` processes of this machine."""
    waiting = iter(bundles)
    busy: dict[Connection, Worker] = {}
    leaving: list[Worker] = []
    try:
        for number in range(workers):
            bundle = next(waiting, None)
            if bundle is None:
                break
            worker = start_worker(open_work, number)
            busy[worker.pipe] = worker
            hand_out(worker, bundle)
        while busy:
            # the end of a worker is not the end of its pipe while a process that it has started holds that too
            ready = wait([*busy, *(worker.process.sentinel for worker in (*busy.values(), *leaving))])
            for worker in [worker for worker in leaving if worker.process.sentinel in ready]:
                leaving.remove(worker)
                worker.end()
            for pipe in [pipe for pipe, worker in busy.items() if pipe in ready or worker.process.sentinel in ready]:
                report = collect(busy[pipe])
                if report is None:
                    continue
                worker = busy.pop(pipe)
                bundle = next(waiting, None)
                if bundle is None:
                    worker.pipe.close()  # it sees the end of its pipe and returns
                    leaving.append(worker)
                else:
                    if worker.process.exitcode is not None:
                        worker.end()
                        worker = start_worker(open_work, worker.number)
                    busy[worker.pipe] = worker
                    hand_out(worker, bundle)
                yield report
    finally:
        # Reached with work under way only when the caller stops early: that work is trained again later.
        for worker in busy.values():
            worker.end()
        for worker in leaving:
            worker.process.join(PATIENCE)
            worker.end()
        for worker in (*busy.values(), *leaving):
            worker.process.join()


def start_worker(open_work: OpenWork, number: int) -> Worker:
    """Start a worker; a fork of the coordinator would inherit torch's threads in an undefined state."""
    context = forking_from(module_of(open_work)) if FORKING else multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, open_work, number, dict(os.environ)), daemon=True)
    with environment(ENVIRONMENT), interrupts_ignored():
        process.start()
    theirs.close()  # so that the pipe ends when the worker does
    # Should this program end without having ended its workers: multiprocessing would end them, not what they started.
    return Worker(number, process, ours, Finalize(None, kill_session, (process,), exitpriority=1))


def kill_session(process: BaseProcess) -> None:
    """Kill a worker, and what it has started."""
    assert process.pid is not None
    with suppress(OSError):  # it has not come to opening a session, or all of it has ended
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()


FORKING = sys.platform == "linux"
"""Whether workers are forked from a server that has loaded what their work needs, torch above all, and has started no
thread. They then start in no time and share that memory. Elsewhere, each worker is started as a fresh process."""


def forking_from(module: str) -> Any:
    """The context of the server, which loads the module when it starts; a server that is already running does not."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([module])
    return context


def load_ahead(module: str) -> None:
    """Start the server, so that it loads what workers will need while this process loads what it needs itself."""
    if FORKING:
        forking_from(module)
        with environment(ENVIRONMENT), interrupts_ignored():
            forkserver.ensure_running()


def module_of(open_work: OpenWork) -> str:
    """The module that a worker imports for its work."""
    while isinstance(open_work, partial):
        open_work = open_work.func
    return open_work.__module__


def hand_out(worker: Worker, bundle: Bundle) -> None:
    worker.bundle = bundle
    with suppress(OSError):  # a worker that is already dead is noticed when its report is collected
        worker.pipe.send(bundle)


def collect(worker: Worker) -> Report | None:
    """The report that a worker has ready, or how it died; None if it only told how far it is."""
    if worker.process.exitcode is not None:
        worker.end()  # else what it has started could hold the pipe, and half a report in it be waited for
    try:
        if worker.process.exitcode is not None and not worker.pipe.poll():
            raise EOFError
        message = worker.pipe.recv()
        if isinstance(message, float):
            pass_on(worker.bundle, message)
            return None
        products, failure = message
        return Report(worker.bundle, products, failure)
    except (EOFError, OSError):
        worker.process.join()
        worker.end()
        code = worker.process.exitcode or 0
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit status {code}"
        hint = " (the system's out-of-memory killer, perhaps)" if code == -signal.SIGKILL else ""
        return Report(worker.bundle, failure=f"the worker process {how}{hint}")


@contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    """Set environment variables for the processes that are started inside; they must be set before torch loads."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def interrupts_ignored() -> Iterator[None]:
    """Start processes that ignore Ctrl-C from their first moment: the coordinator handles it and ends them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def serve(pipe: Connection, open_work: OpenWork, number: int, variables: dict[str, str]) -> None:
    """A worker's life: open the work, then a bundle in and its products out, until the pipe ends."""
    os.setsid()
    multiprocessing.current_process().daemon = False  # as one, which it is to the coordinator, it could start none
    threading.Thread(target=end_with_parent, daemon=True).start()
    # A forking server has the environment of the moment when it was started, and all its forks would share one state
    # of NumPy's generator, from which the user's own code may draw without a seed.
    os.environ.clear()
    os.environ.update(variables | ENVIRONMENT)
    np.random.seed()  # noqa: NPY002
    HAND.hears = Telling(pipe)
    work, unusable = None, None
    products: Sequence[Any] = ()
    try:
        work = open_work(number)
    except (Exception, SystemExit):  # the user's own code may call sys.exit; every bundle is reported with it
        unusable = traceback.format_exc()
    while True:
        try:
            bundle = pipe.recv()
        except (EOFError, OSError):
            break
        products, failure = (), unusable
        if work is not None:
            begin()
            try:
                products = work(bundle)
            except (Exception, SystemExit):  # the user's own code may call sys.exit
                failure = traceback.format_exc()
        try:
            pipe.send((products, failure))
        except OSError:
            break
    for child in multiprocessing.active_children():
        if not child.daemon:  # the end of this process would wait for it; the others, as those of a pool, it ends
            child.kill()


class Telling:
    """Tells the coordinator how far a bundle is, not more often than anybody looks."""

    def __init__(self, pipe: Connection) -> None:
        self.pipe, self.last = pipe, -TELL_EVERY

    def __call__(self, models: float) -> None:
        if time.monotonic() - self.last < TELL_EVERY:
            return
        self.last = time.monotonic()
        with suppress(OSError):  # the end of the coordinator is noticed elsewhere
            self.pipe.send(float(models))


def end_with_parent() -> None:
    """End this process when the coordinator ends, also by SIGKILL, even in the middle of a task."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.killpg(os.getpid(), signal.SIGKILL)  # with it, what it has started
