"""What the program says on an output that lacks letters, is closed, or is full: no traceback, and a sensible status."""

import os
import shlex
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from memscope import cli
from memscope.steps.score import score
from memscope.steps.train_family import train_family
from memscope.text import writable
from memscope.work.carrying_out import WorkOptions
from memscope.work.options import Choices

INLINE = WorkOptions(device="cpu", engine="inline")
pytestmark = pytest.mark.xdist_group("outputs")  # `scored` is of one process
ENCODINGS = [
    {"PYTHONIOENCODING": "ascii"},
    {"PYTHONIOENCODING": "latin-1"},
    {"PYTHONIOENCODING": "cp1252"},
    {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"},
]


def shell(command: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    program = f"{shlex.quote(sys.executable)} -m memscope"
    script = f"set -o pipefail; {command.replace('memscope', program)}"
    environment = {**os.environ, "PYTHONUNBUFFERED": "", **variables}
    done = subprocess.run(["bash", "-c", script], capture_output=True, env=environment)
    for told in (b"Traceback", b"Exception ignored"):
        assert told not in done.stderr, done.stderr.decode()
    return done


@pytest.fixture(scope="module")
def scored(tiny_run, tmp_path_factory):
    import shutil

    path = tmp_path_factory.mktemp("scored") / "run"
    shutil.copytree(tiny_run, path)
    score(path)
    return path


@pytest.mark.parametrize("variables", ENCODINGS, ids=lambda variables: "-".join(variables.values()))
def test_tables_are_written_in_the_letters_that_there_are_and_their_columns_stand(scored, variables):
    done = shell(f"memscope trajectories {scored} --details", **variables)
    assert (done.returncode, done.stderr) == (0, b"")
    name = variables.get("PYTHONIOENCODING", "ascii")
    text = done.stdout.decode(name)
    assert ("+-" if name == "ascii" else "±") in text
    lines = text.splitlines()
    rules = [at for at, line in enumerate(lines) if set(line) in ({"-"}, {"─"})]
    assert len(rules) > 1
    for at in rules:
        assert len(lines[at - 1]) == len(lines[at]) == len(lines[at + 1])


def test_a_sign_is_replaced_before_columns_are_measured(capsys, monkeypatch):
    from rich.console import Console

    from memscope.tables import printing

    monkeypatch.setattr(printing, "console", Console(width=200, highlight=False))
    monkeypatch.setattr(type(printing.console), "encoding", "ascii")
    printing.table("±", ["name", "share"], [["中文", "1 ±2"], ["plain", "1"]])
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["", "+-"]
    assert len({len(line) for line in lines[2:]}) == 1
    assert set(lines[3]) == {"-"}
    assert lines[4].split() == [r"\u4e2d\u6587", "1", "+-2"]


@pytest.mark.parametrize(
    ("text", "encoding", "expected"),
    [
        ("1 ±2 – “x” → 3×4…", "ascii", '1 +-2 - "x" -> 3x4...'),
        ("1 ±2 → é", "latin-1", "1 ±2 -> é"),
        ("“é” €→", "cp1252", "“é” €->"),
        ("中é\U0001f600", "ascii", r"\u4e2d\xe9\U0001f600"),
        ("中±", "utf-8", "中±"),
        ("\udcc3", "utf-8", r"\udcc3"),
        ("±", None, "±"),
        ("±", "ANSI_X3.4-1968", "+-"),
    ],
)
def test_letters_are_replaced_by_what_looks_alike_or_escaped(text, encoding, expected):
    assert writable(text, encoding) == expected


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        *(
            pytest.param(arguments, variables, id=f"{arguments}-{name}")
            for arguments in ("--help", "train-family --help", "score né", "né")
            for name, variables in (("ascii", ENCODINGS[0]), ("C", ENCODINGS[3]))
        ),
        pytest.param("train-family n --data npz:é", ENCODINGS[3], id="data-C"),  # which loads torch
    ],
)
def test_help_and_errors_are_in_ascii_where_the_output_is(arguments, variables):
    done = shell(f"memscope {arguments}", **variables)
    (done.stdout + done.stderr).decode("ascii")
    assert done.returncode == (0 if "help" in arguments else 2 if arguments == "né" else 1)


