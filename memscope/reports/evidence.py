"""What a finding is held against: for those who tell of a report. None of it is a key of `--json`; it is stored."""

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
    whole: Estimate
    """The change from the first size to the last"""
    steps: tuple[Estimate, ...]
    """The change from each size to the next"""


@dataclass(frozen=True, kw_only=True)
class Disputed:
    """Labels that the models trained without the example dispute."""

    size: int
    """The size whose models judge: those that are best on the test examples"""
    labels: int
    """Examples whose most frequent prediction is another label"""
    first: int | None
    """The first of them, as many as there are flipped labels, if there are so many; None without label noise"""
    first_flipped: int | None
    """Flipped labels among those"""


@dataclass(frozen=True, kw_only=True)
class ScoreEvidence:
    """What the findings of `score` rest on."""

    block: int
    """Models of a block"""
    mean: MeanTrajectory
    """The mean score over the sizes"""
    memorised: tuple[int, ...]
    """By size, the examples whose 95 % interval of the score lies above 0"""
    by_chance: tuple[float, ...]
    """By size, how many that would be if none were memorised"""
    disputed: Disputed
    """Labels to look at"""


@dataclass(frozen=True, kw_only=True)
class TrajectoriesEvidence:
    """What the findings of `trajectories` rest on."""

    block: int
    """Models of a block"""
    examples: int
    """Training examples"""
    mean: MeanTrajectory
    """The mean score over the sizes"""
    blocks: int
    """Blocks of models that the errors of shares are from"""
    trainer: str
    """Who trains, as in ScoreReport"""
