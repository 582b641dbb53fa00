"""What is known of every example, as the page holds it: a column of whole numbers, deflated, and how to read them.

A column is an array [example], or [size, example], row after row, of unsigned bytes, unsigned 16-bit or signed 32-bit
numbers, least significant byte first, in raw deflate. Of a measured one the value is `low` + code x step, where the
step is (`high` - `low`) / (2^bits - 2); the code 2^bits - 1 says that there is no value. Of one of whole numbers (a
class, a position) the code is the value, and `missing` the code of none.

Shares of models are fractions with few denominators: where all have a common one that a column has room for, its step
is chosen so that each is exact, and examples on either side of a limit stay there.
"""

import math
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

TYPES: dict[str, np.dtype[Any]] = {"uint8": np.dtype("u1"), "uint16": np.dtype("<u2"), "int32": np.dtype("<i4")}
"""By the name that the page has for each: as `Uint8Array` and its like read them"""


@dataclass(frozen=True, eq=False)
class Column:
    """One thing that is known of every example in the gallery."""

    name: str
    title: str
    """What it is, as the page says it"""
    kind: str
    """`uint8`, `uint16` or `int32`"""
    per: str
    """`example`; `size`: a row for each size; `neighbour`: a row for the nearest, the second, ..."""
    low: float | None
    """The value of code 0; None where the code is the value"""
    high: float | None
    """The value of the highest code that stands for one: that may lie beyond all values"""
    missing: int
    """The code of an example without a value"""
    group: str
    """The results that it is from, or `examples`"""
    packed: bytes
    """The codes, deflated"""
    least: float | None = None
    """The smallest value of a measured column"""
    most: float | None = None
    """The largest one"""
    endless: bool = False
    """Whether the code before `missing` stands for infinity"""
    counts: bool = False
    """Whether values are numbers of things"""

    def described(self) -> dict[str, Any]:
        """What the page must know to read it."""
        return {name: value for name, value in vars(self).items() if name != "packed"}


def measured(
    name: str,
    title: str,
    values: np.ndarray,
    group: str,
    *,
    per: str = "example",
    span: tuple[float, float] | None = None,
    denominator: int | None = None,
    kind: str = "uint8",
    steps: int | None = None,
) -> Column:
    """A column of numbers, NaN where there is none; an infinite one counts as higher than all others.

    They lie in `span`, or between the smallest and the largest. Where all are whole multiples of 1 / `denominator`,
    they are kept exactly, in 8 or 16 bits, if these have room; else in `kind`, to half of a step: of the finest there
    is, or of so many `steps` over the span, which deflate makes smaller.
    """
    values = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(values)
    endless = bool(np.isposinf(values).any())
    least, most = (float(values[finite].min()), float(values[finite].max())) if finite.any() else (None, None)
    low, high = span or (least or 0.0, most or 0.0)
    if least is not None and most is not None and (least < low or most > high):
        low, high, denominator = min(low, least), max(high, most), None
    if high <= low:
        high = low + 1.0
    if denominator is not None and (high - low) * denominator > 2**16 - 2 - endless:
        denominator = None
    if denominator is not None:
        kind = "uint8" if (high - low) * denominator <= 254 - endless else "uint16"
    codes = 2 ** (8 * TYPES[kind].itemsize) - 2
    if denominator is not None:
        high = low + codes / denominator
    else:  # one code fewer for those that are finite where some are not
        high = low + (high - low) * codes / min(steps or codes, codes - endless)
    step = (high - low) / codes
    told = np.full(values.shape, codes + 1, dtype=np.int64)
    told[finite] = np.clip(np.rint((values[finite] - low) / step), 0, codes - endless)
    told[np.isposinf(values)] = codes
    return Column(name, title, kind, per, low, high, codes + 1, group, deflated(told, kind), least, most, endless)


def whole(
    name: str, title: str, values: np.ndarray, group: str = "examples", *, per: str = "example", none: int = -1
) -> Column:
    """A column of whole numbers from 0 on; `none` stands for no value."""
    values = np.asarray(values, dtype=np.int64)
    largest = int(values.max(initial=0))
    kind = next((kind for kind in ("uint8", "uint16") if largest < 2 ** (8 * TYPES[kind].itemsize) - 1), "int32")
    missing = -1 if kind == "int32" else 2 ** (8 * TYPES[kind].itemsize) - 1
    return Column(
        name, title, kind, per, None, None, missing, group, deflated(np.where(values == none, missing, values), kind)
    )


def deflated(codes: np.ndarray, kind: str) -> bytes:
    return squeezed(np.ascontiguousarray(codes, dtype=TYPES[kind]).tobytes())


def squeezed(content: bytes) -> bytes:
    """Raw deflate, which browsers undo by themselves."""
    press = zlib.compressobj(9, wbits=-15)
    return press.compress(content) + press.flush()


def common_denominator(*counts: np.ndarray) -> int | None:
    """What all shares out of so many models have as a common denominator; None if 16 bits have no room for it."""
    found = 1
    for number in sorted({int(each) for array in counts for each in np.unique(array)} - {0}):
        found = math.lcm(found, number)
        if 2 * found > 2**16 - 2:  # a score lies between -1 and 1
            return None
    return found
