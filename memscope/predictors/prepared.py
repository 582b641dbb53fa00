"""Images as the published predictors of memorability take them, without torchvision.

From uint8 [n, H, W, C] to float32 [n, 3, side, side] in [0, 1]: grey to three equal channels, resized to 256 x 256
whatever the sides were, the middle cut out. No mean is taken off. To the last digit what torchvision's
`Resize((256, 256))`, `CenterCrop(side)` and `ToTensor` give for such an image, which the tests compare.
"""

import numpy as np
from PIL import Image

RESIZED = 256
"""Height and width before the middle is cut out"""


def prepared(images: np.ndarray, side: int) -> np.ndarray:
    """uint8 [n, H, W, C], C 1 or 3, as float32 [n, 3, side, side] in [0, 1]."""
    start = round((RESIZED - side) / 2)  # halves to even, as torchvision does: 227 begins at 14
    middle = slice(start, start + side)
    cut = resized(images, RESIZED, RESIZED)[:, middle, middle]  # [n, side, side, C]
    inputs = np.empty((len(images), 3, side, side), dtype=np.float32)
    inputs[:] = np.moveaxis(cut, 3, 1)  # one channel becomes three
    inputs /= np.float32(255)
    return inputs


def resized(images: np.ndarray, height: int, width: int) -> np.ndarray:
    """uint8 [n, H, W, C], C 1 or 3, as uint8 [n, height, width, C]; bilinear, smoothed where it makes them smaller."""
    found = np.empty((len(images), height, width, images.shape[3]), dtype=np.uint8)
    for image, sized in zip(images, found, strict=True):
        grey = image.shape[2] == 1
        picture = Image.fromarray(np.ascontiguousarray(image[..., 0] if grey else image))
        pixels = np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))
        sized[:] = pixels[..., None] if grey else pixels
    return found
