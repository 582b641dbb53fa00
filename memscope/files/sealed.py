"""HDF5 files under a seal: after their end a line of text with the SHA-256 of all bytes before it.

It is their only checksum. HDF5's own cover numbers, but neither names nor types, attributes or text: a flipped bit
there could read as another number. HDF5 readers stop at the end that the file itself gives, and do not see the line.
"""

import hashlib
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import h5py

from memscope.files.atomic import write_atomically
from memscope.files.guarded_hdf5 import opened

SEAL = re.compile(rb"\nmemscope-sha256 ([0-9a-f]{64})\n")
LENGTH = len("\nmemscope-sha256 \n") + 64
PIECE = 2**20


@contextmanager
def sealing(buffer: io.BytesIO) -> Iterator[h5py.File]:
    """An HDF5 file to be filled; when the block ends well, the empty `buffer` holds it, sealed."""
    with h5py.File(buffer, "w") as file:
        file.attrs["sealed"] = "sha256"  # so that a file whose seal was cut off is not taken for one from before seals
        yield file
    digest = hashlib.sha256(buffer.getbuffer()).hexdigest()
    buffer.seek(0, io.SEEK_END)
    buffer.write(f"\nmemscope-sha256 {digest}\n".encode())


@contextmanager
def writing_sealed(path: Path) -> Iterator[h5py.File]:
    """The same, and `path` is replaced by it."""
    buffer = io.BytesIO()
    with sealing(buffer) as file:
        yield file
    write_atomically(path, buffer.getbuffer())


@contextmanager
def open_sealed(path: Path) -> Iterator[h5py.File]:
    """The HDF5 file at `path`, to be read; ValueError where its seal is broken, OSError where it is no HDF5 file.

    Files from before seals are read as they are.
    """
    with path.open("rb") as raw:
        sealed = seal_holds(raw)
    with opened(path) as file:
        if not sealed and "sealed" in file.attrs:
            raise ValueError("its checksum is missing at its end")
        yield file


def seal_holds(raw: BinaryIO) -> bool:
    """Whether the file has a seal; ValueError where its bytes are not those that were sealed."""
    rest = max(0, raw.seek(0, io.SEEK_END) - LENGTH)
    raw.seek(rest)
    seal = SEAL.fullmatch(raw.read())
    if seal is None:
        return False
    raw.seek(0)
    digest = hashlib.sha256()
    while rest:
        piece = raw.read(min(rest, PIECE))
        digest.update(piece)
        rest -= len(piece)
    if digest.hexdigest().encode() != seal[1]:
        raise ValueError("its bytes are not what its checksum says")
    return True
