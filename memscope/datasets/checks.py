"""Checks for every data set: whatever a loader has read is checked here once, and accepted or refused in one line."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from memscope.datasets.image_dataset import ImageDataset
from memscope.errors import DataError

LONGEST_CLASS_NAME = 1000  # characters; a directory's name has at most 255 bytes
LONGEST_FILE_NAME = 4096


def expect_images(where: str, dtype: np.dtype, shape: tuple[int, ...]) -> None:
    """Refuse what a header says if it cannot be images: before gigabytes are read, not after."""
    expected = "expected uint8 [N, H, W] or [N, H, W, C] with C 1 or 3"
    found = f"{dtype} {list(shape)}"
    if dtype != np.uint8:
        raise DataError(f"{where}: found {found}, {expected}; scale the values to 0..255 and save as uint8")
    if len(shape) == 4 and shape[3] not in (1, 3) and shape[1] in (1, 3):
        raise DataError(f"{where}: found {found}, channels first; {expected}; save images.transpose(0, 2, 3, 1)")
    if len(shape) not in (3, 4) or (len(shape) == 4 and shape[3] not in (1, 3)):
        raise DataError(f"{where}: found {found}, {expected}; save the images in that order")
    if 0 in shape:
        raise DataError(f"{where}: found {found}, no images; {expected} with nothing empty; add images")


def checked_images(where: str, images: np.ndarray) -> np.ndarray:
    """The images as uint8 [N, H, W, C]; [N, H, W] gains a channel."""
    expect_images(where, images.dtype, images.shape)
    return np.ascontiguousarray(images[..., None] if images.ndim == 3 else images)


def expect_labels(where: str, dtype: np.dtype, shape: tuple[int, ...], count: int) -> None:
    """Refuse what a header says if it cannot be the labels of `count` images."""
    if dtype.kind not in "iu" or shape != (count,):
        raise DataError(
            f"{where}: found {dtype} {list(shape)}, expected integers [{count}], one label per image; save them so"
        )


def checked_labels(where: str, labels: np.ndarray, count: int, num_classes: int | None) -> np.ndarray:
    """The labels as int64 [count], each in range(num_classes)."""
    expect_labels(where, labels.dtype, labels.shape, count)
    if count and int(labels.min()) < 0:
        raise DataError(
            f"{where}: found label {int(labels.min())}, expected labels from 0; leave those images out if that "
            "is no class, else renumber the classes: numpy.unique(labels, return_inverse=True)[1]"
        )
    if num_classes is not None and count and int(labels.max()) >= num_classes:
        raise DataError(
            f"{where}: found label {int(labels.max())}, expected 0 to {num_classes - 1} for {num_classes} classes; "
            "correct the labels or the class names"
        )
    if count and int(labels.max()) >= 2**16:
        raise DataError(f"{where}: found label {int(labels.max())}, expected at most 65535; number the classes from 0")
    return labels.astype(np.int64)


def checked_index(where: str, index: np.ndarray, count: int) -> np.ndarray:
    """Positions in a source as int64 [count]: whole, not negative, each once."""
    expect_index(where, index.dtype, index.shape, count)
    if len(np.unique(index)) != count or int(index.min()) < 0 or int(index.max()) >= 2**62:
        raise DataError(_not_positions(where, index.dtype, index.shape, count))
    return index.astype(np.int64)


def expect_index(where: str, dtype: np.dtype, shape: tuple[int, ...], count: int) -> None:
    """Refuse what a header says if it cannot be the positions of `count` images."""
    if dtype.kind not in "iu" or shape != (count,):
        raise DataError(_not_positions(where, dtype, shape, count))


def _not_positions(where: str, dtype: np.dtype, shape: tuple[int, ...], count: int) -> str:
    return (
        f"{where}: found {dtype} {list(shape)}, expected {count} different whole numbers from 0, "
        "each image's position in its source; correct it or leave it out"
    )


def assemble(
    spec: str,
    where: Path,
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray] | None,
    class_names: Sequence[str] | None,
    *,
    train_index: np.ndarray | None = None,
    test_index: np.ndarray | None = None,
    train_names: Sequence[str] | None = None,
    test_names: Sequence[str] | None = None,
) -> ImageDataset:
    """Check images and labels of both parts against each other and against the class names.

    Without class names the classes are "0" to the largest training label. Without a test set the data set has none yet.
    """
    train_images = checked_images(f"{where}: train images", train[0])
    if test is None:
        test_images, test_labels = train_images[:0], np.empty(0, dtype=np.int64)
    else:
        test_images, test_labels = checked_images(f"{where}: test images", test[0]), test[1]
    if train_images.shape[1:] != test_images.shape[1:]:
        raise DataError(
            f"{where}: train images are {_shape(train_images)} and test images {_shape(test_images)}; "
            "expected one size, resize one of them"
        )
    named = None if class_names is None else len(class_names)
    train_labels = checked_labels(f"{where}: train labels", train[1], len(train_images), named)
    if class_names is None:
        class_names = [str(label) for label in range(int(train_labels.max()) + 1)]
    check_names(where, "class name", class_names, LONGEST_CLASS_NAME)
    check_names(where, "file name", [*(train_names or ()), *(test_names or ())], LONGEST_FILE_NAME)
    test_labels = checked_labels(f"{where}: test labels", test_labels, len(test_images), len(class_names))
    _check_classes(where, train_labels, class_names)
    return ImageDataset(
        spec=spec,
        train_images=train_images,
        train_labels=train_labels,
        test_images=test_images,
        test_labels=test_labels,
        class_names=tuple(class_names),
        train_index=np.arange(len(train_images)) if train_index is None else train_index,
        test_index=np.arange(len(test_images)) if test_index is None else test_index,
        train_names=None if train_names is None else tuple(train_names),
        test_names=None if test_names is None else tuple(test_names),
    )


def check_names(where: Path, what: str, names: Sequence[str], longest: int) -> None:
    """Refuse names that no file of ours can hold: HDF5 text is UTF-8 without zero bytes.

    Anything else may be in a name, line breaks and terminal commands too: it is kept as it is, and escaped where it
    is shown.
    """
    for name in names:
        if len(name) > longest:
            raise DataError(
                f"{where}: found a {what} of {len(name):,} characters, expected at most {longest:,}; shorten it"
            )
        try:
            good = name.isascii() or bool(name.encode())
        except UnicodeEncodeError:
            good = False
        if "\0" in name or not good:
            raise DataError(f"{where}: found the {what} {name!a}, expected UTF-8 text without zero bytes; rename it")


def _check_classes(where: Path, labels: np.ndarray, class_names: Sequence[str]) -> None:
    if len(class_names) < 2:
        raise DataError(f"{where}: found {len(class_names)} class, expected at least 2; add another class")
    check_different(where, class_names)
    missing = np.flatnonzero(np.bincount(labels, minlength=len(class_names)) == 0)
    if len(missing):
        raise DataError(
            f"{where}: found no training example of class {class_names[missing[0]]!r} ({len(missing)} of "
            f"{len(class_names)} classes have none), expected some of each; add examples or drop the class"
        )


def check_different(where: Path | str, class_names: Sequence[str]) -> None:
    """Refuse a class name that occurs twice."""
    twice, times = Counter(class_names).most_common(1)[0]
    if times > 1:
        raise DataError(f"{where}: found class name {twice!r} twice, expected different names; rename one")


def _shape(images: np.ndarray) -> str:
    return " x ".join(str(size) for size in images.shape[1:])
