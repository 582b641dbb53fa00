"""Thumbnails, many on each sheet: an image that the page decodes when one of its tiles comes into view.

Sheets are at most 2048 x 2048: some machines halve larger images without a word, and every tile would then show another
example's image.
"""

import io
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Any

import numpy as np
from PIL import Image, features

from memscope.cores import cores

SIDE = 2048
"""Pixels of a sheet's side at most"""
SIDES = ((5_000, 64), (20_000, 48))
"""Up to so many examples, pixels of a thumbnail's side at most"""
SMALL = 32
"""The same of more"""
EXACT = 4 * 2**20
"""Bytes of pixels up to which they are kept as they are: 1,000 of CIFAR-10 take 1.5 MB so, of Fashion-MNIST 0.4 MB."""
EXACT_ALONE = 4_000
"""The same of an image that stands by itself"""

# 50,000 images of CIFAR-10 in MB, and the root mean square error of a grey level: WebP of quality 75 13.1 (6.2), 60
# 11.3 (6.8), 50 10.2 (7.6), 45 9.8 (7.9), 40 9.1 (8.3), 35 8.6 (9.5), 30 8.0 (10.1); JPEG of 75 14.7 (2.7), 50 11.3
# (9.7), 40 8.3 (10.0), 30 7.6 (11.0). Fashion-MNIST: WebP of quality 50 7.5 (4.9), JPEG of 50 8.8 (10.2), 40 7.8
# (11.6). Method 6 would take 4 % off the bytes of WebP and three times as long. Tiles of 32 in place of 28 pixels, so
# that no block of the code covers two images, gain nothing.
WEBP, JPEG = "image/webp", "image/jpeg"
QUALITIES = (75, 60, 50, 45, 40, 35, 30, 20, 10)
"""From which the first is taken that leaves room"""
MANY = 20_000
"""Examples from which on nothing above MODEST is tried"""
MODEST = 50


@dataclass(frozen=True)
class Tiling:
    """Where the thumbnail of a gallery position is: sheet `position // per_sheet`, and there row after row."""

    height: int
    """Pixels of a thumbnail"""
    width: int
    columns: int
    """Thumbnails in a row of a sheet"""
    per_sheet: int
    sheets: int
    type: str
    """`image/webp`, or `image/jpeg` where Pillow has no WebP"""


def sheets_of(
    images: np.ndarray, shown: np.ndarray, room: float, *, exact: int | None = None, among: int = 0
) -> tuple[tuple[bytes, ...], Tiling]:
    """The sheets of the examples `shown` [n], and where each is on them; `images` are uint8 [N, H, W, C].

    They take `room` bytes, about, or as many as the least quality needs; up to `exact` bytes of pixels (EXACT by
    default) are kept as they are. Thumbnails are as large as those of `among` images, where these are more.
    """
    count = len(shown)
    height, width = thumbnail_size(images.shape[1], images.shape[2], max(count, among))
    tiling = tiling_of(height, width, count)

    def sheet(positions: np.ndarray, quality: int | None) -> bytes:
        tiles = np.stack([reduced(images[position], height, width) for position in positions])
        return encoded(laid_out(tiles, tiling.columns), tiling.type, quality)

    most = EXACT if exact is None else exact
    as_they_are = tiling.type == WEBP and count * height * width * images.shape[3] <= most
    sample = shown[:: tiling.sheets]  # a sheet of examples from everywhere
    tried = [one for one in QUALITIES if count <= MANY or one <= MODEST]
    fitting = (one for one in tried if len(sheet(sample, one)) * count <= room * len(sample))
    quality = None if as_they_are else next(fitting, QUALITIES[-1])
    parts = [shown[first : first + tiling.per_sheet] for first in range(0, count, tiling.per_sheet)]
    with ThreadPoolExecutor(cores()) as threads:  # Pillow lets others work while it encodes
        return tuple(threads.map(lambda positions: sheet(positions, quality), parts)), tiling


def picture_of(image: np.ndarray) -> str:
    """The address of an image uint8 [H, W, C] that stands by itself: the image, small, as a document holds it."""
    small = reduced(image, *thumbnail_size(image.shape[0], image.shape[1], 1))
    kind = WEBP if features.check("webp") else JPEG
    quality = None if kind == WEBP and small.size <= EXACT_ALONE else QUALITIES[0]
    return f"data:{kind};base64,{b64encode(encoded(small, kind, quality)).decode()}"


def thumbnail_size(height: int, width: int, count: int) -> tuple[int, int]:
    """Height and width of the thumbnails of so many images: their own, or the shape reduced."""
    side = next((side for most, side in SIDES if count <= most), SMALL)
    scale = min(1.0, side / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def tiling_of(height: int, width: int, count: int) -> Tiling:
    """How so many thumbnails lie on sheets: on one about as many rows as columns, or on as many as are full."""
    columns = max(1, min(SIDE // width, ceil(sqrt(count))))
    rows = max(1, min(SIDE // height, ceil(count / columns)))
    kind = WEBP if features.check("webp") else JPEG
    return Tiling(height, width, columns, columns * rows, ceil(count / (columns * rows)), kind)


def reduced(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """An image uint8 [H, W, C] as one of another size."""
    if image.shape[:2] == (height, width):
        return image
    grey = image.shape[2] == 1
    small = Image.fromarray(image[..., 0] if grey else image).resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(small).reshape(height, width, -1)


def laid_out(tiles: np.ndarray, columns: int) -> np.ndarray:
    """Tiles uint8 [n, h, w, C] in rows of so many, uint8 [rows * h, columns * w, C]; what is left over is black."""
    count, height, width, channels = tiles.shape
    rows = ceil(count / columns)
    filled = np.zeros((rows * columns, height, width, channels), dtype=np.uint8)
    filled[:count] = tiles
    return (
        filled.reshape(rows, columns, height, width, channels)
        .transpose(0, 2, 1, 3, 4)
        .reshape(rows * height, columns * width, channels)
    )


def encoded(sheet: np.ndarray, kind: str, quality: int | None) -> bytes:
    image = Image.fromarray(sheet[..., 0] if sheet.shape[2] == 1 else sheet)
    how: dict[str, Any] = {"lossless": True} if quality is None else {"quality": quality}
    buffer = io.BytesIO()
    if kind == WEBP:
        image.convert("RGB").save(buffer, "WEBP", method=4, **how)
    else:
        image.save(buffer, "JPEG", optimize=True, **how)
    return buffer.getvalue()
