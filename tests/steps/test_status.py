"""`status` recommends no command that refuses: both ask the same conditions."""

import ast
import inspect
import re
import shutil
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import pytest

from memscope.cli import COMMANDS, memscope
from memscope.errors import MemscopeError
from memscope.findings.screen import Command
from memscope.findings.status import commands
from memscope.reports.results import words_of
from memscope.reports.status import StatusReport
from memscope.run import open_run
from memscope.steps.score import score
from memscope.steps.status import lacking, status
from memscope.steps.train_family import train_family
from memscope.steps.trajectories import trajectories
from memscope.work.carrying_out import WorkOptions
from memscope.work.options import Choices


def recorded(tiny_npz: Path, path: Path, diverged: dict[int, int]) -> Path:
    """A run of ten models at widths 2 and 4, of which so many of a width diverged."""
    choices = Choices(data=f"npz:{tiny_npz}", trainer="record", widths=(2, 4), models=10)
    train_family(path, choices, WorkOptions(engine="inline"))
    run = open_run(path)
    count = len(run.examples.labels) + len(run.examples.test_labels)
    for size in (2, 4):
        for model in range(10):
            odds = np.full(count, np.nan if model < diverged.get(size, 0) else 1.0)
            run.record(size, model, np.zeros(count, dtype=np.int64), odds)
    return path


@pytest.mark.parametrize(("lost", "refused"), [({4: 10}, True), ({4: 9, 2: 3}, False), ({}, False)])
def test_sizes_whose_models_all_diverged_are_not_scored_and_not_recommended(tiny_npz, tmp_path, lost, refused):
    run = recorded(tiny_npz, tmp_path / "run", lost)
    found = status(run)
    for name, command in (("score", score), ("trajectories", trajectories)):
        assert found.not_yet.get(name, "") == ("all models of width 4 diverged" if refused else "")
        if refused:
            with pytest.raises(MemscopeError, match="10 that diverged"):
                command(run)
        else:
            command(run)
    names = [one.words[1] for one in commands(found)]
    assert names == ([] if refused else ["score"])
    assert {"resmem", "distill"} <= set(found.not_yet)


def test_a_damaged_outcome_does_not_stop_it(tiny_npz, tmp_path):
    run = recorded(tiny_npz, tmp_path / "run", {})
    for file in (run / "outcomes").rglob("*.h5"):
        file.write_bytes(file.read_bytes()[:-100])
    assert status(run).not_yet.get("score", "") == ""


def but_for(*places: str) -> Callable[[Path, Path, Path], Path]:
    """A copy of the tiny run, of three widths and two blocks, without some of its files."""

    def make(path: Path, tiny_run: Path, npz: Path) -> Path:
        shutil.copytree(tiny_run, path)
        found = [file for place in places for file in path.glob(place)]
        assert found
        for file in found:
            file.unlink()
        return path

    return make


def all_recorded(path: Path, tiny_run: Path, npz: Path) -> Path:
    """Of two widths, and every model recorded."""
    choices = Choices(data=f"npz:{npz}", family="mlp", widths=(2, 4), models=10, epochs=1, dynamics=10)
    assert not train_family(path, choices, WorkOptions(device="cpu", engine="inline")).failed
    return path


def few_examples(path: Path, tiny_run: Path, npz: Path) -> Path:
    with np.load(npz) as arrays:
        few = {name: values[:39] if name.startswith("train") else values for name, values in arrays.items()}
    np.savez(path.with_suffix(".npz"), **few)
    choices = Choices(data=f"npz:{path.with_suffix('.npz')}", trainer="record", widths=(2,), models=20)
    train_family(path, choices, WorkOptions(engine="inline"))
    for model in range(20):
        open_run(path).record(2, model, np.zeros(79, dtype=np.int64), np.ones(79))
    return path


def without_log_odds(path: Path, tiny_run: Path, npz: Path) -> Path:
    train_family(
        path, Choices(data=f"npz:{npz}", trainer="record", widths=(2,), models=20), WorkOptions(engine="inline")
    )
    for model in range(20):
        open_run(path).record(2, model, np.zeros(160, dtype=np.int64))
    return path


