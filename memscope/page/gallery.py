"""The examples that the page has columns of, and the results that these are made from."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from memscope.run import Run

Groups = Mapping[str, Mapping[str, np.ndarray]]

FEW = 5_000
"""Examples up to which there is room for 16 bits of every number, and for proxies at every size"""


@dataclass(frozen=True, eq=False)
class Gallery:
    """What columns are made for."""

    run: Run
    shown: np.ndarray
    """int64 [n], positions in the run"""
    sizes: tuple[int, ...]
    groups: Groups

    @property
    def few(self) -> bool:
        return len(self.shown) <= FEW

    @property
    def kind(self) -> str:
        return "uint16" if self.few else "uint8"

    def at_sizes(self, group: str, values: np.ndarray) -> np.ndarray:
        """A group's values [size, example] of the shown examples, a row for each of the page's sizes; NaN: none."""
        known = [int(size) for size in self.groups[group]["size"]]
        rows = np.full((len(self.sizes), len(self.shown)), np.nan)
        for row, size in enumerate(self.sizes):
            if size in known:
                rows[row] = values[known.index(size)][self.shown]
        return rows
