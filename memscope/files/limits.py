"""What a file may ask of the machine: what it declares is held against what is stored, before memory is given to it."""

import os
from pathlib import Path

from memscope.errors import DataError

FREE_BYTES = 16 * 2**20
MOST_DEFLATED = 1032  # times: what deflate can make of a byte at most; a flat background comes near it

ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar")
"""Endings of what has to be unpacked before its files are there"""

MAX_CLASSES = 2**16  # labels go to disk as uint16


def check_size(path: Path, what: str, declared: int, stored: int) -> None:
    """Refuse to allocate the `declared` bytes of an array that `stored` bytes of a file cannot hold, or the memory."""
    if declared > FREE_BYTES + MOST_DEFLATED * stored:
        raise DataError(
            f"{path}: {what} claims {declared:,} bytes but the file holds only {stored:,} for it, from which no "
            "compression makes so many; it is damaged or hostile, get the file again"
        )
    check_memory(path, what, declared)


def check_memory(path: Path, what: str, needed: int) -> None:
    """Refuse what takes more than half of the memory: the rest of a run needs some too."""
    if needed > memory_bytes() // 2:
        raise DataError(
            f"{path}: {what} claims {needed:,} bytes, expected at most half of this machine's memory "
            f"({memory_bytes() / 2**31:,.1f} GiB); take fewer or smaller images"
        )


def memory_bytes() -> int:
    """Bytes of memory that this machine has; where it does not say, an ordinary one's."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 2**34


def existing_directory(path: Path) -> Path:
    if not path.is_dir():
        if not path.is_file():
            raise DataError(f"{path}: found nothing, expected a directory; check the path")
        packed = path.suffix.lower() in ARCHIVES
        way = "unpack it and name the folder" if packed else f"name the folder, {path.parent}, if its files are meant"
        raise DataError(f"{path}: found a file, expected a directory; {way}")
    return path


def existing_file(path: Path) -> Path:
    if not path.is_file():
        found = "a directory" if path.is_dir() else "nothing"
        raise DataError(f"{path}: found {found}, expected a file; check the path")
    return path
