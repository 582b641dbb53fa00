"""Where a run's time went."""

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from memscope.run import open_run
from memscope.steps.score import score
from memscope.steps.train_family import train_family
from memscope.work.carrying_out import WorkOptions
from memscope.work.options import Choices
from memscope.work.timing import PARTS, now, process_start, share_out, spent_on, timed, timing_rows, timings


@pytest.fixture
def run(tiny_run, tmp_path):
    shutil.copytree(tiny_run, tmp_path / "run")
    shutil.rmtree(timings(tmp_path / "run"), ignore_errors=True)
    return tmp_path / "run"


def test_this_process_started_before_now_and_not_at_boot():
    assert 0 < now() - process_start() < 3600 * 24
    assert process_start() == process_start()
    here = now()
    time.sleep(0.05)
    assert 0.04 < now() - here < 5


def test_notes_are_added_up_by_command(run):
    timings(run).mkdir()
    for place, (command, other, training) in enumerate(
        [("train-family", 20.0, 80.0), ("score", 3.0, 0.0), ("train-family", 5.0, 25.0)]
    ):
        seconds = dict.fromkeys(PARTS, 0.0) | {"waiting": other, "training": training}
        note = {"command": command, "seconds": seconds}
        (timings(run) / f"{place}.json").write_text(json.dumps(note))
    (timings(run) / "broken.json").write_text("{")
    rows = {row["command"]: row for row in timing_rows(run)}
    expected = {
        "command": "train-family",
        "calls": 2,
        "seconds": 130.0,
        "training": 105.0,
        "waiting": 25.0,
        "other": 25.0,
    }
    assert rows["train-family"] == dict.fromkeys(PARTS, 0.0) | expected
    assert rows["score"]["seconds"] == 3
    assert rows["all"]["other"] == pytest.approx(133 - 105)


def test_commands_leave_a_note_and_a_dry_run_and_the_library_leave_none(run):
    def memscope(*given):
        command = [sys.executable, "-m", "memscope", *map(str, given)]
        subprocess.run(command, check=True, capture_output=True)

    trained = train_family(run, Choices(models=30), WorkOptions(device="cpu", engine="inline"))
    memscope("train-family", run, "--dry-run")
    assert timing_rows(run) == []
    memscope("train-family", run, "--models", 40, "--engine", "inline")
    memscope("score", run)
    rows = {row["command"]: row for row in timing_rows(run)}
    assert set(rows) == {"train-family", "score", "all"}
    assert rows["score"]["training"] == 0
    assert rows["score"]["start"] > 0.05  # to start Python alone takes longer
    assert rows["score"]["scoring"] > rows["score"]["drawing"] == 0
    spent = {"training": 0.0, "evaluation": 0.0}
    for size in trained.sizes:
        for task, outcome in open_run(run).outcomes(size):
            assert (outcome.evaluation_seconds > 0).all()
            assert (outcome.evaluation_seconds < outcome.seconds).all()
            if task.first >= 30:
                spent["training"] += (outcome.seconds - outcome.evaluation_seconds).sum()
                spent["evaluation"] += outcome.evaluation_seconds.sum()
    for part, seconds in spent.items():
        assert rows["train-family"][part] == pytest.approx(seconds, rel=1e-4)
    assert rows["train-family"]["waiting"] > 0


class Time:
    """A clock that a test sets."""

    def __init__(self, monkeypatch):
        self.seconds = 10.0
        monkeypatch.setattr("memscope.work.timing.now", lambda: self.seconds)
        monkeypatch.setattr("memscope.work.timing.process_start", lambda: 0.0)


def test_parts_add_up_to_the_whole_and_those_inside_others_count_once(monkeypatch):
    time = Time(monkeypatch)
    with timed(os.devnull, "none") as clock:
        time.seconds = 12
        with spent_on("drawing"):
            time.seconds = 15
            with spent_on("scoring"):
                time.seconds = 20
            time.seconds = 21
        time.seconds = 23
        with suppress(ValueError), spent_on("scoring"):
            time.seconds = 24
            raise ValueError
        time.seconds = 25
    expected = {"start": 12.0, "drawing": 4.0, "scoring": 6.0, "rest": 3.0}
    assert clock.seconds == dict.fromkeys(PARTS, 0.0) | expected


@pytest.mark.parametrize(("workers", "training", "waiting"), [(4, 2.5, 5.0), (2, 5.0, 0.0), (1, 5.0, 0.0)])
def test_seconds_of_several_workers_are_shared_and_never_more_than_it_took(monkeypatch, workers, training, waiting):
    time = Time(monkeypatch)
    with timed(os.devnull, "none") as clock, spent_on("waiting"):
        time.seconds = 20
        share_out({"training": 10.0, "evaluation": 10.0}, workers)
    expected = {"start": 10.0, "training": training, "evaluation": training, "waiting": waiting}
    assert clock.seconds == dict.fromkeys(PARTS, 0.0) | expected


def test_the_library_notes_nothing_nor_adds_to_a_command_that_has_ended(run):
    with timed(run, "score") as clock:
        pass
    noted, spent = timing_rows(run), dict(clock.seconds)
    with spent_on("scoring"):
        share_out({"training": 1.0}, 1)
    score(run)
    assert clock.seconds == spent
    assert timing_rows(run) == noted


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
