"""The search for pairs: the influence of every training example that may count on every target, a block at a time.

Of all influences only those at or beyond a threshold are kept; what is held is a block, and what was found. A pair's
counts are products of matrices of zeros and ones (as in influence.py), exact in float32.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.influential.chance import TIE, Floats, influences
from memscope.analysis.influential.units import Positions, Units

ROWS, COLUMNS = 1024, 2048
"""Of a block: with its float64 numbers it takes some 60 MB"""
PAIRS_AT_ONCE = 2**14
"""Pairs whose units are looked up together: of 400 units, 7 MB"""


@dataclass(frozen=True, eq=False)
class Wanted:
    """Which pairs are looked at: rows are training examples, columns targets."""

    rows: NDArray[np.bool_]
    """[N], the training examples that may have influence"""
    classes: NDArray[np.int64]
    """[N], of the training examples"""
    target_classes: NDArray[np.int64]
    """[M]"""
    all_classes: bool = False
    """Whether pairs of different classes are looked at"""
    itself: Positions | None = None
    """[M], where a target is among the training examples, with which it is not paired; None: nowhere"""

    def about(self, targets: Positions) -> "Wanted":
        """The pairs with some targets."""
        itself = None if self.itself is None else self.itself[targets]
        return replace(self, target_classes=self.target_classes[targets], itself=itself)

    @property
    def number(self) -> int:
        """Of classes: one more than the largest."""
        return int(max(self.classes.max(initial=0), self.target_classes.max(initial=0))) + 1

    def groups(self) -> Iterator[tuple[Positions, Positions]]:
        """Rows and columns that are paired, all of them with all."""
        if self.all_classes:
            yield np.flatnonzero(self.rows), np.arange(len(self.target_classes))
            return
        for one in np.unique(self.target_classes):
            yield np.flatnonzero(self.rows & (self.classes == one)), np.flatnonzero(self.target_classes == one)

    def per_target(self) -> Floats:
        """[M, classes or 1]: with how many rows a target is paired, by the class of these if all classes are."""
        there = np.bincount(self.classes[self.rows], minlength=self.number).astype(np.float64)
        found = np.repeat(there[None], len(self.target_classes), axis=0)
        if self.itself is not None:
            found[np.arange(len(found)), self.classes[self.itself]] -= self.rows[self.itself]
        return found if self.all_classes else np.take_along_axis(found, self.target_classes[:, None], axis=1)


def pair_blocks(units: Units, wanted: Wanted) -> Iterator[tuple[Positions, Positions, Floats]]:
    """Blocks of influence: rows [r], columns [c] and influence [r, c], NaN where undefined or not a pair."""
    design = units.design
    for rows, targets in wanted.groups():
        for first in range(0, len(targets), COLUMNS):
            here = targets[first : first + COLUMNS]
            right = units.right_where_counted[:, here].astype(np.float32) / units.scale
            total = right.sum(0, dtype=np.float64)
            counted = None if units.counted is None else units.counted[:, here].astype(np.float32)
            for start in range(0, len(rows), ROWS):
                some = rows[start : start + ROWS]
                inside = units.in_subset[:, some].astype(np.float32)
                n: Floats | float = float(design.blocks * design.inside)
                models: Floats | float = float(design.blocks * design.size)
                if counted is not None:
                    n, models = product(inside, counted), counted.sum(0, dtype=np.float64)
                found = influences(product(inside, right), n, total, models)
                if wanted.itself is not None:
                    found[some[:, None] == wanted.itself[here]] = np.nan
                yield some, here, found


def product(left: NDArray[Any], right: NDArray[Any]) -> Floats:
    """[r, c], in how many units: the transpose of left [units, r] times right [units, c], by NumPy, without torch."""
    return (left.T @ right.astype(np.float32)).astype(np.float64)


@dataclass(frozen=True, eq=False)
class Numbers:
    """How many pairs reach the threshold, or minus the threshold, by training example [N]."""

    helpful: NDArray[np.int64]
    harmful: NDArray[np.int64]


def numbers_of(units: Units, wanted: Wanted, threshold: float) -> Numbers:
    """Count the pairs that reach the threshold."""
    found = Numbers(*(np.zeros(len(wanted.rows), dtype=np.int64) for _ in range(2)))
    for rows, _, block in pair_blocks(units, wanted):
        found.helpful[rows] += (block >= threshold - TIE).sum(1)
        found.harmful[rows] += (block <= TIE - threshold).sum(1)
    return found


def pairs_of(units: Units, wanted: Wanted, threshold: float, sign: int) -> tuple[Positions, Positions, Floats]:
    """The pairs whose influence times `sign` reaches the threshold: training examples, targets, influence [pairs].

    They are ordered by training example and then target.
    """
    trains, targets, values = [], [], []
    for rows, columns, block in pair_blocks(units, wanted):
        at = np.nonzero(sign * block >= threshold - TIE)
        trains.append(rows[at[0]])
        targets.append(columns[at[1]])
        values.append(block[at])
    train, target = (np.concatenate([np.zeros(0, dtype=np.int64), *some]) for some in (trains, targets))
    order = np.lexsort((target, train))
    return train[order], target[order], np.concatenate([np.zeros(0), *values])[order]


def sides_of(units: Units, train: Positions, target: Positions) -> tuple[NDArray[np.bool_], NDArray[np.bool_], Floats]:
    """Of pairs: which units count that are trained on the example, which that are not, and whether they are right, each
    [units, pairs]."""
    inside = units.in_subset[:, train]
    counted = np.ones_like(inside) if units.counted is None else units.counted[:, target]
    return inside & counted, ~inside & counted, units.right[:, target] / units.scale


def influence_of(units: Units, train: Positions, target: Positions) -> tuple[Floats, Floats]:
    """Influence and its standard error, [pairs], of some pairs in some units.

    SE^2 = q_in (1 - q_in) / n_in + q_out (1 - q_out) / n_out with q = (c + 1) / (n + 2): few units that are all right
    would otherwise have no error (of ten models, half of the pairs). NaN with fewer than two units on a side.
    """
    values, errors = np.empty(len(train)), np.empty(len(train))
    for first in range(0, len(train), PAIRS_AT_ONCE):
        here = slice(first, first + PAIRS_AT_ONCE)
        with_it, without, right = sides_of(units, train[here], target[here])
        n_in, n_out = with_it.sum(0), without.sum(0)
        with np.errstate(divide="ignore", invalid="ignore"):
            p_in, p_out = (right * with_it).sum(0) / n_in, (right * without).sum(0) / n_out
            values[here] = p_in - p_out
            q_in, q_out = (p_in * n_in + 1) / (n_in + 2), (p_out * n_out + 1) / (n_out + 2)
            spread = q_in * (1 - q_in) / n_in + q_out * (1 - q_out) / n_out
        errors[here] = np.where((n_in > 1) & (n_out > 1), np.sqrt(spread), np.nan)
    return values, errors
