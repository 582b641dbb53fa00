"""How the commands print: screens, tables, sentences and JSON."""

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

import click
from rich.box import Box
from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from memscope.findings.screen import LINES, WIDE, Command, Remark, Screen
from memscope.reports.keys import plain
from memscope.tables.verbosity import quiet
from memscope.text import printable, writable

WORDS = re.compile(r" (?!±|\+-|(?<=\d )(?:s|min|h|days|[kMGT]?B)\b)")
"""What parts words: a number stays with its error and its unit"""

WIDEST = 100
"""Columns beyond which sentences are hard to read"""

# Width is the terminal's, or what a table needs where there is none: piped output is never folded.
console = Console(soft_wrap=False, highlight=False)
if not console.is_terminal:
    console = Console(width=200, highlight=False)


def print_json(keys: dict[str, Any]) -> None:
    click.echo(json.dumps(plain(keys), indent=2))


def show_screen(screen: Screen) -> None:
    """Print the findings, the table, notes and commands; with `--quiet` only what warns, on standard error."""
    if quiet():
        for note in screen.notes:
            tell(note)
        return
    width = min(console.width, WIDEST) if console.is_terminal else WIDE
    for line, style in lines_of(screen, width):
        console.print(Text(line, style=style), soft_wrap=True)


def lines_of(screen: Screen, width: int) -> list[tuple[str, str]]:
    """The lines of a screen, and how each looks; notes without room are left to `--details`, warnings are not."""
    above = [line for text in screen.findings if text for line in wrapped(text, width)]
    below = [line for command in screen.commands for line in command_lines(command, width)]
    below += ["--details prints all tables."] if screen.more else []
    grid = [shown(line) for line in screen.grid.lines()] if screen.grid else []
    room = LINES - len(above) - len(below) - len(grid) - 3 * bool(grid)
    notes: list[str] = []
    for note in sorted(screen.notes, key=lambda note: not note.warns):
        told = wrapped(note.text, width)
        if note.warns or len(notes) + len(told) <= room:
            notes += told
    found = [(line, "") for line in above]
    if grid:
        head = next(number for number, line in enumerate(grid) if line[:1] in "─-" and set(line) <= {"─", "-"})
        found += [("", ""), *((line, "bold" if number < head else "") for number, line in enumerate(grid)), ("", "")]
    return [*found, *((line, "") for line in notes), *((line, "") for line in below)]


def command_lines(command: Command, width: int) -> Iterator[str]:
    """What a command is for, and the command, in lines that a shell takes as one."""
    one = f"{command.what_for}: {shown(str(command))}"
    if cell_len(one) <= width:
        yield one
        return
    yield f"{command.what_for}:"
    line = " "
    for word in (shown(shlex.quote(word)) for word in command.words):
        if line.strip() and cell_len(f"{line} {word} \\") > width:
            yield f"{line} \\"
            line = "   "
        line = f"{line} {word}"
    yield line


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines that break between words, and not before ± or a unit; words longer than a line stay whole."""
    lines: list[str] = []
    for word in WORDS.split(shown(text)):
        if lines and cell_len(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def table(title: str, columns: list[str], rows: list[list[str]], left: int = 1) -> None:
    """Print, after an empty line, a table whose first `left` columns are text and whose others are numbers.

    Where it is wider than the terminal, which would cut numbers off, it has a row for every column instead, or else
    comes in several parts.
    """
    if quiet():
        return
    console.print()
    # not the table's own title: rich would fold that to the width of its table
    print_wrapped(title, style="bold")
    for part in fitting(columns, rows, left):
        console.print(part)


def fitting(columns: list[str], rows: list[list[str]], left: int) -> Iterator[Table]:
    """The table in as many parts as the console's width takes, each with the first column."""
    whole = drawn(columns, rows, left)
    if fits(whole):
        yield whole
        return
    headings, *others = zip(columns, *rows, strict=True)
    turned = drawn(headings, others, 1)
    if fits(turned) and len(rows) < len(columns):
        yield turned
        return
    first = 1
    while first < len(columns):
        last = first + 1
        while last < len(columns) and fits(part(columns, rows, left, first, last + 1)):
            last += 1
        yield part(columns, rows, left, first, last)
        first = last


def part(columns: list[str], rows: list[list[str]], left: int, first: int, last: int) -> Table:
    """The first column and those from `first` to before `last`."""
    kept = [0, *range(first, last)]
    text = sum(place < left for place in kept)
    return drawn([columns[place] for place in kept], [[row[place] for place in kept] for row in rows], text)


def drawn(columns: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> Table:
    # as on screens, a rule below the headings and no other lines
    rule = writable("─", console.encoding)
    bare, ruled = "    \n", f" {rule}{rule} \n"
    box = Box(bare * 2 + ruled + bare * 2 + ruled + bare * 2, ascii=rule == "-")
    found = Table(header_style="bold", box=box, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for position, column in enumerate(columns):
        text = position < left
        found.add_column(literal(column), justify="left" if text else "right", overflow="fold")
    for row in rows:
        found.add_row(*[literal(cell) for cell in row])
    return found


def fits(shown: Table) -> bool:
    """Whether a table stands in the console's width with every cell whole."""
    unbounded = console.options.update(width=10_000)
    return Measurement.get(console, unbounded, shown).maximum <= console.width


def say(text: str) -> None:
    """Print a sentence as it is: square brackets, `:smile:` and terminal commands in names and paths are text."""
    if not quiet():
        print_wrapped(text)


def warning(text: str) -> None:
    """Print a sentence that is told in spite of `--quiet`: then on standard error."""
    if quiet():
        print_error(text)
    else:
        print_wrapped(text)


def print_error(text: str) -> None:
    """Print a sentence on standard error, in lines that a terminal has room for; elsewhere in one."""
    told = Console(stderr=True)
    for line in wrapped(text, told.width) if told.is_terminal else [printable(text)]:
        click.echo(line, err=True)


def tell(remark: Remark) -> None:
    (warning if remark.warns else say)(remark.text)


def print_wrapped(text: str, style: str = "") -> None:
    """Print a sentence in lines that the terminal has room for; elsewhere in one."""
    for line in wrapped(text, console.width) if console.is_terminal else [shown(text)]:
        console.print(Text(line, style=style), soft_wrap=True)


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
