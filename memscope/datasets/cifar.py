"""`cifar:DIR`: CIFAR-10 or CIFAR-100 (fine labels), the binary or the python version, in the official order.

Reference: https://www.cs.toronto.edu/~kriz/cifar.html describes both layouts.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from memscope.datasets.checks import assemble
from memscope.datasets.image_dataset import ImageDataset
from memscope.datasets.reading import Reading
from memscope.errors import DataError
from memscope.files.limits import check_size, existing_directory
from memscope.files.plain_pickle import read_plain_pickle

SIDE, PIXELS = 32, 3072
STANDARD_FOLDERS = ("cifar-10-batches-bin", "cifar-10-batches-py", "cifar-100-binary", "cifar-100-python")
NAMES_BYTES = 2**20  # of a file of class names, at most; CIFAR-100's has 800
BATCHES = [f"data_batch_{number}" for number in range(1, 6)]


def load_cifar(spec: str, directory: Path, reading: Reading) -> ImageDataset:
    """Read the directory, or the standard folder in it, whichever of the four layouts it has."""
    existing_directory(directory)
    inside = [directory / name for name in STANDARD_FOLDERS if (directory / name).is_dir()]
    if len(inside) > 1:
        raise DataError(
            f"{directory}: found {', '.join(folder.name for folder in inside)}, expected one; name the one to read"
        )
    folder = inside[0] if inside else directory
    if _any(folder, *(f"{name}.bin" for name in [*BATCHES, "test_batch"])):
        return _binary(spec, folder, [f"{name}.bin" for name in BATCHES], "test_batch.bin", "batches.meta.txt", 1)
    if _any(folder, "train.bin", "test.bin"):
        return _binary(spec, folder, ["train.bin"], "test.bin", "fine_label_names.txt", 2)
    if _any(folder, *BATCHES, "test_batch"):
        return _python(spec, folder, BATCHES, "test_batch", "batches.meta", b"labels", b"label_names")
    if any((folder / name).is_file() for name in ("train", "test", "meta")):
        return _python(spec, folder, ["train"], "test", "meta", b"fine_labels", b"fine_label_names")
    raise DataError(
        f"{folder}: found no CIFAR files, expected data_batch_1.bin, train.bin, data_batch_1 or train and their "
        "companions; unpack the archive and name its folder"
    )


def _any(folder: Path, *names: str) -> bool:
    return any((folder / name).is_file() for name in names)


def _present(folder: Path, name: str) -> Path:
    if not (folder / name).is_file():
        raise DataError(f"{folder}: found no {name}, expected all of CIFAR's files; unpack the archive again")
    return folder / name


def _binary(spec: str, folder: Path, train: Sequence[str], test: str, names: str, label_bytes: int) -> ImageDataset:
    """Records of `label_bytes` labels, the last of which counts, and 3072 bytes: red, green, blue planes."""
    train_files = [_present(folder, name) for name in train]
    test_file = _present(folder, test)
    with _present(folder, names).open("rb") as file:
        lines = file.read(NAMES_BYTES).decode("utf-8", "replace").splitlines()
    sizes = [path.stat().st_size for path in train_files]
    for path, size in zip(train_files, sizes, strict=True):
        if size != max(sizes):
            raise DataError(
                f"{path}: is truncated: found {size:,} bytes, expected {max(sizes):,} as the largest batch has; "
                "unpack the archive again"
            )
    for path in (*train_files, test_file):  # a sparse file can say that it has terabytes
        check_size(path, "the file", sum(sizes), path.stat().st_size)
    train_parts = [_records(path, label_bytes) for path in train_files]
    return assemble(
        spec,
        folder,
        (np.concatenate([images for images, _ in train_parts]), np.concatenate([labels for _, labels in train_parts])),
        _records(test_file, label_bytes),
        [line.strip() for line in lines if line.strip()],
    )


def _records(path: Path, label_bytes: int) -> tuple[np.ndarray, np.ndarray]:
    data = np.fromfile(path, dtype=np.uint8)
    record = label_bytes + PIXELS
    if not len(data) or len(data) % record:
        raise DataError(
            f"{path}: is truncated: found {len(data):,} bytes, expected a multiple of {record:,}, one record per "
            "image; unpack the archive again"
        )
    records = data.reshape(-1, record)
    return _images(records[:, label_bytes:]), records[:, label_bytes - 1]


def _images(planes: np.ndarray) -> np.ndarray:
    """Rows of 3072 bytes, red, green and blue planes, as [N, 32, 32, 3]."""
    return planes.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1)


def _python(
    spec: str, folder: Path, train: Sequence[str], test: str, meta: str, labels_key: bytes, names_key: bytes
) -> ImageDataset:
    parts = [_batch(_present(folder, name), labels_key) for name in train]
    test_images, test_labels, test_names = _batch(_present(folder, test), labels_key)
    meta_path = _present(folder, meta)
    class_names = _texts(meta_path, names_key, read_plain_pickle(meta_path).get(names_key))
    train_names = [name for _, _, names in parts for name in names or ()]
    named = all(names is not None for _, _, names in parts)
    return assemble(
        spec,
        folder,
        (np.concatenate([images for images, _, _ in parts]), np.concatenate([labels for _, labels, _ in parts])),
        (test_images, test_labels),
        class_names,
        train_names=train_names if named else None,
        test_names=test_names,
    )


def _batch(path: Path, labels_key: bytes) -> tuple[np.ndarray, np.ndarray, list[str] | None]:
    content = read_plain_pickle(path)
    data, labels, names = content.get(b"data"), content.get(labels_key), content.get(b"filenames")
    if not isinstance(data, np.ndarray) or data.ndim != 2 or data.shape[1] != PIXELS:
        found = f"shape {list(data.shape)}" if isinstance(data, np.ndarray) else type(data).__name__
        raise DataError(f"{path}: data: found {found}, expected uint8 [N, {PIXELS}]; get the file again")
    whole = isinstance(labels, list) and all(type(label) is int and 0 <= label < 2**16 for label in labels)
    if not whole or labels is None or len(labels) != len(data):
        raise DataError(
            f"{path}: {labels_key.decode()}: expected a list of {len(data)} class numbers; get the file again"
        )
    texts = None if names is None else _texts(path, b"filenames", names)
    if texts is not None and len(texts) != len(data):
        raise DataError(f"{path}: filenames: found {len(texts)}, expected {len(data)}; get the file again")
    return _images(data), np.array(labels, dtype=np.int64), texts


def _texts(path: Path, key: bytes, values: Any) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(value, bytes | str) for value in values):
        raise DataError(f"{path}: {key.decode()}: expected a list of names; get the file again")
    return [value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in values]
