import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

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
