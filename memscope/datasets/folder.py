"""`folder:DIR`: images in `train/<class>/` and `test/<class>/` (or `val/<class>/`), in the formats of `FORMATS`.

Decoded by threads (Pillow releases the interpreter while it decodes) straight into one array.
"""

import os
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from threading import Lock

import numpy as np
from PIL import Image

from memscope.cores import cores
from memscope.datasets.checks import assemble
from memscope.datasets.image_dataset import ImageDataset
from memscope.datasets.reading import Reading
from memscope.errors import DataError
from memscope.files.limits import existing_directory, memory_bytes

MAX_PIXELS = 64_000_000  # of one image; Pillow itself only warns from 89 million
LARGE_PIXELS = 4_000_000  # images above are decoded one at a time: 64 million pixels take some 800 MB while they are
FORMATS = ("AVIF", "BMP", "GIF", "ICO", "JPEG", "JPEG2000", "PCX", "PNG", "PPM", "SGI", "TGA", "TIFF", "WEBP")
"""Of Pillow's formats those that are pictures and nothing else: it gives EPS to Ghostscript, which runs programs."""
GREY_MODES = ("1", "L", "LA", "La", "I;16", "I;16L", "I;16B", "I;16N")
WIDE_MODES = ("I", "F")
ONE_LARGE = Lock()


