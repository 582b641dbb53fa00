"""Images are prepared for the predictors as torchvision's transforms do it, to the last bit."""

import numpy as np
import pytest
from PIL import Image

from memscope.predictors.prepared import prepared, resized
from memscope.torchvision_import import mend_torchvision

SHAPES = [
    (1, 1, 3), (1, 1, 1), (1, 7, 3), (7, 1, 1), (2, 3, 3), (8, 8, 1), (28, 28, 1), (32, 32, 3), (31, 57, 3),
    (57, 31, 1), (100, 100, 3), (227, 227, 3), (255, 257, 3), (256, 256, 3), (256, 256, 1), (256, 100, 3),
    (300, 400, 3), (511, 333, 1),
]  # fmt: skip
"""Tiny, odd, grey, narrow, of just the size, and larger than what is made of them"""


def theirs(image: np.ndarray, side: int) -> np.ndarray:
    """By torchvision, from a picture in RGB, as the packages say their own is to be used."""
    mend_torchvision()
    from torchvision import transforms

    steps = transforms.Compose([transforms.Resize((256, 256)), transforms.CenterCrop(side), transforms.ToTensor()])
    picture = Image.fromarray(image[..., 0]) if image.shape[2] == 1 else Image.fromarray(image)
    return steps(picture.convert("RGB")).numpy()


@pytest.mark.parametrize("side", [227, 224])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_images_are_prepared_as_by_torchvision_to_the_last_bit(shape, side):
    random = np.random.default_rng(sum(shape))
    smooth = np.linspace(0, 255, np.prod(shape)).astype(np.uint8).reshape(shape)
    images = np.stack([random.integers(0, 256, shape, dtype=np.uint8), smooth, np.full(shape, 255, np.uint8)])
    found = prepared(images, side)
    assert found.dtype == np.float32
    assert found.shape == (3, 3, side, side)
    for one, image in zip(found, images, strict=True):
        assert one.tobytes() == theirs(image, side).tobytes()
    assert found[2].min() == found[2].max() == 1


def test_every_grey_level_is_divided_as_by_torchvision():
    levels = np.broadcast_to(np.arange(256, dtype=np.uint8)[:, None, None, None], (256, 256, 256, 1))[::5]
    found = prepared(levels, 227)
    for one, level in zip(found, levels, strict=True):
        assert one.tobytes() == theirs(np.ascontiguousarray(level), 227).tobytes()


def test_images_that_are_a_view_or_cannot_be_written_to_are_prepared_all_the_same():
    whole = np.random.default_rng(1).integers(0, 256, (4, 9, 12, 3), dtype=np.uint8)
    view = whole[:, ::2, 1:11:3]
    view.flags.writeable = False
    assert np.array_equal(prepared(view, 224), prepared(np.ascontiguousarray(view), 224))


def test_resizing_takes_any_height_and_width_and_keeps_the_channels():
    images = np.random.default_rng(2).integers(0, 256, (2, 10, 20, 1), dtype=np.uint8)
    found = resized(images, 30, 16)
    assert found.shape == (2, 30, 16, 1)
    expected = Image.fromarray(images[1, ..., 0]).resize((16, 30), Image.Resampling.BILINEAR)
    assert np.array_equal(found[1, ..., 0], np.asarray(expected))
