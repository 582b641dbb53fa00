"""Numbers as people read them: decimals, percentages, errors, durations and sizes of files."""

import math


def decimals(value: float | None, digits: int = 3) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def fine(value: float | None, digits: int = 2) -> str:
    """.62, -.05, 1.00: a number about one on a narrow screen, without its leading zero and without -.00"""
    if value is None or math.isnan(value):
        return "-"
    told = decimals(round(value, digits) + 0.0, digits)
    return told.replace("0.", ".", 1) if abs(float(told)) < 1 else told


def with_error(value: float | None, error: float | None) -> str:
    """A number and its standard error."""
    return decimals(value) if error is None or math.isnan(error) else f"{decimals(value)} ±{decimals(error)}"


def signed(value: float | None, error: float | None = None, digits: int = 3) -> str:
    """A difference and its standard error."""
    if value is None or math.isnan(value):
        return "-"
    return f"{value:+.{digits}f}" + ("" if error is None or math.isnan(error) else f" ±{error:.{digits}f}")


def points(value: float | None, error: float | None = None) -> str:
    """A difference of shares in percentage points, and its error or spread."""
    return "-" if value is None else signed(100 * value, None if error is None else 100 * error, 1)


def percent(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.1%}"


def percent_with_error(value: float | None, error: float | None) -> str:
    """A share and its standard error."""
    known = value is not None and not math.isnan(value) and error is not None and not math.isnan(error)
    return f"{percent(value)} ±{percent(error)}" if known else percent(value)


def duration(seconds: float) -> str:
    """A time as a person says it: 45 s, 12 min, 3.5 h, 2.1 days."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86400:.1f} days"


def size_of(count: int) -> str:
    """Bytes as a person says them."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"