def test_names_of_classes_in_any_script_are_printed_and_json_is_ascii_anyway(tiny_npz, tmp_path):
    arrays = dict(np.load(tiny_npz))
    np.savez(tmp_path / "d.npz", **arrays, class_names=np.array(["中文", "é", "±", "→"]))
    run = tmp_path / "run"
    choices = Choices(data=f"npz:{tmp_path / 'd.npz'}", family="mlp", widths=(2, 4), models=10, epochs=1)
    train_family(run, choices, INLINE)
    told = shell(f"memscope score {run} --details", PYTHONIOENCODING="ascii").stdout.decode("ascii")
    assert r"\u4e2d\u6587" in told
    assert shell(f"memscope score {run} --json", PYTHONIOENCODING="ascii").stdout.isascii()


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("what", ["score RUN", "score RUN --json", "--help", "schema score"])
def test_a_full_output_is_told_in_one_line(scored, what, unbuffered):
    done = shell(f"memscope {what} >/dev/full".replace("RUN", str(scored)), PYTHONUNBUFFERED=unbuffered)
    assert done.returncode == 1
    assert done.stderr.decode().splitlines() == [
        "Error: standard output cannot be written (No space left on device); give one that can be, and run the "
        "command again"
    ]


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("memscope score RUN >&-", 0),
        ("memscope score RUN 2>&-", 0),
        ("memscope score RUN >&- 2>&- <&-", 0),
        ("memscope score RUN 2>/dev/full", 0),
        ("memscope score nowhere 2>&-", 1),
        ("memscope score nowhere 2>/dev/full", 1),
        ("memscope score nowhere >&- 2>&-", 1),
        ("memscope scores 2>/dev/full", 2),
    ],
)
def test_an_output_that_is_closed_or_a_full_one_of_errors_leaves_the_status(scored, command, status):
    done = shell(command.replace("RUN", str(scored)))
    assert done.returncode == status
    if status == 0 and ">&-" not in command:
        assert b"--details prints all tables." in done.stdout


@pytest.mark.parametrize("what", ["score RUN", "score RUN --json --top 100"])
def test_a_reader_that_goes_early_ends_it_without_a_word(scored, what):
    done = shell(f"memscope {what} | exec true".replace("RUN", str(scored)))
    assert (done.returncode in (0, 1), done.stderr) == (True, b"")


def test_a_training_goes_on_when_nobody_reads_how_far_it_is(tiny_npz, tmp_path):
    """With all three closed from the start, files of the run would get their numbers."""
    choices = f"--data npz:{tiny_npz} --family mlp --widths 2 --models 10 --epochs 1 --workers 1"
    for number, output in enumerate((">&- 2>&- <&-", "2>/dev/full", "2>&1 | exec true")):
        run = tmp_path / f"run-{number}"
        shell(f"memscope train-family {run} {choices} {output}")
        assert "missing" in CliRunner().invoke(cli.memscope, ["status", str(run), "--repair"]).stdout
        assert len(list((run / "outcomes").rglob("*.h5"))) == 1


def test_names_beyond_the_locale_are_those_that_are_on_the_disk(tmp_path):
    rng = np.random.default_rng(0)
    folder = tmp_path / "données"
    folder.mkdir()
    images, labels = rng.integers(0, 256, (30, 4, 4), dtype=np.uint8), np.arange(30) % 3
    np.savez(folder / "é.npz", images=images, labels=labels, class_names=np.array(["日本", "b", "c"]))
    made = shell(
        f"memscope train-family {folder}/exécution --data npz:{folder}/é.npz --trainer record --widths 2 --models 10",
        **ENCODINGS[-1],
    )
    assert made.returncode == 0, made.stderr.decode()
    made.stderr.decode("ascii")
    assert f'spec = "npz:{folder}/é.npz"' in (folder / "exécution/plan.toml").read_text(encoding="utf-8")


def test_an_error_on_a_terminal_breaks_between_words_and_elsewhere_is_one_line(monkeypatch, capsys):
    from memscope.tables import printing

    text = "Error: " + "a word-or-two of " * 20 + "9 s"
    printing.print_error(text)
    assert capsys.readouterr().err == text + "\n"
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    printing.print_error(text)
    lines = capsys.readouterr().err.splitlines()
    assert max(map(len, lines)) <= 40
    assert " ".join(lines) == text
    assert lines[-1].endswith("9 s")
