"""A class-balanced sample of the training set, and labels flipped on purpose.

Both depend on the data seed, which is separate from the seed of training, so that runs with different seeds score the
same examples.
"""

from dataclasses import replace

import numpy as np

from memscope.datasets.image_dataset import ImageDataset
from memscope.errors import OptionError
from memscope.streams import integers, permutation, stream

DRAWS = 1000
"""Of flips at most, until one leaves every class an example. Nearly always the first does."""


def sample_examples(dataset: ImageDataset, examples: int, data_seed: int) -> ImageDataset:
    """Keep `examples` training examples, as many of each class as can be, in source order; the test set stays whole.

    Counts of classes that have enough differ by at most one. Raises `OptionError` for more than there are and for
    fewer than one per class.
    """
    there = len(dataset.train_labels)
    if not dataset.num_classes <= examples <= there:
        raise OptionError(
            f"{examples} examples were asked for; {dataset.spec} has {there} in {dataset.num_classes} classes, "
            f"ask for {dataset.num_classes} to {there}"
        )
    order = permutation(stream("sample", data_seed), there)
    return part_of(dataset, balanced_choice(dataset.train_labels, dataset.num_classes, examples, order))


def part_of(dataset: ImageDataset, kept: np.ndarray) -> ImageDataset:
    """The data set with the training examples at some positions, int64 [n], in their order; the test set whole."""
    names = dataset.train_names
    return replace(
        dataset,
        train_images=dataset.train_images[kept],
        train_labels=dataset.train_labels[kept],
        train_index=dataset.train_index[kept],
        train_names=None if names is None else tuple(names[position] for position in kept),
        true_labels=None if dataset.true_labels is None else dataset.true_labels[kept],
    )


def balanced_choice(labels: np.ndarray, num_classes: int, count: int, order: np.ndarray) -> np.ndarray:
    """The positions of `count` labels, classes as equal as possible, int64 [count], ascending.

    Takes the labels in the given order (int64 [N], a permutation): first one of each class, then a second of
    each, and so on; within a round, the classes in the order in which the permutation meets them.
    """
    turn = np.empty(len(labels), dtype=np.int64)
    for label in range(num_classes):
        members = order[labels[order] == label]
        turn[members] = np.arange(len(members))
    taken = order[np.argsort(turn[order], kind="stable")[:count]]
    return np.sort(taken)


def flip_labels(dataset: ImageDataset, fraction: float, data_seed: int, draws: int = DRAWS) -> ImageDataset:
    """Give round(fraction * N) training examples, chosen uniformly, a uniformly random other label.

    The labels before are kept in `true_labels`. A permutation of the N examples picks which: the flips of a
    sample are not those of the whole set. Flips that leave a class without any example are drawn again. Raises
    `OptionError` for a fraction outside [0, 1), and where `draws` draws all empty a class; with a single draw it is
    taken as it is.
    """
    if not 0 <= fraction < 1:
        raise OptionError(f"label noise {fraction} was asked for; it is a fraction from 0 to below 1")
    count = len(dataset.train_labels)
    flipped = round(fraction * count)
    if not flipped:
        return dataset
    source = stream("flips", data_seed)
    for _ in range(draws):
        chosen = permutation(source, count)[:flipped]
        steps = 1 + integers(source, dataset.num_classes - 1, flipped)
        labels = dataset.train_labels.copy()
        labels[chosen] = (labels[chosen] + steps) % dataset.num_classes
        if draws == 1 or np.bincount(labels, minlength=dataset.num_classes).all():
            break
    else:
        raise OptionError(
            f"label noise {fraction} was asked for; each of {draws} draws of it left a class of {dataset.spec} without "
            "training examples; use less, or more examples of its smallest classes"
        )
    before = dataset.train_labels if dataset.true_labels is None else dataset.true_labels
    return replace(dataset, train_labels=labels, true_labels=before)
