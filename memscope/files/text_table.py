"""Tables of text that people write or export: read whole, as UTF-8, and split into the lines and cells of csv.

Each mistake is a DataError that names the file, and its line where there is one. `expected` in these functions is how
the caller's table should look, as the words that follow what was found: "expected the columns ...; do this".
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from memscope.errors import DataError
from memscope.files.kinds import EMPTY, HEAD, TABLE, kind_of
from memscope.files.limits import existing_file


def content_of(path: Path, most: int, what: str, less: str) -> bytes:
    """The bytes of a file of at most so many; `what` it should be, and what to do if it has more."""
    existing_file(path)
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
        if len(content) > most:
            raise DataError(f"{path}: has {path.stat().st_size:,} bytes, expected {what} of at most {most:,}; {less}")
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read: {error.strerror or error}; expected {what}; check the file"
        ) from error
    return content


def text_of(path: Path, content: bytes, expected: str) -> str:
    """The content of a file as text, without a mark of byte order."""
    kind = kind_of(content[:HEAD])
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError(f"{path}: found text in UTF-16, expected UTF-8; save it as csv in UTF-8")
    if kind not in (None, TABLE):
        raise DataError(f"{path}: found {'an empty file' if kind == EMPTY else kind}, {expected}")
    if b"\0" in content:
        raise DataError(f"{path}: found bytes that are no text (a zero byte), {expected}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}: line {line:,} has the byte 0x{content[error.start]:02x}, which is not UTF-8; save the table as "
            "csv in UTF-8"
        ) from error


def fields_of(line: str, delimiter: str) -> list[str]:
    """The cells of one line; none where it cannot be split."""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:  # a field of more than 131,072 characters
        return []


def rows(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The lines of a table that are not empty, split, each with the number from 1 of the line on which it ends."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, cells
    except csv.Error as error:
        raise DataError(
            f"{path}: line {reader.line_num:,} cannot be split into columns ({error}); write the table again as csv"
        ) from error
