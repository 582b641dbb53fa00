"""What is shown while models are trained: by model, with rate, time left, failures and precision."""

import math
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from memscope.cli.interrupted import Interrupted, told
from memscope.cli.progress import TrainingProgress
from memscope.store.ledger import ONEHOT, Task
from memscope.under_way import HAND, announce, begin, finish, heard_by, part, pass_on, watched_by
from memscope.work.carrying_out import Ended

ROOT = Path(__file__).parents[2]


@pytest.fixture
def clock(monkeypatch):
    """The display's clock: a list whose last number is the time."""
    now = [100.0]
    monkeypatch.setattr("memscope.cli.progress.clock", lambda: now[-1])
    return now


def bundle(first: int, count: int = 16, size: int = 8) -> tuple[Task, ...]:
    return (Task(ONEHOT, size, first, count),)


def test_a_line_comes_within_seconds_and_counts_parts_of_bundles(clock, capsys):
    with TrainingProgress() as progress:
        announce(64)
        clock.append(101)
        pass_on(bundle(0), 1.0)
        assert capsys.readouterr().err == ""
        clock.append(104)
        pass_on(bundle(0), 3.0)
        pass_on(bundle(16), 1.2)
        first, *more = capsys.readouterr().err.splitlines()
        assert (first, more) == ("3 of 64 models, 45 a minute, at most 81 s left", [])
        clock.append(116)
        pass_on(bundle(16), 13.0)
        assert capsys.readouterr().err == "16 of 64 models, 60 a minute, at most 48 s left\n"
        progress.ended(Ended(bundle(0), False, 16, 64))
        clock.append(130)
        pass_on(bundle(16), 14.0)
        assert capsys.readouterr().err == "30 of 64 models, 60 a minute, at most 34 s left\n"


def test_failures_and_precision_are_told(clock, capsys):
    with TrainingProgress() as progress:
        announce(32)
        clock.append(110)
        progress.ended(Ended(bundle(0), True, 0, 32))
        assert capsys.readouterr().err.endswith("0 of 32 models, 16 failed\n")
        progress.ended(Ended(bundle(16), False, 16, 32, error=0.256))
        clock.append(125)
        pass_on(bundle(0), 1.0)
        assert capsys.readouterr().err == "17 of 32 models, 41 a minute, at most 22 s left, 16 failed, scores ±0.26\n"
        progress.ended(Ended(bundle(0), False, 32, 32, error=0.18))
        assert "failed" not in capsys.readouterr().err


def test_the_next_kind_of_work_is_counted_anew(clock, capsys):
    with TrainingProgress() as progress:
        announce(10)
        progress.ended(Ended(bundle(0, 10), False, 10, 10))
        announce(5)
        progress.ended(Ended(bundle(0, 5), False, 5, 5))
        assert progress.all_done == 15
        assert [line.split(",")[0] for line in capsys.readouterr().err.splitlines()] == [
            "10 of 10 models",
            "5 of 5 models",
        ]


def test_parts_are_added_to_what_is_finished_in_the_bundle():
    heard = []
    with heard_by(heard.append):
        begin()
        part(0.5)
        finish(4)
        part(1.5)
        begin()
        finish(1)
    assert heard == [0.5, 4.0, 5.5, 1.0]
    assert HAND.hears is None
    finish(1)  # nobody listens


@pytest.mark.parametrize("engine", ["inline", "processes"])
def test_models_are_told_of_before_their_bundle_has_ended(tiny_choices, tmp_path, engine):
    from dataclasses import replace

    from memscope.steps.train_family import train_family
    from memscope.work.carrying_out import WorkOptions

    class Watcher:
        def __init__(self):
            self.totals, self.seen = [], []

        def began(self, models):
            self.totals.append(models)

        def moved(self, tasks, models):
            self.seen.append((tasks, models))

    watcher = Watcher()
    choices = replace(tiny_choices, widths=(8,), models=20, epochs=40)
    with watched_by(watcher):
        train_family(tmp_path / "run", choices, WorkOptions(device="cpu", engine=engine, workers=1))
    assert watcher.totals == [20]
    for tasks, models in watcher.seen:
        assert 0 < models <= sum(task.count for task in tasks)
    assert any(models < sum(task.count for task in tasks) for tasks, models in watcher.seen)


