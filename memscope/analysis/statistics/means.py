"""Means over the examples of which a value is defined, and the spread of numbers of models."""

import numpy as np

from memscope.analysis.statistics.intervals import Floats


def mean(values: np.ndarray) -> float:
    """Mean of the values that are defined, NaN if there are none."""
    defined = values[~np.isnan(values.astype(np.float64))]
    return float(defined.mean()) if len(defined) else float("nan")


def rms(values: Floats) -> float:
    """Root mean square of the values that are defined; NaN if there are none."""
    known = values[~np.isnan(values)]
    return float(np.sqrt((known**2).mean())) if len(known) else float("nan")


def spread(values: Floats) -> float:
    """Sample standard deviation of values [models]; NaN for fewer than two."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
