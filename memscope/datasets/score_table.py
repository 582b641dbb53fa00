"""A table of scores that people have measured, one number an image: `--scores FILE`.

What comes in is a file of text and the identity of a run's examples; what goes out is a number for each of them, NaN
where the table has none. Four layouts are known, with commas, semicolons or tabs between the columns:

- `name,score`: file names as the run has them;
- `index,score`: positions in the source, as in the files that `memscope score --csv` writes;
- LaMem's splits: `00000001.jpg 0.909091`, without a header;
- MemCat's table: `image_file`, `memorability_w_fa_correction` among others.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from memscope.errors import DataError
from memscope.files.text_table import content_of, fields_of, rows, text_of
from memscope.text import composed, counted

MOST_BYTES = 256 * 2**20
"""Of a table. ImageNet's 1.3 million names and numbers take 40 MB."""
MOST_LINES = 2_000_000

NAMES, INDEX = ("name", "image_file"), "index"
CORRECTED = "memorability_w_fa_correction"
SCORES = ("score", CORRECTED)
"""Of several columns, the first of these that is there"""

EXPECTED = (
    "expected the columns name,score or index,score, or LaMem's or MemCat's layout; docs/own.md has an example of each"
)

Key = str | int


@dataclass(frozen=True)
class Layout:
    """Where a table has what."""

    delimiter: str | None
    """None: white space before the last word of the line"""
    header: bool
    key: int
    """The column that says which image it is"""
    score: int
    by_index: bool
    title: str
    """The name of the column of scores"""


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """Scores for N examples of a run."""

    values: np.ndarray
    """float64 [N]; NaN where the table has none"""
    title: str
    """The name of the column that they are from"""
    lines: int
    """Images in the table"""

    @property
    def known(self) -> int:
        """Examples with a score."""
        return int(np.isfinite(self.values).sum())


def read_score_table(path: Path, index: np.ndarray, names: Sequence[str] | None) -> ScoreTable:
    """The scores of examples with these positions in the source [N] and these file names.

    Names are compared whole, else by their last part where that is unique in the table and among the examples.
    DataError where the file is no such table, or has a score for none of them.
    """
    text = whole_text(path)
    layout = layout_of(path, text, names is not None)
    found = entries(path, text, layout)
    matched = by_index(found, index) if layout.by_index else by_name(found, names or ())
    values = np.full(len(index), np.nan)
    for example, score in matched.items():
        values[example] = score
    if not matched:
        raise DataError(f"{path}: {unmatched(found, index, names, layout)}")
    return ScoreTable(values, layout.title, len(found))


def whole_text(path: Path) -> str:
    content = content_of(path, MOST_BYTES, "a table", "leave only the columns name,score or index,score")
    return text_of(path, content, EXPECTED)


