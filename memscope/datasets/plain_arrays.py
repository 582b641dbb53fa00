"""Images and labels of other people's arrays, made plain: uint8 [N, H, W(, C)] and whole numbers [N], or text.

What can be meant in one way only is read. Anything else is refused, with the line of NumPy that decides it.
"""

from collections.abc import Callable
from math import isqrt, prod

import numpy as np

from memscope.errors import DataError
from memscope.files.limits import MAX_CLASSES
from memscope.text import composed

ROWS = 2**12
"""Images or labels that are looked at together, so that looking takes little memory."""

Say = Callable[[str], None]


def expect_plain_images(where: str, dtype: np.dtype, shape: tuple[int, ...]) -> None:
    """Refuse what a header says if it cannot be images: before gigabytes are read, not after."""
    expected = "expected uint8 [N, H, W] or [N, H, W, C] with C 1 or 3"
    found = f"{where}: found {dtype} {list(shape)}"
    if dtype.kind not in "biuf":
        raise DataError(f"{found}, {expected}; save them as such")
    if len(shape) == 2 and shape[1]:
        raise DataError(f"{found}, each image a row; {expected}; save {unrolled(shape[1])}")
    if len(shape) == 4 and shape[3] not in (1, 3) and shape[1] not in (1, 3):
        way = "the images in that order"
        if min(shape[1:]) > 4:
            way = "pictures, such as one slice of each volume, images[:, images.shape[1] // 2]"
        if shape[3] in (2, 4):
            way = f"images[..., :{shape[3] - 1}], without the transparency, if channel {shape[3]} is that"
        elif shape[2] in (1, 3):
            way = "images.transpose(3, 0, 1, 2) if the last axis counts the images"
        raise DataError(f"{found}, {expected}; save {way}")
    if len(shape) not in (3, 4):
        raise DataError(f"{found}, {expected}; save the images in that order")
    if 0 in shape:
        raise DataError(f"{found}, no images; {expected} with nothing empty; add images")


