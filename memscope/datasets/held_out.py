"""A test set for a source that has none: a share of each class, chosen by the pixels."""

import hashlib
from dataclasses import replace

import numpy as np

from memscope.datasets.image_dataset import ImageDataset
from memscope.errors import DataError, OptionError

TEST_SHARE = 0.2
"""Of each class, unless `--test-share` says otherwise."""


def hold_out_test_set(dataset: ImageDataset, share: float, seed: int) -> ImageDataset:
    """Make a test set of those of the N training examples whose `pixel_ranks` are below `share`.

    So identical images stay together, whatever their labels, and no image moves when others are added or deleted. Each
    class has `share` of its images in the test set on average. Only in a class that has none there, the lowest rank
    goes there, and from one that has all there the highest comes back; these may move when the class grows.
    `DataError` where even so a class has examples on one side only.
    """
    if not 0 < share < 1:
        raise OptionError(f"the test share is {share}; it is a fraction between 0 and 1, such as {TEST_SHARE}")
    ranks = pixel_ranks(dataset.train_images, seed)
    tested = ranks < share
    for label in range(dataset.num_classes):
        own = dataset.train_labels == label
        if not tested[own].any():
            tested[ranks == ranks[own].min()] = True
        elif tested[own].all():
            tested[ranks == ranks[own].max()] = False
    for label, name in enumerate(dataset.class_names):
        sides = tested[dataset.train_labels == label]
        if sides.all() or not sides.any():
            why = "has 1 image" if len(sides) == 1 else f"has {len(sides):,} images, all of them copies"
            raise DataError(
                f"{dataset.spec}: has no test set, and none can be made of it: class {name!r} {why}, and needs one for "
                "training and one for testing; add images of it, or a test set, or take the class away"
            )
    names = dataset.train_names
    return replace(
        dataset,
        train_images=dataset.train_images[~tested],
        train_labels=dataset.train_labels[~tested],
        train_index=dataset.train_index[~tested],
        train_names=None if names is None else tuple(names[one] for one in np.flatnonzero(~tested)),
        test_images=dataset.train_images[tested],
        test_labels=dataset.train_labels[tested],
        test_index=dataset.train_index[tested],
        test_names=None if names is None else tuple(names[one] for one in np.flatnonzero(tested)),
        test_share=share,
    )


def pixel_ranks(images: np.ndarray, seed: int) -> np.ndarray:
    """A number in [0, 1) for each image of uint8 [N, H, W, C], float64 [N]: its SHA-256, with the seed, over 2^256.

    A grey image has the same rank in one channel as in three.
    """
    grey = (images == images[..., :1]).all(axis=(1, 2, 3))
    ranks = np.empty(len(images))
    for position, image in enumerate(images):
        pixels = np.ascontiguousarray(image[..., :1] if grey[position] else image)
        digest = hashlib.sha256(f"memscope-test-set-1:{seed}:{pixels.shape}:".encode())
        digest.update(pixels.data)
        # the first 53 bits, which a float64 holds exactly
        ranks[position] = (int.from_bytes(digest.digest()[:8], "big") >> 11) / 2**53
    return ranks
