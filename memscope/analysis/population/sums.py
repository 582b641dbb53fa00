"""What `population` is fitted to, added up over models: of every example the sums, of a sample of them the outcomes.

Outcomes come in as they are found, a few models of one size at a time, in any order; sums of different models
are put together with `+`. What the models of one subset have in common is seen only across sizes, and
cross-products of all sizes for every example would not fit in memory. So the sums kept of every example are those
that its means need, and the outcomes themselves (a bit or two bytes each) are kept of a fixed random sample of
examples: enough to learn how outcomes of one subset go together, and how means of blocks of models differ.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from memscope.analysis.statistics.intervals import Floats
from memscope.errors import OptionError
from memscope.streams import permutation, stream

FIT_EXAMPLES = 4000
"""Examples that the prior is fitted to: all of them where there are no more than so many. With a kilobyte or two of
moments for each, and for every block of models its means, that is what bounds memory and time at any N."""


@dataclass(frozen=True)
class Piece:
    """The outcomes of a few models of one size on the examples of the sample."""

    size: int
    models: NDArray[np.int64]
    blocks: NDArray[np.int64]
    in_subset: NDArray[np.uint8]
    """bits [models, sample / 8]"""
    correct: NDArray[np.uint8]
    """bits [models, sample / 8]"""
    probability: NDArray[np.float16] | None
    """[models, sample]"""


@dataclass
class PopulationSums:
    """Sums over models [sides, sizes, examples], the models trained with an example first; and a sample's outcomes.

    Made by `population_sums`; grows with `add` and with `+`.
    """

    sample: NDArray[np.int64]
    """Positions of the examples whose outcomes are kept, in order"""
    models: NDArray[np.int32]
    correct: NDArray[np.int32]
    probability: Floats
    """NaN where the probability of some model is not known"""
    pieces: list[Piece] = field(default_factory=list)
    seen: set[tuple[int, int]] = field(default_factory=set)
    """(size, model) of all that was added"""

    @property
    def sizes(self) -> int:
        return self.models.shape[1]

    @property
    def examples(self) -> int:
        return self.models.shape[2]

    @property
    def blocks(self) -> list[int]:
        """Numbers of the blocks that have models of every size, in order."""
        there = [
            {int(b) for piece in self.pieces if piece.size == size for b in piece.blocks} for size in range(self.sizes)
        ]
        return sorted(set.intersection(*there))

    def of_blocks(self, blocks: Collection[int]) -> "PopulationSums":
        """Sums over the models of some blocks, for the examples of the sample alone, whose outcomes were kept.

        Probabilities are those that were kept, in float16: their means differ from those of all models by 2e-4.
        """
        count = len(self.sample)
        found = population_sums(self.sizes, count)
        for piece in self.pieces:
            rows = np.flatnonzero(np.isin(piece.blocks, list(blocks)))
            mask, right = (
                np.unpackbits(bits[rows], axis=1, count=count).astype(bool) for bits in (piece.in_subset, piece.correct)
            )
            soft = None if piece.probability is None else piece.probability[rows]
            found.add(piece.size, piece.models[rows].tolist(), mask, right, soft, piece.blocks[rows].tolist())
        return found

    def add(
        self,
        size: int,
        models: Sequence[int],
        in_subset: ArrayLike,
        correct: ArrayLike,
        probability: ArrayLike | None = None,
        block: int | Sequence[int] = 0,
    ) -> None:
        """Add the outcomes of some models of the size at a position 0, 1, ...; diverged models must not be among them.

        `models` are their numbers: models of the same number have the same subset at every size. `in_subset` and
        `correct` are bool [models, examples], `probability` (that of the example's label) float of that shape, NaN
        or None where it is not known; `block` the number of the block of models, one or one per model. Raises
        OptionError for other shapes, types or values, and for a model that was added before.
        """
        numbers = np.asarray(models, dtype=np.int64)
        mask, right, soft = check_outcomes(in_subset, correct, probability, (len(numbers), self.examples))
        if not 0 <= size < self.sizes:
            raise OptionError(f"size {size}, expected a position from 0 to {self.sizes - 1}: sizes are counted from 0")
        new = {(size, int(model)) for model in numbers}
        if len(new) < len(numbers) or new & self.seen:
            twice = sorted(int(model) for model in numbers if (size, int(model)) in self.seen) or numbers.tolist()
            raise OptionError(
                f"models {twice} of size {size} were given twice, expected each once: leave out the second"
            )
        self.seen |= new
        if not len(numbers):
            return
        for side, members in enumerate((mask, ~mask)):
            self.models[side, size] += members.sum(axis=0, dtype=np.int32)
            self.correct[side, size] += (right & members).sum(axis=0, dtype=np.int32)
            if soft is None:
                self.probability[side, size, members.any(axis=0)] = np.nan
            else:
                self.probability[side, size] += np.where(members, soft, 0).sum(axis=0, dtype=np.float64)
        self.pieces.append(
            Piece(
                size,
                numbers,
                np.broadcast_to(np.asarray(block, dtype=np.int64), numbers.shape),
                np.packbits(mask[:, self.sample], axis=1),
                np.packbits(right[:, self.sample], axis=1),
                None if soft is None else soft[:, self.sample].astype(np.float16),
            )
        )

    def __add__(self, other: "PopulationSums") -> "PopulationSums":
        """The sums over the models of both; OptionError where examples or sizes differ or a model is in both."""
        if self.models.shape != other.models.shape or not np.array_equal(self.sample, other.sample):
            raise OptionError(
                f"sums over {self.sizes} sizes, {self.examples} examples and {other.sizes} sizes, {other.examples} "
                "examples, expected the same examples, sizes and seed: put together only sums of one run"
            )
        both = self.seen & other.seen
        if both:
            raise OptionError(f"(size, model) {sorted(both)[:3]} are in both sums, expected each in one: add it once")
        return PopulationSums(
            self.sample,
            self.models + other.models,
            self.correct + other.correct,
            self.probability + other.probability,
            self.pieces + other.pieces,
            self.seen | other.seen,
        )


def population_sums(sizes: int, examples: int, seed: int = 0) -> PopulationSums:
    """Empty sums over models of so many sizes. The seed decides which examples the prior is fitted to, if not all."""
    if sizes < 1 or examples < 1:
        raise OptionError(f"{sizes} sizes and {examples} examples, expected at least 1 of each")
    sample = np.arange(examples)
    if examples > FIT_EXAMPLES:
        sample = np.sort(permutation(stream("population sample", seed, examples), examples)[:FIT_EXAMPLES])
    shape = (2, sizes, examples)
    return PopulationSums(sample, np.zeros(shape, np.int32), np.zeros(shape, np.int32), np.zeros(shape))


def check_outcomes(
    in_subset: ArrayLike, correct: ArrayLike, probability: ArrayLike | None, shape: tuple[int, ...]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[Any] | None]:
    """Outcomes of models of one size as arrays [models, examples]; OptionError where shapes or values do not fit."""
    mask, right = np.asarray(in_subset), np.asarray(correct)
    soft = None if probability is None else np.asarray(probability)
    for name, values in (("in_subset", mask), ("correct", right), ("probability", soft)):
        if values is not None and values.shape != shape:
            raise OptionError(
                f"{name} has shape {values.shape}, expected {shape}: one row per model, one column per example"
            )
    for name, values in (("in_subset", mask), ("correct", right)):
        if values.dtype != bool:
            raise OptionError(f"{name} is {values.dtype}, expected bool: pass {name}.astype(bool)")
    if soft is not None:
        if not np.issubdtype(soft.dtype, np.floating):
            raise OptionError(f"probability is {soft.dtype}, expected floats in [0, 1]")
        with np.errstate(invalid="ignore"):
            outside = (soft < 0) | (soft > 1)
        if outside.any():
            raise OptionError(
                f"probability holds {soft[outside].flat[0]}, expected probabilities in [0, 1]: convert log-odds first"
            )
    return mask, right, soft
