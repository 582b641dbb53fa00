"""What a user asks for with `memscope memorability RUN --train`. Nothing of torch is loaded here."""

from dataclasses import dataclass
from pathlib import Path

from memscope.errors import OptionError

BACKBONES = ("plain", "resnet18")
SEEDS, MOST_SEEDS = 4, 1000
EPOCHS = 20


@dataclass(frozen=True)
class Training:
    """How predictors are fitted, and to what."""

    target: str | None = None
    """`score@SIZE`, `residual@SIZE`, or a table of numbers; None: the score at the largest size"""
    backbones: tuple[str, ...] = BACKBONES
    with_label: bool = False
    """Whether they are given the label beside the image"""
    seeds: int = SEEDS
    epochs: int = EPOCHS
    pretrained: Path | None = None
    """A file of weights that networks of timm begin with"""
    evaluate_on: Path | None = None
    """Another run, on whose images they are asked, too"""


def check_training(asked: Training) -> None:
    """OptionError for numbers that are not possible."""
    if not asked.backbones:
        raise OptionError("no backbone is named; --backbones plain,resnet18 names two")
    for name, value, most in (("--seeds", asked.seeds, MOST_SEEDS), ("--epochs", asked.epochs, 10_000)):
        if not 1 <= value <= most:
            raise OptionError(f"{name} is {value}; it must be from 1 to {most:,}")
