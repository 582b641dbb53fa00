"""`hdf5:FILE`: an HDF5 file with the same names as `npz:`, at its root or in one of its groups."""

from collections import deque
from pathlib import Path

import h5py
import numpy as np

from memscope.datasets.image_dataset import ImageDataset
from memscope.datasets.named_arrays import REQUIRED, NamedArray, Source, dataset_from_arrays
from memscope.datasets.reading import FIRST_RULES, Reading
from memscope.errors import DataError
from memscope.files.guarded_hdf5 import Unreadable, expect_readable, opened, unwritten_chunks, values_of
from memscope.files.kinds import head_of, instead
from memscope.files.limits import existing_file
from memscope.files.unreadable import ELSEWHERE

MOST_ITEMS, DEEPEST = 10_000, 5
"""How many datasets and groups are looked at, and groups inside groups."""
MOST_LINKS = 16
"""HDF5's own limit of links that lead to links."""


def load_hdf5(spec: str, path: Path, reading: Reading) -> ImageDataset:
    """Read a data set from an HDF5 file, from its own datasets only: links out of the file are refused."""
    existing_file(path)
    try:
        with opened(path) as file:
            old = reading.rules <= FIRST_RULES and set(REQUIRED) <= set(file)
            source = Source(
                path,
                [name for name in file if isinstance(name, str)] if old else names_in(file),
                lambda name: _array(path, file, name, reading),
                lambda name: _identity(file, name),
                "h5py.File(FILE, 'a')[NAME] = ARRAY",
            )
            return dataset_from_arrays(spec, source, reading)
    except DataError:
        raise
    except (OSError, RuntimeError, ValueError, TypeError, KeyError) as error:
        raise DataError(f"{path}: cannot be read as HDF5 ({error}); {_way(path, error)}") from error


def _way(path: Path, error: Exception) -> str:
    """What to do about a file that HDF5 does not read, by what it starts with."""
    with path.open("rb") as file:
        start = file.read(8)
    if start.startswith(b"PK\x03\x04"):
        return f"this is a zip archive: if NumPy wrote it, read it as npz:{path}"
    if start == b"\x89HDF\r\n\x1a\n":
        # HDF5 says so of a file whose flag its writer, which was killed, did not take back
        left = "already open for write" in str(error)
        return "if no program writes it now, h5clear -s FILE clears that" if left else "it is truncated, get it again"
    return instead(path) or "it is truncated or of another format, get or write it again"


def names_in(file: h5py.File) -> list[str]:
    """The paths of the file's datasets, the nearest to its root first, and of links that lead to none of its items.

    Groups are looked through five deep, those that hold themselves, by a link in a circle, once.
    """
    found: list[str] = []
    groups, looked = deque([("", file, {_address(file)})]), 0
    while groups:
        base, group, above = groups.popleft()
        for name in group:
            looked += 1
            if looked > MOST_ITEMS:
                return found
            if not isinstance(name, str):  # bytes, where it is not UTF-8: none that we look for
                continue
            path = base + name
            try:
                item = item_at(file, path)
            except (OSError, RuntimeError, ValueError, TypeError, KeyError):
                found.append(path)  # whether that matters depends on the name
                continue
            if not isinstance(item, h5py.Group):
                found.append(path)
            elif len(above) <= DEEPEST and _address(item) not in above:
                groups.append((f"{path}/", item, above | {_address(item)}))
    return found


def item_at(file: h5py.File, path: str) -> h5py.HLObject:
    """What is at a path. Links are followed here, step by step, so that none leads out of the file or in a circle."""
    item: h5py.HLObject = file
    steps, links = deque(path.split("/")), 0
    while steps:
        step = steps.popleft()
        if step in ("", "."):
            continue
        link = item.get(step, getlink=True) if isinstance(item, h5py.Group) else None
        if link is None:
            raise Unreadable("is a link to nothing", "write the array itself in its place")
        if isinstance(link, h5py.SoftLink):
            links += 1
            if links > MOST_LINKS or len(steps) > MOST_ITEMS:
                raise Unreadable(f"is a link to a link, over {MOST_LINKS} times", "write the array itself in its place")
            item = file if link.path.startswith("/") else item
            steps.extendleft(reversed(link.path.split("/")))
        elif isinstance(link, h5py.HardLink):
            item = item[step]
        else:
            raise Unreadable("is a link to another file, expected a dataset of this one", ELSEWHERE)
    return item


def _address(item: h5py.HLObject) -> int | None:
    """Where in the file an item is; None where HDF5 cannot say, as of a damaged one."""
    try:
        return h5py.h5o.get_info(item.id).addr
    except (OSError, RuntimeError, ValueError):
        return None


def _identity(file: h5py.File, name: str) -> int | str:
    try:
        return _address(item_at(file, name)) or name
    except (OSError, RuntimeError, ValueError, TypeError, KeyError):
        return name


def _array(path: Path, file: h5py.File, name: str, reading: Reading) -> NamedArray:
    try:
        item = item_at(file, name)
        expect_readable(item, sparse=True)
    except Unreadable as error:
        raise DataError(f"{path}: {name} {error}; {error.remedy}") from error
    assert isinstance(item, h5py.Dataset)

    def read() -> np.ndarray:
        if (missing := unwritten_chunks(item)) and reading.rules > FIRST_RULES:
            reading.say(
                f"{path}: {missing[0]:,} of the {missing[1]:,} chunks of {name} were never written and hold "
                f"HDF5's fill value, {item.fillvalue}; write the file again if that was not meant"
            )
        if item.ndim > 2 and reading.rules > FIRST_RULES and head_of(path).startswith(b"MATLAB"):
            reading.say(
                f"{path}: {name}, {list(item.shape)}, was saved by MATLAB, whose axes HDF5 has in reverse: height "
                f"and width are probably exchanged; if they are, save h5py.File(FILE)[{name!r}][()].swapaxes(-1, -2)"
            )
        return values_of(item, sparse=True)

    text = h5py.check_string_dtype(item.dtype) is not None
    return NamedArray(np.dtype("U") if text else item.dtype, item.shape, read)
