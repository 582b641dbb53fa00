"""Several commands on one run at once, and clocks that jump."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import memscope
from memscope.run import open_run
from memscope.steps.score import score
from memscope.steps.status import status
from memscope.steps.train_family import train_family
from memscope.store.results import read_group
from memscope.work.carrying_out import WorkOptions
from memscope.work.data_set import ensure_examples
from memscope.work.options import Choices
from memscope.work.repair import repair

pytestmark = pytest.mark.xdist_group("reliability")  # whole_run takes a while to make
INLINE = WorkOptions(device="cpu", engine="inline")


def test_commands_at_once_on_one_run_do_not_spoil_each_others_files(tiny_run, tmp_path):
    run, alone = tmp_path / "run", tmp_path / "alone"
    for path in (run, alone):
        shutil.copytree(tiny_run, path)
    commands = [
        ["train-family", run, "--models", "40", "--device", "cpu", "--workers", "1"],
        ["score", run],
        ["trajectories", run],
        ["status", run, "--repair"],
    ]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "memscope", *map(str, command)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
        )
        for command in commands
    ]
    for process in started:
        told, _ = process.communicate(timeout=300)
        assert process.returncode == 0, told
    assert repair(run).moved == ()
    train_family(alone, Choices(models=40), INLINE)
    for path in (run, alone):
        score(path)
    ours, theirs = (read_group(path, "score", open_run(path).plan) for path in (run, alone))
    for name in theirs:
        assert ours[name].tobytes() == theirs[name].tobytes() or ours[name].tolist() == theirs[name].tolist(), name


def test_files_from_the_past_and_from_the_future_change_nothing(whole_run, tmp_path):
    """The one file whose times are looked at is the image cache: it is hashed again, and stays as it is."""
    run = tmp_path / "run"
    shutil.copytree(whole_run, run)
    ensure_examples(open_run(run))
    stamp, images = (run / "cache" / "images.json").read_bytes(), (run / "cache" / "images.npy").read_bytes()
    before = status(run)
    for number, path in enumerate(sorted(run.rglob("*"))):
        when = 0 if number % 2 else 4_000_000_000
        os.utime(path, (when, when))
    assert status(run).results == before.results
    assert repair(run).moved == ()
    assert train_family(run, Choices(), INLINE).trained == 0
    assert (run / "cache" / "images.json").read_bytes() != stamp
    assert (run / "cache" / "images.npy").read_bytes() == images


def test_no_clock_is_read_that_can_be_set():
    """Time passed is measured by clocks that only go forward."""
    found = []
    for path in Path(memscope.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            named = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
            if named and (node.value.id, node.attr) in {("time", "time"), ("datetime", "now"), ("date", "today")}:
                found.append(f"{path.name}:{node.lineno}")
            if isinstance(node, ast.ImportFrom) and node.module in ("time", "datetime"):
                found.append(f"{path.name}:{node.lineno}")
    assert found == []
