"""The helpful pairs that a removal was chosen with: `listed.h5` beside the files of its arms, written once.

They say which test examples are compared when all arms are trained, so they stay while `memscope influence` may be run
again with another threshold, or of more models. Where it had not been run then, the file is there all the same, with
no sizes: the choice stays without pairs.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memscope.errors import FileError, RunError
from memscope.files.sealed import open_sealed, writing_sealed
from memscope.reports.stored import Field
from memscope.store.format import (
    DAMAGE,
    array_of,
    check_dimensions,
    check_encoding,
    damage,
    shortened,
    stamp_encoding,
    write_field,
)

ENCODING = "memscope-listed-pairs"
PAIR = ("pair",)
FIELDS = {
    "size": Field(("size",), "1", "width or depth at which pairs were searched"),
    "pair_size": Field(PAIR, "1", "width or depth at which a pair was found"),
    "train_example": Field(PAIR, "1", "position of the training example in the run, from 0"),
    "test_example": Field(PAIR, "1", "position of the test example in the run"),
    "influence": Field(PAIR, "1", "influence, in models that had no part in choosing the pair"),
    "chosen_by": Field(PAIR, "1", "influence in the models that chose the pair"),
}
WHOLE = ("size", "pair_size", "train_example", "test_example")


@dataclass(frozen=True, eq=False)
class ListedPairs:
    """The helpful pairs that `memscope influence` lists at one size."""

    train: NDArray[np.int64]
    """[pairs], positions"""
    test: NDArray[np.int64]
    influence: NDArray[np.float64]
    """In models that had no part in choosing the pair"""
    chosen_by: NDArray[np.float64]
    """In those that had"""

    def of(self, removed: NDArray[np.bool_]) -> "ListedPairs":
        """Those whose training example is removed, bool [N]."""
        here = removed[self.train]
        return ListedPairs(self.train[here], self.test[here], self.influence[here], self.chosen_by[here])


@dataclass(frozen=True, eq=False)
class Listed:
    """Those of all sizes, and what decided which there are."""

    threshold: float = math.nan
    """Influence that counted; NaN where `memscope influence` had not been run"""
    memorised: float = math.nan
    """Memorisation that counted"""
    all_classes: bool | None = None
    """Whether pairs of different classes counted"""
    by_size: Mapping[int, ListedPairs] = field(default_factory=dict)
    """Of the sizes that were searched, all of them, and of no others"""

    def at(self, size: int) -> ListedPairs | None:
        """None where a size was not searched."""
        return self.by_size.get(size)


def pairs_by_size(values: Mapping[str, np.ndarray], train: int, test: int) -> dict[int, ListedPairs]:
    """The helpful pairs among arrays named as in FIELDS. ValueError where positions are none in so many examples."""
    for name in WHOLE:
        if values[name].dtype.kind not in "iu":
            raise ValueError(f"{name} is no array of whole numbers")
    for name, most in (("train_example", train), ("test_example", test)):
        if values[name].size and not 0 <= values[name].min() <= values[name].max() < most:
            raise ValueError(f"{name} reaches beyond the {most:,} of the run")
    if not np.isin(values["pair_size"], values["size"]).all():
        raise ValueError("has pairs of sizes that were not searched")
    helpful = values["chosen_by"] > 0
    found = {}
    for size in values["size"].tolist():
        here = helpful & (values["pair_size"] == size)
        found[int(size)] = ListedPairs(
            values["train_example"][here].astype(np.int64),
            values["test_example"][here].astype(np.int64),
            values["influence"][here].astype(np.float64),
            values["chosen_by"][here].astype(np.float64),
        )
    return found


def write_listed(path: Path, fingerprint: str, listed: Listed) -> None:
    """Write the pairs of a choice on data of this fingerprint."""
    columns: dict[str, list[NDArray[np.generic]]] = {name: [] for name in FIELDS if name != "size"}
    for size, pairs in listed.by_size.items():
        columns["pair_size"].append(np.full(len(pairs.train), size))
        columns["train_example"].append(pairs.train)
        columns["test_example"].append(pairs.test)
        columns["influence"].append(pairs.influence)
        columns["chosen_by"].append(pairs.chosen_by)
    with writing_sealed(path) as file:
        stamp_encoding(file, ENCODING)
        file.attrs["data_fingerprint"] = fingerprint
        file.attrs["threshold"] = listed.threshold
        file.attrs["memorised"] = listed.memorised
        file.attrs["all_classes"] = bool(listed.all_classes)
        write_field(file, "size", np.array(list(listed.by_size), dtype=np.int64), FIELDS["size"])
        for name, parts in columns.items():
            kind = np.int64 if name in WHOLE else np.float64
            write_field(file, name, np.concatenate([np.zeros(0), *parts]).astype(kind), FIELDS[name])


def read_listed(run: Path, path: Path, fingerprint: str, train: int, test: int) -> Listed:
    """The pairs of a choice in a run with so many examples; RunError where the file is damaged or of other data."""
    try:
        with open_sealed(path) as file:
            check_encoding(file, ENCODING, path)
            found = str(file.attrs["data_fingerprint"])
            if found != fingerprint:
                raise ValueError(f"it is of data {shortened(found)}, expected {shortened(fingerprint)}")
            values = {name: array_of(file[name]) for name in FIELDS}
            check_dimensions(values, FIELDS)
            by_size = pairs_by_size(values, train, test)
            if not by_size:
                return Listed()
            threshold, memorised = (float(file.attrs[name]) for name in ("threshold", "memorised"))
            if not (0 < threshold <= 1 and 0 < memorised <= 1):
                raise ValueError(f"its thresholds are {threshold:g} and {memorised:g}, expected numbers up to 1")
            return Listed(threshold, memorised, bool(file.attrs["all_classes"]), by_size)
    except DAMAGE as error:
        wrong = damage(run, path, error, "")
        if isinstance(wrong, FileError):  # nothing makes it again: what it says was fixed with the choice
            raise RunError(f"{path} {wrong.found}; put the original back, or remove {path.parent}") from error
        raise wrong from error
