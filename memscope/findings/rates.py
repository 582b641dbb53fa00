"""Rates of attacks, and what else has an interval, as sentences on privacy tell them."""

import math

from memscope.findings.numbers import fine, points
from memscope.reports.ranged import Ranged


def is_clear(found: Ranged) -> bool:
    """Whether an interval leaves 0 out."""
    return found.low > 0 or found.high < 0


def rate_in_words(asked: float) -> str:
    """.1%, 1%, 10%"""
    return f"{100 * asked:g}%".replace("0.", ".", 1)


def percent_of(value: float | None) -> str:
    """12%, 1.2%, .12%: two digits"""
    if value is None or math.isnan(value):
        return "-"
    shown = 100 * value
    digits = 0 if shown >= 9.95 else 1 if shown >= 0.995 else 2
    return f"{fine(shown, digits)}%"


def share(found: Ranged) -> str:
    """12% (10% to 15%)"""
    ends = "" if math.isnan(found.low) else f" ({percent_of(found.low)} to {percent_of(found.high)})"
    return f"{percent_of(found.value)}{ends}"


def with_ends(found: Ranged, digits: int = 2) -> str:
    """.62 (.60 to .64)"""
    ends = "" if math.isnan(found.low) else f" ({fine(found.low, digits)} to {fine(found.high, digits)})"
    return f"{fine(found.value, digits)}{ends}"


def signed_ends(found: Ranged) -> str:
    """+.031 (.020 to .042)"""
    sign = "+" if found.value >= 0 else ""
    return f"{sign}{with_ends(found, 3)}"


def points_ends(found: Ranged) -> str:
    """+3.1 points (+2.0 to +4.2)"""
    ends = "" if math.isnan(found.low) else f" ({points(found.low)} to {points(found.high)})"
    return f"{points(found.value)} points{ends}"
