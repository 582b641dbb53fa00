"""The units of influence: the subsets, and what the models that were trained on them got right.

A subset that was trained on twice is one unit, since its models share their membership: the share of them that are
right stands for it.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from memscope.errors import OptionError

Positions = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Units:
    """N training examples, M targets: test examples, or the training examples again."""

    in_subset: NDArray[np.bool_]
    """[units, N]"""
    right: NDArray[np.uint8]
    """[units, M], the share of a unit's models that are right on a target, times `scale`"""
    block: NDArray[np.int64]
    """[units], the number of the block of each; blocks are whole: in each, every example is in as many subsets"""
    scale: int = 1
    """1, or how many models of a subset there are where some have been trained on again"""
    counted: NDArray[np.bool_] | None = None
    """[units, M], which units count for a target, None: all; for a training example those without it, one model each"""

    def only(self, blocks: Collection[int]) -> "Units":
        """Those of some blocks."""
        return self.at(np.flatnonzero(np.isin(self.block, list(blocks))))

    def at(self, units: Positions) -> "Units":
        """Those at some positions, in this order."""
        counted = None if self.counted is None else self.counted[units]
        return Units(self.in_subset[units], self.right[units], self.block[units], self.scale, counted)

    def about(self, targets: Positions) -> "Units":
        """What they say of some targets."""
        counted = None if self.counted is None else self.counted[:, targets]
        return replace(self, right=self.right[:, targets], counted=counted)

    def permuted(self, order: Positions) -> "Units":
        """The same with the subsets in another order, the outcomes in theirs."""
        return replace(self, in_subset=self.in_subset[order])

    @cached_property
    def right_where_counted(self) -> NDArray[np.uint8]:
        """[units, M], `right`, and zero where a unit does not count."""
        return self.right if self.counted is None else self.right * self.counted

    def by_block(self) -> Iterator[Positions]:
        """The positions of the units of each block, blocks by number."""
        for number in np.unique(self.block):
            yield np.flatnonzero(self.block == number)

    @cached_property
    def design(self) -> "Design":
        """OptionError unless blocks are alike: as many subsets in each, an example in as many of them."""
        sizes = {len(places) for places in self.by_block()}
        inside = {int(n) for places in self.by_block() for n in np.unique(self.in_subset[places].sum(0))}
        if len(sizes) != 1 or len(inside) != 1:
            raise OptionError(
                f"blocks have {sorted(sizes)} subsets, with an example in {sorted(inside)} of them; expected one "
                "number each: leave out blocks that are not whole"
            )
        return Design(len(np.unique(self.block)), sizes.pop(), inside.pop())


@dataclass(frozen=True)
class Design:
    """Of the subsets."""

    blocks: int
    size: int
    """Units of a block"""
    inside: int
    """In how many of them an example is"""
