"""One array of a NumPy .npz archive, its header held against the archive before any memory is allocated for it.

Nothing is unpickled or evaluated.
"""

import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from memscope.errors import DataError
from memscope.files.limits import check_size
from memscope.files.npy_header import NpyHeader, npy_header, npy_values

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""What NumPy writes. The others unpack a piece of a file to thousands of times its length at once."""

DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError)
"""What Python raises for an archive that is none, or is damaged"""


@dataclass(frozen=True)
class Member:
    """What an archive says of one of its arrays, and how to read it."""

    header: NpyHeader
    read: Callable[[], np.ndarray]


def names_in(archive: zipfile.ZipFile) -> set[str]:
    """The names of the arrays."""
    return {name.removesuffix(".npy") for name in archive.namelist()}


def npz_member(path: Path, archive: zipfile.ZipFile, name: str) -> Member:
    """The array of a name that is there, of the archive at `path`; DataError where it is not to be read."""
    member = archive.getinfo(f"{name}.npy" if f"{name}.npy" in archive.namelist() else name)
    if member.compress_type not in METHODS:
        raise DataError(
            f"{path}: {name} is compressed by method {member.compress_type}, expected none or deflate; "
            "save it again with numpy.savez_compressed"
        )
    try:
        with archive.open(member) as file:
            header = npy_header(file)
    except ValueError as error:
        raise DataError(f"{path}: {name} has no readable header ({error}); save it again with numpy.savez") from error
    if header.dtype.hasobject:
        raise DataError(
            f"{path}: {name} holds Python objects, which would have to be unpickled and are refused; expected plain "
            f"numbers or text, save numpy.array({name}.tolist()) in its place (numpy.stack if it holds arrays)"
        )
    if header.dtype.kind not in "biufUS" or not header.dtype.itemsize:
        raise DataError(f"{path}: {name}: found type {header.dtype}, expected numbers or text; save it as such")
    check_size(path, name, header.nbytes, min(member.compress_size, path.stat().st_size))

    def read() -> np.ndarray:
        try:
            with archive.open(member) as file:
                return npy_values(file)
        except ValueError as error:
            raise DataError(f"{path}: {name} is truncated or damaged ({error}); save the file again") from error

    return Member(header, read)
