"""What ties: thresholds of ratios of whole numbers, exactly, and means of numbers that were added in another order.

With few models many scores tie with .1; no rounding may decide.
"""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

DIGITS = 12
"""Significant ones, to which means of floating-point numbers must be equal to tie"""


def whole_part(denominator: NDArray[np.int64], limit: float) -> NDArray[np.int64]:
    """The largest whole number that is at most `denominator` times the limit as it is written, .1 being a tenth.

    For whole numbers, numerator / denominator > limit where the numerator is above it. In Python's own whole numbers,
    once for each denominator that there is: a limit of many digits would overflow int64.
    """
    exact = Fraction(str(limit))
    different, place = np.unique(denominator, return_inverse=True)
    products = [value * exact.numerator // exact.denominator for value in different.tolist()]
    return np.array(products, dtype=denominator.dtype).reshape(different.shape)[place].reshape(denominator.shape)


def significant(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values [...] rounded to DIGITS significant digits, however small or large they are."""
    mantissa, exponent = np.frexp(values)
    return np.ldexp(np.round(mantissa, DIGITS), exponent)


def ordinal(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Whole numbers [examples] in the order of the values, equal where these tie; NaN stays NaN.

    Ranks of scores tie at nine decimals, which would make one of all values of a proxy that are as small as 1e-10.
    """
    known = ~np.isnan(values)
    found = np.full(values.shape, np.nan)
    found[known] = np.unique(significant(values[known]), return_inverse=True)[1]
    return found