def test_what_an_interruption_leaves_is_told():
    assert "was kept" not in told(None)
    assert told(KeyboardInterrupt()) == "Interrupted before it was done; run the same command again."
    assert told(Interrupted(0)).startswith("Interrupted before this call had counted a finished model.")
    assert told(Interrupted(1)).startswith("Interrupted. What was finished is kept (1 model by this call)")
    assert "(12 models by this call)" in told(Interrupted(12))


def test_ctrl_c_before_anything_is_finished_says_so(tmp_path):
    command = ["train-family", str(tmp_path / "run"), "--data", "fashion-mnist-5k", "--widths", "16", "--epochs", "500"]
    process = subprocess.Popen(
        [sys.executable, "-m", "memscope", *command, "--workers", "1"],
        stderr=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(Path.home())},
    )
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(line)
        if re.match(r"\d+ of 40 models", line):
            break
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    assert process.wait() == 130
    assert "at most" in seen[-1] or "a minute" in seen[-1]
    assert rest.splitlines()[-1].startswith("Interrupted before this call had counted a finished model.")
    assert "Traceback" not in rest


def test_the_error_that_is_told_is_that_of_the_size_with_the_fewest_models(tiny_run):
    from memscope.analysis.statistics.more_models import expected_error
    from memscope.run import open_run
    from memscope.work.training import with_error

    run, seen = open_run(tiny_run), []
    ended = with_error(run, seen.append)
    ended(Ended((Task(ONEHOT, 4, 20, 10),), False, 10, 10))
    assert seen[0].error == pytest.approx(expected_error(14, 6))
    for size in (2, 8):
        ended(Ended((Task(ONEHOT, size, 20, 10),), False, 10, 10))
    assert seen[-1].error == pytest.approx(expected_error(21, 9))
    ended(Ended((Task("full", 2, 0, 1),), False, 1, 1))
    assert seen[-1].error == pytest.approx(expected_error(21, 9))
    assert not math.isnan(seen[-1].error)


def test_what_is_said_on_a_terminal_stays_above_the_bar(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    long = "photos has no test set: " + "word " * 40 + "end"
    with TrainingProgress() as progress:
        assert progress.live
        progress.say(long)
        progress.say("training 10 models")
    lines = re.split("[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().err))
    assert "word word\nword" in "\n".join(lines)  # no word is parted
    assert long.replace(" ", "") in "".join(lines).replace(" ", "")
    assert max(map(len, lines)) <= 80
    assert "training 10 models" in lines
    assert "training" not in lines[-1].replace("training 10 models", "")  # no number of models: no bar is left


def test_images_are_called_images_and_count_as_kept_when_they_are_told_of(clock, capsys):
    def predict_and_interrupt() -> None:
        with TrainingProgress(doing="predicting", thing="image"):
            announce(1200)
            clock.append(160)
            pass_on("memorability", 500)
            raise KeyboardInterrupt

    with pytest.raises(Interrupted) as raised:
        predict_and_interrupt()
    assert "500 of 1200 images" in capsys.readouterr().err
    assert "(500 images by this call)" in told(raised.value)


def test_fits_of_predictors_are_called_fits(forty_run, tmp_path):
    from memscope.cli import memscope

    shutil.copytree(forty_run, tmp_path / "run")
    asked = ["memorability", str(tmp_path / "run"), "--train", "--backbones", "plain", "--seeds", "2", "--epochs", "1"]
    done = CliRunner().invoke(memscope, [*asked, "--engine", "inline", "--verbose"])
    assert done.exit_code == 0, done.output
    assert "fitting 2 predictors with 1 worker\n" in done.stderr
    assert re.search(r"^2 of 2 fits\b", done.stderr, re.MULTILINE)
    assert "done: plain, seed 1\n" in done.stderr
    assert "model" not in done.stderr
    assert "(1 fit by this call)" in told(Interrupted(1, "fit"))
