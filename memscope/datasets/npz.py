"""`npz:FILE`: a NumPy archive with `train_images`, `train_labels`, `test_images` and `test_labels`.

Optional: `class_names` (text), `train_index` and `test_index` (each image's position in its source). Nothing is
unpickled, and each array's header is held against the archive before any memory is given to it.
"""

import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np

from memscope.datasets.checks import assemble, check_size, checked_index, existing_file
from memscope.datasets.image_dataset import ImageDataset
from memscope.errors import DataError

REQUIRED = ("train_images", "train_labels", "test_images", "test_labels")


def load_npz(spec: str, path: Path) -> ImageDataset:
    """Read a data set from a NumPy archive."""
    existing_file(path)
    try:
        with zipfile.ZipFile(path) as archive:
            present = {name.removesuffix(".npy") for name in archive.namelist()}
            return dataset_from_arrays(spec, path, present, lambda name: _array(path, archive, name))
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise DataError(
            f"{path}: cannot be read ({error}); expected a NumPy .npz archive, save it again with numpy.savez"
        ) from error


def dataset_from_arrays(spec: str, path: Path, present: set[str], array: Callable[[str], np.ndarray]) -> ImageDataset:
    """The data set of a file of named arrays: those in `present`, each read by `array(name)`."""
    missing = [name for name in REQUIRED if name not in present]
    if missing:
        raise DataError(
            f"{path}: found {', '.join(sorted(present)[:8]) or 'nothing'}, expected {', '.join(REQUIRED)}; "
            f"add {', '.join(missing)}"
        )
    train_images, train_labels, test_images, test_labels = (array(name) for name in REQUIRED)
    indices = {
        name: checked_index(f"{path}: {name}", array(name), len(images)) if name in present else None
        for name, images in (("train_index", train_images), ("test_index", test_images))
    }
    return assemble(
        spec,
        path,
        (train_images, train_labels),
        (test_images, test_labels),
        _class_names(path, array("class_names")) if "class_names" in present else None,
        train_index=indices["train_index"],
        test_index=indices["test_index"],
    )


def _class_names(path: Path, names: np.ndarray) -> list[str]:
    """Text from an array of str, of bytes in UTF-8, or, as h5py reads them, of Python strings."""
    if names.ndim == 1 and names.dtype.kind in "US":
        try:
            return [name.decode() if isinstance(name, bytes) else str(name) for name in names.tolist()]
        except UnicodeDecodeError as error:
            raise DataError(f"{path}: class_names is not UTF-8 ({error}); save the names as text") from error
    raise DataError(
        f"{path}: class_names: found {names.dtype} {list(names.shape)}, expected text [classes]; "
        "save it as numpy.array([...names...])"
    )


def _array(path: Path, archive: zipfile.ZipFile, name: str) -> np.ndarray:
    member = archive.getinfo(f"{name}.npy" if f"{name}.npy" in archive.namelist() else name)
    try:
        with archive.open(member) as file:
            shape, dtype = _header(file)
    except ValueError as error:
        raise DataError(f"{path}: {name} has no readable header ({error}); save it again with numpy.savez") from error
    if dtype.hasobject:
        raise DataError(
            f"{path}: {name} holds Python objects, which would have to be unpickled and are refused; "
            "expected plain numbers or text, save it as such"
        )
    size = dtype.itemsize
    for extent in shape:
        size *= extent
    check_size(path, name, size, min(member.compress_size, path.stat().st_size))
    try:
        with archive.open(member) as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except ValueError as error:
        raise DataError(f"{path}: {name} is truncated or damaged ({error}); save the file again") from error


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    elif version == (2, 0):
        shape, _, dtype = np.lib.format.read_array_header_2_0(file)
    else:  # version 3 is for structured arrays only, which no name here can be
        raise ValueError(f"npy version {version[0]}.{version[1]}")
    if any(extent < 0 for extent in shape):
        raise ValueError(f"negative shape {shape}")
    return shape, dtype
