"""Image folders under `FIRST_RULES`, kept as they were: runs that were made by them must find their own pixels again.

They know train/ and test/ or val/ only, pass over hidden files, and take each picture as it is stored: no transparency,
no orientation, no 16-bit values below the upper 8 bits.
"""

import os
from pathlib import Path

import numpy as np
from PIL import Image

from memscope.datasets.appearance import GREY_MODES, Traits
from memscope.datasets.folder_layout import Layout
from memscope.errors import DataError


def find_first_layout(directory: Path) -> Layout:
    """Classes are the sorted directory names of train/, examples are sorted by class, then by name."""
    train = _part(directory, ("train",))
    test = _part(directory, ("test", "val"))
    classes = _class_names(train)
    if len(classes) < 2:
        found = f"only the class {classes[0]!r}" if classes else "no class directories"
        raise DataError(f"{train}: found {found}, expected at least 2; put each class's images in its own directory")
    strange = sorted(set(_class_names(test)) - set(classes))
    if strange:
        raise DataError(
            f"{test}: found the class {strange[0]!r}, which {train} does not have; expected the same classes, "
            "rename or remove it"
        )
    found_train, found_test = (
        [(path, label) for label, name in enumerate(classes) for path in _files(part / name)] for part in (train, test)
    )
    for part, found_files in ((train, found_train), (test, found_test)):
        if not found_files:
            raise DataError(f"{part}: found no images, expected some in {part}/<class>/; add them")
    empty = sorted(set(range(len(classes))) - {label for _, label in found_train})
    if empty:
        raise DataError(f"{train / classes[empty[0]]}: found no images, expected some of each class; add or remove it")
    return Layout(classes, found_train, found_test)


def as_stored(image: Image.Image, _: int) -> tuple[Image.Image, Traits]:
    """The picture as L or RGB, whatever its alpha and orientation; 16-bit greys keep their upper 8 bits."""
    grey = image.mode in GREY_MODES
    if image.mode in ("I", "F"):
        raise ValueError(f"it has 32-bit pixels (mode {image.mode}), not 8 bits")
    if image.mode.startswith("I;16"):
        plain = Image.fromarray((np.asarray(image, dtype=np.uint16) >> 8).astype(np.uint8))
    else:
        plain = image.convert("L" if grey else "RGB")
    return plain, Traits(grey)


def _class_names(part: Path) -> list[str]:
    return sorted(entry.name for entry in part.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _part(directory: Path, names: tuple[str, ...]) -> Path:
    for name in names:
        if (directory / name).is_dir():
            return directory / name
    found = ", ".join(sorted(entry.name for entry in directory.iterdir())[:6]) or "nothing"
    raise DataError(f"{directory}: found {found}, expected a directory {' or '.join(names)}; make it")


def _files(directory: Path) -> list[Path]:
    """The files below a class directory, sorted by name; hidden ones left out."""
    found = []
    for folder, inside, names in os.walk(directory):
        inside[:] = [name for name in inside if not name.startswith(".")]
        found += [Path(folder, name) for name in names if not name.startswith(".")]
    return sorted(found, key=lambda path: path.as_posix())
