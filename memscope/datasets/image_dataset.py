"""`ImageDataset`: what every loader gives and everything else takes."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True, eq=False, repr=False)
class ImageDataset:
    """Images, labels and the identity of every example.

    N training examples, M test examples, images of height H, width W and C channels (1 or 3).
    """

    spec: str
    """What `load_dataset` was asked for."""
    train_images: np.ndarray
    """uint8 [N, H, W, C]"""
    train_labels: np.ndarray
    """int64 [N], the labels as given to the models (after label noise)"""
    test_images: np.ndarray
    """uint8 [M, H, W, C]"""
    test_labels: np.ndarray
    """int64 [M], never flipped"""
    class_names: tuple[str, ...]
    train_index: np.ndarray
    """int64 [N], each example's position in its source"""
    test_index: np.ndarray
    """int64 [M]"""
    train_names: tuple[str, ...] | None = None
    """N file names relative to the source, where the source has files"""
    test_names: tuple[str, ...] | None = None
    true_labels: np.ndarray | None = None
    """int64 [N], the labels before `--label-noise` flipped some; None where none were flipped"""
    test_share: float | None = None
    """Share of each class that was held out as test set; None where the source has a test set"""

    def __repr__(self) -> str:
        height, width, channels = self.image_shape
        return (
            f"ImageDataset({self.spec!r}, {len(self.train_labels)} training and {len(self.test_labels)} test images of "
            f"{height}x{width}x{channels}, {self.num_classes} classes)"
        )

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(H, W, C)"""
        height, width, channels = self.train_images.shape[1:]
        return height, width, channels

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256, in hex, over everything that a model or a score can depend on: images, labels, class names."""
        digest = hashlib.sha256(b"memscope-dataset-1")
        digest.update("\0".join(self.class_names).encode())
        for array in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()
