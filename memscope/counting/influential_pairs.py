"""Influence, from the units of a run's models to the rows of the report: sizes, one example, pairs of others."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.influential.around import around
from memscope.analysis.influential.at_size import AtSize, Tail, memorisation_of
from memscope.analysis.influential.beside import pairs_here
from memscope.analysis.influential.roles import Roles
from memscope.counting.influence import UnitsFound
from memscope.reports.influence import Beside, Carrier, PairsFound, ShownExample, SizeInfluence
from memscope.reports.ranged import UNKNOWN
from memscope.store.examples import Examples
from memscope.store.pairs_file import Pairs

MOST_SHOWN = 10
"""Examples that are told of with `--test` and `--train`, of either direction"""

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Side:
    """Training examples, or targets: who they are."""

    part: str
    """`test` or `train`"""
    index: Indices
    names: tuple[str, ...] | None
    labels: Indices


def train_side(examples: Examples) -> Side:
    return Side("train", examples.index, examples.names, examples.labels)


def target_side(examples: Examples, among_training: bool) -> Side:
    if among_training:
        return train_side(examples)
    return Side("test", examples.test_index, examples.test_names, examples.test_labels)


def size_row(size: int, found: UnitsFound, roles: Roles, at_size: AtSize) -> SizeInfluence:
    """The row of the table for one size."""
    return SizeInfluence(
        size=size,
        models=int(np.isin(found.units.block, roles.choosing).sum()),
        memorised=int(at_size.memorised.sum()),
        helpful=pairs_found(at_size.helpful),
        harmful=pairs_found(at_size.harmful),
        left_out=found.left_out,
    )


def pairs_found(tail: Tail) -> PairsFound:
    listed = tail.listed
    return PairsFound(
        pairs=tail.pairs,
        by_chance=tail.by_chance,
        by_chance_sd=tail.by_chance_sd,
        by_class=tail.by_class,
        chance=tail.chance,
        false_share=tail.false_share,
        listed=listed is not None,
        train_examples=int((tail.per_train > 0).sum()),
        test_examples=0 if listed is None else len(np.unique(listed.target)),
        measured_anew=UNKNOWN if listed is None else listed.measured_anew,
    )


def columns_of(size: int, found: AtSize) -> list[dict[str, np.ndarray]]:
    """The listed pairs of one size as the columns of results, helpful ones first, those with most influence first."""
    columns = []
    for tail in (found.helpful, found.harmful):
        if tail.listed is None:
            continue
        order = np.argsort(-np.abs(tail.listed.chosen_by), kind="stable")
        count = len(order)
        columns.append(
            {
                "pair_size": np.full(count, size),
                "train_example": tail.listed.train[order],
                "test_example": tail.listed.target[order],
                "influence": tail.listed.influence[order],
                "standard_error": tail.listed.standard_error[order],
                "chosen_by": tail.listed.chosen_by[order],
                "memorisation": found.memorisation[tail.listed.train[order]],
                "false_share": np.full(count, tail.false_share),
            }
        )
    return columns


def shown_example(
    size: int,
    found: UnitsFound,
    roles: Roles,
    examples: Examples,
    all_classes: bool,
    *,
    train: int | None = None,
    target: int | None = None,
) -> ShownExample:
    """One training example with the targets that it helps and harms most, or one target with such training examples."""
    among_training = found.units.counted is not None
    ours, theirs = train_side(examples), target_side(examples, among_training)
    if train is None:
        ours, theirs = theirs, ours
    at = train if target is None else target
    assert at is not None
    there = np.ones(len(theirs.labels), dtype=bool) if all_classes else theirs.labels == ours.labels[at]
    if among_training:
        there[at] = False
    others = np.flatnonzero(there)
    pairs = around(found.units, roles, others, train=train, target=target)
    memorisation = memorisation_of(found.units, found.right_train, (*roles.choosing, *roles.telling))

    def told(sign: int, by_chance: NDArray[np.float64]) -> tuple[Carrier, ...]:
        influence = np.nan_to_num(pairs.chosen_by) * sign
        order = np.argsort(-influence, kind="stable")[:MOST_SHOWN]
        return tuple(
            Carrier(
                example=int(others[place]),
                **identity(theirs, int(others[place]), examples),
                chosen_by=float(pairs.chosen_by[place]),
                influence=float(pairs.influence[place]),
                standard_error=float(pairs.standard_error[place]),
                memorised=float(memorisation[others[place] if train is None else train]),
                by_chance=float(by_chance[place]),
            )
            for place in order
            if influence[place] > 0
        )

    right = found.right_train if target is None else found.units.right
    shares = right[:, at] / found.units.scale
    if ours.part == "train":
        shares = shares[~found.units.in_subset[:, at]]
    return ShownExample(
        size=size,
        part=ours.part,
        example=at,
        **identity(ours, at, examples),
        accuracy=float(shares.mean()),
        looked_at=len(others),
        helpful=told(1, pairs.as_much_by_chance),
        harmful=told(-1, pairs.as_little_by_chance),
    )


def identity(side: Side, example: int, examples: Examples) -> dict[str, Any]:
    return {
        "index": int(side.index[example]),
        "name": side.names[example] if side.names else None,
        "label": examples.class_names[side.labels[example]],
    }


def beside_row(
    size: int, found: UnitsFound, examples: Examples, file: Path, pairs: Pairs, listed: Sequence[tuple[int, int]]
) -> Beside:
    """Published pairs beside the same pairs in the models of one size, of which `listed` pairs are told."""
    train, known_train = places_of(pairs.train, examples.index)
    test, known_test = places_of(pairs.test, examples.test_index)
    known = known_train & known_test
    train, test = train[known], test[known]
    labels, test_labels = examples.labels, examples.test_labels
    here = pairs_here(found.units, labels, test_labels, train, test, pairs.influence[known])
    return Beside(
        file=str(file),
        size=size,
        pairs=len(pairs.train),
        known=int(known.sum()),
        same_class=int((labels[train] == test_labels[test]).sum()),
        influence=here.influence,
        random=here.random,
        spearman=here.spearman,
        among_found=len(set(zip(train.tolist(), test.tolist(), strict=True)) & set(listed)),
    )


def places_of(wanted: Indices, index: Indices) -> tuple[Indices, NDArray[np.bool_]]:
    """Where positions in the source are in a run, and whether they are."""
    order = np.argsort(index, kind="stable")
    place = np.minimum(np.searchsorted(index[order], wanted), len(order) - 1)
    return order[place], index[order[place]] == wanted
