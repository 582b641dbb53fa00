"""A number with its 95 % interval, as several reports have it; each says what its intervals are over."""

import math
from dataclasses import dataclass

NAN = math.nan


@dataclass(frozen=True, kw_only=True)
class Ranged:
    """A number, and its 95 % interval; the report that it is in says what that is over."""

    value: float
    """The number itself; null where it is not defined"""
    low: float = NAN
    """Lower end; null where no interval can be told"""
    high: float = NAN
    """Upper end"""
    error: float = NAN
    """Standard error of the same"""
    degrees: float = NAN
    """Degrees of freedom of its t"""


UNKNOWN = Ranged(value=NAN)
