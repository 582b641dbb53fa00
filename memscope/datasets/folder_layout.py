"""Where the classes of an image folder are: `find_layout` looks at names only and opens no file.

    DIR/train/<class>/...  with DIR/test/<class>/... or DIR/val/<class>/..., under any of the names of `ROLES`
    DIR/<class>/...        class folders alone, or with the test set among them: DIR/test/<class>/...

Folders that only wrap these are descended into.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from memscope.datasets.folder_walk import Walk, folders_and_files, holds_files, subfolders, walk_classes
from memscope.datasets.litter import is_text
from memscope.errors import DataError
from memscope.files.limits import ARCHIVES
from memscope.text import abridged, composed

ROLES = {
    "train": ("train", "training"),
    "test": ("test", "testing"),
    "val": ("val", "valid", "validation", "eval", "evaluation", "dev"),
}
SET_NAMES = {
    role: re.compile(rf"(.*[ _.-])?({'|'.join(names)})([ _.-]?(set|images?|imgs?|data|split))?", re.IGNORECASE)
    for role, names in ROLES.items()
}
"""Longer names, as in seg_train or training_set: they count where both a training and a test set has one."""
DEEPEST = 8  # folders around the data


@dataclass(frozen=True)
class Layout:
    """The files of a folder, each with its class; `test` is None where the data have no test set."""

    classes: list[str]
    train: list[tuple[Path, int]]
    test: list[tuple[Path, int]] | None
    notes: list[str] = field(default_factory=list)
    """What a user should know of how it was found, a line each"""


def find_layout(directory: Path) -> Layout:
    notes: list[str] = []
    root = _inside_wrappers(directory, notes)
    litter: Counter[str] = Counter()
    folders, files = folders_and_files(root, litter)
    train = _train(folders)
    if train is not None:
        candidates = _with_role(folders, ("test", "val"))
        _note_left_out(root, [one for one in folders if one != train and one not in candidates], files, notes)
        part = _inside_single(train, ())
        class_folders, files = folders_and_files(part, litter)
        _note_left_out(part, [], files, notes)
    else:
        part = root
        candidates, class_folders = _classes_alone(root, folders, files, notes)
    _note_nested(part, class_folders, notes)
    classes = _classes(class_folders, part, notes)
    if len(classes) < 2:
        raise DataError(_too_few(part, classes, files))
    walk = walk_classes(part, list(classes.values()))
    for label, name in enumerate(classes):
        if not any(own == label for _, own in walk.files):
            raise DataError(
                f"{part / name}: found no images{_only(walk, label)}, expected some in the folder of each class; "
                "put some in, or remove it"
            )
    _note_walk(part, walk, notes, litter)
    test = _test(part, candidates, list(classes), notes, litter)
    if litter:
        rest = litter.total() - sum(count for _, count in litter.most_common(6))
        more = f" and {rest:,} of other kinds" if rest else ""
        notes.append(f"{directory}: passed over what is no picture: {_kinds(litter, 6)}{more}")
    return Layout(list(classes), walk.files, test, notes)


def _inside_wrappers(directory: Path, notes: list[str]) -> Path:
    """The folder that holds the parts or classes: what an unpacked archive made around them is left behind."""
    place = directory
    for _ in range(DEEPEST):
        folders = subfolders(place)
        if _train(folders) is not None:
            break
        holding = [one for one in folders if holds_files(one)]
        split = [one for one in holding if _train(subfolders(one)) is not None]
        if len(split) > 1:
            raise DataError(
                f"{place}: found train folders in {few([one.name for one in split])}, expected one data set; "
                f"name one of them, as in folder:{split[0]}"
            )
        inner = split or (holding if len(holding) == 1 and subfolders(holding[0]) else [])
        if not inner or _roles_of(inner[0].name):
            break
        place = inner[0]
    if place != directory:
        notes.append(f"{directory}: reading the folder {place.relative_to(directory)} in it")
    return place


def _inside_single(part: Path, classes: tuple[str, ...]) -> Path:
    """The folder of classes inside a part that has its own name once more, as in seg_train/seg_train/<class>."""
    for _ in range(DEEPEST):
        folders = subfolders(part)
        if len(folders) != 1 or composed(folders[0].name) in classes or not subfolders(folders[0]):
            break
        part = folders[0]
    return part


def _roles_of(name: str) -> str | None:
    return next((role for role, names in ROLES.items() if name.casefold() in names), None)


def _with_role(folders: list[Path], roles: tuple[str, ...]) -> list[Path]:
    """Folders that have one of the roles: the plain names first, in the order of the roles, longer ones behind."""
    plain = [
        one for role in roles for one in sorted(folders, key=lambda f: f.name != role) if _roles_of(one.name) == role
    ]
    longer = [
        one for role in roles for one in folders if SET_NAMES[role].fullmatch(one.name) and not _roles_of(one.name)
    ]
    return [*plain, *longer]


def _train(folders: list[Path]) -> Path | None:
    """The training part: a folder that has the name of one and holds folders."""
    found = [one for one in _with_role(folders, ("train",)) if subfolders(one)]
    if found and not _roles_of(found[0].name) and not _with_role(folders, ("test", "val")):
        return None  # steam_train among other classes
    return found[0] if found else None


def _classes_alone(
    root: Path, folders: list[Path], files: list[Path], notes: list[str]
) -> tuple[list[Path], list[Path]]:
    """What may be a test set, and the class folders, where no folder is the training part."""
    if folders and all(_roles_of(one.name) for one in folders):
        flat = not any(subfolders(one) for one in folders)
        raise DataError(
            f"{root}: found {few([one.name for one in folders])}, "
            + (
                "without class folders in them, expected train/<class>/; sort the images into a folder for each class"
                if flat
                else f"expected train/<class>/ too; add it, or name one: folder:{folders[0]}"
            )
        )
    others = {composed(one.name) for one in folders if not _roles_of(one.name)}
    candidates = []
    for one in _with_role(folders, ("test", "val")):
        inside = {composed(each.name) for each in subfolders(_inside_single(one, tuple(others)))}
        # `valid` beside `invalid` is a class, and so is `test` beside `control`
        if (inside and inside <= others) or (not inside and _roles_of(one.name) == "test" and len(others) > 1):
            candidates.append(one)
    classes = []
    for one in folders:
        if one in candidates:
            continue
        if not holds_files(one):
            kinds = walk_classes(root, [[one]]).litter[0]
            if kinds and all(is_text(kind) for kind in kinds):
                notes.append(f"{root}: left out the folder {one.name}, which has no images but {_kinds(kinds)}")
                continue
        classes.append(one)
    _note_left_out(root, [], files if classes else [], notes)
    return candidates, classes


def _note_nested(part: Path, classes: list[Path], notes: list[str]) -> None:
    """Where every class has several folders in it these may be meant as the classes, or as parts."""
    inside: list[set[str]] = []
    for one in classes:
        inside.append({each.name for each in subfolders(one)})
        if not inside[-1]:  # as usual: the other classes need not be listed
            return
    if len(classes) < 2:
        return
    common, every = set.intersection(*inside), set.union(*inside)
    if common and all(_roles_of(name) for name in common):
        notes.append(
            f"{part}: each class has the folders {few(sorted(common))}, whose images are read together; "
            f"to keep them apart, move them to {sorted(common)[0]}/<class>/ and so on"
        )
    elif len(common) > 1:
        notes.append(
            f"{part}: the classes are {few([one.name for one in classes])}, and each has the folders "
            f"{few(sorted(common))}; if these are the classes, name one: folder:{classes[0]}"
        )
    elif all(len(names) > 1 for names in inside):
        notes.append(
            f"{part}: the classes are {few([one.name for one in classes])}, and have folders of their own in them "
            f"({few(sorted(every))}); if these are the classes, move them up into {part}"
        )


def _classes(folders: list[Path], part: Path, notes: list[str]) -> dict[str, list[Path]]:
    """The folders of each class, by its name in composed letters: file systems keep names in different forms."""
    classes: dict[str, list[Path]] = {}
    for folder in folders:
        classes.setdefault(composed(folder.name), []).append(folder)
    twice = [name for name, same in classes.items() if len(same) > 1]
    if twice:
        notes.append(f"{part}: {few(twice)} is there in composed and in decomposed letters, and is one class")
    return dict(sorted(classes.items()))


def _test(
    train: Path, candidates: list[Path], classes: list[str], notes: list[str], litter: Counter[str]
) -> list[tuple[Path, int]] | None:
    """The files of the first candidate that has images of the classes; None where there is no candidate."""
    refusal = None
    for position, candidate in enumerate(candidates):
        part = _inside_single(candidate, tuple(classes))
        folders, _ = folders_and_files(part, litter)
        found = _classes(folders, part, notes)
        strange = sorted(set(found) - set(classes))
        if not found or (len(found) == 1 and strange and strange[0].casefold() not in map(str.casefold, classes)):
            what = f"only the folder {strange[0]!r}" if strange else "no class folders"
            notes.append(f"{candidate}: left out, it has {what}")
            continue
        if strange:
            raise DataError(
                f"{part}: found the class {strange[0]!r}, which {train} does not have; expected the same classes, "
                "rename or remove it"
            )
        walk = walk_classes(part, [found.get(name, []) for name in classes])
        if not walk.files:
            refusal = refusal or DataError(f"{part}: found no images, expected some in {part}/<class>/; add them")
            continue
        _note_walk(part, walk, notes, litter)
        if rest := [one.name for one in candidates[position + 1 :]]:
            notes.append(f"{candidate.parent}: the test set is {candidate.name}; left out {few(rest)}")
        return walk.files
    if refusal:
        raise refusal
    return None


def _note_walk(part: Path, walk: Walk, notes: list[str], litter: Counter[str]) -> None:
    for kinds in walk.litter:
        litter.update(kinds)
    if walk.again:
        named = few([one.relative_to(part).as_posix() for one in walk.again])
        notes.append(f"{part}: not followed were links to folders that are read anyway, or that lie above: {named}")


def _note_left_out(place: Path, folders: list[Path], files: list[Path], notes: list[str]) -> None:
    left = [one.name for one in folders if holds_files(one)] + [one.name for one in files]
    if left:
        notes.append(f"{place}: left out {few(left)}, beside the folders that are read")


def _too_few(part: Path, classes: dict[str, list[Path]], files: list[Path]) -> str:
    if classes:
        found = f"only the class {next(iter(classes))!r}"
    elif files:
        found = f"no class directories but {few([one.name for one in files])}"
    else:
        found = "no class directories"
    packed = [one.name for one in files if one.suffix.lower() in ARCHIVES]
    way = f"unpack {few(packed)} first" if packed else "put each class's images in its own directory"
    return f"{part}: found {found}, expected at least 2; {way}"


def _only(walk: Walk, label: int) -> str:
    """What a class without images has instead."""
    if walk.litter[label]:
        return f", only {_kinds(walk.litter[label])}"
    again = [one for one, own in zip(walk.again, walk.again_labels, strict=True) if own == label]
    return f", only a link to a folder that is read already ({again[0].name})" if again else ""


def _kinds(kinds: Counter[str], most: int = 4) -> str:
    return ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common(most))


def few(names: Sequence[str], count: int = 4) -> str:
    """A few of the names, and how many more there are."""
    shown = ", ".join(abridged(name, 60) for name in names[:count])
    return shown if len(names) <= count else f"{shown} and {len(names) - count:,} more"
