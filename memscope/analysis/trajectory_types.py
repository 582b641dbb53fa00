"""Types of trajectories that are called with confidence, and what would be called if nothing changed with size.

Estimated trajectories are noisy. A type is called (`trajectory_types`) only where most draws from the posterior agree;
`flat_shares` and `flat_called_shares` say what the raw rule, and calling, would find in trajectories that are all flat.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from memscope.analysis.accuracy_draws import drawn_accuracies, sixteen_bit_words
from memscope.analysis.statistics.intervals import Floats
from memscope.analysis.trajectories import (
    TIE,
    TYPES,
    UNDEFINED,
    UNDETERMINED,
    check_options,
    codes_of_counts,
    type_codes,
    type_shares,
)
from memscope.cores import cores
from memscope.errors import OptionError
from memscope.streams import stream

Counts = NDArray[np.int64]  # [4, sizes, examples]: correct in, models in, correct out, models out
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

    `correct_in` and `correct_out` are integers [sizes, examples]; `n_in` and `n_out`, the numbers of models, may
    broadcast to that. Every accuracy is drawn from its Jeffreys posterior Beta(c + 1/2, n - c + 1/2), and every draw of
    a trajectory is classified by the raw rule. The most frequent type is called if it has at least `confidence` of the
    draws; else the type is `undetermined`. It is `undefined` where some size has no model on one side. The draws depend
    only on the seed and on the examples up to the end of an example's chunk of 64; they are made of raw words
    (accuracy_draws.py).

    Raises OptionError for counts that cannot be, fewer than two sizes, or options out of range.
    """
    counts = _checked_counts(correct_in, n_in, correct_out, n_out)
    check_options(epsilon, confidence, draws)
    probabilities = np.empty((counts.shape[2], len(TYPES)))

    by_example = counts.transpose(0, 2, 1)  # [4, examples, sizes]

    def classify(chunk: int) -> None:
        here = slice(chunk * CHUNK, (chunk + 1) * CHUNK)
        correct_in, n_in, correct_out, n_out = by_example[:, here]
        words = sixteen_bit_words(stream("trajectory types", seed, chunk), (2, *n_in.shape, draws))
        scores = drawn_accuracies(correct_in, n_in, words[0]) - drawn_accuracies(correct_out, n_out, words[1])
        probabilities[here] = _code_shares(type_codes(scores, epsilon - TIE))

    with ThreadPoolExecutor(cores()) as threads:  # numpy works without Python's lock
        list(threads.map(classify, range(-(-counts.shape[2] // CHUNK))))
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

    Each example keeps, at every size, its own accuracy in and accuracy out pooled over sizes (sum of correct over sum
    of models); numbers of correct models are drawn anew at the given numbers of models, the drawn trajectories are
    classified by the raw rule, and the shares are averaged. What the raw shares have beyond these is change. The
    numbers come from NumPy's `binomial`, which may draw others in another version: shares may then differ in the third
    decimal. The arguments are those of `trajectory_types`. Examples that have no model on one side at some size are
    left out; if none remains, the shares are NaN. Raises OptionError as `trajectory_types` does.
    """
    counts = _checked_counts(correct_in, n_in, correct_out, n_out)
    check_options(epsilon, draws=draws)
    counts = counts[:, :, ~_without_models(counts)]
    examples = counts.shape[2]
    if examples == 0:
        return np.full(len(TYPES), np.nan)
    total = np.zeros(len(TYPES))
    for _, (c_in, models_in, c_out, models_out), random in _chunks("flat trajectories", seed, counts):
        size = (*c_in.shape[:2], draws)
        p_in = c_in.sum(axis=1, keepdims=True) / models_in.sum(axis=1, keepdims=True)
        p_out = c_out.sum(axis=1, keepdims=True) / models_out.sum(axis=1, keepdims=True)
        drawn_in, drawn_out = random.binomial(models_in, p_in, size), random.binomial(models_out, p_out, size)
        codes = codes_of_counts((drawn_in, models_in, drawn_out, models_out), epsilon)
        total += _code_shares(codes).sum(axis=0)
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

    As `flat_shares`, but the drawn counts are given to `trajectory_types`: how often a type is called for an example
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


def _code_shares(codes: NDArray[np.int8]) -> Floats:
    """Share [examples, 6] of each type among codes [examples, draws]."""
    return np.stack([np.mean(codes == code, axis=1) for code in range(len(TYPES))], axis=1)


def _chunks(name: str, seed: int, counts: Counts) -> Iterator[tuple[slice, Counts, np.random.Generator]]:
    """Slices of the examples, the counts there as [4, examples, sizes, 1], and their own random draws."""
    for chunk, first in enumerate(range(0, counts.shape[2], CHUNK)):
        here = slice(first, first + CHUNK)
        by_example = counts[:, :, here].transpose(0, 2, 1)[..., np.newaxis]
        yield here, by_example, np.random.Generator(stream(name, seed, chunk))


def _without_models(counts: Counts) -> NDArray[np.bool_]:
    return ((counts[1] == 0) | (counts[3] == 0)).any(axis=0)


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
