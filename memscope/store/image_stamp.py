"""`cache/images.json`: that the image cache has been hashed, and as which file, so that not every call hashes it.

Hashing takes minutes at 16 GB. What is compared is what the system says about `images.npy` (length, times, inode) and
the SHA-256 of `examples.h5`, whose labels and class names are in the fingerprint as well. Whoever writes the file may
set its time of modification, but not that of its last change (ctime; Windows has none, and gives the time of creation).
Bits that flip on the disk change none of these, so `status --repair` never looks here.
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
    """The stamp that the cache as it is now would have, were its data of this fingerprint; None where it is not there.

    Nothing of the images is read.
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
    """Whether the run holds this very stamp. It is compared and never parsed, so nothing in it can do harm."""
    path = stamp_path(run)
    if stamp is None or not path.is_file():
        return False
    with suppress(OSError), path.open("rb") as file:
        return file.read(len(stamp) + 1) == stamp
    return False


def write_stamp(run: Path, stamp: bytes) -> None:
    """Record that the cache was hashed; nothing is recorded in a run that cannot be written to."""
    with suppress(RunError):
        write_atomically(stamp_path(run), stamp)
