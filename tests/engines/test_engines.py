import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memscope.engines import Bundle, open_engine
from memscope.errors import OptionError
from memscope.store.ledger import Task

BUNDLES = [(Task("onehot", 2, first, 1), Task("onehot", 1, first, 1)) for first in range(6)]


def multiplying(worker: int) -> Callable[[Bundle], list[int]]:
    return lambda bundle: [task.first * task.size for task in bundle]


def failing_on_three(worker: int) -> Callable[[Bundle], list[int]]:
    def work(bundle: Bundle) -> list[int]:
        if bundle[0].first == 3:
            raise ArithmeticError("three is too many")
        return [bundle[0].first]

    return work


def dying_on_three(worker: int) -> Callable[[Bundle], list[int]]:
    def work(bundle: Bundle) -> list[int]:
        if bundle[0].first == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return [bundle[0].first]

    return work


def unusable(worker: int) -> Callable[[Bundle], list[int]]:
    raise RuntimeError("no data here")


def environment_of(worker: int) -> Callable[[Bundle], list[tuple[str | None, str | None, int]]]:
    import torch

    torch.set_num_threads(1)
    names = ("OMP_WAIT_POLICY", "OMP_NUM_THREADS")
    return lambda bundle: [(*map(os.environ.get, names), torch.get_num_threads())]


def recording(directory: str, worker: int) -> Callable[[Bundle], list[int]]:
    def work(bundle: Bundle) -> list[int]:
        Path(directory, f"{os.getpid()}").write_text("")
        time.sleep(120)
        return [0]

    return work


def drawing(worker: int) -> Callable[[Bundle], list[tuple[str | None, float]]]:
    def work(bundle: Bundle) -> list[tuple[str | None, float]]:
        time.sleep(0.5)  # so that both workers have one to do
        return [(os.environ.get("MEMSCOPE_TRIED"), float(np.random.random()))]  # noqa: NPY002

    return work


def test_every_bundle_is_reported_once_with_the_products_of_its_tasks(engine):
    reports = list(engine(multiplying, BUNDLES, 2))
    assert sorted((report.tasks, report.products) for report in reports) == [(BUNDLES[n], [2 * n, n]) for n in range(6)]
    assert all(report.failure is None for report in reports)


def test_a_bundle_that_raises_is_reported_with_its_traceback_and_the_others_go_on(engine):
    reports = {report.tasks[0].first: report for report in engine(failing_on_three, BUNDLES, 2)}
    assert "ArithmeticError: three is too many" in (reports[3].failure or "")
    assert [n for n in range(6) if reports[n].products == [n]] == [0, 1, 2, 4, 5]


def test_a_killed_worker_costs_its_bundle_only_and_is_replaced():
    reports = {report.tasks[0].first: report for report in open_engine("processes")(dying_on_three, BUNDLES, 1)}
    assert "SIGKILL" in (reports[3].failure or "")
    assert [n for n in range(6) if reports[n].products == [n]] == [0, 1, 2, 4, 5]


def test_where_there_is_no_forking_server_workers_are_started_afresh(monkeypatch):
    monkeypatch.setattr("memscope.engines.processes.FORKING", False)
    reports = list(open_engine("processes")(multiplying, BUNDLES, 2))
    assert sorted(report.tasks for report in reports) == BUNDLES
    (report,) = open_engine("processes")(environment_of, BUNDLES[:1], 1)
    assert report.products == [("PASSIVE", "1", 1)]


def test_workers_have_the_variables_and_random_numbers_of_their_own(monkeypatch):
    """Not those of the moment when the server was started that they are forks of; users' code draws without a seed."""
    list(open_engine("processes")(multiplying, BUNDLES[:1], 1))
    monkeypatch.setenv("MEMSCOPE_TRIED", "now")
    reports = list(open_engine("processes")(drawing, BUNDLES[:2], 2))
    assert [report.products[0][0] for report in reports] == ["now", "now"]
    assert len({report.products[0][1] for report in reports}) == 2


def test_a_worker_that_cannot_open_its_work_says_why_for_every_bundle():
    reports = list(open_engine("processes")(unusable, BUNDLES[:2], 2))
    assert ["no data here" in (report.failure or "") for report in reports] == [True, True]


def test_a_bundle_is_taken_only_when_a_worker_is_free_for_it(engine):
    taken = []

    def bundles():
        for bundle in BUNDLES:
            taken.append(bundle)
            yield bundle

    reports = engine(multiplying, bundles(), 1)
    next(reports)
    assert len(taken) <= 2
    assert len(list(reports)) == 5


def test_workers_have_one_thread_and_wait_passively_and_we_keep_our_own_environment():
    before = dict(os.environ)
    (report,) = open_engine("processes")(environment_of, BUNDLES[:1], 1)
    assert report.products == [("PASSIVE", "1", 1)]
    assert dict(os.environ) == before


def test_stopping_early_ends_the_workers_at_once(tmp_path):
    reports = open_engine("processes")(slow_after_first, BUNDLES, 2)
    next(reports)
    start = time.monotonic()
    reports.close()
    assert time.monotonic() - start < 5


def slow_after_first(worker: int) -> Callable[[Bundle], list[int]]:
    def work(task: Task) -> int:
        if task.first:
            time.sleep(120)
        return [0]

    return work


def test_workers_end_when_their_coordinator_is_killed(tmp_path):
    script = textwrap.dedent(
        f"""
        import sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from functools import partial
        from memscope.engines import open_engine
        from memscope.store.ledger import Task
        from test_engines import recording
        if __name__ == "__main__":
            bundles = [(Task("onehot", 2, n, 1),) for n in range(2)]
            list(open_engine("processes")(partial(recording, {str(tmp_path)!r}), bundles, 2))
        """
    )
    file = tmp_path / "coordinator.py"
    file.write_text(script)
    coordinator = subprocess.Popen([sys.executable, str(file)])
    workers = wait_for(lambda: [int(p.name) for p in tmp_path.iterdir() if p.name.isdigit()], 2)
    coordinator.kill()
    coordinator.wait()
    ended = wait_for(lambda: [worker for worker in workers if not running(worker)], 2)
    assert sorted(ended) == sorted(workers)


