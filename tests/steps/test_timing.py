"""Where a run's time went."""

import json
import os
import shutil
import subprocess
import sys
import time

import pytest

from memscope.run import open_run
from memscope.steps.options import Choices
from memscope.steps.timing import process_start, since_start, timed, timing_rows, timings
from memscope.steps.train_family import train_family
from memscope.steps.work import Where


@pytest.fixture
def run(tiny_run, tmp_path):
    shutil.copytree(tiny_run, tmp_path / "run")
    shutil.rmtree(timings(tmp_path / "run"), ignore_errors=True)
    return tmp_path / "run"


def test_this_process_started_before_now_and_not_at_boot():
    assert 0 < since_start() < 3600 * 24
    assert process_start() == process_start()
    here = since_start()
    time.sleep(0.05)
    assert 0.04 < since_start() - here < 5


def test_notes_are_added_up_by_command(run):
    timings(run).mkdir()
    for place, (command, seconds, training) in enumerate(
        [("train-family", 100.0, 80.0), ("score", 3.0, 0.0), ("train-family", 30.0, 25.0)]
    ):
        note = {"command": command, "seconds": seconds, "training": training}
        (timings(run) / f"{place}.json").write_text(json.dumps(note))
    (timings(run) / "broken.json").write_text("{")
    rows = {row["command"]: row for row in timing_rows(run)}
    expected = {"command": "train-family", "calls": 2, "seconds": 130.0, "training": 105.0, "other": 25.0}
    assert rows["train-family"] == expected
    assert rows["score"]["seconds"] == 3
    assert rows["all"]["other"] == pytest.approx(133 - 105)


def test_commands_leave_a_note_and_a_dry_run_and_the_library_leave_none(run):
    def memscope(*given):
        command = [sys.executable, "-m", "memscope", *map(str, given)]
        subprocess.run(command, check=True, capture_output=True)

    trained = train_family(run, Choices(models=30), Where(device="cpu", engine="inline"))
    memscope("train-family", run, "--dry-run")
    assert timing_rows(run) == []
    memscope("train-family", run, "--models", 40, "--engine", "inline")
    memscope("score", run)
    rows = {row["command"]: row for row in timing_rows(run)}
    assert set(rows) == {"train-family", "score", "all"}
    assert rows["score"]["training"] == 0
    assert rows["score"]["seconds"] > 0.5  # to start Python and torch alone takes longer
    spent = {"before": [], "after": []}
    for size in trained.run.plan.sizes:
        for task, outcome in open_run(run).outcomes(size):
            assert (outcome.evaluation_seconds > 0).all()
            assert (outcome.evaluation_seconds < outcome.seconds).all()
            if task.first >= 20:
                when = "after" if task.first >= 30 else "before"
                spent[when].append((outcome.seconds - outcome.evaluation_seconds).sum())
    assert trained.seconds == pytest.approx(sum(spent["before"]), rel=1e-4)
    assert rows["train-family"]["training"] == pytest.approx(sum(spent["after"]), rel=1e-4)
    assert rows["train-family"]["other"] > 0


def test_seconds_of_several_workers_are_shared():
    with timed(os.devnull, "none") as found:
        found.trained(10.0, 4)
        found.trained(1.0, 1)
    assert found.training == 3.5


def test_what_fails_or_has_no_run_leaves_no_note(run, tmp_path):
    with pytest.raises(ValueError, match="broken"), timed(run, "score"):
        raise ValueError("broken")
    assert timing_rows(run) == []
    with timed(tmp_path / "nowhere", "score"):
        pass
    assert not (tmp_path / "nowhere").exists()


def test_a_full_disk_does_not_fail_what_has_been_done(run, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with timed(run, "score"):
        pass
    assert timing_rows(run) == []
