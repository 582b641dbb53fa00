"""Standard errors of the shares of types, raw and called, from counts that leave out half of the blocks of models.

A share at a threshold is not smooth in the models; analysis/statistics/jackknife.py says why half of them are left out
at a time.
"""

from collections.abc import Callable, Sequence

import numpy as np

from memscope.analysis.memorisation import Counts
from memscope.analysis.statistics.jackknife import delete_half
from memscope.analysis.trajectories import TYPES, UNDETERMINED, raw_types, type_shares
from memscope.analysis.trajectory_types import trajectory_types
from memscope.counting.outcomes import SizeCounts

DRAWS = 100
"""Draws from the posterior of each trajectory, few because types are called again for each of up to 40 halves."""
EXAMPLES = 20_000
"""If there are more examples, this many are called, evenly spaced: that adds less than .0035 to an error."""


def raw_shares_error(counts: Sequence[SizeCounts], epsilon: float) -> np.ndarray:
    """Standard errors [6] of the raw shares, in the order of TYPES; NaN with fewer than four blocks."""
    return without_halves(counts, lambda total: type_shares(raw_types(*stacked(total), epsilon)), len(TYPES))


def called_shares_error(counts: Sequence[SizeCounts], epsilon: float, confidence: float, seed: int) -> np.ndarray:
    """Standard errors [7] of the called shares, in the order of TYPES and `undetermined`; NaN as above.

    From half of the models fewer types can be called, so shares would be different and would hardly vary. The counts
    of a half are therefore scaled up to the number of all models: as noisy as those of half of the models, but with
    posteriors as narrow as those of all.
    """
    names = (*TYPES, UNDETERMINED)
    all_in, all_out = (np.stack([getattr(one.hard, n).sum(axis=0) for one in counts]) for n in ("n_in", "n_out"))
    some = slice(None, None, -(-all_in.shape[1] // EXAMPLES))

    def called_shares(total: Sequence[Counts]) -> np.ndarray:
        correct_in, n_in, correct_out, n_out = (values[:, some] for values in stacked(total))
        found = trajectory_types(
            *scaled(correct_in, n_in, all_in[:, some]),
            *scaled(correct_out, n_out, all_out[:, some]),
            epsilon=epsilon,
            confidence=confidence,
            seed=seed,
            draws=DRAWS,
        )
        return type_shares(found.called, names)

    return without_halves(counts, called_shares, len(names))


def without_halves(
    counts: Sequence[SizeCounts], shares_of: Callable[[Sequence[Counts]], np.ndarray], length: int
) -> np.ndarray:
    """The error of shares [length] from the counts of all sizes; NaN if some half has no model of a size."""
    # an unfinished run has more blocks at some sizes; a block is left out at every size that has it
    blocks = sorted({block for one in counts for block in one.blocks})

    def statistic(kept: Sequence[int]) -> np.ndarray:
        numbers = {blocks[position] for position in kept}
        return shares_of([one.hard_of(numbers) for one in counts])

    return np.broadcast_to(delete_half(statistic, len(blocks)), length)


def scaled(correct: np.ndarray, models: np.ndarray, whole: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of correct models, and of models, scaled to `whole` models; 0 where there were none."""
    return np.rint(correct * whole / np.maximum(models, 1)).astype(np.int64), np.where(models > 0, whole, 0)


def stacked(total: Sequence[Counts]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Correct in, models in, correct out, models out: each [sizes, examples]."""
    return (
        np.stack([one.sum_in for one in total]),
        np.stack([one.n_in for one in total]),
        np.stack([one.sum_out for one in total]),
        np.stack([one.n_out for one in total]),
    )