LACKING = [
    ("score", "no models yet", but_for("outcomes/onehot/*/*")),
    ("trajectories", "models of one width only", but_for("outcomes/onehot/width-[48]/*")),
    ("resmem", "models that others train", lambda path, _, npz: recorded(npz, path, {})),
    ("proxies", "no models of every width were recorded", but_for("weights/onehot/width-2/*")),
    ("proxies", "all models were recorded", all_recorded),
    (
        "memorability",
        "no block of 10 models that every width has whole",
        but_for("outcomes/onehot/width-2/00000*", "outcomes/onehot/width-4/00010*"),
    ),
    ("memorability", "where it comes from must be said", but_for("weights/onehot/width-2/*")),
    ("predictor", "two blocks of 10 models of width 8", but_for("outcomes/onehot/width-8/0001*")),
    ("predictor", "at least 40 training examples", few_examples),
    ("influence", "four whole blocks of 10 models of every width", but_for("weights/onehot/width-2/*")),
    ("removal", "how many examples models are trained without must be said", but_for("weights/onehot/width-2/*")),
    ("privacy", "two whole blocks of 10 models of every width", but_for("outcomes/onehot/width-2/0001*")),
    ("convergence", "two whole blocks of 10 models of every width", but_for("outcomes/onehot/width-2/0001*")),
    ("privacy", "its models have no log-odds", without_log_odds),
    ("distill", "no models of width 8 to teach", but_for("outcomes/onehot/width-8/*")),
    ("resmem", "it needs two blocks of 10 models, and there is", but_for("outcomes/onehot/width-2/0001*")),
    ("score", "all models of width 4 diverged", lambda path, _, npz: recorded(npz, path, {4: 10})),
    ("distill", "weights were not kept", but_for("weights/onehot/*/*")),
]


def test_every_reason_why_a_command_would_fail_is_asked_about_below():
    tree = ast.parse(textwrap.dedent(inspect.getsource(lacking)))
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Return) and ast.unparse(node) != "return ''"]
    assert len(found) == len({reason for _, reason, _ in LACKING})
    assert len(LACKING) == len({(group, reason) for group, reason, _ in LACKING})


@pytest.mark.parametrize(("group", "reason", "make"), LACKING, ids=[f"{one}, {why}" for one, why, _ in LACKING])
def test_every_command_and_option_that_status_names_exists(tiny_run, tiny_npz, tmp_path, group, reason, make):
    report = status(make(tmp_path / "run", tiny_run, tiny_npz))
    assert reason in report.not_yet[group]
    for name, why in report.not_yet.items():
        for place, option in re.findall(r"([a-z-]*) ?(--[a-z][a-z-]*)", f" {why}"):
            told = place if place in COMMANDS else words_of(name)[0]
            assert option in options_of(told), why
    recommended = [*commands(report)]
    for name in report.results:
        for state in ("missing", "out of date", "is damaged"):
            recommended += commands(with_all_but(report, name, state))
    assert recommended
    for one in recommended:
        check_exists(one)


def with_all_but(report: StatusReport, name: str, state: str) -> StatusReport:
    """Nothing is missing and all results are current, but those of one command."""
    return replace(
        report,
        sizes=tuple(replace(row, missing=0) for row in report.sizes),
        variants=tuple(replace(row, missing=0) for row in report.variants),
        dynamics=None,
        results={one: state if one == name else "current" for one in report.results},
    )


def command_of(words: list[str]) -> tuple[str, list[str]]:
    """The command that the words after `memscope` name, and its arguments."""
    many = 2 if " ".join(words[:2]) in COMMANDS else 1
    name = " ".join(words[:many])
    assert name in COMMANDS
    return name, words[many:]


def options_of(name: str) -> set[str]:
    found = memscope.get_command(click.Context(memscope), name)
    assert found is not None
    return {option for param in found.params for option in param.opts}


def check_exists(told: Command) -> None:
    """A command that memscope has, with options that it has, too."""
    assert told.words[0] == "memscope"
    name, arguments = command_of(list(told.words[1:]))
    # a command keeps the names of --help that it is first asked with, which are of the program above it
    above = memscope.make_context("memscope", [name])
    found = memscope.get_command(above, name)
    assert found is not None
    found.make_context(name, arguments, parent=above)  # a click.UsageError where it takes none of that
