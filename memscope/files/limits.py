"""What a file may ask of the machine: what it declares is held against what is stored, before memory is given to it."""

import os
from pathlib import Path

from memscope.errors import DataError

FREE_BYTES = 16 * 2**20
MAX_RATIO = 200  # Fashion-MNIST's black images compress 2 times, MNIST's 5 times; deflate can reach 1,032

MAX_CLASSES = 2**16  # labels go to disk as uint16


def check_size(path: Path, what: str, declared: int, stored: int) -> None:
    """Refuse to allocate the `declared` bytes of an array that `stored` bytes of a file cannot honestly hold."""
    if declared > FREE_BYTES + MAX_RATIO * stored:
        raise DataError(
            f"{path}: {what} claims {declared:,} bytes but the file holds only {stored:,} for it; "
            "the header is damaged or hostile, get the file again"
        )
    if declared > memory_bytes():
        raise DataError(
            f"{path}: {what} has {declared / 2**30:,.1f} GiB, expected at most this machine's memory "
            f"({memory_bytes() / 2**30:,.1f} GiB); take fewer or smaller images"
        )


def memory_bytes() -> int:
    """Bytes of memory that this machine has; where it does not say, an ordinary one's."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 2**34


def existing_directory(path: Path) -> Path:
    if not path.is_dir():
        found = "a file" if path.exists() else "nothing"
        raise DataError(f"{path}: found {found}, expected a directory; check the path")
    return path


def existing_file(path: Path) -> Path:
    if not path.is_file():
        found = "a directory" if path.is_dir() else "nothing"
        raise DataError(f"{path}: found {found}, expected a file; check the path")
    return path
