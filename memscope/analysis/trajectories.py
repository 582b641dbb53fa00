"""How the memorisation of an example changes along the sizes of a family: the types of trajectories.

The raw rule (`classify_trajectories`) names the type of a given trajectory. Estimated trajectories are far noisier than
scores. Rise and fall are maxima over pairs of sizes, so they grow with noise and with the number of sizes. What can be
said about a type in spite of that is in trajectory_types.py. Compare shares only on equal grids of sizes and equal
numbers of models.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from memscope.analysis.statistics.intervals import Floats
from memscope.analysis.statistics.ties import whole_part
from memscope.errors import OptionError

TYPES = ("constant", "increasing", "decreasing", "cap-shaped", "u-shaped", "irregular")
UNDETERMINED = "undetermined"
UNDEFINED = "undefined"
EPSILON = 0.2
"""A change of the score that counts, where no other is asked for"""
LARGEST_EPSILON = 2
TIE = 1e-6
"""A difference of scores so near to a threshold ties with it: stored scores are float32, with errors of 6e-8. Counts
need no tolerance."""
LARGEST = 2.0**61
"""Common denominators above it, of which scores may differ by twice, are Python's own whole numbers, not int64."""


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
    or both. A difference within 1e-6 of epsilon reaches it, so that scores stored as float32 have the types that
    `raw_types` gives to their counts. A NaN anywhere makes the type `undefined`. Two sizes have no interior: with
    them every type is one of the first three. Raises OptionError for fewer than two sizes or an epsilon not above 0.
    """
    scores = _trajectories(scores)
    check_options(epsilon)
    codes = type_codes(scores, epsilon - TIE)
    codes[np.isnan(scores).any(axis=0)] = -1
    return np.array([*TYPES, UNDEFINED])[codes]


def raw_types(
    correct_in: ArrayLike, n_in: ArrayLike, correct_out: ArrayLike, n_out: ArrayLike, epsilon: float = 0.2
) -> NDArray[np.str_]:
    """`classify_trajectories` of scores correct_in / n_in - correct_out / n_out, decided in whole numbers.

    Integers [sizes, examples], or that broadcast to it; `undefined` where some size has no model on one side. With few
    models many differences tie with epsilon, and a tie has reached it: rounding must not decide them.
    """
    check_options(epsilon)
    given = (np.asarray(values, dtype=np.int64) for values in (correct_in, n_in, correct_out, n_out))
    counts = np.broadcast_arrays(*given)
    _trajectories(counts[0])
    codes = codes_of_counts(counts, epsilon)
    codes[((counts[1] == 0) | (counts[3] == 0)).any(axis=0)] = -1
    return np.array([*TYPES, UNDEFINED])[codes]


def type_shares(types: ArrayLike, names: tuple[str, ...] = TYPES) -> Floats:
    """The share [names] of each name among the types [examples] that are not `undefined`; NaN if all are.

    For called types pass `(*TYPES, UNDETERMINED)`; their shares add up to 1.
    """
    types = np.asarray(types)
    counts = np.array([np.count_nonzero(types == name) for name in names], dtype=np.float64)
    defined = np.count_nonzero(types != UNDEFINED)
    return counts / defined if defined else np.full(len(names), np.nan)


def decompose_change(accuracy_in: ArrayLike, accuracy_out: ArrayLike) -> tuple[Change, Change]:
    """The rise and the fall of each score, and the parts of each from accuracy in and from accuracy out.

    Both accuracies are [sizes, examples]. Between the two sizes i < j of the largest rise, the score changes by (in_j -
    in_i) + (out_i - out_j); between those of the largest fall it falls by (in_i - in_j) + (out_j - out_i). Among equal
    changes the pair that ends, then begins, at the smallest sizes is taken. A fall from accuracy out is not forgetting:
    models without the example have learnt to get it right. Raises OptionError for unequal shapes or fewer than two
    sizes.
    """
    inside, outside = _trajectories(accuracy_in), _trajectories(accuracy_out)
    if inside.shape != outside.shape:
        raise OptionError(
            f"accuracy_in {inside.shape} and accuracy_out {outside.shape}, expected the same shape "
            "[sizes, examples] twice: give both for the same sizes and examples"
        )
    return _largest_change(inside, outside, 1), _largest_change(inside, outside, -1)


def _rise_and_fall(scores: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Of scores [..., sizes, last], in one pass along the sizes with running extremes; NaN spreads."""
    lowest = highest = scores[..., 0, :]
    rise, fall = scores[..., 1, :] - lowest, highest - scores[..., 1, :]
    for size in range(1, scores.shape[-2]):
        current = scores[..., size, :]
        rise, fall = np.maximum(rise, current - lowest), np.maximum(fall, highest - current)
        lowest, highest = np.minimum(lowest, current), np.maximum(highest, current)
    return rise, fall


def type_codes(scores: NDArray[Any], reach: Any) -> NDArray[np.int8]:
    """Index into TYPES of each trajectory along the last but one axis; a change of `reach` or more counts.

    Whoever has undefined scores looks for them: a NaN reaches nothing, and counts as constant here.
    """
    rise, fall = _rise_and_fall(scores)
    codes = (rise >= reach).astype(np.int8) + 2 * (fall >= reach).astype(np.int8)  # 3: both
    first, last = scores[..., 0, :], scores[..., -1, :]
    if scores.shape[-2] > 2:
        interior = scores[..., 1:-1, :]
        cap = interior.max(axis=-2) - np.maximum(first, last) >= reach
        u = np.minimum(first, last) - interior.min(axis=-2) >= reach
        codes += (codes == 3) * np.where(cap & ~u, 0, np.where(u & ~cap, 1, 2)).astype(np.int8)
    return codes


def codes_of_counts(counts: Sequence[NDArray[Any]], epsilon: float) -> NDArray[np.int8]:
    """`type_codes` of counts in the order of `raw_types`, in whole numbers; anything where there is no model.

    Each is [..., sizes, last], or broadcasts to that. All sizes of a trajectory are brought to one denominator:
    c_in n_out - c_out n_in over n_in n_out, times what each lacks of the least common multiple. Thresholds are then
    whole numbers too.
    """
    correct_in, n_in, correct_out, n_out = counts
    pairs = np.maximum(n_in * n_out, 1)
    common = pairs[..., :1, :]
    for size in range(1, pairs.shape[-2]):
        more = pairs[..., size : size + 1, :] // np.gcd(common, pairs[..., size : size + 1, :])
        if pairs.dtype != object and np.max(common * more.astype(np.float64), initial=0) > LARGEST:
            return codes_of_counts([values.astype(object) for values in counts], epsilon)
        common = common * more
    scores = (correct_in * n_out - correct_out * n_in) * (common // pairs)
    reach = -whole_part(common, -epsilon)  # the smallest whole number that is at least as much
    return type_codes(scores, reach[..., 0, :])


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
    if not 0 < epsilon <= LARGEST_EPSILON:
        raise OptionError(
            f"epsilon is {epsilon}, expected a number above 0 and at most {LARGEST_EPSILON}, by which two scores can "
            "differ: the default is 0.2"
        )
    if not 0 < confidence <= 1:
        raise OptionError(f"confidence is {confidence}, expected more than 0 and at most 1: the default is 0.8")
    if draws < 1:
        raise OptionError(f"draws is {draws}, expected at least 1: a few hundred are usual")
