"""The arrays of .npy files, read by NumPy's own readers.

They take a header for a Python literal and run nothing of it. But they believe the header's length, warn, and raise
whatever a parser does.
"""

import io
import warnings
from dataclasses import dataclass
from math import prod
from typing import IO

import numpy as np

LONGEST_HEADER = 10_000  # characters, NumPy's own limit; the header's length field could ask for 4 GB
READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
    (3, 0): np.lib.format.read_array_header_2_0,  # 3.0 is 2.0 with names of fields in UTF-8; we read no fields
}


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
        return prod(self.shape) * self.dtype.itemsize


def npy_header(file: IO[bytes]) -> NpyHeader:
    """The header at the start of a file, which is left anywhere; ValueError where there is none."""
    start = io.BytesIO(file.read(LONGEST_HEADER + 12))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what Python 2 wrote, and of odd literals
            read = READERS[np.lib.format.read_magic(start)]
            shape, fortran_order, dtype = read(start, max_header_size=LONGEST_HEADER)
    except Exception as error:  # of a damaged literal the parser was seen to raise six kinds
        raise ValueError(str(error).partition("\n")[0][:200] or type(error).__name__) from error
    if not all(0 <= extent < 2**63 for extent in shape):
        raise ValueError(f"its shape is {str(shape)[:100]}")
    return NpyHeader(shape, dtype, fortran_order, start.tell())


def npy_values(file: IO[bytes]) -> np.ndarray:
    """The array of a file at its start, whose header has been read; ValueError where the data end too early.

    Whether so much may be allocated is the caller's to check.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.lib.format.read_array(file, allow_pickle=False, max_header_size=LONGEST_HEADER)
