"""`difference`: what was done to a data set since it was read, in the words of whoever did it.

Images are found again by their pixels, wherever they have been moved and whatever they are called now.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from memscope.datasets.image_dataset import ImageDataset


class Item(NamedTuple):
    """One image of a data set."""

    key: object
    """Its name, or its position in the source"""
    pixels: object
    """Equal for equal pixels"""
    label: str
    """The name of its class, before any label was flipped"""
    tested: bool


@dataclass(frozen=True)
class Difference:
    """How the images of a data set differ from those of before."""

    found: int
    expected: int
    added: int
    """0 where the ones of before are a sample, which says nothing of the others"""
    gone: int
    relabelled: int
    repainted: int
    """Those with other pixels"""
    sides: int
    """Moved from the training to the test set, or back"""
    new_classes: tuple[str, ...]
    gone_classes: tuple[str, ...]
    shape: tuple[int, int, int]
    expected_shape: tuple[int, int, int]
    example: str
    """One that has another label, as `cat/1.png from cat to dog`; empty where there is none"""
    sampled: bool


def difference(now: ImageDataset, before: ImageDataset, *, sampled: bool = False, pixels: bool = True) -> Difference:
    """Compare a whole data set with that of before, which may be a sample of it.

    Without `pixels`, those of before are unknown, and images are found again by their names or positions only.
    """
    same_shape = now.image_shape[:2] == before.image_shape[:2]
    by_name = before.train_names is not None and now.train_names is not None
    compared = pixels and same_shape
    old, new = list(items(before, by_name, compared)), list(items(now, by_name, compared))
    pairs = []
    keys: Iterable[Callable[[Item], object]] = (
        lambda one: (one.key, one.pixels, one.label),
        lambda one: (one.pixels, one.label, one.tested),
        lambda one: (one.pixels, one.label),
        lambda one: (one.key, one.pixels),
        lambda one: one.pixels,
        lambda one: one.key,
    )
    for key in keys:
        found, old, new = matched(old, new, key)
        pairs += found
    relabelled = [(then, one) for then, one in pairs if then.label != one.label]
    return Difference(
        found=len(now.train_labels) + len(now.test_labels),
        expected=len(before.train_labels) + len(before.test_labels),
        added=0 if sampled else len(new),
        gone=len(old),
        relabelled=len(relabelled),
        repainted=sum(then.pixels != one.pixels for then, one in pairs),
        sides=0 if sampled else sum(then.tested != one.tested for then, one in pairs),
        new_classes=tuple(name for name in now.class_names if name not in before.class_names),
        gone_classes=tuple(name for name in before.class_names if name not in now.class_names),
        shape=now.image_shape,
        expected_shape=before.image_shape,
        example=said_of(*relabelled[0], by_name) if relabelled else "",
        sampled=sampled,
    )


def items(dataset: ImageDataset, by_name: bool, pixels: bool) -> Iterator[Item]:
    """The images of a data set, train before test; their pixels count only where they are asked for."""
    given = dataset.train_labels if dataset.true_labels is None else dataset.true_labels
    # held out from the training images, the test images have positions among them, and may change sides
    apart = bool(np.isin(dataset.test_index, dataset.train_index).any())
    for tested, images, labels, index, names in (
        (False, dataset.train_images, given, dataset.train_index, dataset.train_names),
        (True, dataset.test_images, dataset.test_labels, dataset.test_index, dataset.test_names),
    ):
        for at, label in enumerate(labels):
            key: object = names[at] if by_name and names is not None else (int(index[at]), apart and tested)
            same = hashed(images[at]) if pixels else key
            yield Item(key, same, dataset.class_names[label], tested)


def hashed(image: np.ndarray) -> bytes:
    """A hash of uint8 [H, W, C]; a grey image has the same in one channel as in three."""
    grey = image.shape[-1] > 1 and bool((image == image[..., :1]).all())
    return hashlib.blake2b(np.ascontiguousarray(image[..., :1] if grey else image).data, digest_size=16).digest()


def matched(
    old: list[Item], new: list[Item], key: Callable[[Item], object]
) -> tuple[list[tuple[Item, Item]], list[Item], list[Item]]:
    """Pairs of the same key, each image in one pair at most, and what is left of both, in their order."""
    waiting = defaultdict(list)
    for one in reversed(old):
        waiting[key(one)].append(one)
    pairs, left = [], []
    for one in new:
        same = waiting[key(one)]
        if same:
            pairs.append((same.pop(), one))
        else:
            left.append(one)
    taken = {id(then) for then, _ in pairs}
    return pairs, [one for one in old if id(one) not in taken], left


def said_of(then: Item, now: Item, by_name: bool) -> str:
    called = str(now.key) if by_name else f"image {now.key[0]}"  # type: ignore[index]  # a position and a side
    return f"{called} from {then.label} to {now.label}"


def told(difference: Difference) -> str:
    """The difference in a few words, as after `differs:`."""
    one = difference
    parts = []
    if one.shape != one.expected_shape:
        parts.append(f"images of {'x'.join(map(str, one.shape))} in place of {'x'.join(map(str, one.expected_shape))}")
    for classes, what in ((one.new_classes, "new"), (one.gone_classes, "gone")):
        if classes:
            named = ", ".join(classes[:3]) + (", ..." if len(classes) > 3 else "")
            parts.append(f"{len(classes):,} {'class' if len(classes) == 1 else 'classes'} {what} ({named})")
    counts = (
        (one.added, "added"),
        (one.gone, "gone"),
        (one.relabelled, "with another label"),
        (one.repainted, "with other pixels"),
        (one.sides, "moved between training and test set"),
    )
    parts += [f"{count:,} {what}" for count, what in counts if count]
    of = f", of {one.expected:,} images" if any(count for count, _ in counts) else ""
    example = f" (such as {one.example})" if one.example else ""
    if parts:
        return ", ".join(parts) + of + example
    if one.sampled:
        return f"the {one.expected:,} images of this run are there, but others beside them, or in another order"
    return "the same images and labels, in another order"
