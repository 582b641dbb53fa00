"""Kinds of option values that several commands take."""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from memscope.cli import completing
from memscope.files.places import STANDARD_OUTPUT, found_place, found_spec


class Number(click.types.FloatParamType):
    """A number; what is none is told in plain words, and a percentage as the share that it is."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return float(value)
        except ValueError:
            share = str(value).rstrip().removesuffix("%")
            with suppress(ValueError):
                self.fail(f"{value!r} is not a number; write {float(share) / 100:g}", param, ctx)
            self.fail(f"{value!r} is not a number, such as 0.1", param, ctx)


class Whole(click.types.IntParamType):
    """A whole number."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return int(value)
        except ValueError:
            self.fail(f"{value!r} is not a whole number, such as 4", param, ctx)


NUMBER, WHOLE = Number(), Whole()


class Sizes(click.ParamType):
    """Widths or depths: whole numbers with commas between."""

    name = "N,N,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return tuple(int(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is not whole numbers with commas between, as in 2,4,8", param, ctx)


class Numbers(click.ParamType):
    """Numbers with commas between."""

    name = "X,X,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return tuple(float(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is not numbers with commas between, as in 0.5,1,2", param, ctx)


class Shard(click.ParamType):
    """One of several shares of the work: the i-th of n."""

    name = "I/N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        try:
            share, shares = (int(part) for part in str(value).split("/"))
        except ValueError:
            self.fail(f"{value!r} is not I/N, as in 1/8", param, ctx)
        return share, shares


class Place(click.Path):
    """A path, as `found_place` finds it: a shell leaves the ~ of --csv=~/scores.csv as it is."""

    def __init__(self, **checks: bool) -> None:
        super().__init__(path_type=Path, **checks)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert(found_place(os.fspath(value)) if value else value, param, ctx)


class RunPlace(Place):
    """The directory of a run."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return completing.runs(incomplete)


class FamilyName(click.ParamType):
    """The name of a family."""

    name = "NAME"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return completing.families(incomplete)


class OutputFile(Place):
    """A file to write; `-` is standard output, and `./-` a file of that name."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, allow_dash=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "-":
            return STANDARD_OUTPUT
        found = super().convert(value, param, ctx)
        return found.absolute() if found == STANDARD_OUTPUT else found


class Spec(click.ParamType):
    """A data set, FORM:PLACE, its place as `found_place` finds it."""

    name = "SPEC"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return found_spec(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return completing.data(incomplete)


class Names(click.ParamType):
    """One or several of some names, with commas between."""

    name = "NAME,NAME,..."

    def __init__(self, known: Sequence[str]) -> None:
        self.known = tuple(known)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        names = tuple(name.strip() for name in str(value).split(","))
        for name in names:
            if name not in self.known:
                self.fail(f"{name!r} is not one of {', '.join(self.known)}; several are given with commas", param, ctx)
        return names


run_argument = click.argument("run", type=RunPlace(), metavar="RUN")


def noted(command: str) -> Callable[[Any], Any]:
    """Notes the time that a command takes for `memscope status --timing`; its first parameter is the run."""

    def wrap(function: Any) -> Any:
        @wraps(function)
        def with_note(run: Path, **options: Any) -> None:
            from memscope.work.timing import timed

            if options.get("dry_run"):  # which writes nothing
                function(run=run, **options)
                return
            with timed(run, command):
                function(run=run, **options)

        return with_note

    return wrap


def work_options(command: Any) -> Any:
    """The options of every command that carries out tasks: none changes a number on a CPU."""
    options = (
        click.option("--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), default="auto", show_default=True),
        click.option(
            "--engine",
            type=click.Choice(["inline", "processes", "ray"]),
            default="processes",
            show_default=True,
            help="Where the work runs; ray: on a Ray cluster that is already running (docs/scaling.md).",
        ),
        click.option(
            "--address", metavar="HOST:PORT", help="The head of the Ray cluster.  [auto: the one of this machine]"
        ),
        click.option("--workers", type=int, metavar="N", help="Processes.  [one a core, or a GPU]"),
    )
    for option in reversed(options):
        command = option(command)
    return command


def load_for_workers(engine: str, module: str = "memscope.work.training_task") -> None:
    """Begin to load what worker processes need: called before this process loads the same, which takes seconds."""
    if engine == "processes":
        from memscope.engines.processes import load_ahead

        load_ahead(module)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON (keys: docs/json.md) instead of tables.")

details_option = click.option("--details", is_flag=True, help="Print all tables, not one screen of findings.")
"""Of every command whose findings have one screen"""
