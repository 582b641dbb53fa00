"""`npz:FILE`: a NumPy archive with `train_images`, `train_labels`, `test_images` and `test_labels`.

Or with the names that others give (named_arrays.py). Optional: `class_names` (text), `train_index` and `test_index`
(each image's position in its source). Nothing is unpickled or evaluated, and each array's header is compared with the
archive and with the other arrays before any memory is allocated for it.
"""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from memscope.datasets.image_dataset import ImageDataset
from memscope.datasets.named_arrays import NamedArray, Source, dataset_from_arrays
from memscope.datasets.reading import Reading
from memscope.errors import DataError
from memscope.files.kinds import instead
from memscope.files.limits import check_size, existing_file
from memscope.files.npy_header import npy_header, npy_values

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""What NumPy writes. The others unpack a piece of a file to thousands of times its length at once."""


def load_npz(spec: str, path: Path, reading: Reading) -> ImageDataset:
    """Read a data set from a NumPy archive."""
    existing_file(path)
    try:
        with zipfile.ZipFile(path) as archive:
            present = {name.removesuffix(".npy") for name in archive.namelist()}
            if (other := _other_archive(archive)) is not None:
                raise DataError(f"{path}: found {other}")
            return dataset_from_arrays(spec, Source(path, present, lambda name: _array(path, archive, name)), reading)
    except DataError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        raise DataError(
            f"{path}: cannot be read ({error}); expected a NumPy .npz archive, "
            f"{instead(path) or 'save it again with numpy.savez'}"
        ) from error


def _other_archive(archive: zipfile.ZipFile) -> str | None:
    """What a zip archive without arrays holds instead, and what to do about it."""
    names = archive.namelist()
    if any(name.endswith(".npy") for name in names):
        return None
    if any(name.endswith("/data.pkl") for name in names):
        return (
            "what torch.save writes, expected NumPy arrays; load it where you trust it and save its tensors with "
            "numpy.savez(FILE, images=DATA.numpy(), labels=TARGETS.numpy())"
        )
    picture = next((name for name in names if name.lower().endswith((".png", ".jpg", ".jpeg"))), None)
    return picture and (
        f"files such as {picture}, expected NumPy arrays; unpack it, and read what it holds as folder:DIR"
    )


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
            f"{path}: {name} holds Python objects, which would have to be unpickled and are refused; expected plain "
            f"numbers or text, save numpy.array({name}.tolist()) in its place (numpy.stack if it holds arrays)"
        )
    if header.dtype.kind not in "biufUS" or not header.dtype.itemsize:
        raise DataError(f"{path}: {name}: found type {header.dtype}, expected numbers or text; save it as such")
    check_size(path, name, header.nbytes, min(member.compress_size, path.stat().st_size))

    def read() -> np.ndarray:
        try:
            with archive.open(member) as file:
                return npy_values(file)
        except ValueError as error:
            raise DataError(f"{path}: {name} is truncated or damaged ({error}); save the file again") from error

    return NamedArray(header.dtype, header.shape, read)
