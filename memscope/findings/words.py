"""Words that findings share."""

import os
from collections.abc import Sequence

from memscope.findings.screen import Command, Remark, Screen, command
from memscope.plan.recipe import RECORDED
from memscope.reports.training import FailedTask
from memscope.text import counted

ERRORS = "±: standard error, by leaving out blocks of models."


def listed(things: Sequence[object]) -> str:
    """1, 2 and 4"""
    words = list(map(str, things))
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def at_sizes(axis: str, sizes: Sequence[int]) -> str:
    """width 2; widths 2 and 4; widths 2 to 64 (7 of them)"""
    if len(sizes) > 4:
        return f"{len(sizes)} {axis}s from {sizes[0]} to {sizes[-1]}"
    return f"{axis}{'s' * (len(sizes) > 1)} {listed(sizes)}"


def more_models(run: str, models: int, trainer: str, what_for: str) -> Command:
    """The command for so many models of each size; those that are trained elsewhere it can only plan."""
    if trainer == RECORDED:
        what_for = f"{what_for}, which you train and put in with run.record, are planned by"
    return command(what_for, "train-family", run, "--models", models)


def drawn(figures: Sequence[str]) -> Remark:
    """Where the figures are."""
    places = dict.fromkeys(os.path.dirname(figure) or "." for figure in figures)
    return Remark(f"Drew {counted(len(figures), 'figure')} in {listed(list(places))}.")


def short(name: str, longest: int = 40) -> str:
    """A name that others chose, its middle left out where it is long: a line has room for it."""
    if len(name) <= longest:
        return name
    end = (longest - 3) // 2
    return f"{name[: longest - 3 - end]}...{name[-end:]}"


def not_measured(what: str, run: str, axis: str, failed: Sequence[FailedTask]) -> Screen:
    """Of a command that had to measure something first, and could not."""
    task = failed[0]
    more = f" and {counted(len(failed) - 1, 'more task')}" if len(failed) > 1 else ""
    models = f"{axis} {task.size}, models {task.first} to {task.first + task.count - 1}{more}"
    return Screen(
        [f"Nothing was compared: some {what} could not be measured."],
        notes=[
            Remark(f"Failed twice: {models}: {task.reason}", True),
            Remark(f"The tracebacks are in {run}/failures; run the command again to retry.", True),
        ],
        more=False,
    )
