"""How the memorisation of an example changes along the sizes of a family: the types of trajectories.

The raw rule (`classify_trajectories`) names the type of a given trajectory. Estimated trajectories are far noisier than
scores, and rise and fall, being maxima over pairs of sizes, grow with noise and with the number of sizes: what can be
said of a type in spite of that is in trajectory_types.py. Compare shares only on equal grids of sizes and equal numbers
of models.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from memscope.analysis.intervals import Floats
from memscope.errors import OptionError

TYPES = ("constant", "increasing", "decreasing", "cap-shaped", "u-shaped", "irregular")
UNDETERMINED = "undetermined"
UNDEFINED = "undefined"
# 0.3 - 0.1 is below 0.2 in floating point; a difference that ties with epsilon counts as having reached it.
TIE = 1e-9


@dataclass(frozen=True)
class Change:
    """The largest change between two sizes of each trajectory, and its parts; arrays [examples].

    `amount` = `from_accuracy_in` + `from_accuracy_out`; `first` and `last` are the indices of the two
    sizes, -1 where the trajectory is undefined.
    """

    amount: Floats
    from_accuracy_in: Floats
    from_accuracy_out: Floats
    first: NDArray[np.intp]
    last: NDArray[np.intp]


def rise_and_fall(scores: ArrayLike) -> tuple[Floats, Floats]:
    """Rise and fall [examples] of trajectories [sizes, examples]; NaN where a score is.

    rise = max over i < j of m_j - m_i, fall = max over i < j of m_i - m_j, which is negative for a
    trajectory that only ever rises. Raises OptionError for fewer than two sizes.
    """
    return _rise_and_fall(_trajectories(scores))


def classify_trajectories(scores: ArrayLike, epsilon: float = 0.2) -> NDArray[np.str_]:
    """The type [examples], by the raw rule, of each trajectory of scores [sizes, examples].

    With rise and fall as in `rise_and_fall`: constant if both are below epsilon, increasing if only rise
    reaches it, decreasing if only fall does; if both do, cap-shaped if the interior maximum exceeds both
    ends by epsilon, u-shaped if the interior minimum is below both ends by epsilon, irregular if neither
    or both. A difference within 1e-9 of epsilon reaches it. A NaN anywhere makes the type `undefined`. Two
    sizes have no interior: with them every type is one of the first three. Raises OptionError for fewer
    than two sizes or an epsilon not above 0.
    """
    scores = _trajectories(scores)
    check_options(epsilon)
    return np.array([*TYPES, UNDEFINED])[type_codes(scores, epsilon)]


def type_shares(types: ArrayLike, names: tuple[str, ...] = TYPES) -> Floats:
    """The share [names] of each name among the types [examples] that are not `undefined`; NaN if all are.

    For called types pass `(*TYPES, UNDETERMINED)`; their shares add up to 1.
    """
    types = np.asarray(types)
    counts = np.array([np.count_nonzero(types == name) for name in names], dtype=np.float64)
    defined = np.count_nonzero(types != UNDEFINED)
    return counts / defined if defined else np.full(len(names), np.nan)


def decompose_change(accuracy_in: ArrayLike, accuracy_out: ArrayLike) -> tuple[Change, Change]:
    """The rise and the fall of each score, and how much of them comes from accuracy in and from accuracy
    out.

    Both accuracies are [sizes, examples]. Between the two sizes i < j of the largest rise, the score
    changes by (in_j - in_i) + (out_i - out_j); between those of the largest fall it falls by (in_i - in_j)
    + (out_j - out_i). Among equal changes the pair that ends, then begins, at the smallest sizes is taken.
    A fall from accuracy out is no forgetting: models without the example have learnt to get it right.
    Raises OptionError for unequal shapes or fewer than two sizes.
    """
    inside, outside = _trajectories(accuracy_in), _trajectories(accuracy_out)
    if inside.shape != outside.shape:
        raise OptionError(
            f"accuracy_in {inside.shape} and accuracy_out {outside.shape}, expected the same shape "
            "[sizes, examples] twice: give both for the same sizes and examples"
        )
    return _largest_change(inside, outside, 1), _largest_change(inside, outside, -1)


def _rise_and_fall(scores: Floats) -> tuple[Floats, Floats]:
    """Of scores [..., sizes, last], in one pass along the sizes with running extremes; NaN spreads."""
    lowest = highest = scores[..., 0, :]
    rise = fall = np.full(lowest.shape, -np.inf)
    for size in range(1, scores.shape[-2]):
        current = scores[..., size, :]
        rise, fall = np.maximum(rise, current - lowest), np.maximum(fall, highest - current)
        lowest, highest = np.minimum(lowest, current), np.maximum(highest, current)
    return rise, fall


def type_codes(scores: Floats, epsilon: float) -> NDArray[np.int8]:
    """Index into TYPES of each trajectory along the last but one axis, -1 where undefined."""
    rise, fall = _rise_and_fall(scores)
    reach = epsilon - TIE
    codes = (rise >= reach).astype(np.int8) + 2 * (fall >= reach).astype(np.int8)  # 3: both
    first, last = scores[..., 0, :], scores[..., -1, :]
    if scores.shape[-2] > 2:
        interior = scores[..., 1:-1, :]
        cap = interior.max(axis=-2) - np.maximum(first, last) >= reach
        u = np.minimum(first, last) - interior.min(axis=-2) >= reach
        codes += (codes == 3) * np.where(cap & ~u, 0, np.where(u & ~cap, 1, 2)).astype(np.int8)
    codes[np.isnan(rise)] = -1
    return codes


def _largest_change(inside: Floats, outside: Floats, sign: int) -> Change:
    scores = sign * (inside - outside)
    undefined = np.isnan(scores).any(axis=0)
    scores[:, undefined] = 0
    each = np.arange(scores.shape[1])
    lowest_at = np.zeros(len(each), dtype=np.intp)
    amount = np.full(len(each), -np.inf)
    first, last = lowest_at.copy(), lowest_at.copy()
    for size in range(1, len(scores)):
        change = scores[size] - scores[lowest_at, each]
        better = change > amount
        amount[better], first[better], last[better] = change[better], lowest_at[better], size
        lowest_at[scores[size] < scores[lowest_at, each]] = size
    from_in = sign * (inside[last, each] - inside[first, each])
    from_out = sign * (outside[first, each] - outside[last, each])
    for values in (from_in, from_out):
        values[undefined] = np.nan
    first[undefined] = last[undefined] = -1
    return Change(from_in + from_out, from_in, from_out, first, last)


def _trajectories(values: ArrayLike) -> Floats:
    scores = np.asarray(values, dtype=np.float64)
    if scores.ndim != 2 or len(scores) < 2:
        raise OptionError(
            f"trajectories have shape {scores.shape}, expected [sizes, examples] with at least 2 sizes: "
            "a trajectory needs a family trained at two sizes or more"
        )
    return scores


def check_options(epsilon: float, confidence: float = 1.0, draws: int = 1) -> None:
    if not epsilon > 0:
        raise OptionError(f"epsilon is {epsilon}, expected a number above 0: the default is 0.2")
    if not 0 < confidence <= 1:
        raise OptionError(f"confidence is {confidence}, expected more than 0 and at most 1: the default is 0.8")
    if draws < 1:
        raise OptionError(f"draws is {draws}, expected at least 1: a few hundred are usual")
