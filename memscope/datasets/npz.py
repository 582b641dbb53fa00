"""`npz:FILE`: a NumPy archive with `train_images`, `train_labels`, `test_images` and `test_labels`.

Optional: `class_names` (text), `train_index` and `test_index` (each image's position in its source). Nothing is
unpickled or evaluated, and each array's header is compared with the archive and with the other arrays before any memory
is allocated for it.
"""

import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from memscope.datasets.checks import assemble, checked_index, expect_images, expect_index, expect_labels
from memscope.datasets.image_dataset import ImageDataset
from memscope.datasets.reading import Reading
from memscope.errors import DataError
from memscope.files.limits import MAX_CLASSES, check_size, existing_file
from memscope.files.npy_header import npy_header, npy_values

REQUIRED = ("train_images", "train_labels", "test_images", "test_labels")
IMAGES = ("train_images", "test_images")
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""What NumPy writes. The others unpack a piece of a file to thousands of times its length at once."""


class NamedArray(NamedTuple):
    """What a file says of one of its arrays, and how to read it."""

    dtype: np.dtype
    shape: tuple[int, ...]
    read: Callable[[], np.ndarray]


def load_npz(spec: str, path: Path, reading: Reading) -> ImageDataset:
    """Read a data set from a NumPy archive."""
    existing_file(path)
    try:
        with zipfile.ZipFile(path) as archive:
            present = {name.removesuffix(".npy") for name in archive.namelist()}
            return dataset_from_arrays(spec, path, present, lambda name: _array(path, archive, name))
    except DataError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        raise DataError(
            f"{path}: cannot be read ({error}); expected a NumPy .npz archive, save it again with numpy.savez"
        ) from error


def dataset_from_arrays(spec: str, path: Path, present: set[str], array: Callable[[str], NamedArray]) -> ImageDataset:
    """The data set of a file of named arrays: those in `present`, each opened by `array(name)`."""
    missing = [name for name in REQUIRED if name not in present]
    if missing:
        raise DataError(
            f"{path}: found {', '.join(sorted(present)[:8]) or 'nothing'}, expected {', '.join(REQUIRED)}; "
            f"add {', '.join(missing)}"
        )
    parts, indices = [], []
    for part in ("train", "test"):
        images, labels = array(f"{part}_images"), array(f"{part}_labels")
        expect_images(f"{path}: {part} images", images.dtype, images.shape)
        count = images.shape[0]
        expect_labels(f"{path}: {part} labels", labels.dtype, labels.shape, count)
        index = None
        if f"{part}_index" in present:
            positions, where = array(f"{part}_index"), f"{path}: {part}_index"
            expect_index(where, positions.dtype, positions.shape, count)
            index = checked_index(where, positions.read(), count)
        parts.append((images.read(), labels.read()))
        indices.append(index)
    return assemble(
        spec,
        path,
        parts[0],
        parts[1],
        _class_names(path, array("class_names")) if "class_names" in present else None,
        train_index=indices[0],
        test_index=indices[1],
    )


def _class_names(path: Path, names: NamedArray) -> list[str]:
    """Text from an array of str, or of bytes in UTF-8."""
    if names.dtype.kind not in "US" or len(names.shape) != 1 or names.shape[0] > MAX_CLASSES:
        raise DataError(
            f"{path}: class_names: found {names.dtype} {list(names.shape)}, expected text [classes]; "
            "save it as numpy.array([...names...])"
        )
    try:
        return [name.decode() if isinstance(name, bytes) else str(name) for name in names.read().tolist()]
    except DataError:
        raise
    except (SystemError, ValueError) as error:  # NumPy raises SystemError for a number that is no character
        raise DataError(f"{path}: class_names is not UTF-8 ({error}); save the names as text") from error


def _array(path: Path, archive: zipfile.ZipFile, name: str) -> NamedArray:
    member = archive.getinfo(f"{name}.npy" if f"{name}.npy" in archive.namelist() else name)
    if member.compress_type not in METHODS:
        raise DataError(
            f"{path}: {name} is compressed by method {member.compress_type}, expected none or deflate; "
            "save it again with numpy.savez_compressed"
        )
    try:
        with archive.open(member) as file:
            header = npy_header(file)
    except ValueError as error:
        raise DataError(f"{path}: {name} has no readable header ({error}); save it again with numpy.savez") from error
    if header.dtype.hasobject:
        raise DataError(
            f"{path}: {name} holds Python objects, which would have to be unpickled and are refused; "
            "expected plain numbers or text, save it as such"
        )
    if header.dtype.kind not in "biufUS" or not header.dtype.itemsize:
        raise DataError(f"{path}: {name}: found type {header.dtype}, expected numbers or text; save it as such")
    size = path.stat().st_size
    # labels in order pack a thousandfold; they are held against the whole file, and against their images' number
    check_size(path, name, header.nbytes, min(member.compress_size, size) if name in IMAGES else size)

    def read() -> np.ndarray:
        try:
            with archive.open(member) as file:
                return npy_values(file)
        except ValueError as error:
            raise DataError(f"{path}: {name} is truncated or damaged ({error}); save the file again") from error

    return NamedArray(header.dtype, header.shape, read)
