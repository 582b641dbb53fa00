"""What a finding is held against: for those who tell of a report. None of it is a key of `--json`."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number from several blocks of models."""

    value: float
    error: float
    """Jackknife standard error; NaN with too few blocks"""
    blocks: int
    """Blocks of models that it is from"""


@dataclass(frozen=True, kw_only=True)
class MeanTrajectory:
    """The mean score over the sizes; changes are paired, block by block of models."""

    mean: tuple[float, ...]
    """By size"""
    error: tuple[float, ...]
    """Jackknife standard errors"""
    whole: Estimate
    """The change from the first size to the last"""
    steps: tuple[Estimate, ...]
    """The change from each size to the next"""
