"""Which training examples each model sees: subsets balanced per example and per model.

Models come in blocks of b. In each block every example is in exactly `b * fraction` subsets, so that after any number
of whole blocks all examples have equally many models trained with them, and equally many trained without them; adding
models adds blocks and changes nothing that exists. Each subset alone is a uniform random subset of its size, so scores
are unbiased. Subsets of one block depend on each other, but blocks do not: halves of the models and jackknives take
whole blocks.
"""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from memscope.errors import OptionError
from memscope.streams import permutation, stream

SMALLEST_BLOCK = 10
LARGEST_DENOMINATOR = 20


def fraction_of(value: float | Fraction) -> Fraction:
    """The exact fraction that a number such as 0.7 stands for.

    Raises OptionError unless it lies strictly between 0 and 1 and is within 1e-9 of a fraction whose
    denominator is at most 20: the size of a block of models is a multiple of that denominator.
    """
    if not 0 < value < 1:
        raise OptionError(
            f"fraction is {value}, expected a number between 0 and 1: give the share of the examples "
            "that each model is trained on, such as 0.7"
        )
    smallest = Fraction(1, LARGEST_DENOMINATOR)
    exact = min(max(Fraction(value).limit_denominator(LARGEST_DENOMINATOR), smallest), 1 - smallest)
    if abs(float(exact) - float(value)) > 1e-9:
        raise OptionError(
            f"fraction is {value}, expected a fraction with a denominator of at most "
            f"{LARGEST_DENOMINATOR}: give the nearest one, {exact} = {float(exact):.10g}"
        )
    return exact


def block_size(fraction: float | Fraction) -> int:
    """Models per block, b: the smallest multiple of the fraction's denominator that is at least 10."""
    denominator = fraction_of(fraction).denominator
    return denominator * -(-SMALLEST_BLOCK // denominator)


def block_subsets(num_examples: int, block: int, fraction: float | Fraction, seed: int) -> NDArray[np.bool_]:
    """The subsets of one block of models, bool [b, examples], a pure function of its arguments.

    The examples are shuffled and taken b at a time; each group draws one random pattern of `b * fraction`
    members out of b, rotated by one from model to model. A last, incomplete group takes the most evenly
    spread pattern instead, so that the sizes of any two subsets differ by one at most and are equal where
    b divides `num_examples`. About 0.6 s and 50 MB for 1,281,167 examples.

    Raises OptionError for a fraction that is not possible, a negative block, or fewer examples than b.
    """
    exact = fraction_of(fraction)
    b = block_size(exact)
    if num_examples < b:
        raise OptionError(
            f"{num_examples} examples, expected at least {b}, the models in a block at fraction {exact}: "
            "use more examples or a fraction with a smaller denominator"
        )
    if block < 0:
        raise OptionError(f"block is {block}, expected 0 or more: blocks are counted from 0")
    members = int(b * exact)
    source = stream("subset", seed, block)
    order = permutation(source, num_examples)
    words = source.random_raw(-(-num_examples // b) * b).reshape(-1, b)
    chosen = np.argsort(words, axis=1, kind="stable")[:, :members]
    patterns = np.zeros((len(words), b), dtype=bool)  # [groups, position]
    np.put_along_axis(patterns, chosen, True, axis=1)
    if num_examples % b:
        # Any window of an evenly spread word holds the same number of members, give or take one.
        turn = int(words[-1, 0] % np.uint64(b))
        patterns[-1] = (np.arange(turn, turn + b) * members) % b < members
    twice = np.concatenate([patterns, patterns], axis=1)
    subsets = np.empty((b, num_examples), dtype=bool)
    for model in range(b):
        subsets[model, order] = twice[:, model : model + b].ravel()[:num_examples]
    return subsets


def balanced_subsets(num_examples: int, num_models: int, fraction: float | Fraction, seed: int) -> NDArray[np.bool_]:
    """The subsets of models 0 to `num_models` - 1, bool [models, examples]: true if the model trains on it.

    Exact balance over the models holds for whole blocks of `block_size(fraction)`; a last, incomplete
    block gives its first rows. Raises OptionError as `block_subsets` does, or for less than one model.
    """
    if num_models < 1:
        raise OptionError(f"{num_models} models, expected at least 1: ask for a multiple of {block_size(fraction)}")
    b = block_size(fraction)
    subsets = np.empty((num_models, num_examples), dtype=bool)
    for first in range(0, num_models, b):
        rows = subsets[first : first + b]
        rows[:] = block_subsets(num_examples, first // b, fraction, seed)[: len(rows)]
    return subsets
