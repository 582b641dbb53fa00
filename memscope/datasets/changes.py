"""Changes of a data set, example by example: dropped, given another label, or kept; as a derived run has its data.

What comes in is an `ImageDataset` and what was decided about some of its training examples; what goes out is another
`ImageDataset`, or one line about the first decision that does not fit. The file that holds decisions is read and
written by changes_file.py.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from memscope.datasets.image_dataset import ImageDataset
from memscope.datasets.sampling import part_of
from memscope.errors import DataError, OptionError
from memscope.text import composed

DROP, RELABEL, KEEP = "drop", "relabel", "keep"
DECISIONS = (DROP, RELABEL, KEEP)


@dataclass(frozen=True)
class Change:
    """What was decided about one training example."""

    index: int
    """Its position in the source"""
    sha256: str
    """Of its pixels, see `pixels_of`"""
    decision: str
    """One of DECISIONS"""
    new_label: str = ""
    """With `relabel` the name of a class, or its number; else empty"""
    line: int = 0
    """Of the file that it is from; 0 where there is none yet"""


@dataclass(frozen=True)
class Changes:
    """Decisions about examples of one data set, one an example."""

    fingerprint: str
    """Of the data that they are about"""
    changes: tuple[Change, ...]
    place: str = "the changes"
    """The file that they are from, for errors"""

    def number(self, decision: str) -> int:
        """How many examples were decided so."""
        return sum(one.decision == decision for one in self.changes)


def pixels_of(image: np.ndarray) -> str:
    """SHA-256, in hex, of the bytes of an image, uint8 [H, W, C], row by row with the channels innermost."""
    return hashlib.sha256(np.ascontiguousarray(image).data).hexdigest()


def changed(dataset: ImageDataset, changes: Changes) -> ImageDataset:
    """The data set without what was dropped, the others with their new labels.

    Order, test set and classes stay. A new label is what its image shows: it counts as flipped by nobody, whatever
    it was before. DataError naming the line of the first change that does not fit the data set, and where a class would
    lose its last training example.
    """
    if changes.fingerprint != dataset.fingerprint:
        raise DataError(
            f"{changes.place}: its first line is of data {changes.fingerprint}, expected {dataset.fingerprint}, those "
            "of the run that it is to change; take the file that was made for this run"
        )
    position = {index: at for at, index in enumerate(dataset.train_index.tolist())}
    numbers = numbers_of(dataset.class_names)
    labels = dataset.train_labels.copy()
    shown = None if dataset.true_labels is None else dataset.true_labels.copy()
    kept = np.ones(len(labels), dtype=bool)
    for change in changes.changes:
        where = f"{changes.place}: " + (f"line {change.line:,}" if change.line else f"index {change.index}")
        if change.index not in position:
            raise DataError(f"{where} has index {change.index}, {unknown(dataset, change.index)}")
        at = position[change.index]
        if change.sha256 != (found := pixels_of(dataset.train_images[at])):
            raise DataError(
                f"{where} has sha256 {change.sha256[:12]}..., expected {found}, that of the pixels of index "
                f"{change.index}; it is of another image: check index and sha256"
            )
        if change.decision == DROP:
            kept[at] = False
        elif change.decision == RELABEL:
            labels[at] = label_of(where, change.new_label, numbers, dataset.class_names)
            if shown is not None:
                shown[at] = labels[at]
    if shown is not None and np.array_equal(shown[kept], labels[kept]):
        shown = None  # no label is flipped any more
    there, left = (np.bincount(some, minlength=dataset.num_classes) for some in (dataset.train_labels, labels[kept]))
    for name, before, after in zip(dataset.class_names, there, left, strict=True):
        if before and not after:
            raise DataError(
                f"{changes.place}: leaves the class {name!r} without training examples (it has {before:,}), expected "
                "at least one of each class; keep one"
            )
    other = replace(dataset, train_labels=labels, true_labels=shown)
    return other if kept.all() else part_of(other, np.flatnonzero(kept))


def decided(dataset: ImageDataset, drop: Iterable[int] = (), relabel: Mapping[int, str] | None = None) -> Changes:
    """Changes of a data set: the positions in the source of what is dropped, and the new labels of others by theirs.

    OptionError for a position that no training example has, or that is both dropped and relabelled.
    """
    labels, position = relabel or {}, {index: at for at, index in enumerate(dataset.train_index.tolist())}
    asked = [(int(index), DROP, "") for index in drop]
    asked += [(int(index), RELABEL, str(label)) for index, label in labels.items()]
    twice = [index for index, number in Counter(index for index, _, _ in asked).items() if number > 1]
    if twice:
        raise OptionError(f"index {twice[0]} was given twice; drop it, or give it another label")
    for index, _, _ in asked:
        if index not in position:
            raise OptionError(f"the index is {index}, {unknown(dataset, index).partition(':')[0]}")
    return Changes(
        dataset.fingerprint,
        tuple(
            Change(index, pixels_of(dataset.train_images[position[index]]), decision, label)
            for index, decision, label in sorted(asked)
        ),
    )


def unknown(dataset: ImageDataset, index: int) -> str:
    """Why no training example has this index, and which there are."""
    if index in dataset.test_index:
        return "which is of a test image; only training examples can be changed: delete that line"
    low, high = int(dataset.train_index.min()), int(dataset.train_index.max())
    return (
        f"which no training example has; theirs are {low} to {high}, as memscope score --csv writes them: mend or "
        "delete that line"
    )


def numbers_of(names: tuple[str, ...]) -> Mapping[str, int]:
    """Classes by what a new label may call them; a name comes before a number that is written as it."""
    numbers = {str(number): number for number in range(len(names))}
    return numbers | {composed(name): at for at, name in enumerate(names)} | {n: at for at, n in enumerate(names)}


def label_of(where: str, text: str, numbers: Mapping[str, int], names: tuple[str, ...]) -> int:
    for form in (text, composed(text), text.strip(), composed(text.strip())):
        if form in numbers:
            return numbers[form]
    some = ", ".join(repr(name[:40]) for name in names[:5]) + (", ..." if len(names) > 5 else "")
    raise DataError(
        f"{where} has the new label {text[:40]!r}, expected the name of one of the {len(names)} classes ({some}) or "
        f"its number, 0 to {len(names) - 1}; mend that line"
    )


def composed_changes(first: Changes, then: Changes) -> Changes:
    """One list of changes that does what `first` does and `then` does with what is left, by index.

    The later decision about an example counts, unless it is to keep what the first made of it.
    """
    found = {one.index: one for one in first.changes}
    for one in then.changes:
        if one.decision != KEEP or one.index not in found:
            found[one.index] = one
    return Changes(first.fingerprint, tuple(found[index] for index in sorted(found)), first.place)
