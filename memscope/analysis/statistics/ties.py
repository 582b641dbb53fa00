"""Thresholds of ratios of whole numbers, exactly: with few models many scores tie with .1; no rounding may decide."""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray


def whole_part(denominator: NDArray[np.int64], limit: float) -> NDArray[np.int64]:
    """The largest whole number that is at most `denominator` times the limit as it is written, .1 being a tenth.

    For whole numbers, numerator / denominator > limit where the numerator is above it. In Python's own whole numbers,
    once for each denominator that there is: a limit of many digits would overflow int64.
    """
    exact = Fraction(str(limit))
    different, place = np.unique(denominator, return_inverse=True)
    products = [value * exact.numerator // exact.denominator for value in different.tolist()]
    return np.array(products, dtype=denominator.dtype).reshape(different.shape)[place].reshape(denominator.shape)
