"""Where the four files of an IDX data set are: under MNIST's own names, and under those that others give them.

Kaggle and 7-zip write a dot (`train-images.idx3-ubyte`), 7-zip sometimes a folder of the file's name around it, some
file systems capitals; torchvision keeps them in `MNIST/raw`.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from memscope.errors import DataError

NAME = re.compile(
    r"(emnist-.+-)?(train|t10k|test)[-_. ](images|labels)[-_. ]idx[13](?:[-_. ]ubyte)?(\.gz)?", re.IGNORECASE
)
DEEPEST, MOST_FOLDERS = 3, 1000
"""Folders inside the one that was named, and of those, that are looked into."""
KINDS = {"images": "images-idx3-ubyte", "labels": "labels-idx1-ubyte"}


class IdxFiles(NamedTuple):
    """The files of a data set."""

    prefix: str
    """EMNIST's "emnist-<split>-", or nothing"""
    train: tuple[Path, Path]
    """Images, labels"""
    test: tuple[Path, Path] | None


def idx_files(directory: Path, split: str | None = None) -> IdxFiles:
    """The files in a directory or, if it has none, in the one folder inside it that has some.

    `split` is one of EMNIST's, of which a directory may hold several.
    """
    names = _names(directory, split)
    if not names and split is None:
        folders = list(_folders_with_files(directory))
        if len(folders) > 1:
            raise DataError(
                f"{directory}: found IDX files in {folders[0].relative_to(directory)} and "
                f"{folders[1].relative_to(directory)}, expected one data set; name the folder to read"
            )
        directory = folders[0] if folders else directory
        names = _names(directory)
    if split is None:
        prefix, parts = _parts(directory, names)
    else:
        prefix, parts = f"emnist-{split}-", {"train": "train", "test": "test"}
    found = {
        part: [_find(directory, names, prefix, word, kind) for kind in KINDS] for part, word in parts.items()
    }  # images, labels
    missing = [
        f"{prefix}{word}-{KINDS[kind]}"
        for part, word in parts.items()
        for kind, path in zip(KINDS, found[part], strict=True)
        if path is None
    ]
    train, test = _pair(found["train"]), _pair(found["test"])
    if train is None or (test is None and any(found["test"])):
        there = sorted(entry.name for entry in directory.iterdir() if not entry.name.startswith("."))
        named = f" but {', '.join(there[:4])}{' and more' if len(there) > 4 else ''}" if there else ""
        raise DataError(
            f"{directory}: found no {missing[0]} or {missing[0]}.gz{named}; expected the four IDX files, put it there "
            "or give it that name"
        )
    return IdxFiles(prefix, train, test)


def _pair(files: list[Path | None]) -> tuple[Path, Path] | None:
    """Images and labels; None where one is missing."""
    images, labels = files
    return None if images is None or labels is None else (images, labels)


def _names(directory: Path, split: str | None = None) -> dict[str, Path]:
    """The files whose names are those of IDX files. Of a folder so named, the one such file in it."""
    found = {}
    for entry in sorted(directory.iterdir()):
        if not (match := NAME.fullmatch(entry.name)) or (split and (match[1] or "").lower() != f"emnist-{split}-"):
            continue
        inside = [path for path in entry.iterdir() if NAME.fullmatch(path.name)] if entry.is_dir() else [entry]
        if len(inside) == 1 and inside[0].is_file():
            found[entry.name] = inside[0]
    return found


def _folders_with_files(directory: Path) -> Iterable[Path]:
    for count, (folder, inside, _) in enumerate(os.walk(directory)):
        depth = len(Path(folder).relative_to(directory).parts)
        inside[:] = sorted(name for name in inside if not name.startswith(".")) if depth < DEEPEST else []
        if count >= MOST_FOLDERS:
            return
        if depth and _names(Path(folder)):
            inside[:] = []
            yield Path(folder)


def _parts(directory: Path, names: dict[str, Path]) -> tuple[str, dict[str, str]]:
    """What the file names start with, and the two parts' words in them."""
    matches = [match for name in names if (match := NAME.fullmatch(name))]
    prefixes = sorted({match[1].lower() for match in matches if match[1] and _is_train_images(match)})
    if not prefixes:
        return "", {"train": "train", "test": "t10k"}
    plain = any(not match[1] and _is_train_images(match) for match in matches)
    if len(prefixes) > 1 or plain:
        found = [prefix.rstrip("-") for prefix in prefixes] + (["train-images-idx3-ubyte"] if plain else [])
        raise DataError(
            f"{directory}: found {', '.join(found)}, expected one data set; move one EMNIST split to its own directory"
        )
    return prefixes[0], {"train": "train", "test": "test"}


def _is_train_images(match: re.Match[str]) -> bool:
    return (match[2].lower(), match[3].lower()) == ("train", "images")


def _find(directory: Path, names: dict[str, Path], prefix: str, word: str, kind: str) -> Path | None:
    """The file of a part and kind: under its own name, not packed, where there are several."""
    own = f"{prefix}{word}-{KINDS[kind]}"
    words = {"t10k", "test"} if word == "t10k" else {word}
    found = [
        name
        for name in names
        if (match := NAME.fullmatch(name))
        and (match[1] or "").lower() == prefix
        and match[2].lower() in words
        and match[3].lower() == kind
    ]
    best = min(
        found, key=lambda name: (name != own, name != f"{own}.gz", name.lower().endswith(".gz"), name), default=None
    )
    return None if best is None else names[best]
