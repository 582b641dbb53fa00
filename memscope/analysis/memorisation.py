"""The memorisation score: accuracy on an example of models trained with it minus that of models without it.

In come masks and outcomes of models, out comes a score per example with its standard error and 95 %
interval. What stands between are counts, which add up over models, so that scoring streams over a ledger
one file at a time. Counts are kept per block of models, stacked, for the jackknife:

    counts = stack_blocks([count_outcomes(in_subset, correct) for in_subset, correct in blocks])
    memorisation_from_counts(counts.total())    # scores, standard errors, intervals
    counts.only([0, 1, 3]).score                # only the scores, of some of the blocks
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import add
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from memscope.analysis.statistics.intervals import Floats, score_interval
from memscope.analysis.statistics.ties import whole_part
from memscope.errors import OptionError

MODELS_AT_A_TIME = 64
NORMAL_975 = 1.959963984540054


@dataclass(frozen=True)
class Counts:
    """What models did with and without each example, in sums over models; arrays [..., examples].

    `n_in`, `n_out` are int32 numbers of models; `sum_in`, `sum_out` the sums of their correctness: int32
    numbers of correct models for the hard score, float64 sums of probabilities for the soft one, which
    alone has the sums of squares (for 0 and 1 they equal the sums).
    """

    n_in: NDArray[np.int32]
    n_out: NDArray[np.int32]
    sum_in: NDArray[Any]
    sum_out: NDArray[Any]
    squares_in: Floats | None = None
    squares_out: Floats | None = None

    @property
    def accuracy_in(self) -> Floats:
        """Mean correctness of the models with the example, NaN if there is none."""
        return _mean(self.sum_in, self.n_in)

    @property
    def accuracy_out(self) -> Floats:
        """Mean correctness of the models without the example, NaN if there is none."""
        return _mean(self.sum_out, self.n_out)

    @property
    def score(self) -> Floats:
        """`accuracy_in` - `accuracy_out`: all that a jackknife needs, without standard errors or intervals."""
        return self.accuracy_in - self.accuracy_out

    def score_above(self, limit: float) -> NDArray[np.bool_]:
        """bool [..., examples]: whether the hard score is above a limit; false where it is undefined.

        Decided in whole numbers: with few models many scores tie with a limit such as .9, and a tie is not above it.
        """
        pairs, excess = self.as_fraction()
        return (excess > whole_part(pairs, limit)) & (pairs > 0)

    def score_below(self, limit: float) -> NDArray[np.bool_]:
        """The same of scores below a limit."""
        pairs, excess = self.as_fraction()
        return (-excess > whole_part(pairs, -limit)) & (pairs > 0)

    def as_fraction(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Of the hard score, int64 [..., examples]: its denominator n_in n_out and numerator."""
        n_in, n_out = self.n_in.astype(np.int64), self.n_out.astype(np.int64)
        return n_in * n_out, self.sum_in.astype(np.int64) * n_out - self.sum_out.astype(np.int64) * n_in

    def __add__(self, other: "Counts") -> "Counts":
        """Counts over the models of both. Raises OptionError for counts of unlike kind or shape."""
        return _combine(np.add, self, other)

    def total(self) -> "Counts":
        """The sum over the leading axis of stacked blocks: [..., examples] from [blocks, ..., examples]."""
        return _combine(lambda values: values.sum(axis=0, dtype=values.dtype), self)

    def only(self, blocks: Sequence[int]) -> "Counts":
        """The sum over some of the stacked blocks, by their positions, each at most once."""
        kept, everything = list(blocks), len(self.n_in)
        if 2 * len(kept) > everything and np.issubdtype(self.sum_in.dtype, np.integer):
            # the same whole numbers: so that leaving out each block in turn does not add up all others every time
            left_out = set(range(everything)) - set(kept)
            return self._everything.without(self.only(sorted(left_out)))
        return _combine(lambda values: values[kept].sum(axis=0, dtype=values.dtype), self)

    def of_examples(self, chosen: NDArray[np.int64]) -> "Counts":
        """Counts [..., chosen] of some of the examples."""
        return _combine(lambda values: values[..., chosen], self)

    def of_each(self, blocks: NDArray[np.int64]) -> "Counts":
        """The counts of one of the stacked blocks for each example, int64 [examples]: not the same one for all."""

        def taken(values: NDArray[Any]) -> NDArray[Any]:
            chosen = np.broadcast_to(blocks, (1, *values.shape[1:]))
            return np.take_along_axis(values, chosen, axis=0)[0]

        return _combine(taken, self)

    def without(self, other: "Counts") -> "Counts":
        """Counts over the models that are not among those of the other, of whole numbers."""
        return _combine(np.subtract, self, other)

    @cached_property
    def _everything(self) -> "Counts":
        return self.total()


