"""Which arrays of a file are its images, labels and class names: memscope's own names, and those that others give.

Keras (`x_train`, `y_train`), MedMNIST (`val_images`), scikit-learn (`data`, `target`), torchvision (`data`, `targets`)
and all that differ from these in case and separators, in an HDF5 file also in groups (`train/images`).
"""

import re
from collections.abc import Callable, Collection, Hashable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from memscope.datasets.checks import assemble, checked_index, expect_index
from memscope.datasets.image_dataset import ImageDataset
from memscope.datasets.plain_arrays import (
    expect_plain_images,
    expect_plain_labels,
    numbered,
    plain_images,
    plain_labels,
    texts_of,
)
from memscope.datasets.reading import FIRST_RULES, Reading
from memscope.errors import DataError
from memscope.files.limits import MAX_CLASSES, check_memory

REQUIRED = ("train_images", "train_labels", "test_images", "test_labels")
"""memscope's own names. A file that has all four is read by them."""

PARTS = {
    "train": ("train", "training", "trainset", "trainingset"),
    "test": ("test", "testing", "testset", "t10k"),
    "val": ("val", "valid", "validation", "valset", "dev"),
    "all": ("",),
}
KINDS = {
    "images": ("images", "image", "imgs", "img", "x", "xs", "data", "pixels", "inputs", "input"),
    "labels": ("labels", "label", "y", "ys", "targets", "target", "finelabels", "finelabel", "class", "ans"),
}
ROLES = {
    name: (part, kind)
    for part, befores in PARTS.items()
    for before in befores
    for kind, words in KINDS.items()
    for word in words
    for name in (before + word, word + before)
}
"""What a name stands for, in small letters and without separators."""
ROLES |= {
    name: (part, kind)
    for part, shorts in {"train": ("tr",), "test": ("te", "ts")}.items()
    for short in shorts
    for kind, word in {"images": "x", "labels": "y"}.items()  # of longer words, img_ts may be the images' times
    for name in (short + word, word + short)
}
ROLES |= {f"{before}dataset": (part, "images") for part, befores in PARTS.items() for before in befores if before}
"""notMNIST's names; a plain `dataset` may be anything"""
NAMES = (
    "classnames", "classes", "labelnames", "labelsnames", "targetnames", "targetsnames", "finelabelnames",
    "listclasses", "categories",
)  # fmt: skip
EXAMPLE = "numpy.savez(FILE, train_images=..., train_labels=..., test_images=..., test_labels=...)"


class NamedArray(NamedTuple):
    """What a file says of one of its arrays, and how to read it."""

    dtype: np.dtype
    shape: tuple[int, ...]
    read: Callable[[], np.ndarray]

    @property
    def nbytes(self) -> int:
        return int(np.prod(self.shape, dtype=object)) * self.dtype.itemsize


class Source(NamedTuple):
    """A file of named arrays."""

    path: Path
    present: Collection[str]
    """The arrays' names; `/` stands between a group's and its array's"""
    array: Callable[[str], NamedArray]
    identity: Callable[[str], Hashable] = str
    """Equal for two names of one array"""
    example: str = EXAMPLE
    """The line that adds arrays"""


def dataset_from_arrays(spec: str, source: Source, reading: Reading) -> ImageDataset:
    """The data set of a file of named arrays."""
    path = source.path
    roles, names = chosen(source, reading)
    train = "train" if "train images" in roles or "train labels" in roles else "all"
    test = "test" if "test images" in roles or "test labels" in roles else "val"
    left_out = [name for role, name in roles.items() if role.startswith("val ")]
    if test == "test" and left_out:
        reading.say(f"{path}: {' and '.join(left_out)} are left out; the test set is {roles['test images']}")
    elif left_out:
        reading.say(f"{path}: it has no test arrays, {' and '.join(left_out)} are taken as the test set")
    headers = []
    for part in (train, test):
        if f"{part} images" not in roles:
            continue
        images, labels = (source.array(roles[f"{part} {kind}"]) for kind in ("images", "labels"))
        shown = "train" if part == train else "test"
        expect_plain_images(f"{path}: {shown} images", images.dtype, images.shape)
        expect_plain_labels(f"{path}: {shown} labels", labels.dtype, labels.shape, images.shape[0])
        headers.append((shown, images, labels))
    check_memory(path, "its images", sum(images.nbytes for _, images, _ in headers))
    parts, indices = {}, {}
    for shown, images, labels in headers:
        if (name := f"{shown}_index") in source.present:
            positions, where = source.array(name), f"{path}: {name}"
            expect_index(where, positions.dtype, positions.shape, images.shape[0])
            indices[shown] = checked_index(where, positions.read(), images.shape[0])
        parts[shown] = (
            plain_images(f"{path}: {shown} images", images.read(), reading.say),
            plain_labels(f"{path}: {shown} labels", labels.read(), images.shape[0], reading.say),
        )
    class_names = None if names is None else _class_names(path, names, source.array(names))
    tested = parts.get("test")
    train_labels, test_labels, class_names = numbered(
        path, parts["train"][1], tested and tested[1], class_names, reading.say
    )
    return assemble(
        spec,
        path,
        (parts["train"][0], train_labels),
        None if tested is None or test_labels is None else (tested[0], test_labels),
        class_names,
        train_index=indices.get("train"),
        test_index=indices.get("test"),
    )