def layout_of(path: Path, text: str, named: bool) -> Layout:
    """The layout that the first line of a table tells; `named`: whether the run's examples have file names."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    if not first:
        raise DataError(f"{path}: found no line with anything in it, {EXPECTED}")
    for delimiter in (",", "\t", ";"):
        titles = [title.strip().lower() for title in cells_of(first, delimiter)]
        score = next((title for title in SCORES if title in titles), None)
        name = next((title for title in NAMES if title in titles), None)
        if score is None or (name is None and INDEX not in titles):
            continue
        again = [one for one in (score, name, INDEX) if one is not None and titles.count(one) > 1]
        if again:
            raise DataError(f"{path}: has {titles.count(again[0])} columns {again[0]}, expected one; rename the others")
        # where both are there, as in our own files, the names: what calls itself index may be a row's number
        by_index = name is None or (INDEX in titles and not named)
        key = INDEX if by_index else str(name)
        return Layout(delimiter, True, titles.index(key), titles.index(score), by_index, score)
    for between in (",", "\t", ";", None):
        cells = cells_of(first, between)
        if len(cells) == 2 and number(cells[1]) is not None:
            return Layout(between, False, 0, 1, False, "score")
    columns = ", ".join(cell.strip()[:40] for cell in cells_of(first, ",")[:8])
    raise DataError(f"{path}: found a first line of {columns!r}, {EXPECTED}")


def cells_of(line: str, delimiter: str | None) -> list[str]:
    return line.rsplit(None, 1) if delimiter is None else fields_of(line, delimiter)


def number(text: str) -> float | None:
    try:
        return None if "_" in text else float(text)  # Python reads 1_0 as 10
    except ValueError:
        return None


def lines_of(path: Path, text: str, delimiter: str | None) -> Iterator[tuple[int, list[str]]]:
    """The lines of a table that are not empty, split, each with its number from 1."""
    if delimiter is not None:
        yield from rows(path, text, delimiter)
        return
    for at, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield at, line.strip().rsplit(None, 1)


def entries(path: Path, text: str, layout: Layout) -> dict[Key, float]:
    """The score of every image that the table names, in its order."""
    found: dict[Key, float] = {}
    lines: dict[Key, int] = {}
    what = INDEX if layout.by_index else "name"
    for position, (line, cells) in enumerate(lines_of(path, text, layout.delimiter)):
        if position == 0 and layout.header:
            continue
        if len(found) == MOST_LINES:
            raise DataError(f"{path}: has more than {MOST_LINES:,} lines; leave only those of the run's images")
        if len(cells) <= max(layout.key, layout.score):
            raise DataError(
                f"{path}: line {line:,} has {counted(len(cells), 'column')}, expected {what} and score as in its first "
                "line; mend or delete that line"
            )
        key = key_of(path, line, cells[layout.key].strip(), layout.by_index)
        score = number(cells[layout.score])
        if score is None or not math.isfinite(score):
            raise DataError(
                f"{path}: line {line:,} has {cells[layout.score].strip()[:40]!r} in the place of a score, expected a "
                "number with a decimal point; delete the lines of images without one"
            )
        if key in found:
            raise DataError(
                f"{path}: lines {lines[key]:,} and {line:,} are both of {what} {str(key)[:80]!r}, expected one line an "
                "image; of several sizes or raters keep one, or their mean"
            )
        found[key], lines[key] = score, line
    if not found:
        raise DataError(f"{path}: found a header and no line below it, {EXPECTED}")
    return found


def key_of(path: Path, line: int, text: str, by_index: bool) -> Key:
    if not by_index:
        if text:
            return composed(text)
        raise DataError(f"{path}: line {line:,} has no name, expected one of an image; mend or delete that line")
    if text.isascii() and text.isdigit() and len(text) < 19:
        return int(text)
    raise DataError(
        f"{path}: line {line:,} has {text[:40]!r} in the place of an index, expected a whole number from 0, the "
        "position of the image in its source"
    )


def by_index(found: Mapping[Key, float], index: np.ndarray) -> dict[int, float]:
    """The scores by the number of the example."""
    return {at: found[place] for at, place in enumerate(index.tolist()) if place in found}


def by_name(found: Mapping[Key, float], names: Sequence[str]) -> dict[int, float]:
    """The same, whole names first; then the last parts that both sides have once, of what is left on neither side."""
    wanted = [composed(name) for name in names]
    matched = {at: found[name] for at, name in enumerate(wanted) if name in found}
    taken = {wanted[at] for at in matched}
    ours, theirs = Counter(map(last_part, wanted)), Counter(last_part(str(name)) for name in found)
    once = {last_part(str(name)): score for name, score in found.items() if name not in taken}
    for at, name in enumerate(wanted):
        part = last_part(name)
        if at not in matched and part in once and ours[part] == theirs[part] == 1:
            matched[at] = once[part]
    return matched


def last_part(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2]


def unmatched(found: Mapping[Key, float], index: np.ndarray, names: Sequence[str] | None, layout: Layout) -> str:
    """Why none of a table's images is in the run, and what to do."""
    example = str(next(iter(found)))[:80]
    if layout.by_index:
        return (
            f"none of its {counted(len(found), 'line')} (index {example}, ...) is of a training example of the run, "
            f"whose indices are {int(index.min()):,} to {int(index.max()):,}; expected positions in the source, as "
            "memscope score --csv writes them"
        )
    if names is None:
        return (
            f"has scores by name ({example!r}, ...), but the run's images have none; expected the columns index,score, "
            "with positions in the source"
        )
    ours = Counter(last_part(composed(name)) for name in names)
    several = sum(ours[last_part(str(name))] > 1 for name in found)
    why = f"; {several:,} have last parts that several images have, so give them with their folders" if several else ""
    return (
        f"none of its {counted(len(found), 'name')} ({example!r}, ...) is that of a training example of the run "
        f"({names[0][:80]!r}, ...){why}; expected names as in the source, or the columns index,score"
    )
