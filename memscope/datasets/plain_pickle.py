"""Reads the pickles of CIFAR's python version, and no other pickles: nothing that a file names is ever run.

A pickle may name any function and have it called. Here four names are known, and each stands for a function of
this module that builds plain data; any other name is refused. The rest is bounded by the file's own size.
"""

import io
import pickle
import pickletools
from pathlib import Path
from typing import Any

import numpy as np

from memscope.errors import DataError

MAX_BYTES = 512 * 2**20  # CIFAR-100's largest file has 155 MB
MAX_MEMO = 10_000_000  # CIFAR-100's largest file remembers some 50,000 objects


class _Dtype:
    """A pickled `numpy.dtype`: its name only."""

    def __init__(self, name: Any = None, *_: Any) -> None:
        self.name = name.decode() if isinstance(name, bytes) else name

    def __setstate__(self, state: Any) -> None:
        pass


class _Array:
    """A pickled `numpy.ndarray` of bytes: its shape and its data."""

    values: np.ndarray | None = None

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, data = state
        if not isinstance(dtype, _Dtype) or dtype.name not in ("u1", "|u1", "uint8") or fortran:
            raise pickle.UnpicklingError("an array that is not of bytes in C order")
        if isinstance(data, str):
            data = data.encode("latin1")
        self.values = np.frombuffer(data, dtype=np.uint8).reshape(shape)


def _reconstruct(*_: Any) -> _Array:
    return _Array()


def _encode(text: str, encoding: Any = "latin1") -> bytes:
    if encoding not in ("latin1", b"latin1"):
        raise pickle.UnpicklingError("text in an encoding other than latin1")
    return text.encode("latin1")


KNOWN = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _encode,
}


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in KNOWN:
            raise pickle.UnpicklingError(f"the refused name {module}.{name}")
        return KNOWN[module, name]


def read_plain_pickle(path: Path) -> dict[bytes, Any]:
    """The dictionary in a CIFAR file: its keys bytes, its arrays uint8, everything else builtin and plain.

    Raises `DataError` naming the first refused name, and for a file that is too large, truncated or of another
    shape.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise DataError(f"{path}: has {size:,} bytes, expected at most {MAX_BYTES:,}; it is not a CIFAR file")
    try:
        data = path.read_bytes()
        for opcode, argument, _ in pickletools.genops(data):
            # the memo is one block as long as its largest number: one opcode could ask for 64 GB
            if "PUT" in opcode.name and int(argument or 0) > MAX_MEMO:
                raise pickle.UnpicklingError("an unreasonable memo")
        content = _PlainUnpickler(io.BytesIO(data), encoding="bytes").load()
        if not isinstance(content, dict):
            raise pickle.UnpicklingError(f"{type(content).__name__} and not a dictionary")
    except Exception as error:  # a damaged pickle can raise anything; nothing of it has been run
        raise DataError(
            f"{path}: found {error}, expected the plain data of CIFAR's python version; "
            "it is damaged or hostile, get the file again"
        ) from error
    return {
        key: value.values if isinstance(value, _Array) else value
        for key, value in content.items()
        if isinstance(key, bytes)
    }
