"""Reference models: what the models of all other blocks say of every example, for the models of one block.

In a balanced block the memberships of nine models give away that of the tenth. So the models of a block are judged by
the models of the others alone; every example then has the same numbers of references that were trained with it and
without it, and no score knows more of one example than of another.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memscope.errors import OptionError

Floats = NDArray[np.float64]
FEWEST_REFERENCES = 2
"""With an example, and without it; one model has no variance"""
FEWEST_BLOCKS = 2
"""One that is judged, and one that judges it"""


@dataclass(frozen=True, eq=False)
class Side:
    """Of the references with every example, or of those without it: numbers, means and variances of log-odds [N]."""

    n: NDArray[np.int64]
    mean: Floats
    variance: Floats
    """Sample variance, n - 1 in its denominator; NaN below two models"""


@dataclass(frozen=True, eq=False)
class References:
    """Of one block of targets: the other blocks' models, with each example and without it."""

    inside: Side
    outside: Side


@dataclass(frozen=True, eq=False)
class Sums:
    """Sums over models that add up: of a block, a side; [N] each."""

    n: NDArray[np.int64]
    total: Floats
    squares: Floats

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(self.n + other.n, self.total + other.total, self.squares + other.squares)

    def __sub__(self, other: "Sums") -> "Sums":
        return Sums(self.n - other.n, self.total - other.total, self.squares - other.squares)

    def side(self, centre: Floats) -> Side:
        """Means and variances; sums are of what is beyond a `centre`, lest squares cancel."""
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = self.total / self.n
            variance = (self.squares - self.n * mean**2) / (self.n - 1)
        return Side(self.n, centre + mean, np.where(self.n > 1, np.maximum(variance, 0), np.nan))


def leave_one_block_out(
    in_subset: NDArray[np.bool_], values: NDArray[np.floating], block: NDArray[np.int64]
) -> Iterator[tuple[int, NDArray[np.int64], References]]:
    """The number of each block, the positions of its models, and its references.

    `in_subset` bool [models, N]; `values` [models, N], log-odds or probabilities, without NaN; `block` int [models].
    OptionError with fewer than two blocks, or where an example has fewer than two references of a side.
    """
    numbers = np.unique(block)
    if len(numbers) < FEWEST_BLOCKS:
        raise OptionError(
            f"there are {len(numbers)} whole blocks of models; membership inference needs at least {FEWEST_BLOCKS}, "
            "models that are judged and others that judge them"
        )
    centre = values.astype(np.float64).mean(0)
    each = {}
    for number in numbers:
        here = block == number
        away, inside = values[here].astype(np.float64) - centre, in_subset[here]
        each[number] = [Sums(side.sum(0), (away * side).sum(0), (away**2 * side).sum(0)) for side in (inside, ~inside)]
    fewest = min(int(each[number][side].n.min()) for number in numbers for side in (0, 1)) * (len(numbers) - 1)
    if fewest < FEWEST_REFERENCES:
        raise OptionError(
            f"with {len(numbers)} blocks of models some examples have {fewest} reference with them or without them; "
            f"membership inference needs at least {FEWEST_REFERENCES} of each: train more models"
        )
    inside_sum, outside_sum = (sum((pair[side] for pair in each.values()), start=nothing(centre)) for side in (0, 1))
    for number, (inside_one, outside_one) in each.items():
        found = References((inside_sum - inside_one).side(centre), (outside_sum - outside_one).side(centre))
        yield int(number), np.flatnonzero(block == number), found


def nothing(like: Floats) -> Sums:
    return Sums(np.zeros(len(like), dtype=np.int64), np.zeros(len(like)), np.zeros(len(like)))
