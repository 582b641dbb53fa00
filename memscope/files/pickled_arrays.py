"""What the few names in a plain pickle stand for: NumPy's arrays, their types and numbers. Nothing is called.

plain_pickle.py carries out the instructions; here is what they make of the names, by looking at what those are called
with. Other Pythons and NumPys write the same array under other names: `numpy.core` became `numpy._core`, and from
protocol 5 on an array is a `_frombuffer` of its bytes.
"""

import re
from typing import Any

import numpy as np

MAX_BYTES = 256 * 2**20  # CIFAR-100's largest file has 155 MB

ARRAY, RECONSTRUCT, DTYPE, ENCODE = "an array", "an array to be", "a type", "an encoding"
FROM_BUFFER, SCALAR, BYTES = "an array from bytes", "a number", "bytes"
KNOWN = {
    "numpy.core.multiarray _reconstruct": RECONSTRUCT,
    "numpy._core.multiarray _reconstruct": RECONSTRUCT,
    "numpy.core.numeric _frombuffer": FROM_BUFFER,
    "numpy._core.numeric _frombuffer": FROM_BUFFER,
    "numpy.core.multiarray scalar": SCALAR,
    "numpy._core.multiarray scalar": SCALAR,
    "numpy ndarray": ARRAY,
    "numpy dtype": DTYPE,
    "_codecs encode": ENCODE,
    "__builtin__ bytes": BYTES,
    "builtins bytes": BYTES,
}


class Known:
    """One of the names."""

    def __init__(self, name: str) -> None:
        self.name = name


class Unfinished:
    """A `numpy.dtype` (`name` is that of its type) or a `numpy.ndarray` (`values`, once they are set)."""

    __slots__ = ("kind", "name", "order", "values")

    def __init__(self, kind: str, name: Any = None) -> None:
        self.kind = kind
        self.name = name
        self.order = "="
        self.values: np.ndarray | None = None


class Refused(ValueError):
    """An instruction that no pickle of plain data has."""


def known(name: str) -> Known:
    if name not in KNOWN:
        module, _, attribute = name.partition(" ")
        raise Refused(f"the refused name {module}.{attribute}")
    return Known(KNOWN[name])


def expected(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise Refused(f"{type(value).__name__} in the place of {kind.__name__}")
    return value


def called_with(called: Any, arguments: tuple[Any, ...]) -> Any:
    """What the call that a pickle asks for stands for: an array or a type to be, a number, or text as bytes."""
    kind = expected(Known, called).name
    if kind == RECONSTRUCT:
        return Unfinished(ARRAY)
    if kind == DTYPE and arguments:
        name = arguments[0]
        return Unfinished(DTYPE, name.decode("latin-1") if type(name) is bytes else name)
    if kind == ENCODE and len(arguments) in (1, 2) and arguments[1:] in ((), ("latin1",), (b"latin1",)):
        return expected(str, arguments[0]).encode("latin-1")
    if kind == BYTES and arguments == ():  # how Python 3 writes no bytes for Python 2
        return b""
    if kind == FROM_BUFFER and len(arguments) == 4 and arguments[3] in ("C", "F"):
        array = Unfinished(ARRAY)
        array.values = array_of(arguments[0], arguments[1], arguments[2], arguments[3] == "F")
        return array
    if kind == SCALAR and len(arguments) == 2:
        return array_of(arguments[1], arguments[0], (), False).item()
    raise Refused(f"{kind} made in an unknown way")


def set_state(target: Any, state: tuple[Any, ...]) -> int:
    """Give an array its shape and data; how many bytes that copied. Of a type's state only the byte order is needed."""
    if expected(Unfinished, target).kind == DTYPE:
        order = state[1] if len(state) > 1 else "|"
        target.order = order.decode("latin-1") if type(order) is bytes else order
        return 0
    if len(state) != 5:
        raise Refused("an array without its shape")
    _, shape, dtype, fortran, data = state
    copied = 0
    if type(data) is str:  # as Python 3 reads what Python 2 wrote
        data, copied = data.encode("latin-1"), len(data)
    target.values = array_of(data, dtype, shape, bool(fortran))
    return copied


def array_of(data: Any, dtype: Any, shape: Any, fortran: bool) -> np.ndarray:
    """The array of some bytes, which it shares."""
    if type(shape) is not tuple or not all(type(extent) is int for extent in shape):
        raise Refused("an array without its shape")
    name = dtype.name if isinstance(dtype, Unfinished) and dtype.kind == DTYPE else None
    if type(name) is not str or dtype.order not in ("<", ">", "|", "="):
        raise Refused("an array without its type")
    if name == "uint8":
        name = "u1"
    if not re.fullmatch(r"[<>|=]?(b1|[iu][1248]|f[248]|[US][1-9]\d{0,5})", name):
        raise Refused(f"an array of the type {name[:40]!r}, which is no plain numbers or text")
    if len(shape) > 8 or any(not 0 <= extent <= MAX_BYTES for extent in shape):
        raise Refused("an array of an unknown shape")
    kind = np.dtype(name).newbyteorder(dtype.order) if dtype.order in "<>" else np.dtype(name)
    values = np.frombuffer(expected(bytes, data), dtype=kind)
    return values.reshape(shape, order="F" if fortran else "C")
