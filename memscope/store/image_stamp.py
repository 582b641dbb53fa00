"""`cache/images.json`: notes which image cache has been hashed, so that not every call hashes it again.

Hashing 16 GB takes minutes. We compare what the system says about `images.npy` (length, times, inode) and the SHA-256
of `examples.h5`, whose labels and class names are in the fingerprint too. Whoever writes the file may set its time of
modification, but not that of its last change (ctime; Windows has none, and gives the time of creation). Bits that flip
on the disk change none of these, so `status --repair` never looks here.
"""

import hashlib
import json
from contextlib import suppress
from pathlib import Path

from memscope.errors import RunError
from memscope.files.atomic import write_atomically
from memscope.store.examples import examples_path, image_cache


def stamp_path(run: Path) -> Path:
    return image_cache(run).with_suffix(".json")


def stamp_of(run: Path, fingerprint: str) -> bytes | None:
    """The stamp that the present cache would have if its data had this fingerprint; None if there is no cache.

    The images are not read.
    """
    try:
        file = image_cache(run).stat()
        examples = hashlib.sha256(examples_path(run).read_bytes()).hexdigest()
    except OSError:
        return None
    about = {
        "data_fingerprint": fingerprint,
        "size": file.st_size,
        "mtime_ns": file.st_mtime_ns,
        "ctime_ns": file.st_ctime_ns,
        "inode": file.st_ino,
        "examples_sha256": examples,
    }
    return (json.dumps(about, indent=1) + "\n").encode()


def is_stamped(run: Path, stamp: bytes | None) -> bool:
    """Whether the run holds exactly this stamp. It is compared and never parsed, so nothing in it can do harm."""
    path = stamp_path(run)
    if stamp is None or not path.is_file():
        return False
    with suppress(OSError), path.open("rb") as file:
        return file.read(len(stamp) + 1) == stamp
    return False


def write_stamp(run: Path, stamp: bytes) -> None:
    """Record that the cache was hashed. Nothing is recorded if the run cannot be written to."""
    with suppress(RunError):
        write_atomically(stamp_path(run), stamp)
