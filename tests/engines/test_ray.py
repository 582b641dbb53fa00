"""The engine `ray`, on real clusters of raylets on this machine."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest

from memscope.engines import Bundle, Cluster
from memscope.engines.cluster import connect, room
from memscope.errors import MemscopeError, OptionError, RunError
from memscope.store.examples import RunData, open_images
from memscope.store.ledger import Task
from tests.engines.conftest import NODE
from tests.engines.test_engines import environment_of, unusable

if TYPE_CHECKING:
    pass

# Workers import this module for the functions that they are given: steps, and torch with them, are imported in the
# tests that need them, which saves every worker seconds.

ray = pytest.importorskip("ray", reason='Ray is not installed: pip install "memscope-ml[ray]"')
pytestmark = pytest.mark.xdist_group("ray")

BUNDLES = [(Task("onehot", 1, first, 1),) for first in range(6)]


@pytest.fixture
def options(raylets):
    from memscope.work.carrying_out import WorkOptions

    return WorkOptions(device="cpu", engine="ray", address=raylets.address)


def dying_on_three(worker: int) -> Callable[[Bundle], list[int]]:
    def work(bundle: Bundle) -> list[int]:
        if bundle[0].first == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return [bundle[0].first]

    return work


def dying_once(directory: str, worker: int) -> Callable[[Bundle], list[int]]:
    def work(bundle: Bundle) -> list[int]:
        try:
            (Path(directory) / f"{bundle[0].first}").touch(exist_ok=False)
        except FileExistsError:
            return [bundle[0].first]
        os.kill(os.getpid(), signal.SIGKILL)
        return []

    return work


def giving_what_cannot_be_pickled(worker: int) -> Callable[[Bundle], list[object]]:
    return lambda bundle: [threading.Lock() if bundle[0].first == 3 else 0]


def telling_where(seconds: float, worker: int) -> Callable[[Bundle], list[tuple[str, int]]]:
    import ray

    def work(bundle: Bundle) -> list[tuple[str, int]]:
        time.sleep(seconds)
        return [(ray.get_runtime_context().get_node_id(), os.getpid())]

    return work


def usable_by_the_second(worker: int) -> Callable[[Bundle], list[int]]:
    if worker != 1:
        raise RuntimeError("no data on this node")
    return lambda bundle: [bundle[0].first]


def summing(given: np.ndarray, worker: int) -> Callable[[Bundle], list[tuple[int, bool]]]:
    return lambda bundle: [(int(given.sum()), given.flags.owndata)]


def test_a_bundle_that_kills_its_workers_is_given_up_after_a_while_and_the_others_go_on(on_ray):
    reports = {report.tasks[0].first: report for report in on_ray(dying_on_three, BUNDLES[2:5], 2)}
    assert "4 workers died on it" in (reports[3].failure or "")
    assert "\n" not in (reports[3].failure or "")
    assert [n for n in (2, 4) if reports[n].products == [n]] == [2, 4]


def test_a_bundle_whose_worker_is_killed_is_done_by_another(on_ray, tmp_path):
    reports = list(on_ray(partial(dying_once, str(tmp_path)), BUNDLES[:1], 2))
    assert [report.products for report in reports] == [[0]]


def test_a_worker_that_cannot_open_its_work_says_why_for_every_bundle(on_ray):
    reports = list(on_ray(unusable, BUNDLES, 2))
    assert sorted(report.tasks for report in reports) == BUNDLES
    assert all("no data here" in (report.failure or "") for report in reports)


def test_a_node_on_which_the_work_cannot_be_opened_is_left_out_while_another_can(on_ray):
    reports = list(on_ray(usable_by_the_second, BUNDLES, 2))
    assert sorted(report.products for report in reports) == [[n] for n in range(6)]
    assert reports[-1].cluster is not None
    assert (reports[-1].cluster.nodes, reports[-1].cluster.workers) == (1, 1)
    assert all("no data on this node" in why for why in reports[-1].cluster.left_out)


def test_products_that_cannot_be_sent_cost_their_bundle_only(on_ray):
    reports = {report.tasks[0].first: report for report in on_ray(giving_what_cannot_be_pickled, BUNDLES[2:], 1)}
    assert "cannot pickle" in (reports[3].failure or "")
    assert [n for n in range(2, 6) if reports[n].failure is None] == [2, 4, 5]


def test_workers_have_one_thread_and_wait_passively(on_ray):
    (report,) = on_ray(environment_of, BUNDLES[:1], 1)
    assert report.products == [("PASSIVE", "1", 1)]


def test_arrays_inside_the_work_are_read_where_they_lie(on_ray):
    given = np.arange(2**20)
    reports = list(on_ray(partial(summing, given), BUNDLES[:1], 1))
    assert [report.products for report in reports] == [[(int(given.sum()), False)]]


def test_other_versions_on_a_node_are_said(on_ray, monkeypatch):
    monkeypatch.setattr("memscope.engines.ray.__version__", "0.0.1")
    (report,) = on_ray(environment_of, BUNDLES[:1], 1)
    assert "the coordinator 0.0.1; install the same version on every node" in (report.failure or "")


def test_stopping_early_ends_the_workers_at_once(on_ray):
    reports = on_ray(partial(telling_where, 0.1), BUNDLES, 2)
    (_, process) = next(reports).products[0]
    start = time.monotonic()
    reports.close()
    assert time.monotonic() - start < 5
    until(lambda: not running(process))


def test_a_node_that_joins_is_used_and_the_bundles_of_one_that_dies_are_done_elsewhere(raylets, on_ray):
    given: list[Bundle] = []
    enough = False

    def bundles() -> Iterator[Bundle]:
        while not enough:
            given.append((Task("onehot", 1, len(given), 1),))
            yield given[-1]

    reports = on_ray(partial(telling_where, 0.2), bundles(), 10)
    done, nodes = [next(reports)], set()
    joined = raylets.add_node(**NODE)
    try:
        while joined.node_id not in nodes:
            done.append(next(reports))
            nodes.add(done[-1].products[0][0])
        assert done[-1].cluster is not None
        assert (done[-1].cluster.nodes, done[-1].cluster.workers) == (3, 3)
    finally:
        raylets.remove_node(joined, allow_graceful=False)
    deadline = time.monotonic() + 120
    while (done[-1].cluster.nodes, done[-1].cluster.workers) != (2, 2):
        assert time.monotonic() < deadline
        done.append(next(reports))
    enough = True
    done += reports
    assert sorted(report.tasks for report in done) == given
    assert all(report.failure is None for report in done)


def test_a_run_on_a_cluster_that_loses_a_node_is_that_of_one_process(
    raylets, options, tiny_run, tiny_choices, tmp_path
):
    from memscope.steps.train_family import train_family
    from memscope.work.carrying_out import Ended

    joined = raylets.add_node(**NODE)
    raylets.wait_for_nodes()  # on a busy machine the training might else be over before it has joined

    def lose_the_node(ended: Ended) -> None:
        assert ended.cluster is not None
        if joined not in raylets.worker_nodes:
            return
        if ended.cluster.nodes == 3:
            raylets.remove_node(joined, allow_graceful=False)
        else:
            time.sleep(3)  # for the workers of the other nodes, else this one has done all before they have opened

    trained = train_family(tmp_path / "run", tiny_choices, options, on_end=lose_the_node)
    lost = joined not in raylets.worker_nodes
    if not lost:
        raylets.remove_node(joined)  # for the tests to come
    assert trained.trained == 60
    assert not trained.failed
    assert lost
    assert_same_outcomes(tiny_run, tmp_path / "run")


def test_a_cluster_distils_and_measures_as_one_process_does(options, tiny_run, tmp_path):
    from memscope.plan.teaching import Teaching
    from memscope.run import open_run
    from memscope.steps.distill import distill
    from memscope.steps.resmem import MemoryOptions, resmem
    from memscope.steps.train_family import train_family
    from memscope.store.dynamics import read_dynamics, recorded_tasks
    from memscope.work.options import Choices

    for name, how in (
        ("ray", replace(options, workers=1)),
        ("inline", replace(options, engine="inline", address=None)),
    ):
        shutil.copytree(tiny_run, tmp_path / name)
        assert train_family(tmp_path / name, Choices(dynamics=10), how).recorded == 30
        distill(tmp_path / name, Teaching(8), [2], how)
        resmem(tmp_path / name, MemoryOptions(k=(5,), sigma=(1.0,), temperature=(1.0,)), how)
    assert_same_outcomes(tmp_path / "inline", tmp_path / "ray")
    files = sorted(path.relative_to(tmp_path / "inline") for path in (tmp_path / "inline").glob("memories/**/*.h5"))
    assert files
    files += sorted(path.relative_to(tmp_path / "inline") for path in (tmp_path / "inline").glob("dynamics/**/*.saf*"))
    for path in files:
        assert (tmp_path / "inline" / path).read_bytes() == (tmp_path / "ray" / path).read_bytes()
    run = open_run(tmp_path / "inline")
    for task in recorded_tasks(run.plan):
        ours, theirs = (read_dynamics(tmp_path / name, run.plan, task) for name in ("inline", "ray"))
        assert ours.log_odds.tobytes() == theirs.log_odds.tobytes()
        assert (ours.correct == theirs.correct).all()


def assert_same_outcomes(expected: Path, found: Path) -> None:
    """Every outcome and every file of weights, to the bit, but for the seconds it took."""
    files = {path.relative_to(expected) for path in expected.glob("outcomes/**/*.h5")}
    assert files == {path.relative_to(found) for path in found.glob("outcomes/**/*.h5")}
    assert files
    for path in files:
        with h5py.File(expected / path) as one, h5py.File(found / path) as other:
            assert dict(one.attrs) == dict(other.attrs)
            assert set(one) == set(other)
            for name in set(one) - {"seconds", "evaluation_seconds", "teacher_seconds"}:
                assert np.array_equal(one[name][()], other[name][()], equal_nan=one[name].dtype.kind == "f"), name
    for path in expected.glob("weights/**/*.safetensors"):
        assert path.read_bytes() == (found / path.relative_to(expected)).read_bytes()


def test_a_cluster_trains_a_derived_run_as_one_process_does(options, tiny_run, tmp_path):
    from memscope import write_changes
    from memscope.run import open_run
    from memscope.steps.train_family import train_family
    from memscope.work.options import Choices

    data = open_run(tiny_run).dataset()
    write_changes(tmp_path / "changes.csv", data, drop=data.train_index[:7], relabel={9: data.class_names[0]})
    for name, how in (("ray", options), ("inline", replace(options, engine="inline", address=None))):
        asked = Choices(origin=tiny_run, changes=tmp_path / "changes.csv", models=10, full=1)
        assert train_family(tmp_path / name, asked, how).trained == 33
    assert_same_outcomes(tmp_path / "inline", tmp_path / "ray")


def test_a_worker_that_does_not_see_the_runs_directory_says_so_where_it_needs_weights(tiny_run):
    from memscope.plan.teaching import Teaching
    from memscope.run import open_run
    from memscope.work.memory_task import MemoryJob, open_memory_work
    from memscope.work.training_task import Job, open_training

    run = open_run(tiny_run)
    data = RunData(run.examples, open_images(tiny_run, run.examples))
    open_training(Job("/nowhere", run.plan, "cpu", True, data=data))  # teaches itself, and needs nothing from there
    with pytest.raises(RunError, match=r"^/nowhere is not there on .* expected the run directory under the same path"):
        open_training(Job("/nowhere", run.plan, "cpu", True, data=data, teaching=Teaching(8)))
    with pytest.raises(RunError, match=r"^/nowhere is not there on "):
        open_memory_work(MemoryJob("/nowhere", run.plan, "cpu", {}, data=data))


def test_the_room_of_a_cluster_is_its_cores_up_to_what_was_asked_for(raylets):
    cluster = Cluster(raylets.address)
    connect(cluster.address)
    raylets.wait_for_nodes()  # an earlier test may have added or removed some
    assert room(cluster) == 2
    assert room(replace(cluster, workers=1)) == 1
    assert room(replace(cluster, workers=9)) == 2
    with pytest.raises(MemscopeError, match="no GPU"):
        room(replace(cluster, device="cuda"))
    with pytest.raises(OptionError, match="cpu and cuda, not mps"):
        room(replace(cluster, device="mps"))


def test_the_command_shows_nodes_and_workers(raylets, tiny_npz, tmp_path):
    command = [sys.executable, "-m", "memscope", "train-family", str(tmp_path / "run"), "--data", f"npz:{tiny_npz}"]
    command += ["--family", "mlp", "--widths", "2", "--models", "10", "--epochs", "1", "--device", "cpu"]
    given = ["--engine", "ray", "--address", raylets.address, "--workers", "1"]
    done = subprocess.run([*command, *given], capture_output=True, text=True, check=True)
    assert "10 of 10 models" in done.stderr
    assert "1 worker on 1 node" in done.stderr
    assert "10 models trained" in done.stdout


def test_an_address_is_a_usage_error_without_ray_and_where_it_is_none(monkeypatch):
    from memscope.work.carrying_out import WorkOptions, check_work_options

    with pytest.raises(OptionError, match=r"--address 10\.0\.0\.1:6379 is of a Ray cluster; give --engine ray"):
        check_work_options(WorkOptions(address="10.0.0.1:6379"))
    for wrong in ("10.0.0.1", "ray://10.0.0.1:10001", "head:port", ":6379", "head:99999"):
        with pytest.raises(OptionError, match="it must be auto or HOST:PORT"):
            check_work_options(WorkOptions(engine="ray", address=wrong))
    monkeypatch.setenv("RAY_ADDRESS", "local")
    with pytest.raises(OptionError, match="RAY_ADDRESS is local"):
        check_work_options(WorkOptions(engine="ray"))


def test_where_no_cluster_answers_one_line_says_so_soon(monkeypatch):
    monkeypatch.setattr("memscope.engines.cluster.ANSWERS_WITHIN", 1.0)
    ray.shutdown()
    start = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        free = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(MemscopeError, match=r"timed out.*ray start --head"):
            connect(free)
    with pytest.raises(MemscopeError, match=r"refused.*ray start --head"):
        connect(free)
    assert time.monotonic() - start < 5


def test_without_ray_it_is_said_what_to_install(monkeypatch):
    from memscope.work.carrying_out import WorkOptions, check_work_options

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MemscopeError, match=r'pip install "memscope-ml\[ray\]"'):
        check_work_options(WorkOptions(engine="ray"))


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def running(process: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
