"""Decoding image files: `decode` reads all of them into one array, and gathers what cannot be read.

Threads do it (Pillow releases the interpreter while it decodes), and nothing is kept but the pixels.
"""

import errno
import io
import logging
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Event, Lock

import numpy as np
from PIL import Image, ImageFile

from memscope.cores import cores
from memscope.datasets.appearance import Traits, shown_size
from memscope.datasets.sixteen_bits import CONTENT
from memscope.errors import DataError
from memscope.files.kinds import GIT_LFS, HEAD, HEIC, WEB_PAGE, ZEROS, head_of, kind_of
from memscope.files.limits import memory_bytes
from memscope.text import counted

MAX_PIXELS = 64_000_000  # of one image; Pillow itself only warns from 89 million
LARGE_PIXELS = 4_000_000  # images above are decoded one at a time: 64 million pixels take some 800 MB while they are
FORMATS = ("AVIF", "BMP", "GIF", "ICO", "JPEG", "JPEG2000", "PCX", "PNG", "PPM", "SGI", "TGA", "TIFF", "WEBP")
"""Of Pillow's formats those that are pictures and nothing else: it gives EPS to Ghostscript, which runs programs."""
ONE_LARGE = Lock()
logging.getLogger("PIL").addHandler(logging.NullHandler())  # it writes to standard error what it raises as well
UNKNOWN = "no known image format"
NO_PICTURES = (GIT_LFS, WEB_PAGE, ZEROS, HEIC)
"""Of what is under the name of a picture"""
OUT_OF = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""Errors of the machine, not of the file, which no one may skip."""


@dataclass(frozen=True)
class Encoded:
    """An image that lies in a table and not in a file of its own."""

    name: str
    read: Callable[[], bytes]

    def __str__(self) -> str:
        return self.name


Source = Path | Encoded
Appearance = Callable[[ImageFile.ImageFile, int], tuple[Image.Image, Traits]]
"""How a picture becomes L or RGB, given how many of 16 bits are used"""


@dataclass(frozen=True)
class Decoded:
    """Of F files: their pixels, and what each was like."""

    images: np.ndarray
    """uint8 [F, H, W, 3]; what could not be read is undefined"""
    traits: list[Traits | None]
    """None for what could not be read"""
    unreadable: dict[int, str]
    """Position of each file that could not be read, and why"""
    bits: int
    """How many of 16 bits are used"""


@dataclass(frozen=True)
class Read:
    """What became of one file: its traits, the reason why it could not be read, or just its height and width."""

    traits: Traits | None = None
    reason: str | None = None
    size: tuple[int, int] | None = None


def decode(directory: Path, files: Sequence[Source], image_size: int | None, appearance: Appearance) -> Decoded:
    """All images, as far as they can be read; DataError where they differ in size.

    The first difference ends the decoding: of the files that are left only the headers are read, to name the sizes.
    """
    with warnings.catch_warnings(), ThreadPoolExecutor(min(8, cores())) as pool:
        # of damage that Pillow can read past, and of large images, for which `_open` has its own, lower limit
        warnings.simplefilter("ignore")
        done: list[Read] = []
        while len(done) < len(files):
            # by a thread, which keeps what it freed of a large picture for the next one; this thread need not
            first, one = pool.submit(_read, files[len(done)], image_size, appearance, 16).result()
            if first is not None:
                break
            done.append(one)
        else:
            return Decoded(np.empty((len(files), 0, 0, 3), np.uint8), [None] * len(files), _reasons(done), 16)
        _check_memory(directory, len(files), first)
        images = np.empty((len(files), *first.shape), dtype=np.uint8)
        differing = Event()

        def fill(position: int, bits: int = 16) -> Read:
            if differing.is_set():
                return _size(files[position])
            image, one = _read(files[position], image_size, appearance, bits)
            if image is not None and image.shape == first.shape:
                images[position] = image
            elif image is not None:
                differing.set()
            return one

        try:
            done += pool.map(fill, range(len(done), len(files)))
            if differing.is_set():
                raise DataError(_sizes(directory, files, done))
            wide = {at: one.traits.values for at, one in enumerate(done) if one.traits and one.traits.values}
            bits = max(8, max(greatest for _, greatest in wide.values()).bit_length()) if wide else 16
            if bits < 16:  # 16 were supposed, because the greatest value is known only now
                for at, one in zip(wide, pool.map(lambda at: fill(at, bits), wide), strict=True):
                    done[at] = one
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return Decoded(images, [one.traits for one in done], _reasons(done), bits)


def readable(decoded: Decoded) -> tuple[np.ndarray, np.ndarray]:
    """Positions int64 [n] of what could be read, and its images uint8 [n, H, W, C]: one channel if every one is grey.

    They are moved up in place, for a copy could be more than memory holds.
    """
    images = decoded.images
    kept = np.array([at for at in range(len(images)) if at not in decoded.unreadable], dtype=np.int64)
    if decoded.unreadable:
        for to, at in enumerate(kept):
            images[to] = images[at]
        images = images[: len(kept)]
    if all(traits.grey for traits in decoded.traits if traits is not None):
        images = np.ascontiguousarray(images[..., :1])
    return kept, images


def _reasons(done: Sequence[Read]) -> dict[int, str]:
    return {at: one.reason for at, one in enumerate(done) if one.reason is not None}


def _check_memory(directory: Path, count: int, image: np.ndarray) -> None:
    needed = count * image.nbytes
    there = memory_bytes()
    if needed > there // 2:
        raise DataError(
            f"{directory}: its {count:,} images of {image.shape[0]} x {image.shape[1]} need {needed / 2**30:.1f} GiB, "
            f"expected at most half of the memory ({there / 2**31:.1f} GiB); pass --image-size to make them smaller"
        )


def _sizes(directory: Path, files: Sequence[Source], done: Sequence[Read]) -> str:
    """What sizes there are, the most frequent first, and the first file that has another than that."""
    sizes = Counter(one.size for one in done if one.size is not None)
    (usual, _), *others = found = sizes.most_common()
    odd = next(at for at, one in enumerate(done) if one.size not in (usual, None))
    listed = ", ".join(f"{count:,} of {size[0]} x {size[1]}" for size, count in found[:5] if size is not None)
    more = f" and {len(others) - 4:,} sizes more" if len(others) > 4 else ""
    unread = sum(one.reason is not None for one in done)
    besides = f"; besides, {counted(unread, 'file')} cannot be read" if unread else ""
    return (
        f"{directory}: its {sizes.total():,} images have {len(sizes):,} sizes (height x width): {listed}{more}; the "
        f"first that differs is {files[odd]}{besides}; expected one size, pass --image-size to resize them all"
    )


def _read(path: Source, image_size: int | None, appearance: Appearance, bits: int) -> tuple[np.ndarray | None, Read]:
    """One image as RGB, uint8 [H, W, 3], and what it is like, or why it cannot be read."""
    try:
        with _open(path) as image, ONE_LARGE if image.width * image.height > LARGE_PIXELS else nullcontext():
            plain, traits = appearance(image, bits)
            sized = plain if image_size is None else _resize(plain, image_size)
            pixels = np.asarray(sized if sized.mode == "RGB" else sized.convert("RGB"))
        return pixels, Read(traits, size=pixels.shape[:2])
    except MemoryError:
        raise
    except Exception as error:  # Pillow's decoders raise many kinds: OSError, SyntaxError, ValueError, struct.error
        return None, Read(reason=_reason(error, path))


def _size(path: Source) -> Read:
    try:
        with _open(path) as image:
            return Read(size=shown_size(image))
    except MemoryError:
        raise
    except Exception as error:
        return Read(reason=_reason(error, path))


def _open(path: Source) -> ImageFile.ImageFile:
    if isinstance(path, Encoded):
        content = path.read()
        image = Image.open(io.BytesIO(content), formats=formats())
        image.info[CONTENT] = content
        return _checked(image)
    if not path.is_file():
        if path.is_dir():
            raise ValueError("a folder that may not be listed")
        raise ValueError("a link that leads nowhere" if path.is_symlink() and not path.exists() else "not a file")
    return _checked(Image.open(path, formats=formats()))


def _checked(image: ImageFile.ImageFile) -> ImageFile.ImageFile:
    width, height = image.size
    if width * height > MAX_PIXELS:
        image.close()
        raise ValueError(f"it claims {width} x {height} pixels, over {MAX_PIXELS:,}")
    return image


@cache
def formats() -> tuple[str, ...]:
    """Those of `FORMATS` that this Pillow was built with."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _reason(error: Exception, source: Source) -> str:
    """What went wrong, in one line and without repeating the path."""
    if type(error).__name__ == "UnidentifiedImageError":
        with suppress(Exception):
            start = source.read()[:HEAD] if isinstance(source, Encoded) else head_of(source)
            return kind if (kind := kind_of(start)) in NO_PICTURES else UNKNOWN
        return UNKNOWN
    if isinstance(error, OSError) and error.errno in OUT_OF:
        raise error
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split())[:200] or type(error).__name__


def _resize(image: Image.Image, size: int) -> Image.Image:
    width, height = image.size
    if (width, height) == (size, size):
        return image
    scale = size / min(width, height)
    wide, high = max(size, round(width * scale)), max(size, round(height * scale))
    if wide * high > MAX_PIXELS:
        raise ValueError(f"{width} x {height} pixels are too narrow to enlarge to {size}")
    left, top = (wide - size) // 2, (high - size) // 2
    resized = image.resize((wide, high), Image.Resampling.BILINEAR)
    return resized.crop((left, top, left + size, top + size))
