"""What a predictor is to say of an example, as a sum over blocks of models, so that it can be had of some of them.

    target = sum of `plus` over blocks / their number  -  the same of `minus`, if there is one

The memorisation score is accuracy in less accuracy out; the norm of a residual is one mean; numbers that somebody gives
rest on no models.

Crossed: a predictor that is fitted to the target of every other block is held against that of the others. Otherwise
noise that examples share through models would be in both, and be learnt.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.memorisation import Counts
from memscope.analysis.statistics.intervals import Floats
from memscope.errors import OptionError

Kept = NDArray[np.bool_]
"""bool [blocks, examples] or [blocks, 1]: which blocks are kept, perhaps not the same of every example"""


@dataclass(frozen=True, eq=False)
class Target:
    """The target of N examples, of B blocks of models; B is 0 where it rests on none."""

    plus: tuple[Floats, Floats]
    """Sums and numbers of models, [B, N] each; of given numbers, these and ones [1, N]"""
    minus: tuple[Floats, Floats] | None = None
    given: bool = False
    """Whether it rests on no models"""

    @property
    def blocks(self) -> int:
        return 0 if self.given else len(self.plus[0])

    @property
    def examples(self) -> int:
        return self.plus[0].shape[1]

    def of(self, kept: Kept) -> Floats:
        """The target [N] of the blocks that are kept; NaN where no model says anything."""
        return _mean(self.plus, kept) - (0.0 if self.minus is None else _mean(self.minus, kept))

    def everything(self) -> Floats:
        return self.of(np.ones((len(self.plus[0]), 1), dtype=bool))

    def halves(self, kept: Kept | None = None) -> Floats:
        """The targets [2, N] of the blocks at even and at odd places, of those that are kept; of given numbers, both
        times these."""
        if self.given:
            return np.stack([self.everything()] * 2)
        if kept is None:
            kept = np.ones((self.blocks, 1), dtype=bool)
        even = (np.arange(self.blocks) % 2 == 0)[:, np.newaxis]
        return np.stack([self.of(kept & even), self.of(kept & ~even)])

    def of_examples(self, which: NDArray[np.int64]) -> "Target":
        """The same of some examples."""
        plus, minus = [
            None if part is None else tuple(one[:, which] for one in part) for part in (self.plus, self.minus)
        ]
        assert plus is not None
        return Target((plus[0], plus[1]), None if minus is None else (minus[0], minus[1]), self.given)


def _mean(part: tuple[Floats, Floats], kept: Kept) -> Floats:
    sums, numbers = (np.where(kept, one, 0.0).sum(axis=0) for one in part)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(numbers > 0, sums / numbers, np.nan)


def target_of_counts(counts: Counts) -> Target:
    """The memorisation score, of counts [blocks, examples]."""
    of = np.float64
    return Target(
        (counts.sum_in.astype(of), counts.n_in.astype(of)), (counts.sum_out.astype(of), counts.n_out.astype(of))
    )


def target_of_models(values: Floats, blocks: NDArray[np.int64]) -> Target:
    """The mean over models of what each says, [models, examples], NaN where it says nothing; `blocks` int [models]."""
    numbers = np.unique(blocks)
    known = ~np.isnan(values)
    filled = np.where(known, values, 0.0)
    sums = np.stack([filled[blocks == number].sum(axis=0) for number in numbers])
    return Target((sums, np.stack([known[blocks == number].sum(axis=0) for number in numbers]).astype(np.float64)))


def target_of_numbers(values: Floats) -> Target:
    """Numbers [examples] that somebody gives; NaN where they give none."""
    return Target(
        (np.where(np.isnan(values), 0.0, values)[np.newaxis], (~np.isnan(values)).astype(float)[np.newaxis]), None, True
    )


def check_halves(target: Target, what: str, remedy: str) -> None:
    """OptionError where a target's models cannot be split."""
    if target.blocks == 1:
        raise OptionError(
            f"{what} is of one block of models, and predictors are fitted to the target of some blocks and held "
            f"against that of others: {remedy}"
        )