def square(number: int) -> int:
    return number * number


def by_dataloader() -> int:
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    loaded = DataLoader(TensorDataset(torch.arange(3)), num_workers=2)
    return sum(int(number) ** 2 for (number,) in loaded)


def by_pool() -> int:
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return sum(pool.map(square, range(3)))


def by_another_server() -> int:
    with multiprocessing.get_context("forkserver").Pool(1) as pool:
        return sum(pool.map(square, range(3)))


def by_executor() -> int:
    with ProcessPoolExecutor(2) as executor:
        return sum(executor.map(square, range(3)))


def by_program() -> int:
    done = subprocess.run([sys.executable, "-c", "print(5)"], capture_output=True, text=True, check=True)
    return int(done.stdout)


def starting(others: Callable[[], int], worker: int) -> Callable[[Bundle], list[int]]:
    return lambda bundle: [others()]


@pytest.mark.parametrize("others", [by_dataloader, by_pool, by_another_server, by_executor, by_program])
def test_users_code_may_start_processes_in_a_worker(others):
    reports = list(open_engine("processes")(partial(starting, others), BUNDLES[:2], 1))
    assert [(report.products, report.failure) for report in reports] == [([5], None)] * 2


KEPT: list[Any] = []


def leaving(directory: str, how: str, worker: int) -> Callable[[Bundle], list[int]]:
    """Processes of three kinds that nobody ends; `directory` has a file for each, and one for the worker."""

    def work(bundle: Bundle) -> list[int]:
        KEPT.append(multiprocessing.get_context("fork").Pool(1))
        started = [KEPT[-1].apply(os.getpid), os.getpid()]
        for method in ("fork", "forkserver"):
            child = multiprocessing.get_context(method).Process(target=time.sleep, args=(300,))
            child.start()
            started.append(child.pid)
        started.append(subprocess.Popen(["sleep", "300"]).pid)
        for process in started:
            Path(directory, str(process)).write_text("")
        if how == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        if how == "goes on":
            time.sleep(300)
        return [0]

    return work


def left_by(directory: Path, workers: int) -> list[int]:
    return wait_for(lambda: [int(path.name) for path in directory.iterdir() if path.name.isdigit()], 5 * workers)


def all_ended(processes: list[int]) -> bool:
    wait_for(lambda: [process for process in processes if not running(process)], len(processes))
    return True


@pytest.mark.parametrize("how", ["returns", "dies"])
def test_what_users_code_has_started_ends_with_its_worker(tmp_path, how):
    """Although a forked child holds the worker's end of the pipe, which therefore does not end with the worker."""
    start = time.monotonic()
    (report,) = open_engine("processes")(partial(leaving, str(tmp_path), how), BUNDLES[:1], 1)
    assert ("SIGKILL" in (report.failure or "")) == (how == "dies")
    assert all_ended(left_by(tmp_path, 1))
    assert time.monotonic() - start < 60  # and not after the minutes that they sleep


def test_what_users_code_has_started_ends_when_we_stop_early(tmp_path):
    reports = open_engine("processes")(partial(started_by, str(tmp_path), True), BUNDLES[:2], 2)
    next(reports)
    started = left_by(tmp_path, 1)
    reports.close()
    assert all_ended(started)


@pytest.mark.parametrize("signalled", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, None])
def test_what_users_code_has_started_ends_with_the_coordinator(tmp_path, signalled):
    """Killed, interrupted, or at its own end with the iterator of reports still open."""
    script = textwrap.dedent(
        f"""
        import signal, sys, time
        from pathlib import Path
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from functools import partial
        from memscope.engines import open_engine
        from memscope.store.ledger import Task
        from test_engines import left_by, started_by
        if __name__ == "__main__":
            there = Path({str(tmp_path)!r})
            bundles = [(Task("onehot", 2, n, 1),) for n in range(2)]
            work = partial(started_by, str(there), {signalled is None})
            reports = open_engine("processes")(work, bundles, 2)
            next(reports)
            left_by(there, 1)
        """
    )
    file = tmp_path / "coordinator.py"
    file.write_text(script)
    coordinator = subprocess.Popen([sys.executable, str(file)], stderr=subprocess.DEVNULL)
    started = left_by(tmp_path, 1 if signalled is None else 2)
    if signalled is not None:
        coordinator.send_signal(signalled)
    coordinator.wait(60)
    assert all_ended(started)


def started_by(directory: str, first_returns: bool, worker: int) -> Callable[[Bundle], list[int]]:
    return multiplying(worker) if first_returns and not worker else leaving(directory, "goes on", worker)


def wait_for(found: Callable[[], list[int]], count: int) -> list[int]:
    deadline = time.monotonic() + 60
    while len(found()) < count:
        assert time.monotonic() < deadline, f"only {found()} after a minute"
        time.sleep(0.05)
    return found()


def running(process: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_an_unknown_engine_is_refused_with_the_known_ones():
    with pytest.raises(OptionError, match="inline, processes, ray"):
        open_engine("cloud")


def test_work_may_be_a_partial_of_a_function():
    reports = list(open_engine("inline")(partial(adding, 5), BUNDLES[:1], 1))
    assert reports[0].products == [5]


def adding(amount: int, worker: int) -> Callable[[Bundle], list[int]]:
    return lambda bundle: [bundle[0].first + amount]
