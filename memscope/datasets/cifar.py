"""`cifar:DIR`: CIFAR-10 or CIFAR-100 (fine labels), the binary or the python version, in the official order.

Reference: https://www.cs.toronto.edu/~kriz/cifar.html describes both layouts.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from memscope.datasets.checks import assemble
from memscope.datasets.image_dataset import ImageDataset
from memscope.datasets.plain_arrays import Say, expect_plain_labels, plain_images, plain_labels, texts_of
from memscope.datasets.reading import Reading
from memscope.errors import DataError
from memscope.files.limits import check_memory, existing_directory
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
        return _binary(
            spec, folder, [f"{name}.bin" for name in BATCHES], "test_batch.bin", "batches.meta.txt", 1, reading
        )
    if _any(folder, "train.bin", "test.bin"):
        return _binary(spec, folder, ["train.bin"], "test.bin", "fine_label_names.txt", 2, reading)
    if _any(folder, *BATCHES, "test_batch"):
        return _python(spec, folder, BATCHES, "test_batch", "batches.meta", b"labels", b"label_names", reading)
    if _any(folder, "train", "test", "meta"):
        return _python(spec, folder, ["train"], "test", "meta", b"fine_labels", b"fine_label_names", reading)
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


def _binary(
    spec: str, folder: Path, train: Sequence[str], test: str, names: str, label_bytes: int, reading: Reading
) -> ImageDataset:
    """Records of `label_bytes` labels, the last of which counts, and 3072 bytes: red, green, blue planes."""
    train_files = [_present(folder, name) for name in train]
    test_file = _present(folder, test)
    with _present(folder, names).open("rb") as file:
        lines = file.read(NAMES_BYTES).decode("utf-8", "replace").splitlines()
    sizes = [path.stat().st_size for path in train_files]
    check_memory(folder, "the files", sum(sizes) + test_file.stat().st_size)  # a sparse file can say it has terabytes
    record = label_bytes + PIXELS
    for path, size in zip(train_files, sizes, strict=True):
        if size != max(sizes) and size and size % record == 0:
            reading.say(
                f"{path} has {size // record:,} images and the largest batch {max(sizes) // record:,}; it is read "
                "as it is, but the official ones are equally long"
            )
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
    spec: str,
    folder: Path,
    train: Sequence[str],
    test: str,
    meta: str,
    labels_key: bytes,
    names_key: bytes,
    reading: Reading,
) -> ImageDataset:
    meta_path = _present(folder, meta)
    paths = [_present(folder, name) for name in (*train, test)]
    contents = [read_plain_pickle(path) for path in paths]
    described = read_plain_pickle(meta_path)
    coarse = {b"fine_labels": b"coarse_labels"}.get(labels_key, b"")
    if all(labels_key not in content and coarse in content for content in contents):
        labels_key, names_key = coarse, b"coarse_label_names"
        reading.say(f"{folder}: it has no fine labels, the coarse ones are read")
    says = [reading.say, *[_silent] * (len(paths) - 1)]  # of all batches alike
    parts = [_batch(path, content, labels_key, say) for path, content, say in zip(paths, contents, says, strict=True)]
    class_names = _texts(meta_path, names_key, described.get(names_key))
    *parts, (test_images, test_labels, test_names) = parts
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


def _silent(line: str) -> None:
    """Of a batch, what was said of the first."""


def _batch(
    path: Path, content: dict[bytes, Any], labels_key: bytes, say: Say
) -> tuple[np.ndarray, np.ndarray, list[str] | None]:
    images = _pictures(path, content, say)
    labels, names = content.get(labels_key), content.get(b"filenames")
    where = f"{path}: {labels_key.decode()}"
    if isinstance(labels, list | tuple) and all(type(label) is int and 0 <= label < 2**16 for label in labels):
        labels = np.array(labels, dtype=np.int64)
    elif isinstance(labels, np.ndarray) and labels.dtype.kind in "biuf":
        expect_plain_labels(where, labels.dtype, labels.shape, len(images))
        labels = plain_labels(where, labels, len(images), say)
    if not isinstance(labels, np.ndarray) or len(labels) != len(images) or (len(labels) and labels.min() < 0):
        raise DataError(
            f"{where}: expected a list of {len(images)} class numbers, or an array of them; correct it, or get the "
            "file again"
        )
    texts = None if names is None else _texts(path, b"filenames", names)
    if texts is not None and len(texts) != len(images):
        raise DataError(
            f"{path}: filenames: found {len(texts)}, expected {len(images)}; correct it, or get the file again"
        )
    return images, labels.astype(np.int64), texts


def _pictures(path: Path, content: dict[bytes, Any], say: Say) -> np.ndarray:
    """The images of a batch, uint8 [N, 32, 32, 3], from rows of planes or from images as such."""
    data = content.get(b"data")
    shape = data.shape if isinstance(data, np.ndarray) else ()
    rows, pictures = (PIXELS,), ((3, SIDE, SIDE), (SIDE, SIDE, 3))
    if not isinstance(data, np.ndarray) or shape[1:] not in (rows, *pictures) or data.dtype.kind not in "biuf":
        keys = ", ".join(repr(key.decode("utf-8", "replace")) for key in list(content)[:6])
        found = f"{data.dtype} {list(shape)}" if isinstance(data, np.ndarray) else type(data).__name__
        raise DataError(
            f"{path}: data: found {found} among the keys {keys or 'none'}, expected uint8 [N, {PIXELS}]; "
            "save it so under 'data', or get the file again"
        )
    if not len(data):
        raise DataError(f"{path}: data: found no images; add some, or get the file again")
    if shape[1:] == rows:
        data = _images(data)
    return plain_images(f"{path}: data", data, say)


def _texts(path: Path, key: bytes, values: Any) -> list[str]:
    if isinstance(values, np.ndarray) and values.dtype.kind in "US" and values.ndim == 1:
        return texts_of(f"{path}: {key.decode()}", values, as_stored=True)
    if not isinstance(values, list | tuple) or not all(isinstance(value, bytes | str) for value in values):
        raise DataError(f"{path}: {key.decode()}: expected a list of names; correct it, or get the file again")
    return [value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in values]
