"""SIGKILL at random moments: every finished file is still there and whole, and the numbers are those of a quiet run."""

import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from memscope.plan.teaching import Teaching
from memscope.run import open_run
from memscope.steps.distill import distill
from memscope.steps.resmem import MemoryOptions, resmem
from memscope.steps.score import score
from memscope.steps.train_family import train_family
from memscope.steps.trajectories import trajectories
from memscope.store.results import read_group
from memscope.work.carrying_out import WorkOptions
from memscope.work.options import Choices
from memscope.work.repair import repair
from tests.reliability.conftest import measure_proxies

pytestmark = pytest.mark.xdist_group("reliability")  # whole_run takes a while to make
INLINE = WorkOptions(device="cpu", engine="inline")
STEPS = ("score", "trajectories", "resmem", "distill")


def everything(run: Path, choices: Choices, tried: MemoryOptions) -> None:
    """All commands, one after the other."""
    train_family(run, choices, INLINE)
    score(run)
    trajectories(run)
    distill(run, Teaching(8), options=INLINE)
    resmem(run, tried, INLINE)
    measure_proxies(run, ("el2n",))


def finished(run: Path) -> dict[Path, bytes]:
    """Every file of the ledger under its final name."""
    kinds = ("outcomes", "weights", "dynamics", "memories", "proxies")
    return {path: path.read_bytes() for kind in kinds for path in (run / kind).rglob("[0-9]*") if path.is_file()}


def check(run: Path, before: dict[Path, bytes]) -> dict[Path, bytes]:
    """Nothing that was finished is gone or changed, and all there is is whole; what is finished now."""
    now = finished(run)
    assert before.items() <= now.items()
    if (run / "plan.toml").exists():
        assert repair(run).moved == ()
    return now


def assert_same_results(run: Path, reference: Path) -> None:
    for step in STEPS:
        ours, theirs = (read_group(path, step, open_run(path).plan) for path in (run, reference))
        assert ours.keys() == theirs.keys()
        for name in theirs:
            assert ours[name].tobytes() == theirs[name].tobytes() or ours[name].tolist() == theirs[name].tolist(), name


def test_sigkill_at_random_moments_of_any_command_loses_nothing(whole_run, tiny_choices, tried, tmp_path, thorough):
    """Everything in one process, killed again and again: 6 times at most, or in `make reliability` 150."""
    choices = Choices(**{**vars(tiny_choices), "full": 2, "dynamics": 10})
    server = multiprocessing.get_context("forkserver")  # which loads torch once, and not for each of the killed
    server.set_forkserver_preload(["memscope.steps.distill", "memscope.steps.resmem", "memscope.steps.trajectories"])
    total, seed, most = 0, 0, 15 if thorough else 6
    while total < (150 if thorough else 5):
        run, draw, ledger, killed = tmp_path / f"run-{seed}", random.Random(seed), {}, 0
        while True:
            process = server.Process(target=everything, args=(run, choices, tried))
            process.start()
            process.join(draw.uniform(0.2, 1.5) if killed < most else None)
            process.kill()
            process.join()
            ledger = check(run, ledger)
            if process.exitcode == 0:
                break
            assert process.exitcode == -signal.SIGKILL
            killed += 1
        assert_same_results(run, whole_run)
        shutil.rmtree(run)
        total, seed = total + killed, seed + 1
        print(f"{total} killed", flush=True)


@pytest.mark.skipif(not os.environ.get("MEMSCOPE_THOROUGH"), reason="half an hour: make reliability")
def test_60_sigkills_of_commands_and_of_their_workers(whole_run, tiny_npz, tmp_path):
    draw, killed, rounds = random.Random(1), {"coordinator": 0, "worker": 0}, 0
    while sum(killed.values()) < 60:
        run = tmp_path / f"run-{rounds}"
        family = ["--data", f"npz:{tiny_npz}", "--label-noise", "0.1", "--family", "mlp", "--widths", "2,4,8"]
        family += ["--models", "20", "--epochs", "3", "--batch-size", "16", "--precision", "float32", "--full", "2"]
        family += ["--dynamics", "10"]
        on = ["--device", "cpu", "--workers", "2"]
        memories = ["--k", "1,5", "--sigma", "0.5", "--temperature", "1"]
        commands = [
            ["train-family", str(run), *family, *on],
            ["score", str(run)],
            ["trajectories", str(run)],
            ["distill", str(run), "--teacher", "8", *on],
            ["resmem", str(run), *memories, *on],
        ]
        ledger: dict[Path, bytes] = {}
        for command in commands:
            for attempt in range(1000):
                # a command that is killed for ever does nothing; after ten times it may end
                who = kill_at_random(command, draw) if attempt < 10 else run_to_its_end(command)
                ledger = check(run, ledger)
                if who == "ended":
                    break
                killed[who] += 1
        assert_same_results(run, whole_run)
        rounds += 1
        print(f"round {rounds}: {killed}", flush=True)


def kill_at_random(command: list[str], draw: random.Random) -> str:
    """Start a command and kill it, or one of its workers, at a random moment: who was killed, or `ended`."""
    process = start(command)
    if draw.random() < 0.5:
        while process.poll() is None and not children(process.pid):
            time.sleep(0.02)
        time.sleep(draw.uniform(0, 0.5))
        workers = children(process.pid)
        if workers:
            os.kill(draw.choice(workers), signal.SIGKILL)
        # the coordinator gives the task of the dead worker to another, and ends well
        if process.wait(300) != 0:
            pytest.fail(f"{command} did not survive its worker: exit status {process.returncode}")
        return "worker" if workers else "ended"
    try:
        process.wait(draw.uniform(0.5, 8))
        return "ended" if process.returncode == 0 else pytest.fail(f"{command}: exit status {process.returncode}")
    except subprocess.TimeoutExpired:
        workers = children(process.pid)
        process.kill()
        process.wait()
        deadline = time.monotonic() + 30
        while any(Path(f"/proc/{worker}").exists() for worker in workers) and time.monotonic() < deadline:
            time.sleep(0.05)  # workers end with their coordinator
        assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
        return "coordinator"


def run_to_its_end(command: list[str]) -> str:
    assert start(command).wait(600) == 0
    return "ended"


def start(command: list[str]) -> subprocess.Popen[bytes]:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "memscope", *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    )


def children(process: int, named: str = "forkserver") -> list[int]:
    """The worker processes of a process: what its server has forked."""
    found = subprocess.run(["pgrep", "-P", str(process), "-f", named], capture_output=True, text=True)
    started = [int(line) for line in found.stdout.split()]
    return [worker for server in started for worker in children(server, "")] if named else started
