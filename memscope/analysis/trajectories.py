"""How the memorisation of an example changes along the sizes of a family: the types of trajectories.

The raw rule (`classify_trajectories`) names the type of a given trajectory. Estimated trajectories are far
noisier than scores, and rise and fall, being maxima over pairs of sizes, grow with noise and with the
number of sizes; so a type is called (`trajectory_types`) only where most draws from the posterior agree,
and `flat_shares` says what the raw rule would find in trajectories that are all flat. Compare shares only
on equal grids of sizes and equal numbers of models.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from memscope.analysis.intervals import Floats
from memscope.cores import cores
from memscope.errors import OptionError
from memscope.streams import stream

TYPES = ("constant", "increasing", "decreasing", "cap-shaped", "u-shaped", "irregular")
UNDETERMINED = "undetermined"
UNDEFINED = "undefined"
Counts = NDArray[np.int64]  # [4, sizes, examples]: correct in, models in, correct out, models out
# 0.3 - 0.1 is below 0.2 in floating point; a difference that ties with epsilon counts as having reached it.
TIE = 1e-9
# Examples are drawn for in chunks of this size, each from its own stream: part of what decides the draws.
CHUNK = 64


@dataclass(frozen=True)
class TrajectoryTypes:
    """The called type of each trajectory and the probability of every type.

    `called` [examples] is one of TYPES, `undetermined` or `undefined`; `probabilities` [examples, 6] are
    shares of posterior draws in the order of TYPES, NaN where the type is undefined.
    """

    called: NDArray[np.str_]
    probabilities: Floats


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
    _check_options(epsilon)
    return np.array([*TYPES, UNDEFINED])[_type_codes(scores, epsilon)]


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


def trajectory_types(
    correct_in: ArrayLike,
    n_in: ArrayLike,
    correct_out: ArrayLike,
    n_out: ArrayLike,
    epsilon: float = 0.2,
    confidence: float = 0.8,
    seed: int = 0,
    draws: int = 400,
) -> TrajectoryTypes:
    """Called types of trajectories, with probabilities, from numbers of correct models.

    `correct_in` and `correct_out` are integers [sizes, examples]; `n_in` and `n_out`, the numbers of
    models, may broadcast to that. Every accuracy is drawn from its Jeffreys posterior Beta(c + 1/2, n - c
    + 1/2), every draw of a trajectory is classified by the raw rule, and the most frequent type is called
    if it has at least `confidence` of the draws, else the type is `undetermined`; it is `undefined` where
    some size has no model on one side. The draws depend on the seed and on the examples up to the end of
    an example's chunk of 64, nothing else.

    Raises OptionError for counts that cannot be, fewer than two sizes, or options out of range.
    """
    counts = _checked_counts(correct_in, n_in, correct_out, n_out)
    _check_options(epsilon, confidence, draws)
    probabilities = np.empty((counts.shape[2], len(TYPES)))

    def classify(chunk: tuple[slice, Counts, np.random.Generator]) -> None:
        here, (c_in, models_in, c_out, models_out), random = chunk
        size = (*c_in.shape[:2], draws)  # [examples, sizes, draws]
        scores = random.beta(c_in + 0.5, models_in - c_in + 0.5, size)
        scores -= random.beta(c_out + 0.5, models_out - c_out + 0.5, size)
        probabilities[here] = _code_shares(_type_codes(scores, epsilon))

    with ThreadPoolExecutor(cores()) as threads:  # numpy draws without Python's lock, a chunk from its own stream
        list(threads.map(classify, _chunks("trajectory types", seed, counts)))
    best = np.where(probabilities.max(axis=1) >= confidence, probabilities.argmax(axis=1), len(TYPES))
    called = np.array([*TYPES, UNDETERMINED, UNDEFINED])[best]
    undefined = _without_models(counts)
    called[undefined] = UNDEFINED
    probabilities[undefined] = np.nan
    return TrajectoryTypes(called, probabilities)


def flat_shares(
    correct_in: ArrayLike,
    n_in: ArrayLike,
    correct_out: ArrayLike,
    n_out: ArrayLike,
    epsilon: float = 0.2,
    seed: int = 0,
    draws: int = 100,
) -> Floats:
    """The shares [6], in the order of TYPES, that the raw rule would give if every trajectory were flat.

    Each example keeps, at every size, its own accuracy in and accuracy out pooled over sizes (sum of
    correct over sum of models); numbers of correct models are drawn anew at the given numbers of models,
    the drawn trajectories are classified by the raw rule, and the shares averaged. What the raw shares
    have beyond these is change. The arguments are those of `trajectory_types`; examples with a size
    without models on one side are left out, and the shares are NaN if that is all. Raises OptionError as
    `trajectory_types` does.
    """
    counts = _checked_counts(correct_in, n_in, correct_out, n_out)
    _check_options(epsilon, draws=draws)
    counts = counts[:, :, ~_without_models(counts)]
    examples = counts.shape[2]
    if examples == 0:
        return np.full(len(TYPES), np.nan)
    total = np.zeros(len(TYPES))
    for _, (c_in, models_in, c_out, models_out), random in _chunks("flat trajectories", seed, counts):
        size = (*c_in.shape[:2], draws)
        p_in = c_in.sum(axis=1, keepdims=True) / models_in.sum(axis=1, keepdims=True)
        p_out = c_out.sum(axis=1, keepdims=True) / models_out.sum(axis=1, keepdims=True)
        scores = random.binomial(models_in, p_in, size) / models_in
        scores -= random.binomial(models_out, p_out, size) / models_out
        total += _code_shares(_type_codes(scores, epsilon)).sum(axis=0)
    return total / examples


def flat_called_shares(
    correct_in: ArrayLike,
    n_in: ArrayLike,
    correct_out: ArrayLike,
    n_out: ArrayLike,
    epsilon: float = 0.2,
    confidence: float = 0.8,
    seed: int = 0,
    repeats: int = 4,
    examples: int = 2000,
) -> Floats:
    """The shares [7], of TYPES and `undetermined`, that would be called if every trajectory were flat.

    As `flat_shares`, but the drawn counts are given to `trajectory_types`: how often a type is called of an example
    that does not change. From `repeats` draws of at most so many examples, evenly spaced. Raises OptionError as
    `trajectory_types` does.
    """
    counts = _checked_counts(correct_in, n_in, correct_out, n_out)
    counts = counts[:, :, ~_without_models(counts)]
    if counts.shape[2] == 0:
        return np.full(len(TYPES) + 1, np.nan)
    counts = counts[:, :, :: max(1, -(-counts.shape[2] // examples))]
    c_in, models_in, c_out, models_out = counts
    shares = []
    for repeat in range(repeats):
        random = np.random.Generator(stream("flat called", seed, repeat))
        drawn_in = random.binomial(models_in, c_in.sum(axis=0) / models_in.sum(axis=0))
        drawn_out = random.binomial(models_out, c_out.sum(axis=0) / models_out.sum(axis=0))
        called = trajectory_types(drawn_in, models_in, drawn_out, models_out, epsilon, confidence, seed + repeat).called
        shares.append(type_shares(called, (*TYPES, UNDETERMINED)))
    return np.mean(shares, axis=0)


def _rise_and_fall(scores: Floats) -> tuple[Floats, Floats]:
    """Of scores [..., sizes, last], in one pass along the sizes with running extremes; NaN spreads."""
    lowest = highest = scores[..., 0, :]
    rise = fall = np.full(lowest.shape, -np.inf)
    for size in range(1, scores.shape[-2]):
        current = scores[..., size, :]
        rise, fall = np.maximum(rise, current - lowest), np.maximum(fall, highest - current)
        lowest, highest = np.minimum(lowest, current), np.maximum(highest, current)
    return rise, fall


def _type_codes(scores: Floats, epsilon: float) -> NDArray[np.int8]:
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


def _code_shares(codes: NDArray[np.int8]) -> Floats:
    """Share [examples, 6] of each type among codes [examples, draws]."""
    return np.stack([np.mean(codes == code, axis=1) for code in range(len(TYPES))], axis=1)


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


def _chunks(name: str, seed: int, counts: Counts) -> Iterator[tuple[slice, Counts, np.random.Generator]]:
    """Slices of the examples, the counts there as [4, examples, sizes, 1], and their own random draws."""
    for chunk, first in enumerate(range(0, counts.shape[2], CHUNK)):
        here = slice(first, first + CHUNK)
        by_example = counts[:, :, here].transpose(0, 2, 1)[..., np.newaxis]
        yield here, by_example, np.random.Generator(stream(name, seed, chunk))


def _without_models(counts: Counts) -> NDArray[np.bool_]:
    return ((counts[1] == 0) | (counts[3] == 0)).any(axis=0)


def _trajectories(values: ArrayLike) -> Floats:
    scores = np.asarray(values, dtype=np.float64)
    if scores.ndim != 2 or len(scores) < 2:
        raise OptionError(
            f"trajectories have shape {scores.shape}, expected [sizes, examples] with at least 2 sizes: "
            "a trajectory needs a family trained at two sizes or more"
        )
    return scores


def _checked_counts(correct_in: ArrayLike, n_in: ArrayLike, correct_out: ArrayLike, n_out: ArrayLike) -> Counts:
    given = [np.asarray(values) for values in (correct_in, n_in, correct_out, n_out)]
    names = ("correct_in", "n_in", "correct_out", "n_out")
    for name, values in zip(names, given, strict=True):
        if not np.issubdtype(values.dtype, np.integer):
            raise OptionError(f"{name} is {values.dtype}, expected integers: pass numbers of models, not shares")
    shape = given[0].shape
    if len(shape) != 2 or shape[0] < 2 or given[2].shape != shape:
        raise OptionError(
            f"correct_in {shape} and correct_out {given[2].shape}, expected the same shape [sizes, "
            "examples] twice with at least 2 sizes: a trajectory needs two sizes or more"
        )
    try:
        counts = np.stack([np.broadcast_to(values, shape).astype(np.int64) for values in given])
    except ValueError:
        raise OptionError(
            f"n_in {given[1].shape} and n_out {given[3].shape}, expected shapes that broadcast to "
            f"{shape}: give a number, one per example, or one per size and example"
        ) from None
    for name, correct, models in (("in", counts[0], counts[1]), ("out", counts[2], counts[3])):
        if ((correct < 0) | (correct > models)).any():
            raise OptionError(
                f"correct_{name} goes from {correct.min()} to {correct.max()} and is outside 0 to n_{name} "
                "somewhere, expected at most as many correct models as models: check their order"
            )
    return counts


def _check_options(epsilon: float, confidence: float = 1.0, draws: int = 1) -> None:
    if not epsilon > 0:
        raise OptionError(f"epsilon is {epsilon}, expected a number above 0: the default is 0.2")
    if not 0 < confidence <= 1:
        raise OptionError(f"confidence is {confidence}, expected more than 0 and at most 1: the default is 0.8")
    if draws < 1:
        raise OptionError(f"draws is {draws}, expected at least 1: a few hundred are usual")
