"""The options of the commands that draw: `--plot`, `--figures`, `--figure-format`, `--style`."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from memscope.cli.types import Names, Place, RunPlace
from memscope.files.places import found_place
from memscope.steps.drawing import FORMATS, STYLES, Drawing


class OldPlace(click.ParamType):
    """The directory that `--plot` took before there was `--figures`; empty where none was named."""

    name = "DIR"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return str(found_place(value)) if value else value


OPTIONS = (
    click.option("--plot", type=OldPlace(), is_flag=False, flag_value="", metavar="", help="Draw the figures."),
    click.option(
        "--figures", type=Place(file_okay=False), metavar="DIR", help="Where --plot puts them.  [RUN/figures]"
    ),
    click.option(
        "--figure-format", type=Names(FORMATS), default="png", metavar="F,F,...", help="Of png, svg, pdf.  [png]"
    ),
    click.option(
        "--style",
        type=click.Choice(STYLES),
        default="screen",
        help="paper: one column wide, 8-point type, no title; talk: large type.  [screen]",
    ),
)


YES = ("1", "true", "yes", "on", "y", "t")
"""Values of MEMSCOPE_..._PLOT with which figures are drawn, as click has them for flags."""


def draws(function: Callable[..., None]) -> Callable[..., None]:
    """Gives a command these options, and what they say as `plot`: a Drawing, or None if nothing is to be drawn.

    The command's argument RUN must not be required, and follows them in what click checks.
    """

    @wraps(function)
    def with_drawing(
        run: Path | None,
        plot: str | None,
        figures: Path | None,
        figure_format: tuple[str, ...],
        style: str,
        **rest: Any,
    ) -> None:
        if click.get_current_context().get_parameter_source("plot") is ParameterSource.ENVIRONMENT:
            plot = "" if plot and plot.lower() in YES else None
        if run is None and plot:
            run, plot = Path(plot), ""  # `--plot RUN`
        if run is None:
            raise click.UsageError("Missing argument 'RUN': a directory made by memscope train-family.")
        if plot is None:
            check_nothing_asked()
        elif plot and figures is not None:
            raise click.UsageError(f"--plot {plot} and --figures {figures} both say where; give --plot --figures DIR.")
        elif plot:
            click.echo(f"--plot {plot} is the old form; from now on --plot --figures {plot}", err=True)
        wanted = (
            None
            if plot is None
            else Drawing(figures or (Path(plot) if plot else run / "figures"), figure_format, style)
        )
        function(run=run, plot=wanted, **rest)

    for option in reversed(OPTIONS):
        option(with_drawing)
    return with_drawing


def check_nothing_asked() -> None:
    """UsageError if the command line says how to draw, and not that something is to be drawn."""
    context = click.get_current_context()
    for name in ("figures", "figure_format", "style"):
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name.replace('_', '-')} says how figures are drawn; add --plot to draw them.")


run_or_plot = click.argument("run", type=RunPlace(), required=False, metavar="RUN")
"""RUN of a command that draws: the value that --plot may have can swallow it."""
