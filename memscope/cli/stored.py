"""The option `--stored` of the commands that keep results, and what is done with it in the command's place."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from memscope.cli.output import check_outputs, told_beside
from memscope.reports.keys import keys_of
from memscope.steps.drawing import Drawing

KEPT = ("run", "stored", "plot", "figures", "figure_format", "style", "details", "as_json", "verbose", "quiet")
"""What --stored has in common with every command"""
MODULES = {"influence-training": "influence"}
"""Results that are told by the modules of others; all else by GROUP.py in `memscope/findings` and `memscope/tables`"""
FILES = {"suspects": "--suspects", "csv_file": "--csv", "npz_file": "--npz"}


def tells_stored(
    group: str, also: Collection[str] = (), instead: Mapping[str, str] | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command the option: with it, results of this group are told as they are stored.

    `also` names parameters of the command that are fields of Exports too; `instead` the groups that flags of the
    command ask for. It must stand below `draws`, and above what notes the command's time in the run.
    """
    flags = instead or {}

    def wrap(function: Callable[..., None]) -> Callable[..., None]:
        @wraps(function)
        def with_stored(run: Path, stored: bool, details: bool, as_json: bool, **options: Any) -> None:
            if not stored:
                function(run=run, details=details, as_json=as_json, **options)
                return
            check_nothing_else({*KEPT, *also, *flags})
            asked = {name: options[name] for name in also}
            flag = next((name for name in flags if options[name]), None)
            command = click.get_current_context().command.name or ""
            words = [command] if flag is None else [command, f"--{flag.replace('_', '-')}"]
            show_stored(run, flags[flag] if flag else group, words, asked, options.get("plot"), details, as_json)

        return click.option("--stored", is_flag=True, help="Show what is stored; nothing is computed.")(with_stored)

    return wrap


def check_nothing_else(kept: Collection[str]) -> None:
    """UsageError for an option that would have something computed, or another thing written."""
    context = click.get_current_context()
    for each in context.command.params:
        name = each.name or ""
        if name not in kept and context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{each.opts[0]} has no part in --stored, which computes nothing; leave one out.")


def show_stored(
    run: Path,
    group: str,
    words: Sequence[str],
    asked: Mapping[str, Any],
    plot: Drawing | None,
    details: bool,
    as_json: bool,
) -> None:
    """Print what is stored, with what was asked for of it. `words` are the command, and the flag that names the group.

    Of a run without its models, the screen suggests what shows more of it, and nothing that needs models.
    """
    files = {FILES[name]: asked[name] for name in FILES if name in asked}
    check_outputs(files)
    from memscope.cli.progress import TrainingProgress
    from memscope.findings.screen import of_archive
    from memscope.steps.stored import Exports, read_stored
    from memscope.store.results import groups_of
    from memscope.tables.printing import print_error, print_json, show_screen

    with TrainingProgress(quiet=as_json, doing="reading") as progress:
        found = read_stored(run, group, Exports(**asked), plot=plot, say=progress.say)
    for line in found.warnings:
        print_error(line)
    module = MODULES.get(group, group)
    with told_beside(*files.values()):
        if as_json:
            print_json(keys_of(found.report))
        elif details or not has_screen(found.report):
            import_module(f"memscope.tables.{module}").show(found.report, True)
        else:
            screen = import_module(f"memscope.findings.{module}").screen(found.report)
            if found.archived:
                commands = of_archive(screen.commands, found.report.run, groups_of(found.run.path), words)
                screen = replace(screen, commands=commands)
            show_screen(screen)


def has_screen(report: Any) -> bool:
    """Whether it has what findings are held against: reports that were stored before that was have tables only."""
    return getattr(report, "evidence", report) is not None
