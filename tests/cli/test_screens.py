"""What the commands print of real runs, as a user of a terminal of 80 columns, or of a pipe, sees it."""

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from memscope.cli import memscope

pytestmark = pytest.mark.xdist_group("screens")  # `run` is of one process
FEW = ("--k", "5", "--sigma", "1", "--temperature", "1", "--engine", "inline", "--device", "cpu")
INLINE = ("--engine", "inline", "--device", "cpu")
ANSWERS = {
    "score": (),
    "trajectories": (),
    "resmem": FEW,
    "distill": INLINE,
    "status": (),
    "train-family": ("--dry-run", "--models", "40", *INLINE),
}


@pytest.fixture(scope="module")
def run(full_run, tmp_path_factory) -> Path:
    """A run of three widths, 20 models each, with flipped labels and students."""
    path = tmp_path_factory.mktemp("screens") / "run"
    shutil.copytree(full_run, path)
    assert told("distill", path, "--teacher", "8", *INLINE).exit_code == 0
    return path


def told(*arguments: str | Path) -> Result:
    return CliRunner().invoke(memscope, [str(argument) for argument in arguments])


@pytest.mark.parametrize("command", ANSWERS)
def test_a_plain_answer_is_one_screen_and_details_are_all(run, command):
    plain = told(command, run, *ANSWERS[command])
    assert plain.exit_code == 0, plain.output
    lines = plain.stdout.splitlines()
    assert 8 < len(lines) <= 40
    assert max(map(len, lines)) <= 80
    assert "…" not in plain.stdout
    assert "--details prints all tables." in lines
    details = told(command, run, *ANSWERS[command], "--details")
    assert details.exit_code == 0
    assert details.stdout.count("──\n") > 1  # each table has a rule
    assert "--details" not in details.stdout
    quiet = told(command, run, *ANSWERS[command], "-q")
    assert (quiet.exit_code, quiet.stdout) == (0, "")


def test_the_numbers_of_the_screen_are_those_of_the_json(run):
    screen, found = told("score", run).stdout, json.loads(told("score", run, "--json").stdout)
    for row in found["sizes"]:
        (line,) = [line.split() for line in screen.splitlines() if line.split()[:2] == [str(row["size"]), "20"]]
        for key in ("mean_accuracy_in", "mean_accuracy_out", "test_accuracy", "auc_score"):
            assert f"{row[key]:.1%}" in line
        assert f"{row['mean_score']:.3f}" in line
    screen, found = told("trajectories", run).stdout, json.loads(told("trajectories", run, "--json").stdout)
    for name, share in found["all_sizes"]["raw"].items():
        (line,) = [line.split() for line in screen.splitlines() if line.startswith(f"{name} ")]
        flat = found["all_sizes"]["if_all_flat"][name]
        assert line[1:4] == [f"{share:.1%}", f"{flat:.1%}", f"{100 * (share - flat):+.1f}"]


def test_the_memorised_are_those_whose_interval_lies_above_0(run, tmp_path):
    from memscope import open_run
    from memscope.steps.score import score

    found = score(run)
    for place, size in enumerate((2, 4, 8)):
        low = open_run(run).scores(size)["interval_low"]
        assert found.evidence.memorised[place] == (low > 0).sum()
    opened = open_run(run)
    disputed, flipped = found.evidence.disputed, opened.examples.flipped
    scores = opened.scores(disputed.size)
    others = np.flatnonzero((scores["suggested_label"] >= 0) & (scores["suggested_label"] != opened.examples.labels))
    assert disputed.labels == len(others)
    first = sorted(others, key=lambda one: scores["probability_out"][one])[: flipped.sum()]
    assert (disputed.first, disputed.first_flipped) == (len(first), flipped[first].sum())


def on_a_terminal(*arguments: str | Path, columns: int) -> list[str]:
    """The lines of what a command prints on a terminal."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "dumb", "COLUMNS": str(columns), "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "memscope", *map(str, arguments)]
    process = subprocess.Popen(command, stdout=theirs, stderr=subprocess.DEVNULL, env=environment)
    os.close(theirs)
    found = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:
            break
        found += part
    os.close(ours)
    assert process.wait() == 0
    return found.decode().splitlines()


def test_on_a_narrow_terminal_details_part_tables_and_no_number_is_cut(run):
    shown = on_a_terminal("score", run, "--details", columns=80)
    assert max(map(len, shown)) <= 80
    assert "…" not in "".join(shown)
    found = json.loads(told("score", run, "--json").stdout)
    for row in found["sizes"]:
        for key in ("mean_score", "mean_soft_score", "auc_one_minus_accuracy_out"):
            assert any(f"{row[key]:.3f}" in line for line in shown)


def test_status_recommends_nothing_that_would_fail(tiny_run, tmp_path):
    from memscope.steps.status import status

    run = tmp_path / "run"
    shutil.copytree(tiny_run, run)
    few = {"influence", "influence-training"}  # two blocks of models
    few |= {"removal", "peel"}  # nobody said how many
    assert set(status(run).not_yet) == {"proxies", "memorability", *few}  # no model was recorded, nobody was asked
    assert told("proxies", run).exit_code != 0
    assert told("memorability", run).exit_code != 0
    assert told("influence", run).exit_code != 0
    shutil.rmtree(run / "weights" / "onehot" / "width-8")
    assert set(status(run).not_yet) == {"resmem", "distill", "proxies", "memorability", *few}
    for name, options in (("resmem", FEW), ("distill", ("--teacher", "8", *INLINE))):
        assert told(name, run, *options).exit_code != 0
    for size in (4, 8):
        shutil.rmtree(run / "outcomes" / "onehot" / f"width-{size}")
    assert "trajectories" in status(run).not_yet
    assert told("trajectories", run).exit_code != 0
    shutil.rmtree(run / "outcomes")
    every = {"score", "trajectories", "resmem", "distill", "proxies", "memorability", "predictor", "privacy", *few}
    every |= {"convergence"}
    assert set(status(run).not_yet) == every
    assert told("score", run).exit_code != 0


def test_status_says_that_the_labels_are_missing_and_what_makes_them_again(tiny_run, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(tiny_run, run)
    (run / "examples.h5").unlink()
    for options in ((), ("--repair",), ("--details",)):
        shown = " ".join(told("status", run, *options).stdout.split())
        assert "examples.h5, with the labels, is missing" in shown
        assert "all whole." not in shown
    assert f"memscope train-family {run}" in " ".join(shown.split())
    assert told("train-family", run, *INLINE).exit_code == 0
    assert (run / "examples.h5").is_file()
    assert "is missing" not in told("status", run, "--repair").stdout
