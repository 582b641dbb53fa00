"""The first derivatives of log gamma, and the inverse of the second: what moments of log variances need.

SciPy is no dependency (see intervals.py).
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

LARGE = 12.0
"""From here on the asymptotic series is right within 1e-13"""


def digamma(x: ArrayLike) -> NDArray[np.float64]:
    """psi(x), for x > 0: recurrence up to LARGE, then the asymptotic series. Source: DLMF 5.5.2, 5.11.2."""
    value, steps = _raised(x, lambda each: -1 / each)
    inverse = 1 / value**2
    series = inverse * (1 / 12 - inverse * (1 / 120 - inverse * (1 / 252 - inverse * (1 / 240 - inverse / 132))))
    return np.log(value) - 0.5 / value - series + steps


def trigamma(x: ArrayLike) -> NDArray[np.float64]:
    """psi'(x), for x > 0, in the same way. Source: DLMF 5.15.5, 5.15.8."""
    value, steps = _raised(x, lambda each: 1 / each**2)
    inverse = 1 / value**2
    series = inverse * (1 / 6 - inverse * (1 / 30 - inverse * (1 / 42 - inverse * (1 / 30 - inverse * 5 / 66))))
    return 1 / value + 0.5 * inverse + series / value + steps


def inverse_trigamma(y: float) -> float:
    """The x with psi'(x) = y, for y > 0. psi' falls and is convex in log x: bisection in log x, to rounding."""
    low, high = math.log(min(1e-6, 0.5 / math.sqrt(y))), math.log(max(1e6, 2 / y))
    for _ in range(200):
        middle = (low + high) / 2
        if float(trigamma(math.exp(middle))) > y:
            low = middle
        else:
            high = middle
    return math.exp((low + high) / 2)


def _raised(x: ArrayLike, term: Callable[[Floats], Floats]) -> tuple[Floats, Floats]:
    value = np.array(x, dtype=np.float64)
    steps = np.zeros_like(value)
    while (small := value < LARGE).any():
        steps += np.where(small, term(value), 0)
        value = np.where(small, value + 1, value)
    return value, steps
