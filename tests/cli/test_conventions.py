"""What users of a terminal take for granted: `-`, pipes, variables, statuses, colours, `-q` and `-v`."""

import csv
import io
import os
import pty
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from memscope.cli import COMMANDS, memscope
from memscope.steps.score import score


@pytest.fixture(scope="module")
def scored(tiny_run, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("conventions") / "run"
    shutil.copytree(tiny_run, path)
    score(path)
    return path


def run(*arguments: str | Path, **variables: str) -> Result:
    return CliRunner(env=variables).invoke(memscope, [str(argument) for argument in arguments])


def program(script: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[bytes]:
    ours = f"{shlex.quote(sys.executable)} -m memscope"
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {script.replace('memscope', ours, 1)}"],
        capture_output=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **variables},
    )


def test_a_dash_is_standard_output_and_what_is_told_goes_to_standard_error(scored, tmp_path):
    done = program(f"memscope score {scored} --csv -", tmp_path)
    assert done.returncode == 0, done.stderr
    rows = list(csv.reader(io.StringIO(done.stdout.decode())))
    assert rows[0][:2] == ["width", "example"]
    assert len(rows) == 1 + 3 * 120
    assert {len(row) for row in rows} == {len(rows[0])}
    assert b"--details prints all tables." in done.stderr
    assert b"Wrote standard output: a row" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", ["--csv", "--suspects", "--npz"])
def test_what_a_dash_gives_is_what_a_file_has(scored, tmp_path, option):
    assert run("score", scored, option, tmp_path / "file").exit_code == 0
    done = program(f"memscope score {scored} {option} - > out; cat out", tmp_path)
    if option == "--npz":
        one, other = (dict(np.load(tmp_path / name)) for name in ("file", "out"))
        assert one.keys() == other.keys()
        assert all(np.array_equal(one[name], other[name], equal_nan=one[name].dtype.kind == "f") for name in one)
    else:
        assert done.stdout == (tmp_path / "file").read_bytes()


def test_json_is_told_beside_a_file_on_standard_output(scored):
    done = run("score", scored, "--csv", "-", "--json")
    assert done.stdout.startswith("width,example")
    assert done.stderr.startswith("{")


def test_dot_slash_dash_is_a_file(scored, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run("score", scored, "--csv", "./-")
    assert "--details prints all tables." in done.stdout
    assert (tmp_path / "-").read_text().startswith("width,example")


def test_only_one_file_has_room_on_standard_output(scored):
    done = run("score", scored, "--csv", "-", "--npz", "-")
    assert done.exit_code == 2
    assert "--csv and --npz cannot both be on standard output" in done.stderr


def test_a_reader_that_goes_early_ends_an_export_quietly(scored, tmp_path):
    done = program(f"memscope score {scored} --csv - 2>errors | head -n 1", tmp_path)
    assert done.stdout.startswith(b"width,example")
    assert b"Traceback" not in (tmp_path / "errors").read_bytes()
    assert b"Error" not in (tmp_path / "errors").read_bytes()


def test_variables_stand_for_options_and_the_command_line_wins(scored):
    few = run("score", scored, "--json", "--top", "1").stdout
    assert run("score", scored, MEMSCOPE_SCORE_TOP="1", MEMSCOPE_SCORE_JSON="1").stdout == few
    assert run("score", scored, "--top", "1", MEMSCOPE_SCORE_TOP="7", MEMSCOPE_SCORE_JSON="1").stdout == few
    wrong = run("score", scored, MEMSCOPE_SCORE_TOP="many")
    assert wrong.exit_code == 2
    assert "many" in wrong.stderr


@pytest.mark.parametrize(("value", "drawn"), [("1", True), ("true", True), ("0", False), ("", False)])
def test_the_variable_of_plot_is_that_of_a_flag(scored, value, drawn, monkeypatch):
    import memscope.steps.trajectories as step
    from memscope.errors import RunError

    seen = []

    def only_noted(run, *, plot, **_):
        seen.append(plot)
        raise RunError("noted")

    monkeypatch.setattr(step, "trajectories", only_noted)
    run("trajectories", scored, MEMSCOPE_TRAJECTORIES_PLOT=value, MEMSCOPE_TRAJECTORIES_STYLE="paper")
    (plot,) = seen
    assert (plot is not None) == drawn
    assert plot is None or (str(plot.directory), plot.style) == (f"{scored}/figures", "paper")


def test_a_variable_called_version_is_not_the_option(scored):
    assert "memscope, version" not in run("score", scored, MEMSCOPE_VERSION="1").stdout


def test_help_says_what_the_exit_statuses_are_and_they_are_so(scored):
    told = run("--help").stdout
    for status, meaning in ((0, "done"), (1, "something stands in the way"), (2, "what was asked"), (130, "interr")):
        assert f"  {status:<3}  {meaning}" in told
    assert run("status", scored).exit_code == 0


def on_a_terminal(arguments: list[str], **variables: str) -> bytes:
    """What a command prints on a terminal of 80 columns."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", **variables}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    process = subprocess.Popen([sys.executable, "-m", "memscope", *arguments], stdout=theirs, env=environment)
    os.close(theirs)
    found = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:
            break
        if not part:
            break
        found += part
    assert process.wait() == 0
    os.close(ours)
    return found


def test_no_colour_where_none_is_wanted(scored):
    told = on_a_terminal(["score", str(scored)], NO_COLOR="1")
    assert b"--details" in told
    for code in (*range(30, 38), *range(40, 48), *range(90, 98), 38, 48):
        assert f"[{code}m".encode() not in told
        assert f";{code}m".encode() not in told


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_quiet_or_verbose(command):
    told = run(command, "--help").stdout
    assert "-q, --quiet" in told
    assert "-v, --verbose" in told


def test_quiet_tells_of_warnings_and_errors_only(scored, tmp_path):
    shutil.copytree(scored, tmp_path / "part")
    next((tmp_path / "part/outcomes/onehot/width-2").glob("*.h5")).unlink()
    done = run("score", tmp_path / "part", "-q", "--csv", tmp_path / "scores.csv")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.startswith("Unfinished at width 2: 10 of 20 planned models")
    assert all(line.startswith(("Warning", "Left out", "Unfinished")) for line in done.stderr.splitlines())
    assert (tmp_path / "scores.csv").is_file()
    assert run("score", scored, "-q", "--json").stdout.startswith("{")
    assert "--details" in run("score", scored).stdout
    failed = run("score", tmp_path, "-q")
    assert failed.exception is not None


def test_quiet_training_says_nothing(tiny_npz, tmp_path):
    choices = ("--data", f"npz:{tiny_npz}", "--family", "mlp", "--widths", "2", "--models", "10", "--epochs", "1")
    done = run("train-family", tmp_path / "run", *choices, "--engine", "inline", "-q")
    assert (done.exit_code, done.output) == (0, "")


def test_verbose_tells_what_is_done_and_shows_the_traceback_of_an_error(scored, tmp_path):
    done = run("score", scored, "-v")
    assert f"wrote {scored}/results/score.h5" in done.stderr
    assert "wrote" not in run("score", scored).stderr
    failed = program("memscope score nowhere -v", tmp_path)
    assert failed.returncode == 1
    assert b"Traceback" in failed.stderr
    assert failed.stderr.decode().splitlines()[-1].startswith("Error: nowhere is not a run")
    assert b"Traceback" not in program("memscope score nowhere", tmp_path).stderr


def test_quiet_and_verbose_exclude_each_other(scored):
    done = run("score", scored, "-q", "-v")
    assert done.exit_code == 2
    assert "give one of them" in done.stderr
    assert "--details" in run("score", scored).stdout
