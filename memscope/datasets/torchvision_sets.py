"""`torchvision:NAME[:ROOT]`: a data set as torchvision leaves it on disk below ROOT, `data` unless given. No download.

The files of CIFAR and of MNIST's kin are those that `cifar:` and `idx:` read, so they are read without torchvision and
without unpickling. SVHN and STL10 are read by torchvision, which compares the files with their published MD5 sums.
"""

import string
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from memscope.datasets.checks import assemble
from memscope.datasets.cifar import load_cifar
from memscope.datasets.idx import load_idx
from memscope.datasets.image_dataset import ImageDataset
from memscope.datasets.reading import Reading
from memscope.errors import DataError, OptionError
from memscope.torchvision_import import mend_torchvision

SAME_FILES: dict[str, tuple[Callable[[str, Path, Reading], ImageDataset], str]] = {
    "CIFAR10": (load_cifar, "cifar-10-batches-py"),
    "CIFAR100": (load_cifar, "cifar-100-python"),
    "MNIST": (load_idx, "MNIST/raw"),
    "FashionMNIST": (load_idx, "FashionMNIST/raw"),
    "KMNIST": (load_idx, "KMNIST/raw"),
}
EMNIST = ("balanced", "byclass", "bymerge", "digits", "letters", "mnist")
"""Splits of EMNIST, whose files lie in one directory"""
OTHERS = ("SVHN", "STL10")
EVERY = (*SAME_FILES, *(f"EMNIST/{one}" for one in EMNIST), *OTHERS)
"""The names that are read"""
NAMES = {"KMNIST": ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")}
MERGED = "cijklmopsuvwxyz"
"""Letters that EMNIST's balanced and bymerge splits do not tell from their capitals"""


def load_torchvision(spec: str, root: Path, reading: Reading) -> ImageDataset:
    """Read the data set that `spec` names below `root`; OptionError for a name that is not known here."""
    name = spec.split(":")[1]
    kind, _, split = name.partition("/")
    if kind == "EMNIST" and split in EMNIST:
        lines: list[str] = []  # the letters' labels are renumbered, which needs no word where their names are known
        apart = replace(reading, say=lines.append)
        found = with_names(load_idx(spec, expected(spec, root / "EMNIST/raw"), apart, split), emnist_names(split))
        for line in lines if found.class_names != emnist_names(split) else ():
            reading.say(line)
        return found
    if name in SAME_FILES:
        load, inside = SAME_FILES[name]
        return with_names(load(spec, expected(spec, root / inside), reading), NAMES.get(name))
    if name in OTHERS:
        return through_torchvision(spec, name, root)
    known = ", ".join(EVERY)
    close = next((one for one in EVERY if one.lower().startswith(name.lower())), None)
    if close:
        raise OptionError(f"{spec}: there is no data set {name!r}; did you mean {close} ? There are {known}")
    raise OptionError(f"{spec}: {name!r} is no data set of images and their classes that is read here; {known} are")


def emnist_names(split: str) -> tuple[str, ...]:
    """The characters of a split, in the order of its labels."""
    if split in ("digits", "mnist"):
        return tuple(string.digits)
    if split == "letters":
        return tuple(string.ascii_lowercase)
    merged = "" if split == "byclass" else MERGED
    small = [letter for letter in string.ascii_lowercase if letter not in merged]
    return (*string.digits, *string.ascii_uppercase, *small)


def with_names(found: ImageDataset, names: tuple[str, ...] | None) -> ImageDataset:
    """The data set with these class names, if it has all of the classes."""
    return found if names is None or len(names) != found.num_classes else replace(found, class_names=names)


def expected(spec: str, folder: Path) -> Path:
    """The folder; DataError where torchvision has put nothing."""
    if not folder.is_dir():
        raise DataError(
            f"{spec}: found no {folder}, expected it as torchvision leaves it; name the root that it was downloaded to "
            "(torchvision:NAME:ROOT), or download it with torchvision first"
        )
    return folder


def through_torchvision(spec: str, name: str, root: Path) -> ImageDataset:
    """SVHN or STL10, whose images come as [N, C, H, W]."""
    try:
        mend_torchvision()
        from torchvision import datasets
    except (ImportError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise OptionError(
            f"{spec}: {name} needs torchvision, which cannot be imported ({reason}); pip install 'memscope-ml[vision]'"
        ) from error
    try:
        train, test = (getattr(datasets, name)(str(root), split=split, download=False) for split in ("train", "test"))
    except (ImportError, ModuleNotFoundError) as error:
        raise OptionError(f"{spec}: {name} needs scipy ({error}); pip install 'memscope-ml[vision]'") from error
    except (RuntimeError, OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(
            f"{spec}: torchvision cannot read {name} in {root} ({reason}); expected its files as it leaves them"
        ) from error
    return assemble(spec, root, part(train), part(test), classes(train))


def part(found: Any) -> tuple[np.ndarray, np.ndarray]:
    return np.ascontiguousarray(found.data.transpose(0, 2, 3, 1)), np.asarray(found.labels).astype(np.int64)


def classes(found: Any) -> list[str] | None:
    """Names, where torchvision has them; SVHN's are the digits."""
    return list(getattr(found, "classes", None) or [str(digit) for digit in range(10)])
