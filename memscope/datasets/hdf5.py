"""`hdf5:FILE`: an HDF5 file with the same names as `npz:`, at its root."""

from pathlib import Path

import h5py
import numpy as np

from memscope.datasets.image_dataset import ImageDataset
from memscope.datasets.npz import IMAGES, NamedArray, dataset_from_arrays
from memscope.datasets.reading import Reading
from memscope.errors import DataError
from memscope.files.guarded_hdf5 import expect_readable, opened, values_of
from memscope.files.limits import check_size, existing_file


def load_hdf5(spec: str, path: Path, reading: Reading) -> ImageDataset:
    """Read a data set from an HDF5 file, from its own datasets only: links out of the file are refused."""
    existing_file(path)
    try:
        with opened(path) as file:
            return dataset_from_arrays(spec, path, set(file), lambda name: _array(path, file, name))
    except DataError:
        raise
    except (OSError, RuntimeError, ValueError, TypeError, KeyError) as error:
        raise DataError(
            f"{path}: cannot be read as HDF5 ({error}); it is truncated or of another format, get or write it again"
        ) from error


def _array(path: Path, file: h5py.File, name: str) -> NamedArray:
    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        raise DataError(f"{path}: {name} is a link to elsewhere, expected a dataset of this file; copy the data in")
    item = file[name]
    try:
        expect_readable(item)
    except ValueError as error:
        raise DataError(f"{path}: {name} {error}; it is damaged or hostile, write it as one plain array") from error
    size = path.stat().st_size
    stored = min(item.id.get_storage_size(), size) if name in IMAGES else size
    check_size(path, name, item.size * item.dtype.itemsize, stored)
    if h5py.check_string_dtype(item.dtype) is None:
        return NamedArray(item.dtype, item.shape, lambda: values_of(item))
    return NamedArray(np.dtype("U"), item.shape, lambda: values_of(item).astype(np.str_))
