"""`listing_of`: whether the files of a data set may have changed, without opening one of them."""

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from memscope.datasets.litter import litter_kind
from memscope.files.places import TORCHVISION, found_place, split_spec


def listing_of(spec: str) -> str | None:
    """SHA-256, in hex, over the data set's name and its files' names, lengths and times of modification.

    None where nothing is there, and for data that nobody edits: bundled ones, and what torchvision has published.
    """
    form, place = split_spec(spec)
    root = found_place(place) if place else None
    if root is None or form.partition(":")[0] == TORCHVISION or not root.exists():
        return None
    digest = hashlib.sha256(f"memscope-listing-1\0{spec}".encode(errors="surrogateescape"))
    for name, status in files_below(root):
        digest.update(f"\0{name}\0{status.st_size}\0{status.st_mtime_ns}".encode(errors="surrogateescape"))
    return digest.hexdigest()


def files_below(root: Path) -> Iterator[tuple[str, os.stat_result]]:
    """The files below a place, or the file that is there, but no litter; through links too, each folder once."""
    if not root.is_dir():
        yield "", root.stat()
        return
    seen: set[tuple[int, int]] = set()
    stack = [root]
    while stack:
        folder = stack.pop()
        try:
            here = folder.stat()
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError:  # what cannot be listed cannot be read either
            continue
        if (here.st_dev, here.st_ino) in seen:
            continue
        seen.add((here.st_dev, here.st_ino))
        for entry in entries:
            try:
                status = entry.stat()
            except OSError:
                continue
            is_folder = stat.S_ISDIR(status.st_mode)
            if litter_kind(entry.name, is_folder):
                continue
            if is_folder:
                stack.append(folder / entry.name)
            else:
                yield (folder / entry.name).relative_to(root).as_posix(), status
