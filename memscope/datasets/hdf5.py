"""`hdf5:FILE`: an HDF5 file with the same names as `npz:`, at its root."""

from pathlib import Path

import h5py
import numpy as np

from memscope.datasets.checks import check_size, existing_file
from memscope.datasets.image_dataset import ImageDataset
from memscope.datasets.npz import dataset_from_arrays
from memscope.errors import DataError


def load_hdf5(spec: str, path: Path) -> ImageDataset:
    """Read a data set from an HDF5 file, from its own datasets only: links out of the file are refused."""
    existing_file(path)
    try:
        with h5py.File(path, "r") as file:
            return dataset_from_arrays(spec, path, set(file), lambda name: _array(path, file, name))
    except DataError:
        raise
    except (OSError, RuntimeError, ValueError, TypeError, KeyError) as error:
        raise DataError(
            f"{path}: cannot be read as HDF5 ({error}); it is truncated or of another format, get or write it again"
        ) from error


def _array(path: Path, file: h5py.File, name: str) -> np.ndarray:
    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        raise DataError(f"{path}: {name} is a link to elsewhere, expected a dataset of this file; copy the data in")
    item = file[name]
    if not isinstance(item, h5py.Dataset) or item.shape is None or item.is_virtual or item.external:
        raise DataError(f"{path}: {name} is not an ordinary dataset of this file; write it as one array")
    stored = min(item.id.get_storage_size(), path.stat().st_size)
    check_size(path, name, item.size * item.dtype.itemsize, stored)
    if h5py.check_string_dtype(item.dtype) is not None:
        return np.array([_text(value) for value in np.asarray(item[()]).ravel()], dtype=np.str_).reshape(item.shape)
    if item.dtype.kind not in "iuf":
        raise DataError(f"{path}: {name}: found type {item.dtype}, expected plain numbers or text; save it as such")
    return item[()]


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