def chosen(source: Source, reading: Reading) -> tuple[dict[str, str], str | None]:
    """The array of each role, such as "train images", and that of the class names; DataError where it is open which."""
    if reading.rules <= FIRST_RULES and set(REQUIRED) <= set(source.present):
        own = {name.replace("_", " "): name for name in REQUIRED}
        return own, "class_names" if "class_names" in source.present else None
    places: dict[str, dict[str, list[str]]] = {}
    for name in sorted(source.present, key=lambda name: (name.count("/"), name)):
        base, role = role_of(name)
        if role is not None:
            places.setdefault(base, {}).setdefault(role, []).append(name)
    complete = [
        base for base, roles in places.items() if any({f"{p} images", f"{p} labels"} <= set(roles) for p in PARTS)
    ]
    if "" not in complete and len(complete) > 1:
        kept = {frozenset(source.identity(names[0]) for names in places[base].values()): base for base in complete}
        if len(kept) > 1:
            raise DataError(
                f"{source.path}: found images and labels in the groups {complete[0]} and {complete[1]}, expected one "
                "data set; copy one of them to a file of its own"
            )
    base = "" if "" in complete or not complete else complete[0]
    roles = {role: _one(source, role, names) for role, names in places.get(base, {}).items() if role != "names"}
    if {"train images", "train labels", "all images", "all labels"} <= set(roles):
        _refuse_both(source.path, roles["train images"], roles["all images"], "training images")
    lacking = [
        f"{'train' if part == 'all' else part}_{kind}"
        for part in _parts_wanted(roles)
        for kind in KINDS
        if f"{part} {kind}" not in roles
    ]
    if lacking:
        found = sorted(source.present)
        unnamed = ", under their names" if any(name.rpartition("/")[2].startswith("arr_") for name in found) else ""
        less = (
            "" if lacking != ["test_labels"] else ", or leave test_images out and part of the rest is kept for testing"
        )
        raise DataError(
            f"{source.path}: found {', '.join(found[:8]) or 'nothing'}, expected {', '.join(REQUIRED)}, or the names "
            f"of Keras (x_train) or scikit-learn (data, target); add {', '.join(lacking)}{unnamed}: "
            f"{source.example}{less}"
        )
    # beside class_names, which was always read, only what is text can be meant
    names = places.get(base, {}).get("names", [])
    ordered = sorted(names, key=lambda name: NAMES.index(_plain(name.rpartition("/")[2])))
    called = next((name for name in ordered if name.rpartition("/")[2] == "class_names"), None)
    return roles, called or _first_text(source, ordered, reading)


def _parts_wanted(roles: dict[str, str]) -> list[str]:
    """The parts that have to be whole: the training set, and the test set where anything of it is there."""
    there = {role.split()[0] for role in roles}
    trained = "train" if "train" in there or "all" not in there else "all"
    return [trained, *(part for part in ("test", "val") if part in there)][:2]


def role_of(name: str) -> tuple[str, str | None]:
    """The group and the role of an array: "train images", ..., "names"; None where its name says nothing of it."""
    steps = name.split("/")
    for start in range(len(steps)):
        plain = _plain("".join(steps[start:]))
        if plain in ROLES:
            return "/".join(steps[:start]), " ".join(ROLES[plain])
        if plain in NAMES:
            return "/".join(steps[:start]), "names"
    return "", None


def _plain(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower())


def _one(source: Source, role: str, names: list[str]) -> str:
    """The one array of a role. scikit-learn's digits have `data` and `images`; the first are the second as rows."""
    different = list({source.identity(name): name for name in reversed(names)}.values())[::-1]
    if len(different) > 1 and role.endswith("images"):
        different = [name for name in different if len(source.array(name).shape) != 2] or different
    if len(different) > 1:
        _refuse_both(source.path, different[0], different[1], role.removeprefix("all "))
    return different[0]


def _refuse_both(path: Path, one: str, other: str, role: str) -> None:
    raise DataError(
        f"{path}: found {one} and {other}, either of which could be the {role}; expected one, save the file again "
        "without the other"
    )


def _is_names(array: NamedArray) -> bool:
    return array.dtype.kind in "US" and len(array.shape) == 1


def _first_text(source: Source, names: list[str], reading: Reading) -> str | None:
    """The first array that can be class names; where there is none, what hinders another is said."""
    refusals = []
    for name in names:
        try:
            if _is_names(source.array(name)):
                return name
        except DataError as error:
            refusals.append(error)
    for refusal in refusals[:1]:
        reading.say(f"{refusal}; the classes have no names from it now")
    return None


def _class_names(path: Path, name: str, names: NamedArray) -> list[str]:
    """Text from an array of str, or of bytes in UTF-8."""
    if not _is_names(names) or names.shape[0] > MAX_CLASSES:
        raise DataError(
            f"{path}: {name}: found {names.dtype} {list(names.shape)}, expected text [classes]; "
            "save it as numpy.array([...names...])"
        )
    return texts_of(f"{path}: {name}", names.read(), as_stored=True)