@dataclass(frozen=True)
class Memorisation:
    """Memorisation scores and what they rest on; arrays [examples], of the shape of the counts.

    `score` = `accuracy_in` - `accuracy_out`, NaN where no model was trained with, or none without, the
    example; `interval_low` and `interval_high` bound it with 95 % confidence.
    """

    score: Floats
    standard_error: Floats
    interval_low: Floats
    interval_high: Floats
    accuracy_in: Floats
    accuracy_out: Floats
    n_in: NDArray[np.int32]
    n_out: NDArray[np.int32]

    @property
    def undefined(self) -> int:
        """How many scores are NaN."""
        return int(np.isnan(self.score).sum())


def memorisation(in_subset: ArrayLike, correct: ArrayLike) -> Memorisation:
    """Memorisation scores from what models trained on subsets got right.

    `in_subset` is bool [models, examples], true where the model was trained on the example. `correct` has
    the same shape: bool, whether the model classifies it correctly (the hard score), or float, the
    probability in [0, 1] that it gives to the example's label (the soft score, another estimand). See
    `memorisation_from_counts` for the formulas. Raises OptionError for other shapes, types or values.
    """
    return memorisation_from_counts(count_outcomes(in_subset, correct))


def count_outcomes(in_subset: ArrayLike, correct: ArrayLike) -> Counts:
    """The counts of a batch of models, [examples], from `in_subset` and `correct` as in `memorisation`.

    Counts of further models, of the same kind, are added with `+`. What it needs beside its arguments is
    the size of 64 models' rows. Raises OptionError as `memorisation` does.
    """
    mask, outcome = np.asarray(in_subset), np.asarray(correct)
    if mask.ndim != 2 or mask.shape != outcome.shape:
        raise OptionError(
            f"in_subset {mask.shape} and correct {outcome.shape}, expected the same shape [models, "
            "examples] twice: give one row per model, one column per training example"
        )
    if mask.dtype != bool:
        raise OptionError(f"in_subset is {mask.dtype}, expected bool: pass in_subset.astype(bool)")
    soft = np.issubdtype(outcome.dtype, np.floating)
    if not soft and outcome.dtype != bool:
        raise OptionError(
            f"correct is {outcome.dtype}, expected bool (right or wrong) or float (probabilities): pass "
            "correct.astype(bool) or, for the soft score, floats in [0, 1]"
        )
    if soft and outcome.size and not (outcome.min() >= 0 and outcome.max() <= 1):
        raise OptionError(
            f"correct holds values from {outcome.min()} to {outcome.max()}, expected probabilities in "
            "[0, 1]: leave out diverged models and convert log-odds first"
        )
    count = _count_soft if soft else _count_hard
    batches = [slice(k, k + MODELS_AT_A_TIME) for k in range(0, max(len(mask), 1), MODELS_AT_A_TIME)]
    return reduce(add, (count(mask[rows], outcome[rows]) for rows in batches))


def probability_of(log_odds: NDArray[np.floating]) -> NDArray[np.float32]:
    """float32 probability of the given label, for soft scores, from its log-odds; NaN stays NaN."""
    with np.errstate(over="ignore"):  # exp of a large negative log-odds is infinite, its probability 0
        odds_against: NDArray[np.float32] = np.exp(-log_odds.astype(np.float32))
    return np.float32(1) / (1 + odds_against)


def stack_blocks(blocks: Sequence[Counts]) -> Counts:
    """Counts [blocks, ..., examples] of each block's counts; raises OptionError for unlike or no blocks."""
    if not blocks:
        raise OptionError("0 blocks of counts, expected at least 1: train some models first")
    return _combine(lambda *values: np.stack(values), *blocks)