def load_folder(spec: str, directory: Path, reading: Reading) -> ImageDataset:
    """Read an image folder: grey [N, H, W, 1] where every file is grey, else [N, H, W, 3].

    Classes are the sorted directory names, examples are sorted by class, then by name; hidden files are ignored. With
    `image_size` the short side is resized to it (bilinear, antialiased) and the centre square is cut out. Transparency
    and EXIF orientation are ignored, 16-bit greys keep their upper 8 bits.
    """
    existing_directory(directory)
    train = _part(directory, ("train",))
    test = _part(directory, ("test", "val"))
    classes = sorted(entry.name for entry in train.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if len(classes) < 2:
        found = f"only the class {classes[0]!r}" if classes else "no class directories"
        raise DataError(f"{train}: found {found}, expected at least 2; put each class's images in its own directory")
    tested = sorted(entry.name for entry in test.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    strange = sorted(set(tested) - set(classes))
    if strange:
        raise DataError(
            f"{test}: found the class {strange[0]!r}, which {train} does not have; expected the same classes, "
            "rename or remove it"
        )
    files, labels = [], []
    for part in (train, test):
        listed = [(path, label) for label, name in enumerate(classes) for path in _files(part / name)]
        if not listed:
            raise DataError(f"{part}: found no images, expected some in {part}/<class>/; add them")
        files.append([path for path, _ in listed])
        labels.append(np.array([label for _, label in listed], dtype=np.int64))
    names = [[_name(path, directory) for path in part] for part in files]
    empty = np.flatnonzero(np.bincount(labels[0], minlength=len(classes)) == 0)
    if len(empty):
        raise DataError(f"{train / classes[empty[0]]}: found no images, expected some of each class; add or remove it")
    images = _decode(directory, [*files[0], *files[1]], reading.image_size)
    split = len(files[0])
    return assemble(
        spec,
        directory,
        (images[:split], labels[0]),
        (images[split:], labels[1]),
        classes,
        train_names=names[0],
        test_names=names[1],
    )


def _part(directory: Path, names: tuple[str, ...]) -> Path:
    for name in names:
        if (directory / name).is_dir():
            return directory / name
    found = ", ".join(sorted(entry.name for entry in directory.iterdir())[:6]) or "nothing"
    raise DataError(f"{directory}: found {found}, expected a directory {' or '.join(names)}; make it")


def _files(directory: Path) -> list[Path]:
    """The files below a class directory, sorted by name; hidden ones left out."""
    found = []
    for folder, inside, names in os.walk(directory):
        inside[:] = [name for name in inside if not name.startswith(".")]
        found += [Path(folder, name) for name in names if not name.startswith(".")]
    return sorted(found, key=lambda path: path.as_posix())


def _name(path: Path, directory: Path) -> str:
    name = path.relative_to(directory).as_posix()
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise DataError(f"{name!a}: the file name is not UTF-8; rename the file") from error
    return name


def _decode(directory: Path, files: Sequence[Path], image_size: int | None) -> np.ndarray:
    """All images, uint8 [files, H, W, 1 or 3]."""
    with warnings.catch_warnings():
        # of damage that Pillow can read past, and of large images, for which `_open` has its own, lower limit
        warnings.simplefilter("ignore")
        first, _ = _read(files[0], image_size)
        _check_memory(directory, len(files), first)
        images = np.empty((len(files), *first.shape), dtype=np.uint8)
        workers = min(8, cores())

        def fill(position: int) -> bool:
            image, grey = _read(files[position], image_size)
            if image.shape != first.shape:
                raise DataError(
                    f"{files[position]}: is {image.shape[0]} x {image.shape[1]} while {files[0]} is "
                    f"{first.shape[0]} x {first.shape[1]}; expected one size, pass --image-size to resize them all"
                )
            images[position] = image
            return grey

        with ThreadPoolExecutor(workers) as pool:
            try:
                grey = list(pool.map(fill, range(len(files))))
            except DataError:
                pool.shutdown(cancel_futures=True)
                raise
    return np.ascontiguousarray(images[..., :1]) if all(grey) else images


def _check_memory(directory: Path, count: int, image: np.ndarray) -> None:
    needed = count * image.nbytes
    there = memory_bytes()
    if needed > there // 2:
        raise DataError(
            f"{directory}: its {count:,} images of {image.shape[0]} x {image.shape[1]} need {needed / 2**30:.1f} GiB, "
            f"expected at most half of the memory ({there / 2**31:.1f} GiB); pass --image-size to make them smaller"
        )


def _read(path: Path, image_size: int | None) -> tuple[np.ndarray, bool]:
    """One image as RGB, uint8 [H, W, 3], and whether it is grey."""
    try:
        with _open(path) as image, ONE_LARGE if image.width * image.height > LARGE_PIXELS else nullcontext():
            return _pixels(path, image, image_size)
    except DataError:
        raise
    except Exception as error:  # Pillow's decoders raise many kinds: OSError, SyntaxError, ValueError, struct.error
        raise DataError(
            f"{path}: cannot be read as an image ({_reason(error)}); expected images only, replace or remove it"
        ) from error


def _pixels(path: Path, image: Image.Image, image_size: int | None) -> tuple[np.ndarray, bool]:
    grey = image.mode in GREY_MODES
    if image.mode in WIDE_MODES:
        raise DataError(f"{path}: has 32-bit pixels (mode {image.mode}), expected 8 bits; convert it")
    if image.mode.startswith("I;16"):
        plain = Image.fromarray((np.asarray(image, dtype=np.uint16) >> 8).astype(np.uint8))
    else:
        plain = image.convert("L" if grey else "RGB")
    if image_size is not None:
        plain = _resize(plain, image_size)
    return np.asarray(plain.convert("RGB")), grey


def _open(path: Path) -> Image.Image:
    if not path.is_file():
        raise DataError(f"{path}: is not a file, expected an image; remove it")
    image = Image.open(path, formats=formats())
    width, height = image.size
    if width * height > MAX_PIXELS:
        image.close()
        raise DataError(
            f"{path}: claims {width} x {height} pixels, expected at most {MAX_PIXELS:,}; shrink or remove it"
        )
    return image


@cache
def formats() -> tuple[str, ...]:
    """Those of `FORMATS` that this Pillow was built with."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _reason(error: Exception) -> str:
    """What went wrong, in one line and without repeating the path."""
    if type(error).__name__ == "UnidentifiedImageError":
        return "no known image format"
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
