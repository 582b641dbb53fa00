"""Pairs of a training and a test example with their influence, in the form in which Feldman & Zhang publish theirs.

A NumPy .npz archive of `tr_idx`, `tt_idx` (positions in the source, whole numbers), `infl` and `mem` (of the training
example), each [pairs]. Ours also hold `size`, the width or depth of the models, and `standard_error` [pairs].
"""

import io
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memscope.errors import DataError
from memscope.files.atomic import write_where_told
from memscope.files.kinds import ZIP, head_of, kind_of
from memscope.files.limits import existing_file
from memscope.files.npz_member import DAMAGE, Member, names_in, npz_member
from memscope.files.places import at_home

INDICES, SHARES = ("tr_idx", "tt_idx"), ("infl", "mem")
ERROR, SIZE = "standard_error", "size"
MOST_PAIRS = 50_000_000
"""Of a file; more pairs nobody looks at"""
LARGEST = 2**40
"""Of positions and sizes"""
EXPECTED = "expected a NumPy .npz archive of tr_idx, tt_idx, infl and mem [pairs], as Feldman & Zhang publish them"


@dataclass(frozen=True, eq=False)
class Pairs:
    """P pairs of a training and a test example."""

    train: NDArray[np.int64]
    """[P], position of the training example in its source"""
    test: NDArray[np.int64]
    """[P], of the test example"""
    influence: NDArray[np.float64]
    """[P], from -1 to 1"""
    memorisation: NDArray[np.float64]
    """[P], of the training example, from -1 to 1"""
    size: int | None = None
    """Width or depth of the models; None where it is not known"""
    standard_error: NDArray[np.float64] | None = None
    """[P], of the influence; None where it is not known"""


def read_pairs(file: str | os.PathLike[str]) -> Pairs:
    """The pairs in a file, in its order; DataError, in a line, where it is no such file, or damaged.

    Nothing of it is unpickled, and what it declares is held against its length before memory is allocated.
    """
    path = at_home(file)
    existing_file(path)
    try:
        kind = kind_of(head_of(path))
        if kind != ZIP:
            raise DataError(f"{path}: found {kind or 'bytes of no known kind'}, {EXPECTED}; get the file again")
        with zipfile.ZipFile(path) as archive:
            return checked(path, members_of(path, archive))
    except DataError:
        raise
    except DAMAGE as error:
        told = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{path}: cannot be read ({told[:200]}); {EXPECTED}; get the file again") from error


def members_of(path: Path, archive: zipfile.ZipFile) -> dict[str, Member]:
    """The arrays that are looked at, by name, before they are read."""
    there = names_in(archive)
    lacking = [name for name in (*INDICES, *SHARES) if name not in there]
    if lacking:
        found = ", ".join(sorted(there)[:8])[:200] or "nothing"
        raise DataError(f"{path}: found {found}, {EXPECTED}; add {', '.join(lacking)}")
    optional = [name for name in (ERROR, SIZE) if name in there]
    return {name: npz_member(path, archive, name) for name in (*INDICES, *SHARES, *optional)}


def checked(path: Path, members: dict[str, Member]) -> Pairs:
    """What the arrays hold; DataError where they do not fit each other, or are no pairs."""
    length = members[INDICES[0]].header.shape
    for name, member in members.items():
        header, whole = member.header, name in (*INDICES, SIZE)
        shape = () if name == SIZE else length
        if len(length) != 1 or header.shape != shape or header.dtype.kind not in ("iu" if whole else "f"):
            like = "one whole number" if name == SIZE else f"{'whole numbers' if whole else 'floats'} [pairs]"
            raise DataError(
                f"{path}: {name} is {header.dtype} {str(header.shape)[:60]}, expected {like}, as many as tr_idx; save "
                "it as such"
            )
    if length[0] > MOST_PAIRS:
        raise DataError(f"{path}: has {length[0]:,} pairs, expected at most {MOST_PAIRS:,}; leave those of little out")
    values = {name: read(path, name, member) for name, member in members.items()}
    train, test = (values[name].astype(np.int64) for name in INDICES)
    order = np.lexsort((test, train))
    again = np.flatnonzero((np.diff(train[order]) == 0) & (np.diff(test[order]) == 0))
    if len(again):
        at = order[again[0]]
        raise DataError(
            f"{path}: has the pair of training example {train[at]} and test example {test[at]} twice, expected each "
            "pair once; leave one out"
        )
    error = values.get(ERROR)
    return Pairs(
        train=train,
        test=test,
        influence=values["infl"].astype(np.float64),
        memorisation=values["mem"].astype(np.float64),
        size=int(values[SIZE]) if SIZE in values else None,
        standard_error=None if error is None else error.astype(np.float64),
    )


def read(path: Path, name: str, member: Member) -> np.ndarray:
    """An array, whose numbers are what they can be."""
    values = member.read()
    if name in (*INDICES, SIZE):
        least, most, what = int(name == SIZE), LARGEST, "a position in the source" if name in INDICES else "a size"
        wrong = (values < least) | (values > most)
    else:
        # of shares of models, and their differences; published ones are rounded
        least, most, what = 0 if name == ERROR else -1, 1, "a difference of two shares"
        wrong = ~((values >= least - 1e-6) & (values <= most + 1e-6))
        if name == ERROR:  # not known of too few blocks of models
            wrong &= ~np.isnan(values)
    if wrong.any():
        raise DataError(
            f"{path}: {name} has {values[wrong].flat[0]}, expected {what}, {least} to {most:,}; mend or leave out that "
            "pair"
        )
    return values


def write_pairs(file: str | os.PathLike[str], pairs: Pairs) -> None:
    """Write pairs as a file that `read_pairs` and NumPy read; `-` is standard output."""
    fields = (pairs.train, pairs.test, pairs.influence, pairs.memorisation)
    arrays: dict[str, Any] = dict(zip((*INDICES, *SHARES), fields, strict=True))
    if pairs.size is not None:
        arrays[SIZE] = np.array(pairs.size)
    if pairs.standard_error is not None:
        arrays[ERROR] = pairs.standard_error
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    write_where_told(at_home(file), buffer.getbuffer())