def memorisation_from_counts(counts: Counts) -> Memorisation:
    """Memorisation scores from counts summed over all models, element by element over [..., examples].

    With p = sum / n on each side, score = p_in - p_out and SE^2 = s_in^2 / n_in + s_out^2 / n_out, s^2 the
    sample variance over models (n - 1 in its denominator). For the hard score that is p_in (1 - p_in) /
    (n_in - 1) + p_out (1 - p_out) / (n_out - 1), and the interval is `intervals.score_interval`. For the
    soft score the interval is the normal one, score +- 1.96 SE within [-1, 1]: too short where SE comes
    from a few models that agree. A side with no model makes the score NaN, a side with one model the
    standard error (and the soft interval).

    Source: Feldman & Zhang 2020, arXiv 2008.03703, for the estimator.
    """
    accuracy_in, accuracy_out, score = counts.accuracy_in, counts.accuracy_out, counts.score
    squares_in = counts.sum_in if counts.squares_in is None else counts.squares_in
    squares_out = counts.sum_out if counts.squares_out is None else counts.squares_out
    error = np.sqrt(
        _variance_of_mean(counts.n_in, accuracy_in, squares_in)
        + _variance_of_mean(counts.n_out, accuracy_out, squares_out)
    )
    if counts.squares_in is None:
        low, high = score_interval(counts.sum_in, counts.n_in, counts.sum_out, counts.n_out)
    else:
        low = np.maximum(score - NORMAL_975 * error, -1)
        high = np.minimum(score + NORMAL_975 * error, 1)
    return Memorisation(score, error, low, high, accuracy_in, accuracy_out, counts.n_in, counts.n_out)


def _mean(sums: NDArray[Any], n: NDArray[np.int32]) -> Floats:
    with np.errstate(invalid="ignore"):  # 0 / 0 is the NaN of an undefined score
        return sums / n


def _variance_of_mean(n: NDArray[np.int32], mean: Floats, squares: NDArray[Any]) -> Floats:
    """s^2 / n = (mean of squares - mean^2) / (n - 1), NaN for n < 2; rounding must not make it negative."""
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.maximum(squares / n - mean**2, 0) / (n - 1)
    return np.where(n > 1, variance, np.nan)  # at n = 1 a rounded soft sum would give infinity, not 0 / 0


def _count_hard(mask: NDArray[np.bool_], correct: NDArray[np.bool_]) -> Counts:
    n_in = mask.sum(axis=0, dtype=np.int32)
    sum_in = (correct & mask).sum(axis=0, dtype=np.int32)
    sum_out = correct.sum(axis=0, dtype=np.int32) - sum_in
    return Counts(n_in, np.int32(len(mask)) - n_in, sum_in, sum_out)


def _count_soft(mask: NDArray[np.bool_], probability: NDArray[np.floating]) -> Counts:
    n_in = mask.sum(axis=0, dtype=np.int32)
    inside = np.where(mask, probability, 0).astype(np.float64)
    outside = np.where(mask, 0, probability).astype(np.float64)  # no difference of sums: it may be tiny
    sums = (inside.sum(axis=0), outside.sum(axis=0), (inside**2).sum(axis=0), (outside**2).sum(axis=0))
    return Counts(n_in, np.int32(len(mask)) - n_in, *sums)


def _combine(operation: Callable[..., NDArray[Any]], *several: Counts) -> Counts:
    """Apply an operation to each field of counts that must be alike."""
    kinds = {(counts.n_in.shape, counts.squares_in is None) for counts in several}
    if len(kinds) > 1:
        found = " and ".join(f"{'hard' if hard else 'soft'} {shape}" for shape, hard in sorted(kinds))
        raise OptionError(
            f"counts are {found}, expected all of one kind and shape: combine only counts of the same "
            "examples and the same score"
        )
    fields = ("n_in", "n_out", "sum_in", "sum_out", "squares_in", "squares_out")
    columns = {field: [getattr(counts, field) for counts in several] for field in fields}
    combined: dict[str, Any] = {
        field: None if column[0] is None else operation(*column) for field, column in columns.items()
    }
    return Counts(**combined)
