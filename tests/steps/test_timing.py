"""Where a run's time went."""

import json
import os
import shutil
import time

import pytest

from memscope.steps.options import Choices
from memscope.steps.score import score
from memscope.steps.timing import noted, process_start, since_start, timed, timing_rows, timings
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


def test_commands_of_one_process_are_counted_each_from_the_end_of_the_one_before(run):
    timings(run).mkdir()
    notes = [
        ("one", "train-family", 100.0, 80.0),
        ("one", "score", 103.0, 0.0),
        ("other", "train-family", 30.0, 25.0),
    ]
    for place, (process, command, seconds, training) in enumerate(notes):
        note = {"command": command, "process": process, "seconds": seconds, "training": training}
        (timings(run) / f"{place}.json").write_text(json.dumps(note))
    (timings(run) / "broken.json").write_text("{")
    rows = {row["command"]: row for row in timing_rows(run)}
    assert rows["train-family"] == {
        "command": "train-family",
        "calls": 2,
        "seconds": 130.0,
        "training": 105.0,
        "other": 25.0,
    }
    assert rows["score"]["seconds"] == pytest.approx(3)
    assert rows["all"]["other"] == pytest.approx(133 - 105)


def test_training_is_what_the_workers_say_and_evaluation_is_not_in_it(run):
    trained = train_family(run, Choices(models=30), Where(device="cpu", engine="inline"))
    score(run)
    rows = {row["command"]: row for row in timing_rows(run)}
    assert set(rows) == {"train-family", "score", "all"}
    assert rows["train-family"]["training"] == pytest.approx(trained.seconds)
    spent = []
    for size in trained.run.plan.sizes:
        for task, outcome in trained.run.outcomes(size):
            if task.first >= 20:
                assert (outcome.evaluation_seconds > 0).all()
                assert (outcome.evaluation_seconds < outcome.seconds).all()
                spent.append((outcome.seconds - outcome.evaluation_seconds).sum())
    assert trained.seconds == pytest.approx(sum(spent), rel=1e-4)
    assert rows["score"]["training"] == 0


def test_seconds_of_several_workers_are_shared():
    with timed(os.devnull, "none") as found:
        found.trained(10.0, 4)
        found.trained(1.0, 1)
    assert found.training == 3.5


def test_what_fails_or_has_no_run_leaves_no_note(run, tmp_path):
    @noted("broken")
    def step(path):
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        step(run)
    assert timing_rows(run) == []
    with timed(tmp_path / "nowhere", "score"):
        pass
    assert not (tmp_path / "nowhere").exists()
