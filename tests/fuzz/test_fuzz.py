"""A thousand fuzzed cases, and that the fuzzer finds what it is there to find. `make fuzz` runs the 100,000."""

import os
import warnings
from pathlib import Path
from random import Random

import numpy as np
import pytest

from fuzz import cases
from fuzz.__main__ import SHARES
from fuzz.cases import FORMATS, MARKER, Finding, Format, run_case
from memscope.errors import DataError

FEW = {
    "idx": 280, "cifar-binary": 100, "cifar-python": 60, "npz": 160, "hdf5": 120, "hf": 80, "images": 50,
    "plan": 280, "run": 30, "scores": 280, "changes": 280, "pairs": 280, "weights": 120, "predictor": 120,
}  # fmt: skip
"""Cases that take about a second of each."""


@pytest.mark.parametrize("form", FORMATS)
def test_every_damaged_file_is_read_whole_or_refused_in_one_line(form):
    answers = [run_case(form, number) for number in range(FEW[form])]
    read = answers.count("read")
    assert read > len(answers) / 50, "the damage is so heavy that it tests one check only"
    assert len(answers) - read > len(answers) / 4
    assert len({answer.partition("/case")[2][:60] for answer in answers}) > 8, (
        "the files are refused for a few reasons only"
    )


def test_both_forms_run_every_format():
    assert set(FEW) == set(FORMATS) == set(SHARES)
    assert sum(SHARES.values()) >= 100


READ_FROM = {
    "idx": {"idx"}, "cifar": {"cifar-binary", "cifar-python"}, "folder": {"images"}, "npz": {"npz"}, "hdf5": {"hdf5"},
    "hf": {"hf"}, "torchvision": {"idx", "cifar-python"}, "run": {"run"}, "plan": {"plan"}, "scores": {"scores"},
    "origin": {"run"}, "changes": {"changes"}, "beside": {"pairs"},
    "weights": {"weights"}, "model": {"predictor"}, "pretrained": {"weights"}, "evaluate_on": {"run"},
}  # fmt: skip
"""What fuzzes each form of --data, and each argument of a command that names something to read."""

WRITTEN = {"csv_file", "npz_file", "suspects", "figures", "out"}
"""Options that name what a command writes."""


def test_nothing_is_read_that_is_not_fuzzed():
    """Whoever adds a form of data, or a command that reads a file, adds its fuzzing."""
    import click

    from memscope.cli import memscope
    from memscope.datasets import FORMS

    context = click.Context(memscope)
    commands = [memscope.get_command(context, name) for name in memscope.list_commands(context)]
    files = {
        one.name for command in commands for one in command.params if isinstance(one.type, click.Path | click.File)
    }
    forms = {form.partition(":")[0] for form in FORMS if ":" in form}
    assert files - WRITTEN | forms == set(READ_FROM)
    assert set.union(*READ_FROM.values()) == set(FORMATS)


@pytest.mark.parametrize("form", FORMATS)
def test_a_number_always_makes_the_same_files(form, tmp_path):
    def files(directory: Path) -> dict[str, bytes]:
        directory.mkdir()
        FORMATS[form].write(Random(f"{form} 7"), directory)
        found = [path for path in sorted(directory.rglob("*")) if path.is_file()]
        return {str(path.relative_to(directory)): path.read_bytes() for path in found}

    one, two = files(tmp_path / "a"), files(tmp_path / "b")
    assert one
    if form != "hdf5":  # h5py stamps links to other files with where they are
        assert one == two
    assert one.keys() == two.keys()


def write_nothing(random: Random, directory: Path) -> str:
    return str(directory)


def ask(what: str):
    def read(name: str) -> None:
        if what == "another error":
            raise KeyError("labels")
        if what == "two lines":
            error = DataError("found this and that")
            error.args = ("found this\nand that",)
            raise error
        if what == "a command to the terminal":
            error = DataError("found this and that")
            error.args = ("found \x1b[31m in the file",)
            raise error
        if what == "a long line":
            error = DataError("x")
            error.args = ("x" * 5000,)
            raise error
        if what == "a line that says nothing":
            raise DataError("damaged")
        if what == "a warning":
            warnings.warn("about nothing", UserWarning, stacklevel=1)
        if what == "code that was run":
            Path(MARKER).mkdir()
        if what == "much memory":
            np.ones(200 * 2**20, np.uint8)  # far more than a process frees meanwhile
        if what == "out of memory":
            raise DataError("it needs more memory than there is") from MemoryError()
        if what == "a broken data set":
            assert np.zeros(3).dtype == np.uint8

    return read


@pytest.mark.parametrize(
    "what",
    [
        "another error", "two lines", "a command to the terminal", "a long line", "a line that says nothing",
        "a warning", "code that was run", "much memory", "out of memory", "a broken data set",
    ],
)  # fmt: skip
def test_the_fuzzer_notices(what, monkeypatch):
    if what == "much memory" and not os.path.exists("/proc/self/clear_refs"):
        pytest.skip("memory is watched on Linux only")
    monkeypatch.setitem(cases.FORMATS, "idx", Format(write_nothing, ask(what), megabytes=40))
    with pytest.raises(Finding):
        run_case("idx", 0)
    monkeypatch.setitem(cases.FORMATS, "idx", Format(write_nothing, ask("nothing")))
    assert run_case("idx", 0) == "read"


def test_a_child_that_crashes_or_hangs_names_its_case_and_the_next_goes_on(tmp_path, monkeypatch):
    from fuzz import __main__ as program

    monkeypatch.setattr(program, "SILENCE", 3.0)
    script = tmp_path / "python"
    script.write_text(
        "#!/bin/sh\n"
        'for number in $(seq "$5" $(($6 - 1))); do echo "begin $number"; '
        'if [ "$number" = 2 ]; then kill -SEGV $$; fi; if [ "$number" = 4 ]; then exec sleep 60; fi; echo read; done\n'
    )
    script.chmod(0o755)
    monkeypatch.setattr(program.sys, "executable", str(script))
    ended, findings = program.supervise("idx", 0, 6, tmp_path / "stderr")
    assert ended["read"] == 4
    assert [finding.split(":")[0] for finding in findings] == ["idx 2", "idx 4"]
    assert "-11" in findings[0]
    assert "hangs" in findings[1]
