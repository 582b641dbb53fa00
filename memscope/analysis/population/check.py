"""Does `population` help on these data? Each half of the blocks of models predicts the other half's raw scores.

The raw scores of the other half are noisy but unbiased, and their noise is known from how its blocks differ. So the
squared error against the truth can be estimated without knowing the truth, as the squared difference less that noise.
It is a small difference of large numbers, and the errors of all examples come from the same few models: with four
blocks of ten, c of a single size may be off by 1. Hence several ways of halving, with their mean and their spread.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from memscope.analysis.statistics.correlation import rank_correlation
from memscope.analysis.statistics.intervals import Floats
from memscope.errors import OptionError

CALIBRATED = (0.8, 1.25)
"""Where c lies for standard deviations that can be trusted."""
THIRDS = 3


@dataclass(frozen=True)
class Half:
    """What one half of the models says; arrays [sizes, examples], NaN where undefined."""

    score: Floats
    """The estimate's"""
    score_sd: Floats
    raw: Floats
    raw_noise: Floats
    """Sampling variance of `raw`, as of `block_noise`"""


@dataclass(frozen=True)
class HalvesCheck:
    """How well one half's estimates predict the other half's raw scores; arrays [sizes], means over all ways."""

    squared_error: Floats
    """Of the estimate, the noise of what it is compared with taken out"""
    raw_squared_error: Floats
    """The same of the raw score"""
    agreement: Floats
    """Spearman's correlation of the estimates with the other half's raw scores"""
    raw_agreement: Floats
    calibration: Floats
    """c = sum[(estimate - other raw)^2 - noise] / sum sd^2: 1 for standard deviations that are right"""
    calibration_spread: Floats
    """Standard deviation of c over the ways of halving; NaN of a single one"""
    ways: int
    """Of halving"""
    calibration_thirds: Floats
    """[3], over all sizes: c of the third of the examples with the smallest sd, the middle one, the one with the
    largest"""

    @property
    def ratio(self) -> Floats:
        """Squared error over the raw score's; below 1 the estimate helps. A single size may be off by noise."""
        return self.squared_error / self.raw_squared_error

    @property
    def helps(self) -> NDArray[np.bool_]:
        return self.squared_error < self.raw_squared_error

    @property
    def calibrated(self) -> list[bool | None]:
        """For each size, whether c lies within CALIBRATED; None where the ways of halving differ too much to tell.

        It does if the whole range of c, plus and minus the standard error of its mean over the ways, does; it does not
        if no part of the range does.
        """
        apart = np.nan_to_num(self.calibration_spread) / np.sqrt(self.ways)
        low, high = CALIBRATED
        return [
            True if low <= c - e and c + e <= high else False if c + e < low or high < c - e else None
            for c, e in zip(self.calibration, apart, strict=True)
        ]


def block_noise(block_scores: ArrayLike) -> Floats:
    """The sampling variance [...] of the mean of scores [blocks, ...], from how the blocks differ.

    Models of a block depend on each other, because subsets are balanced, and blocks do not. OptionError for fewer
    than two blocks.
    """
    scores = np.asarray(block_scores, dtype=np.float64)
    if len(scores) < 2:
        raise OptionError(f"{len(scores)} blocks of models, expected at least 2 in each half: train more models")
    return scores.var(axis=0, ddof=1) / len(scores)


def check_halves(*halvings: tuple[Half, Half]) -> HalvesCheck:
    """Compare two halves of the models with each other, both ways, in each of several ways of halving."""
    ways = [[one_way(first, second), one_way(second, first)] for first, second in halvings]
    by_halving = [[np.mean(part, axis=0) for part in zip(*both, strict=True)] for both in ways]
    error, raw_error, variance, agreement, raw_agreement, thirds, third_variances = (
        np.mean(part, axis=0) for part in zip(*by_halving, strict=True)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        each = np.stack([one[0] / one[2] for one in by_halving])
        return HalvesCheck(
            squared_error=error,
            raw_squared_error=raw_error,
            agreement=agreement,
            raw_agreement=raw_agreement,
            calibration=error / variance,
            calibration_spread=each.std(axis=0, ddof=1) if len(each) > 1 else np.full(len(error), np.nan),
            ways=len(halvings),
            calibration_thirds=thirds.sum(axis=0) / third_variances.sum(axis=0),
        )


def one_way(here: Half, there: Half) -> Sequence[Floats]:
    """Mean squared error, the raw score's, mean sd^2, agreement, the raw score's; error and sd^2 by thirds."""
    found = []
    for size in range(len(here.score)):
        values = np.stack([part[size] for part in (here.score, here.score_sd, here.raw, there.raw, there.raw_noise)])
        score, sd, raw, other, noise = values[:, ~np.isnan(values).any(axis=0)]
        error, raw_error = (score - other) ** 2 - noise, (raw - other) ** 2 - noise
        parts = np.array_split(np.argsort(sd, kind="stable"), THIRDS)
        found.append(
            (
                mean(error),
                mean(raw_error),
                mean(sd**2),
                rank_correlation(score, other),
                rank_correlation(raw, other),
                [mean(error[part]) for part in parts],
                [mean(sd[part] ** 2) for part in parts],
            )
        )
    return [np.array(column) for column in zip(*found, strict=True)]


def mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else float("nan")
