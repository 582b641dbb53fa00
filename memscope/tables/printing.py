"""How the commands print: tables, JSON, percentages and durations."""

import json
import math
from typing import Any

import click
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from memscope.reports.keys import plain
from memscope.tables.verbosity import quiet
from memscope.text import printable, writable

WARNINGS = ("Warning", "Failed", "The tracebacks", "Diverged", "Left out", "Unfinished")
"""How sentences begin that are told in spite of `--quiet`."""

# Width is the terminal's, or what a table needs where there is none: piped output is never folded.
console = Console(soft_wrap=False, highlight=False)
if not console.is_terminal:
    console = Console(width=200, highlight=False)


def print_json(keys: dict[str, Any]) -> None:
    click.echo(json.dumps(plain(keys), indent=2))


def table(title: str, columns: list[str], rows: list[list[str]], left: int = 1) -> None:
    """Print a table whose first `left` columns are text and whose others are numbers."""
    if quiet():
        return
    # not the table's own title: rich would fold that to the width of its table
    console.print(literal(title), style="bold")
    upright = Table(header_style="bold", pad_edge=False)
    for position, column in enumerate(columns):
        upright.add_column(literal(column), justify="left" if position < left else "right")
    for row in rows:
        upright.add_row(*[literal(cell) for cell in row])
    if fits(upright) or len(rows) >= len(columns):
        console.print(upright)
        return
    # Too wide for this terminal, which would cut numbers off: a row for every column instead
    turned = Table(header_style="bold", pad_edge=False)
    turned.add_column(literal(columns[0]))
    for row in rows:
        turned.add_column(literal(row[0]), justify="right")
    for position, column in enumerate(columns[1:], start=1):
        turned.add_row(literal(column), *[literal(row[position]) for row in rows])
    console.print(turned)


def fits(shown: Table) -> bool:
    """Whether a table stands in the console's width with every cell whole."""
    unbounded = console.options.update(width=10_000)
    return Measurement.get(console, unbounded, shown).maximum <= console.width


def say(text: str) -> None:
    """Print a sentence as it is: square brackets, `:smile:` and terminal commands in names and paths are text.

    With `--quiet`, only if it is a warning, and on standard error.
    """
    if quiet():
        if text.startswith(WARNINGS):
            click.echo(printable(text), err=True)
        return
    console.print(shown(text), markup=False, soft_wrap=not console.is_terminal, emoji=False)


def list_lines(title: str, rows: list[tuple[str, str]]) -> None:
    """Print names, each with what is said of it beside it, in lines that stand below each other where they fold."""
    if quiet():
        return
    console.print(literal(title), style="bold")
    plain = Table(show_header=False, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    plain.add_column(no_wrap=True)
    plain.add_column(overflow="fold")
    for name, about in rows:
        plain.add_row(literal(f"  {name}"), literal(about))
    console.print(plain)


def headline(text: str) -> None:
    """Print a title of ours after an empty line."""
    if not quiet():
        console.print()
        console.print(literal(text), style="bold")


def literal(text: str) -> Text:
    """Text on one line, nothing in it taken for markup, an emoji's name or a command to the terminal."""
    return Text(shown(text))


def shown(text: str) -> str:
    """The text on one line, in letters that the output has: replaced before columns are measured."""
    return writable(printable(text), console.encoding)


def decimals(value: float | None, digits: int = 3) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def with_error(value: float | None, error: float | None) -> str:
    """A number and its standard error."""
    return decimals(value) if error is None or math.isnan(error) else f"{decimals(value)} ±{decimals(error)}"


def percent(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.1%}"


def duration(seconds: float) -> str:
    """A time as a person says it: 45 s, 12 min, 3.5 h, 2.1 days."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86400:.1f} days"


def size_of(count: int) -> str:
    """Bytes as a person says them."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"
