"""`Recipe`: how a model is trained. All of it is part of the plan and equal at every size.

One learning rate serves all widths. Weights followed by a normalisation layer are scale-invariant, so their
best learning rate hardly moves with width; the classifier's input grows with width, and with it the change
that one step makes to the logits, so the classifier's learning rate is divided by (features / 16) where it
has more than 16 inputs. Without that, `cnn` of width 32 fits 71 % of 560 images at the default rate in 105 steps;
with it 100 %. `benchmarks/learning_rate.py` prints the whole sweep; docs/results.md has it.
"""

import math
from dataclasses import dataclass, fields

from memscope.errors import OptionError

RULES = 1
"""Version of everything that decides numbers and is not an option: families, augmentation, learning-rate rule. Raise it
when any of them changes: it is part of every plan's digest, so runs of the old rules can no longer be grown by the
new."""

SCHEDULES = ("linear", "cosine")
AUGMENTATIONS = ("none", "crop", "flip", "crop+flip")
PRECISIONS = ("float32", "bfloat16")

MOST_EPOCHS = 1_000_000
"""A slip of the keyboard should not plan for years; the course of the loss has a number for each."""

OWN_LOOP = "memscope"
"""The trainer that is our own loop."""
RECORDED = "record"
"""The trainer of a run whose models are trained elsewhere and handed in with `run.record`."""


@dataclass(frozen=True)
class Recipe:
    """Stochastic gradient descent with Nesterov momentum, a warm-up, and a decay to zero."""

    trainer: str = OWN_LOOP
    """`memscope` (our loop), `record` (trained elsewhere) or the user's own `package.module:function`"""
    epochs: int = 20
    batch_size: int = 64
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    warmup: float = 0.15
    """Share of the steps over which the learning rate rises linearly from zero"""
    schedule: str = "linear"
    label_smoothing: float = 0.0
    augment: str = "none"

    def __post_init__(self) -> None:
        checks: list[tuple[bool, str, object, str]] = [
            (1 <= self.epochs <= MOST_EPOCHS, "number of epochs", self.epochs, f"1 to {MOST_EPOCHS:,}"),
            (self.batch_size >= 2, "batch size", self.batch_size, "at least 2, for batch normalisation"),
            (0 < self.learning_rate < math.inf, "learning rate", self.learning_rate, "a positive number"),
            (0 <= self.momentum < 1, "momentum", self.momentum, "in [0, 1)"),
            (
                0 <= self.weight_decay < math.inf,
                "weight decay",
                self.weight_decay,
                "zero or a positive number",
            ),
            (0 <= self.warmup < 1, "warm-up", self.warmup, "a share of the steps in [0, 1)"),
            (self.schedule in SCHEDULES, "schedule", self.schedule, "one of " + ", ".join(SCHEDULES)),
            (0 <= self.label_smoothing < 1, "label smoothing", self.label_smoothing, "in [0, 1)"),
            (
                self.augment in AUGMENTATIONS,
                "augmentation",
                self.augment,
                "one of " + ", ".join(AUGMENTATIONS),
            ),
        ]
        for holds, name, found, expected in checks:
            if not holds:
                raise OptionError(f"the {name} is {found}; it must be {expected}")
        trainer = self.trainer
        if trainer not in (OWN_LOOP, RECORDED) and not all(trainer.partition(":")):
            raise OptionError(
                f"the trainer is {trainer!r}; it must be {OWN_LOOP}, {RECORDED} or your own package.module:function"
            )

    def steps(self, subset_size: int) -> int:
        """The number of optimiser steps for a subset of this nominal size: the same for every model of a plan.

        Batches are cut from the epochs laid end to end, so each one is full and none is a remainder of one
        example, which batch normalisation could not take.
        """
        return max(1, round(self.epochs * subset_size / self.batch_size))

    def learning_rate_at(self, step: int, steps: int) -> float:
        """The learning rate of step 0 <= step < steps: a linear warm-up, then a decay that ends at zero."""
        warmup_steps = self.warmup * steps
        position = step + 0.5  # the middle of the step: neither the first nor the last step has a rate of zero
        if position < warmup_steps:
            return self.learning_rate * position / warmup_steps
        decayed = (position - warmup_steps) / (steps - warmup_steps)
        if self.schedule == "cosine":
            return self.learning_rate * 0.5 * (1 + math.cos(math.pi * decayed))
        return self.learning_rate * (1 - decayed)


RECIPE_FIELDS = tuple(field.name for field in fields(Recipe))
