"""What each half of the blocks of models measured, and what the other half's posterior foretold of it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.population.predictive import Foretold, foretell
from memscope.analysis.population.sums import PopulationSums
from memscope.analysis.statistics.intervals import Floats
from memscope.analysis.statistics.jackknife import halves_kept
from memscope.analysis.trajectories import codes_of_counts
from memscope.errors import OptionError

FEWEST_BLOCKS = 4


@dataclass(frozen=True)
class Halves:
    """What each half of the blocks measured of the examples of the sample, and what the other foretold of it."""

    epsilon: float
    blocks: int
    examples: NDArray[np.int64]
    """[n]: positions of the examples of the sample that both halves measured at every size"""
    raw: NDArray[np.int8]
    """[2, n]: the raw types of either half, in the order of TYPES"""
    foretold: tuple[Foretold, Foretold]
    """Of either half, by the other"""
    apart: NDArray[np.int8]
    """[ways, 2, n]: raw types of two halves in several ways of halving"""
    products: Floats
    """[n, sizes, sizes]: products of one half's score at a size and the other's at a size, each less its mean over the
    sizes, which have no noise in common; mean over both halves and the ways of halving"""


def halve(sums: PopulationSums, epsilon: float = 0.2, seed: int = 0) -> Halves:
    """Let the halves of the blocks of models, every other one, foretell each other.

    OptionError for fewer than FEWEST_BLOCKS blocks, and for a single size. It is the examples of the sums' sample that
    are looked at, at most 4,000, so that the time does not grow beyond those.
    """
    numbers = sums.blocks
    if len(numbers) < FEWEST_BLOCKS or sums.sizes < 2:
        raise OptionError(
            f"{len(numbers)} blocks of models of {sums.sizes} sizes, expected at least {FEWEST_BLOCKS} of 2 or more: "
            "train more models"
        )
    both = [sums.of_blocks(numbers[first::2]) for first in (0, 1)]
    known = np.flatnonzero(np.all([(half.models > 0).all(axis=(0, 1)) for half in both], axis=0))
    foretold = [foretell(there, here.models.astype(np.int64), epsilon, seed) for here, there in (both, both[::-1])]
    parts = [sums.of_blocks([number]) for number in numbers[: len(numbers) // 2 * 2]]  # of unequal halves raw types
    by_block = np.stack([[part.correct, part.models] for part in parts])[..., known]  # differ by more than chance
    apart, products = [], []
    for kept in halves_kept(len(parts), len(parts) // 2):
        half = by_block[kept].sum(axis=0)
        two = half, by_block.sum(axis=0) - half
        apart.append([raw_codes(correct, models, epsilon) for correct, models in two])
        products.append(products_of(*two))
    return Halves(
        epsilon=epsilon,
        blocks=len(numbers),
        examples=sums.sample[known],
        raw=np.stack([raw_codes(half.correct[..., known], half.models[..., known], epsilon) for half in both]),
        foretold=(only(foretold[0], known), only(foretold[1], known)),
        apart=np.array(apart),
        products=np.nan_to_num(np.nanmean(products, axis=0)),
    )


def raw_codes(correct: NDArray[np.int32], models: NDArray[np.int32], epsilon: float) -> NDArray[np.int8]:
    """The raw types [n], as places in TYPES, of numbers of correct models, and of models, [2, sizes, n]."""
    counts = [values.astype(np.int64) for pair in zip(correct, models, strict=True) for values in pair]
    return codes_of_counts(counts, epsilon)


def products_of(one: NDArray[np.int32], other: NDArray[np.int32]) -> Floats:
    """Halves.products of two halves, numbers of correct models and of models [2, 2, sizes, n]; NaN without a score."""
    with np.errstate(invalid="ignore"):
        accuracies = [correct / models for correct, models in (one, other)]
    first, second = (score - score.mean(axis=0) for score in (each[0] - each[1] for each in accuracies))
    product = np.einsum("sn,tn->nst", first, second)
    return (product + product.transpose(0, 2, 1)) / 2


def only(foretold: Foretold, here: NDArray[np.int64]) -> Foretold:
    return Foretold(foretold.raw[here], foretold.types[here], foretold.products[here])
