"""The files of class folders, whatever links lead there: `walk_classes` passes over litter, and loops of links end."""

import os
import stat
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from memscope.datasets.litter import litter_kind
from memscope.errors import DataError
from memscope.text import composed


@dataclass(frozen=True)
class Walk:
    """What was found below the folders of K classes."""

    files: list[tuple[Path, int]]
    """Each file with its class, sorted by class, then by name"""
    litter: list[Counter[str]]
    """K times how often each kind was passed over"""
    again: list[Path]
    """Links to folders that were read already, or that lie above"""
    again_labels: list[int]


def walk_classes(part: Path, classes: Sequence[Sequence[Path]]) -> Walk:
    """All files below the folders of each class. A folder that is reached twice, through links, is read once.

    Links to folders are followed last, so that a file has the class of the folder that it lies in.
    """
    found: list[tuple[str, Path, int]] = []
    litter: list[Counter[str]] = [Counter() for _ in classes]
    again = []
    resolved = part.resolve()
    seen = {_identity(place) for place in (resolved, *resolved.parents)}
    folders = [(own, own, label) for label, same in enumerate(classes) for own in same]
    links = [each for each in folders if each[0].is_symlink()]
    stack = [each for each in folders if not each[0].is_symlink()][::-1]
    while stack or links:
        folder, top, label = stack.pop() if stack else links.pop(0)
        identity = _identity(folder)
        if identity is not None and identity in seen:
            again.append((folder, label))
            continue
        seen.add(identity)
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError:  # it may not be listed: named among what cannot be read
            found.append((_order_of(folder, top), folder, label))
            continue
        for entry in entries:
            path = folder / entry.name
            is_folder = _is_folder(entry)
            if (kind := litter_kind(entry.name, is_folder) or (None if is_folder else _empty(entry))) is not None:
                litter[label][kind] += 1
            elif is_folder:
                (links if entry.is_symlink() else stack).append((path, top, label))
            else:
                found.append((_order_of(path, top), path, label))
    found.sort(key=lambda each: (each[2], each[0], each[1].as_posix()))
    files = [(path, label) for _, path, label in found]
    return Walk(files, litter, [path for path, _ in again], [label for _, label in again])


def folders_and_files(place: Path, litter: Counter[str]) -> tuple[list[Path], list[Path]]:
    """The folders and the files of a folder, each sorted by name; litter is counted.

    A link that leads nowhere may stand for a class: DataError.
    """
    folders: list[Path] = []
    files: list[Path] = []
    try:
        with os.scandir(place) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(f"{place}: cannot be listed ({error.strerror}); check that it may be read") from error
    for entry in entries:
        is_folder = _is_folder(entry)
        if (kind := litter_kind(entry.name, is_folder) or (None if is_folder else _empty(entry))) is not None:
            litter[kind] += 1
            continue
        if entry.is_symlink() and not os.path.exists(entry.path):
            raise DataError(
                f"{place / entry.name}: is a link that leads nowhere, expected a folder or a file; "
                "mend or remove the link"
            )
        (folders if is_folder else files).append(place / entry.name)
    return folders, files


def subfolders(place: Path) -> list[Path]:
    """The folders in a folder, sorted by name, without litter; none where it cannot be listed."""
    with suppress(OSError), os.scandir(place) as listing:
        return sorted(
            place / entry.name for entry in listing if _is_folder(entry) and not litter_kind(entry.name, True)
        )
    return []


def holds_files(folder: Path) -> bool:
    """Whether there is anything below a folder that is not litter; ends at the first."""
    stack = [folder]
    while stack:
        with suppress(OSError), os.scandir(stack.pop()) as listing:
            for entry in listing:
                is_folder = _is_folder(entry)
                if litter_kind(entry.name, is_folder) or (not is_folder and _empty(entry)):
                    continue
                if not is_folder or entry.is_symlink():
                    return True
                stack.append(Path(entry.path))
    return False


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _empty(entry: os.DirEntry[str]) -> str | None:
    with suppress(OSError):
        status = entry.stat()
        if stat.S_ISREG(status.st_mode) and status.st_size == 0:
            return "empty"
    return None


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _order_of(path: Path, top: Path) -> str:
    """What files are sorted by: their order must not change with the Unicode form that a file system keeps."""
    return composed(path.relative_to(top).as_posix())
