"""The file of changes that `train-family --from RUN --changes FILE` takes, read and written.

    # memscope changes of data 0c2f...           the fingerprint in the run's plan.toml
    index,sha256,decision,new_label
    17,9f86d081...,drop,
    42,60303ae2...,relabel,cat

The columns are found by their names, in any order; others, such as somebody's notes, are passed over.
"""

import csv
import io
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from memscope.datasets.changes import DECISIONS, RELABEL, Change, Changes, changed, decided
from memscope.datasets.image_dataset import ImageDataset
from memscope.errors import DataError
from memscope.files.atomic import write_where_told
from memscope.files.places import at_home
from memscope.files.text_table import content_of, rows, text_of
from memscope.text import counted

MOST_BYTES = 256 * 2**20
"""Of a file. A line has some hundred."""
MOST_LINES = 2_000_000

TITLE = "# memscope changes of data"
FIRST = re.compile(rf'"?{TITLE} +([0-9a-fA-F]{{64}})"?[,;\s]*')
"""Its first line, perhaps as a spreadsheet leaves it, with a separator for every column"""

COLUMNS = ("index", "sha256", "decision", "new_label")
EXPECTED = f"expected the columns {','.join(COLUMNS)} below a line '{TITLE} FINGERPRINT' (docs/own.md has an example)"
DIGEST = re.compile("[0-9a-f]{64}")


def read_changes(path: Path) -> Changes:
    """The changes in a file; DataError, naming the line, where it is no such file."""
    return changes_in(path, content_of(path, MOST_BYTES, "a file of changes", "leave out the lines of what is kept"))


def changes_in(path: Path, content: bytes) -> Changes:
    """The changes in the content of a file that is at `path`."""
    text = text_of(path, content, EXPECTED)
    fingerprint = fingerprint_in(path, text)
    table, column = columns_of(path, text)
    changes: dict[int, Change] = {}
    for line, cells in table:
        if len(changes) == MOST_LINES:
            raise DataError(f"{path}: has more than {MOST_LINES:,} changes; leave out the lines of what is kept")
        change = change_of(path, line, cells, column)
        if (before := changes.get(change.index)) is not None:
            raise DataError(
                f"{path}: lines {before.line:,} and {line:,} are both of index {change.index}, expected one line an "
                "example; delete one"
            )
        changes[change.index] = change
    return Changes(fingerprint, tuple(changes.values()), str(path))


def fingerprint_in(path: Path, text: str) -> str:
    """The fingerprint in the first line."""
    first = re.split("[\r\n]", text.lstrip(), maxsplit=1)[0].strip()
    if found := FIRST.fullmatch(first):
        return found[1].lower()
    raise DataError(
        f"{path}: found a first line of {first[:60]!r}, expected '{TITLE} FINGERPRINT' with the fingerprint in the "
        "plan.toml of the run that is to be changed; write it above the columns"
    )


def columns_of(path: Path, text: str) -> tuple[Iterator[tuple[int, list[str]]], dict[str, int]]:
    """The lines below that of the columns, split, and the place of each column."""
    titles: list[str] = []
    for delimiter in (",", ";", "\t"):
        table = rows(path, text, delimiter)
        next(table, None)
        _, cells = next(table, (0, []))
        titles = titles or cells
        named = [title.strip().lower() for title in cells]
        if not set(COLUMNS) <= set(named):
            continue
        if twice := [title for title in COLUMNS if named.count(title) > 1]:
            raise DataError(f"{path}: has {named.count(twice[0])} columns {twice[0]}, expected one; rename the others")
        return table, {title: named.index(title) for title in COLUMNS}
    raise DataError(f"{path}: found {', '.join(titles)[:60]!r} in its second line, {EXPECTED}")


def change_of(path: Path, line: int, cells: Sequence[str], column: dict[str, int]) -> Change:
    """The change that one line asks for."""
    where = f"{path}: line {line:,}"
    if len(cells) == column["new_label"]:  # the last column, which some leave out where it is empty
        cells = [*cells, ""]
    if len(cells) <= max(column.values()):
        raise DataError(
            f"{where} has {counted(len(cells), 'column')}, expected {', '.join(COLUMNS)} as in the second line; mend "
            "or delete that line"
        )
    index, sha256, decision, new_label = (cells[column[title]] for title in COLUMNS)
    index, sha256, decision = index.strip(), sha256.strip().lower(), decision.strip().lower()
    if not (index.isascii() and index.isdigit() and len(index) < 19):
        raise DataError(
            f"{where} has {index[:40]!r} in the place of an index, expected a whole number from 0, the position of the "
            "image in its source; mend or delete that line"
        )
    if not DIGEST.fullmatch(sha256):
        raise DataError(
            f"{where} has {sha256[:70]!r} in the place of a sha256, expected 64 digits of hex, of the pixels of the "
            "image; mend or delete that line"
        )
    if decision not in DECISIONS:
        raise DataError(
            f"{where} has the decision {decision[:40]!r}, expected {', '.join(DECISIONS[:-1])} or {DECISIONS[-1]}; "
            "mend or delete that line"
        )
    if bool(new_label.strip()) != (decision == RELABEL):
        raise DataError(
            f"{where} has the decision {decision} and the new label {new_label.strip()[:40]!r}, expected a new label "
            f"with {RELABEL} and none otherwise; mend that line"
        )
    return Change(int(index), sha256, decision, new_label if decision == RELABEL else "", line)


def write_changes(
    file: str | os.PathLike[str],
    dataset: ImageDataset,
    drop: Iterable[int] = (),
    relabel: Mapping[int, str] | None = None,
) -> None:
    """Write a file of changes of a run's data set, `open_run(RUN).dataset()`.

    Examples go by `index`, their position in the source, as in the tables of `memscope score`: those to `drop`, and
    those to `relabel` with the name of their new class. DataError where `train-family --from` would refuse them.
    """
    changes = decided(dataset, drop, relabel)
    changed(dataset, changes)
    write_where_told(at_home(file), changes_text(changes))


def changes_text(changes: Changes) -> bytes:
    """The content of a file of changes."""
    buffer = io.StringIO(newline="")
    buffer.write(f"{TITLE} {changes.fingerprint}\r\n")
    writer = csv.writer(buffer)  # which quotes the line breaks that end its own lines, \r\n
    writer.writerow(COLUMNS)
    writer.writerows((one.index, one.sha256, one.decision, one.new_label) for one in changes.changes)
    return buffer.getvalue().encode()
