"""`cache/source.json`: what the files of a run's data looked like when they were last read, and what differed then."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from memscope.errors import RunError
from memscope.files.atomic import write_atomically
from memscope.store.examples import image_cache

LARGEST = 2**16
"""Bytes of a note that are read; one has some hundred."""


@dataclass(frozen=True)
class Note:
    listing: str
    """Of the files, see datasets/listing.py"""
    differs: str
    """In what the data differed from those of the run; empty where they were the same"""


def note_path(run: Path) -> Path:
    return image_cache(run).with_name("source.json")


def read_note(run: Path) -> Note | None:
    """The note; None where there is none, or anything else."""
    with suppress(OSError, ValueError, RecursionError), note_path(run).open("rb") as file:
        found = json.loads(file.read(LARGEST))
        if isinstance(found, dict) and set(found) == {"listing", "differs"}:
            note = Note(**found)
            if isinstance(note.listing, str) and isinstance(note.differs, str):
                return note
    return None


def write_note(run: Path, note: Note) -> None:
    """Nothing is noted if the run cannot be written to."""
    with suppress(RunError):
        write_atomically(note_path(run), (json.dumps(asdict(note), indent=1) + "\n").encode())
