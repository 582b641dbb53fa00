"""Which images occur twice: exactly, or nearly so.

Takes the uint8 images of a data set, gives group numbers. An example whose copy is also in the training set is
predicted well without being trained on, so its memorisation is low by definition; `score` says how many there are.

The near search adapts to the data set. No single threshold of plain pixel correlation suits every data set: at 0.95
almost every CIFAR-10 pair with detail is one photograph twice, while at 0.99 most Fashion-MNIST pairs are merely two
pairs of trousers. So the images are whitened by the data set's principal components, which takes out what its images
have in common, and "near" is relative to the distance between ordinary neighbours in the most crowded part of the data
set.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from memscope.streams import permutation, stream

NEAR_SEARCH_LIMIT = 100_000  # images; the search is quadratic: 70,000 take half a minute on one core
SIDE = 32  # whitening looks at grey images of at most this side
SAMPLE = 10_000  # images that the principal components are taken from
REFERENCES = 2_000  # images that say how close ordinary neighbours are
RANK = 5  # of an image's neighbours among the references; the first few may be its own duplicates
CROWDED = 0.99  # quantile over the images: the most crowded hundredth sets the scale
COARSE = 96  # leading components that candidates are chosen by
MIN_CORRELATION = 0.9  # of all pixels; refuses framed CIFAR-10 pictures, which share only their frame

# Decided by looking at 30 pairs from each band. At 0.25 the cut on the cosine is 0.87 for Fashion-MNIST (331 pairs
# among 70,000 images) and 0.79 for CIFAR-10 (131 among 60,000). Fashion-MNIST pairs from 0.87 up show the same
# garment, mostly; from 0.84 to 0.87 (0.3) more and more are merely alike, and 0.4 gives 2,404 pairs, mostly of
# trousers. CIFAR-10 pairs would be true much further down (2 of 60 from 0.67 to 0.79 were not): two thirds of the
# 357 pairs of 0.4 are given up for precision, and 0.4 % of its test images have a partner in train here, of 3.3 %
# by eye (ciFAIR).
SHARE = 0.25
COARSE_SHARE = 0.6  # none of those 462 pairs needed more than 0.55
FLAT = 1.0  # grey levels: an image whose standard deviation is less shows nothing to compare
ROWS, COLUMNS = 512, 4096  # a block of similarities: 8 MB, stays near the cache


@dataclass(frozen=True, eq=False)
class Duplicates:
    """Groups of equal and of nearly equal images; train and test share the group numbers."""

    train_exact: np.ndarray
    """int32 [N], the group of equal images; -1: no other image is equal"""
    test_exact: np.ndarray
    """int32 [M]"""
    train_near: np.ndarray
    """int32 [N], the group of nearly equal images, equal ones included; -1: in no group"""
    test_near: np.ndarray
    """int32 [M]"""
    near_searched: bool
    """False above `NEAR_SEARCH_LIMIT` images: the near groups are then the exact ones"""


def find_duplicates(train_images: np.ndarray, test_images: np.ndarray) -> Duplicates:
    """Group the equal and the nearly equal images, uint8 [N, H, W, C] and [M, H, W, C], over train and test.

    Near-duplicates are linked pair by pair and groups are the connected components. Group numbers count from 0
    in the order of each group's first image, train before test.

    The near search would rather miss a pair than report a false one. It does not find crops, mirrored and strongly
    shifted copies, nor groups of more than `RANK` near copies that together make up over a hundredth of the images
    (frames of a film): such neighbours count as ordinary.
    """
    count = len(train_images) + len(test_images)
    first = _first_equal(train_images, test_images)
    exact = _groups(first)
    near_searched = count <= NEAR_SEARCH_LIMIT
    near = exact
    if near_searched:
        unique = np.flatnonzero(first == np.arange(count))
        linked = _link(len(unique), near_pairs(train_images, test_images, unique))
        place = np.zeros(count, dtype=np.int64)
        place[unique] = np.arange(len(unique))
        near = _groups(unique[linked[place[first]]])
    split = len(train_images)
    return Duplicates(exact[:split], exact[split:], near[:split], near[split:], near_searched)


def near_pairs(train_images: np.ndarray, test_images: np.ndarray, chosen: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the nearly equal pairs among the chosen images, int64 [pairs, 2], as positions in `chosen`.

    Two images are nearly equal where their whitened images have a cosine of at least `_cut(..., SHARE)` and their
    pixels, all channels at full resolution, have a correlation of at least `MIN_CORRELATION`.
    """
    if len(chosen) < 2:
        return
    described = np.concatenate([_describe(_take(train_images, test_images, part)) for part in _parts(chosen, 1000)])
    seen = np.flatnonzero(described.any(axis=1))
    if len(seen) < 2:
        return
    fine = _whiten(described[seen])
    del described
    coarse = _unit(fine[:, :COARSE].astype(np.float32))
    fine = _unit(fine)
    fine_cut, coarse_cut = _cut(fine, SHARE), _cut(coarse, COARSE_SHARE)
    pixels = int(np.prod(train_images.shape[1:]))
    batch = max(1, 4_000_000 // pixels)
    for candidates in _similar(coarse, coarse_cut):
        for part in _parts(candidates, batch):
            cosine = np.einsum("pd,pd->p", fine[part[:, 0]], fine[part[:, 1]])
            part = part[cosine >= fine_cut]
            if len(part):
                left, right = (
                    _unit(_centred(_take(train_images, test_images, chosen[seen[part[:, side]]]))) for side in (0, 1)
                )
                yield seen[part[np.einsum("pd,pd->p", left, right) >= MIN_CORRELATION]]


def _first_equal(train_images: np.ndarray, test_images: np.ndarray) -> np.ndarray:
    """For each image the position of the first one that equals it, int64 [N + M]."""
    seen: dict[bytes, int] = {}
    position = 0
    first = np.empty(len(train_images) + len(test_images), dtype=np.int64)
    for images in (train_images, test_images):
        for image in images:
            digest = hashlib.sha256(np.ascontiguousarray(image).data).digest()
            first[position] = seen.setdefault(digest, position)
            position += 1
    return first


def _groups(first: np.ndarray) -> np.ndarray:
    """Number the sets of images that share a first image, int32 [images]; -1 for those that are alone."""
    _, member, counts = np.unique(first, return_inverse=True, return_counts=True)
    number = np.where(counts > 1, np.cumsum(counts > 1) - 1, -1).astype(np.int32)
    return number[member]


def _link(count: int, pairs: Iterator[np.ndarray]) -> np.ndarray:
    """The smallest member of each item's connected component, int64 [count] (union-find with path halving)."""
    parent = list(range(count))

    def root(item: int) -> int:
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    for block in pairs:
        for left, right in block.tolist():
            low, high = sorted((root(left), root(right)))
            parent[high] = low
    return np.array([root(item) for item in range(count)], dtype=np.int64)


def _take(train_images: np.ndarray, test_images: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """The images at these positions of train followed by test, uint8 [positions, H, W, C]."""
    split = len(train_images)
    taken = np.empty((len(positions), *train_images.shape[1:]), dtype=np.uint8)
    in_train = positions < split
    taken[in_train] = train_images[positions[in_train]]
    taken[~in_train] = test_images[positions[~in_train] - split]
    return taken


def _parts(items: np.ndarray, length: int) -> Iterator[np.ndarray]:
    return (items[start : start + length] for start in range(0, len(items), length))


def _centred(images: np.ndarray) -> np.ndarray:
    """Each image as a float32 vector of mean 0, [images, pixels]."""
    flat = images.reshape(len(images), -1).astype(np.float32)
    return flat - flat.mean(axis=1, keepdims=True)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def _describe(images: np.ndarray) -> np.ndarray:
    """Grey images of at most SIDE x SIDE, mean 0 and length 1, float32 [images, pixels]; flat ones all 0."""
    grey = images.mean(axis=3, dtype=np.float32)
    for axis in (1, 2):
        size = grey.shape[axis]
        edges = np.arange(min(size, SIDE)) * size // min(size, SIDE)
        widths = np.diff(np.append(edges, size)).astype(np.float32)
        grey = np.add.reduceat(grey, edges, axis=axis) / (widths[:, None] if axis == 1 else widths)
    centred = _centred(grey)
    flat = centred.std(axis=1) < FLAT
    centred[flat] = 0
    return _unit(centred)


def _whiten(described: np.ndarray) -> np.ndarray:
    """Project on the principal components, each divided by its standard deviation, float32 [images, components].

    1/n of the total variance, for n images sampled, is added to each component's: what lies below is noise of
    JPEG and of the sample (at n = 10,000 real CIFAR-10 pairs keep cosines of 0.6 to 1, others stay below 0.3).
    """
    sample = described[np.sort(permutation(stream("duplicates-sample"), len(described))[:SAMPLE])]
    mean = sample.mean(axis=0)
    sample = sample - mean
    if len(sample) < sample.shape[1]:  # then the sample is all there is, and its span holds every image
        _, deviations, across = np.linalg.svd(sample, full_matrices=False)
        variance, axes = deviations**2 / len(sample), across.T
    else:
        variance, axes = np.linalg.eigh(sample.T @ sample / len(sample))
        variance, axes = np.maximum(variance[::-1], 0), axes[:, ::-1]
    scaled = axes / np.sqrt(variance + variance.sum() / len(sample) + 1e-12)
    return (described - mean) @ scaled.astype(np.float32)


def _cut(vectors: np.ndarray, share: float) -> float:
    """The cosine from which a pair is near: (1 - cosine) at most `share` of that of crowded ordinary neighbours."""
    count = len(vectors)
    references = permutation(stream("duplicates-references"), count)[:REFERENCES]
    if len(references) <= RANK + 1:
        return 1 - share
    column = np.full(count, -1)
    column[references] = np.arange(len(references))
    ordinary = np.empty(count, dtype=np.float32)
    for start in range(0, count, 1000):
        cosines = vectors[start : start + 1000] @ vectors[references].T
        own = column[start : start + 1000]
        cosines[own >= 0, own[own >= 0]] = -1
        ordinary[start : start + 1000] = np.partition(cosines, -RANK, axis=1)[:, -RANK]
    return 1 - share * (1 - max(0.0, float(np.quantile(ordinary, CROWDED))))


def _similar(vectors: np.ndarray, cut: float) -> Iterator[np.ndarray]:
    """Yield the pairs (i < j) of unit vectors with a cosine of at least `cut`, block by block, int64 [pairs, 2]."""
    count = len(vectors)
    space = np.empty(ROWS * COLUMNS, dtype=np.float32)
    for row in range(0, count, ROWS):
        above = vectors[row : row + ROWS]
        for column in range(row, count, COLUMNS):
            beside = vectors[column : column + COLUMNS]
            cosines = space[: len(above) * len(beside)].reshape(len(above), len(beside))
            np.matmul(above, beside.T, out=cosines)
            found = np.flatnonzero(cosines >= cut)
            if len(found):
                pairs = np.stack([row + found // len(beside), column + found % len(beside)], axis=1)
                yield pairs[pairs[:, 0] < pairs[:, 1]]
