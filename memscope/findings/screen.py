"""The answer of a command on one screen: a paragraph of findings, one table, a few notes, and what to do next.

A module for each command makes it of the command's report; `tables/printing.py` prints it. What a screen does not hold,
`--details` prints.
"""

import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass

WIDE = 80
"""Columns of a terminal that a table must fit"""
LINES = 40
"""Of a screen with eight sizes"""
GAP = "  "


@dataclass(frozen=True)
class Remark:
    """A sentence beside findings."""

    text: str
    warns: bool = False
    """Whether it is told in spite of `--quiet`"""


@dataclass(frozen=True)
class Grid:
    """A table: each cell is one word or number, so that it fits the narrowest terminal."""

    columns: Sequence[str]
    """Headings, of one or two lines each, parted by a line break"""
    rows: Sequence[Sequence[str] | str]
    """Cells; a lone text stands over the rows below it"""
    left: int = 0
    """How many of the first columns are text"""

    def lines(self) -> list[str]:
        """The headings, a rule, and a line for each row."""
        headings = [heading.split("\n") for heading in self.columns]
        depth = max(map(len, headings))
        above = [[*[""] * (depth - len(heading)), *heading] for heading in headings]
        cells = [row for row in self.rows if not isinstance(row, str)]
        widths = [max(map(len, (*above[place], *(row[place] for row in cells)))) for place in range(len(self.columns))]

        def line(row: Sequence[str]) -> str:
            told = [
                cell.ljust(width) if place < self.left else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            return GAP.join(told).rstrip()

        rule = "─" * (sum(widths) + len(GAP) * (len(widths) - 1))
        heads = [line([heading[number] for heading in above]) for number in range(depth)]
        return [*heads, rule, *(row if isinstance(row, str) else line(row) for row in self.rows)]


@dataclass(frozen=True)
class Command:
    """A command to run, and what for."""

    what_for: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return shlex.join(self.words)


def command(what_for: str, *words: object) -> Command:
    """A command of memscope, ready to be copied."""
    return Command(what_for, ("memscope", *map(str, words)))


WITH_STORED = {"--plot": 1, "--csv": 2, "--suspects": 2}
"""Options of a screen's commands that go with `--stored`, and their words"""


def of_archive(suggested: Sequence[Command], run: str, groups: Collection[str], asked: Sequence[str]) -> list[Command]:
    """Of the commands that are suggested, what can be done with a run that has no models: to show what is stored.

    `groups` are the results that it has; `asked` are the words that ask for the one whose screen it is, as `influence
    --among-training`.
    """
    found = []
    for one in suggested:
        _, name, *words = one.words
        shown = [
            word for place, option in enumerate(words) for word in words[place : place + WITH_STORED.get(option, 0)]
        ]
        own = name == asked[0]
        if shown and (own or name in groups):
            found.append(command(one.what_for, name, run, *(asked[1:] if own else ()), "--stored", *shown))
    return found


@dataclass(frozen=True)
class Screen:
    """All that is told without `--details`."""

    findings: Sequence[str]
    """Paragraphs, what matters most first"""
    grid: Grid | None = None
    notes: Sequence[Remark] = ()
    """What changes how the numbers are to be read; warnings first"""
    commands: Sequence[Command] = ()
    """What to do next"""
    more: bool = True
    """Whether `--details` has more to tell"""