def unrolled(width: int) -> str:
    """The line that makes images of rows of so many numbers."""
    side, coloured = isqrt(width), isqrt(width // 3)
    if side * side == width:
        return f"images.reshape(-1, {side}, {side})"
    if 3 * coloured * coloured == width:
        return (
            f"images.reshape(-1, 3, {coloured}, {coloured}).transpose(0, 2, 3, 1) if a row is three planes, as "
            f"CIFAR's, or images.reshape(-1, {coloured}, {coloured}, 3)"
        )
    return f"images.reshape(-1, H, W) with H * W = {width}"


def plain_images(where: str, images: np.ndarray, say: Say) -> np.ndarray:
    """uint8 images whose header `expect_plain_images` has let through; channels last."""
    if images.ndim == 4 and images.shape[3] not in (1, 3):
        say(f"{where}: {list(images.shape)} are taken as [N, C, H, W], channels first")
        images = images.transpose(0, 2, 3, 1)
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind == "b":
        say(f"{where}: True and False are taken as white and black, 255 and 0")
        return images.astype(np.uint8) * np.uint8(255)
    low, high = images.min().item(), images.max().item()
    if not np.isfinite([float(low), float(high)]).all():
        raise DataError(f"{where}: found {images.dtype} values that are not finite, expected 0 to 255; repair them")
    parts = (images[start : start + ROWS] for start in range(0, len(images), ROWS))
    whole = images.dtype.kind in "iu" or all((part == np.rint(part)).all() for part in parts)
    # floats that are 0 and 1 only are black and white; whole numbers of that kind are read, and load_dataset tells
    if whole and low >= 0 and high <= 255 and (high > 1 or images.dtype.kind in "iu"):
        return images.astype(np.uint8)
    raise DataError(
        f"{where}: found {images.dtype} {list(images.shape)} with values from {low:.6g} to {high:.6g}, expected uint8, "
        f"0 to 255; scale the values and save {scaled(low, high, images.dtype.kind)}"
    )


def scaled(low: float, high: float, kind: str) -> str:
    """The line that makes values from `low` to `high` bytes."""
    if kind == "f" and low >= 0 and high <= 1:
        return "numpy.rint(images * 255).astype('uint8')"
    if kind == "f" and low >= -0.5 and high <= 0.5:
        return "numpy.rint((images + 0.5) * 255).astype('uint8')"
    if kind == "f" and low >= -1 and high <= 1:
        return "numpy.rint((images + 1) / 2 * 255).astype('uint8')"
    if kind == "f" and low >= -64 and 200 <= high < 320:  # 0 to 255, resized with overshoot or with noise
        return "numpy.rint(images).clip(0, 255).astype('uint8')"
    if low >= 0 and high <= 255:
        return "numpy.rint(images).astype('uint8')"
    if low >= 0:
        return f"numpy.rint(images * (255 / {2 ** int(high).bit_length() - 1})).astype('uint8')"
    if kind == "i" and low >= -128 and high <= 127:
        return "(images.astype('int16') + 128).astype('uint8')"
    if kind == "f" and low > -20 and high < 20:  # minus the mean, over the standard deviation
        return "numpy.rint((images * deviation + mean) * 255).astype('uint8') if they were normalised so"
    return f"numpy.rint((images - {low:.6g}) * (255 / {high - low:.6g})).astype('uint8')"


def expect_plain_labels(where: str, dtype: np.dtype, shape: tuple[int, ...], count: int) -> None:
    """Refuse what a header says if it cannot be the labels of `count` images."""
    alone = count in shape and prod(shape) == count  # MedMNIST has [N, 1], MATLAB gives [1, N]
    one_hot = len(shape) == 2 and shape[0] == count and 2 <= shape[1] <= MAX_CLASSES and dtype.kind in "biuf"
    if not (alone and dtype.kind in "biufUS") and not one_hot:
        raise DataError(
            f"{where}: found {dtype} {list(shape)}, expected integers [{count}], one label per image, or texts, or "
            f"one-hot rows [{count}, classes]; save them so"
        )


def plain_labels(where: str, labels: np.ndarray, count: int, say: Say) -> np.ndarray | list[str]:
    """Whole numbers [count], or so many texts, from labels whose header `expect_plain_labels` has let through."""
    if labels.ndim > 1 and labels.size == count:
        labels = labels.reshape(count)
    if labels.ndim == 2:
        labels = positions_of_ones(where, labels)
        say(f"{where}: the one-hot rows are taken as the class whose column is 1")
    if labels.dtype.kind in "OUS":
        return texts_of(where, labels)
    if labels.dtype.kind == "b":
        return labels.astype(np.int64)
    if labels.dtype.kind == "f":
        odd = labels[~((np.abs(labels) < 2**31) & (labels == np.rint(labels)))]
        if len(odd):
            raise DataError(f"{where}: found the label {odd[0]}, expected whole numbers; save the classes' numbers")
        return labels.astype(np.int64)
    return labels


def positions_of_ones(where: str, rows: np.ndarray) -> np.ndarray:
    """The column of the 1 in each row, int64 [N]; DataError where a row is anything but zeros and one 1."""
    found = np.empty(len(rows), dtype=np.int64)
    for start in range(0, len(rows), ROWS):
        part = rows[start : start + ROWS]
        wrong = np.flatnonzero(((part != 0).sum(1) != 1) | ((part == 1).sum(1) != 1))
        if len(wrong):
            raise DataError(
                f"{where}: found {rows.dtype} {list(rows.shape)} whose row {start + wrong[0]} is not one 1 and zeros, "
                "expected one class per image; save labels.argmax(1) if a row holds probabilities, or one column "
                "if it holds several labels"
            )
        found[start : start + ROWS] = part.argmax(1)
    return found


def texts_of(where: str, texts: np.ndarray, as_stored: bool = False) -> list[str]:
    """Texts from an array of str, or of bytes in UTF-8; in Unicode's composed form, unless `as_stored`."""
    try:
        plain = (text.decode() if isinstance(text, bytes) else str(text) for text in texts.tolist())
        return [text if as_stored else composed(text) for text in plain]
    except (SystemError, ValueError) as error:  # NumPy raises SystemError for a number that is no character
        raise DataError(f"{where} is not UTF-8 ({error}); save the names as text") from error


def numbered(
    where: object,
    train: np.ndarray | list[str],
    test: np.ndarray | list[str] | None,
    names: list[str] | None,
    say: Say,
) -> tuple[np.ndarray, np.ndarray | None, list[str] | None]:
    """Labels from 0 without gaps, and the class names, where what was found is texts or other numbers.

    Texts are numbered in their sorted order, or in that of the `names`. Numbers that do not start at 0, or leave some
    out, are renumbered in order; without `names` the classes are called by the original numbers. Below 0 only -1 beside
    1 alone is a class: elsewhere it may stand for none.
    """
    if isinstance(train, list) or isinstance(test, list):
        if not isinstance(train, list) or isinstance(test, np.ndarray):
            raise DataError(f"{where}: found labels as text in one part and as numbers in the other; save both alike")
        classes = sorted(set(train)) if names is None else names
        number = {composed(name): position for position, name in enumerate(classes)}
        strange = next((text for text in (*train, *(test or ())) if text not in number), None)
        if strange is not None:
            which = "which no training example has" if names is None else "which the class names do not have"
            raise DataError(f"{where}: found the label {strange!r}, {which}; expected the same classes, correct it")
        given = [
            None if part is None else np.array([number[text] for text in part], np.int64) for part in (train, test)
        ]
        assert given[0] is not None
        return given[0], given[1], classes
    if not len(train) or int(train.min()) < -1 or int(train.max()) >= MAX_CLASSES:
        return train, test, names
    numbers = np.unique(train)
    least, greatest = int(numbers[0]), int(numbers[-1])
    signs = numbers.tolist() == [-1, 1]
    if (least < 0 and not signs) or (least == 0 and len(numbers) == greatest + 1):
        return train, test, names
    if names is not None and (len(numbers) != len(names) or (greatest < len(names) and not signs)):
        return train, test, names
    strange_numbers = np.setdiff1d([] if test is None else test, numbers)
    if len(strange_numbers):
        raise DataError(
            f"{where}: found test label {int(strange_numbers[0])}, which no training example has; "
            "expected the same classes, correct it or get the files again"
        )
    say(
        f"{where}: its {len(numbers)} labels go from {least} to {greatest}; they are numbered from 0, "
        + ("and the classes called by their original numbers" if names is None else "in the order of the class names")
    )
    return (
        np.searchsorted(numbers, train),
        None if test is None else np.searchsorted(numbers, test),
        [str(number) for number in numbers] if names is None else names,
    )
