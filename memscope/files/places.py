"""Where a path that somebody gave leads: `~`, letters in another Unicode form, places of before."""

import os
import unicodedata
from pathlib import Path

STANDARD_OUTPUT = Path("-")
"""Where a command writes a file that is asked for as `-`"""


def at_home(path: str | os.PathLike[str]) -> Path:
    """The path with `~` as the home directory; as it is where there is no such home."""
    return Path(os.path.expanduser(path))


def found_place(path: str) -> Path:
    """The path with `~` as the home directory and every name in the Unicode form in which it is on the disk.

    A keyboard gives é as one letter; a disk written by a Mac may have e and an accent. What is not there in any form
    stays as it is.
    """
    place = at_home(path)
    if os.path.lexists(place):
        return place
    reached = Path(place.anchor)
    for part in place.parts[1 if place.anchor else 0 :]:
        forms = (part, *(unicodedata.normalize(form, part) for form in ("NFC", "NFD")))
        reached = next((reached / form for form in forms if os.path.lexists(reached / form)), reached / part)
    return reached


TORCHVISION, ROOT = "torchvision", "data"
"""The form whose place may be left out, and what torchvision's own examples call it"""


def split_spec(spec: str) -> tuple[str, str]:
    """What comes before the place in a data set's name, and the place: `torchvision:NAME` and ROOT, for one."""
    form, _, place = spec.partition(":")
    if form != TORCHVISION:
        return form, place
    name, _, root = place.partition(":")
    return f"{form}:{name}", root or ROOT


def place_in(spec: str) -> Path | None:
    """The place in a data set's name; None where it has none."""
    _, place = split_spec(spec)
    return Path(place) if place else None


def short_spec(spec: str) -> str:
    """A data set's name with only the last part of its place, for captions: in print the folders above say nothing."""
    before, place = split_spec(spec)
    if before.startswith(f"{TORCHVISION}:"):
        return before
    return f"{before}:{Path(place).name or place}" if place else spec


def found_spec(spec: str) -> str:
    """A data set's name with its place as `found_place` has it."""
    before, place = split_spec(spec)
    if not place:
        return spec
    found = str(found_place(place))
    # no ~, as of a user that there is not, is left to be expanded again
    return f"{before}:{os.path.abspath(found) if found.startswith('~') else found}"


def mended_spec(spec: str) -> str:
    """The data set's name in a plan; where an earlier memscope took `~` for a directory, with what was meant.

    It wrote `npz:/work/~/d.npz` for `npz:~/d.npz`. A directory that is really called `~` stays what it is.
    """
    place = place_in(spec)
    before, tilde, rest = spec.partition("/~/")
    if place is None or not tilde or os.path.lexists(place):
        return spec
    meant = at_home(f"~/{rest}")
    return f"{before.partition(':')[0]}:{meant}" if os.path.lexists(meant) else spec
