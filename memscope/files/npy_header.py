"""The arrays of .npy files, read without evaluating their headers.

NumPy's own reader takes a header for Python source: it parses, tokenises, warns, and raises what those raise. What it
writes itself has one form, and only that form is read here.
"""

import io
import re
from dataclasses import dataclass
from typing import IO

import numpy as np

LONGEST_HEADER = 10_000  # characters, NumPy's own limit; the header's length field could ask for 4 GB
DESCR = re.compile(r"""['"]descr['"]: *['"]([<>|=]?[a-zA-Z][0-9]{0,9}(?:\[[0-9]{0,6}[a-zA-Z]{1,7}\])?)['"]""")
ORDER = re.compile(r"""['"]fortran_order['"]: *(True|False)""")
SHAPE = re.compile(r"""['"]shape['"]: *\(((?:[0-9]{1,18}L?, *)*(?:[0-9]{1,18}L?)?)\)""")  # Python 2 wrote 12L


@dataclass(frozen=True)
class NpyHeader:
    """What a .npy file says of its array."""

    shape: tuple[int, ...]
    dtype: np.dtype
    fortran_order: bool
    length: int
    """Bytes before the data"""

    @property
    def nbytes(self) -> int:
        size = self.dtype.itemsize
        for extent in self.shape:
            size *= extent
        return size


def npy_header(file: IO[bytes]) -> NpyHeader:
    """The header at the start of a file, which is left anywhere; ValueError where there is none that we read."""
    start = io.BytesIO(file.read(LONGEST_HEADER + 12))
    magic = start.read(8)
    if magic[:6] != b"\x93NUMPY" or magic[6:] not in (b"\x01\x00", b"\x02\x00", b"\x03\x00"):
        raise ValueError(f"it starts with {magic.hex(' ') or 'nothing'}, expected 93 4e 55 4d 50 59 (.npy)")
    wide = 2 if magic[6] == 1 else 4
    length = int.from_bytes(start.read(wide), "little")
    if length > LONGEST_HEADER:
        raise ValueError(f"its header has {length:,} bytes, expected at most {LONGEST_HEADER:,}")
    text = start.read(length).decode("latin-1")
    descr, order, shape = (pattern.search(text) for pattern in (DESCR, ORDER, SHAPE))
    if len(text) < length or not descr or not order or not shape:
        raise ValueError(f"its header is {text[:100]!r}, expected type, order and shape of a plain array")
    try:
        dtype = np.dtype(descr[1])
    except TypeError:
        raise ValueError(f"its type is {descr[1]!r}, which is none") from None
    extents = tuple(int(extent.strip().rstrip("L")) for extent in shape[1].split(",") if extent.strip())
    return NpyHeader(extents, dtype, order[1] == "True", 8 + wide + length)


def npy_values(file: IO[bytes], header: NpyHeader) -> np.ndarray:
    """The array behind the header, from a file at its start; ValueError where the data end too early.

    Whether so much may be allocated is the caller's to check.
    """
    file.read(header.length)
    values = np.empty(header.nbytes, dtype=np.uint8)
    filled = 0
    while filled < len(values):
        piece = file.read(min(2**20, len(values) - filled))
        if not piece:
            raise ValueError(f"found {filled:,} bytes of data, expected {len(values):,}")
        values[filled : filled + len(piece)] = np.frombuffer(piece, dtype=np.uint8)
        filled += len(piece)
    plain = values.view(header.dtype)
    return plain.reshape(header.shape[::-1]).T if header.fortran_order else plain.reshape(header.shape)
