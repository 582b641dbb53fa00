"""The monotone function that fits best: least squares by pooling adjacent violators.

Of all functions that never fall (or never rise), the one with the least weighted sum of squares is a mean over each of
some runs of neighbouring places. Starting with every place alone, two neighbouring runs whose means go the wrong way
are pooled into one, until there are none.

Source: Ayer, Brunk, Ewing, Reid & Silverman 1955, 'An empirical distribution function for sampling with incomplete
information'; Barlow et al. 1972, 'Statistical inference under order restrictions', chapter 1.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from memscope.analysis.statistics.intervals import Floats
from memscope.analysis.statistics.ties import significant
from memscope.errors import OptionError


@dataclass(frozen=True, eq=False)
class Monotone:
    """A monotone function at the places that it was fitted to."""

    places: Floats
    """[places], increasing"""
    values: Floats
    """[places], which never fall, or never rise"""
    increasing: bool


def fit_monotone(
    places: ArrayLike, values: ArrayLike, weights: ArrayLike | None = None, increasing: bool | None = None
) -> Monotone:
    """The monotone function of places with the least sum of weights * (values - function)^2; arrays [points].

    Points at one place are put together first. Where it is not said whether the function increases, both are fitted,
    and the one with the smaller sum is taken (the increasing one, if they are equal). Points with NaN are left out.
    Raises OptionError for unequal shapes, no points, or weights that are not above 0.
    """
    x, y = np.asarray(places, dtype=np.float64), np.asarray(values, dtype=np.float64)
    w = np.ones(x.shape) if weights is None else np.asarray(weights, dtype=np.float64)
    if x.ndim != 1 or not x.shape == y.shape == w.shape:
        raise OptionError(f"places {x.shape}, values {y.shape} and weights {w.shape}, expected [points] each")
    known = ~(np.isnan(x) | np.isnan(y))
    if not known.any() or not (w[known] > 0).all():
        raise OptionError(
            f"{known.sum()} points without NaN, expected at least one, and weights above 0: nothing can be fitted"
        )
    x, y, w = x[known], y[known], w[known]
    there, at = np.unique(significant(x), return_inverse=True)
    weight: Floats = np.bincount(at, w).astype(np.float64)
    mean = np.bincount(at, w * y) / weight
    ways = (True, False) if increasing is None else (increasing,)
    fits = [pooled(mean, weight) if way else -pooled(-mean, weight) for way in ways]
    best = int(np.argmin([(weight * (mean - fit) ** 2).sum() for fit in fits]))
    return Monotone(there, fits[best], ways[best])


def monotone_values(function: Monotone, places: ArrayLike) -> Floats:
    """The function at any places [...]: straight between those of its fit, constant beyond them; NaN stays NaN."""
    x = significant(np.asarray(places, dtype=np.float64))
    return np.where(np.isnan(x), np.nan, np.interp(x, function.places, function.values))


def pooled(values: Floats, weights: Floats) -> Floats:
    """The increasing sequence [places] that is nearest to the values, by weighted squares."""
    mean: list[float] = []
    weight: list[float] = []
    length: list[int] = []
    for value, its_weight in zip(values.tolist(), weights.tolist(), strict=True):
        run = 1
        while mean and mean[-1] >= value:
            other = weight.pop()
            value = (value * its_weight + mean.pop() * other) / (its_weight + other)
            its_weight += other
            run += length.pop()
        mean.append(value)
        weight.append(its_weight)
        length.append(run)
    return np.repeat(mean, length)
