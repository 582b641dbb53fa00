"""`idx:DIR`: the four IDX files of MNIST, Fashion-MNIST or one split of EMNIST, gzipped or not.

Reference: the file format at the end of http://yann.lecun.com/exdb/mnist/.
"""

import gzip
import hashlib
import re
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from memscope.datasets.checks import assemble
from memscope.datasets.image_dataset import ImageDataset
from memscope.datasets.reading import Reading
from memscope.errors import DataError
from memscope.files.limits import check_size, existing_directory

# SHA-256 of Fashion-MNIST's 60,000 training labels, as bytes: the file names are MNIST's, so only this is sure.
FASHION_MNIST_LABELS = "657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7"
FASHION_MNIST_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
CHUNK = 2**20


def load_idx(spec: str, directory: Path, reading: Reading) -> ImageDataset:
    """Read the IDX files of a directory.

    Labels that do not start at 0 (EMNIST letters: 1 to 26) are renumbered, the class names are the original
    numbers. EMNIST stores its images transposed; they are turned.
    """
    existing_directory(directory)
    prefix, train, test = _stems(directory)
    parts = []
    for stem in (train, test):
        images = read_idx(_find(directory, f"{prefix}{stem}-images-idx3-ubyte"), 3)
        labels = read_idx(_find(directory, f"{prefix}{stem}-labels-idx1-ubyte"), 1)
        parts.append((images.transpose(0, 2, 1) if prefix else images, labels))
    (train_images, train_labels), (test_images, test_labels) = parts
    names: tuple[str, ...] | None = None
    if hashlib.sha256(train_labels.tobytes()).hexdigest() == FASHION_MNIST_LABELS:
        names = FASHION_MNIST_CLASSES
    elif len(train_labels) and train_labels.min() > 0:
        numbers = np.unique(train_labels)
        strange = np.setdiff1d(test_labels, numbers)
        if len(strange):
            raise DataError(
                f"{directory}: found test label {strange[0]}, which no training example has; "
                "expected the same classes, get the files again"
            )
        names = tuple(str(number) for number in numbers)
        train_labels, test_labels = (np.searchsorted(numbers, part) for part in (train_labels, test_labels))
    return assemble(spec, directory, (train_images, train_labels), (test_images, test_labels), names)


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """One IDX file of unsigned bytes with this many dimensions, uint8.

    The data is read piece by piece, so a header that promises too much costs no memory.
    """
    try:
        with path.open("rb") as file:
            if path.suffix != ".gz":
                return _read(path, file, dimensions)
            with gzip.GzipFile(fileobj=file) as unpacked:
                return _read(path, unpacked, dimensions)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error}); expected an IDX file, get it again") from error


def _read(path: Path, file: IO[bytes] | gzip.GzipFile, dimensions: int) -> np.ndarray:
    length = 4 + 4 * dimensions
    header = file.read(length)
    expected = bytes([0, 0, 8, dimensions])
    if len(header) < length or header[:4] != expected:
        raise DataError(
            f"{path}: starts with {header[:4].hex(' ') or 'nothing'}, expected {expected.hex(' ')} and "
            f"{dimensions} sizes (an IDX file of bytes); get the file again"
        )
    shape = tuple(int.from_bytes(header[4 + 4 * axis : 8 + 4 * axis], "big") for axis in range(dimensions))
    if 0 in shape:
        raise DataError(f"{path}: its header says {' x '.join(map(str, shape))}, which is nothing; get the file again")
    size = 1
    for extent in shape:
        size *= extent
    check_size(path, f"its header, {' x '.join(map(str, shape))},", size, path.stat().st_size)
    data = bytearray()
    while len(data) <= size:  # one byte more than promised is looked for
        piece = file.read(min(CHUNK, size + 1 - len(data)))
        if not piece:
            break
        data += piece
    if len(data) != size:
        state = "truncated" if len(data) < size else "longer than its header says"
        raise DataError(
            f"{path}: is {state}: found {'over ' if len(data) > size else ''}{min(len(data), size):,} bytes of data, "
            f"expected {size:,}; get the file again"
        )
    return np.frombuffer(data, dtype=np.uint8).reshape(shape)


def _stems(directory: Path) -> tuple[str, str, str]:
    """What the file names start with: a prefix (EMNIST's "emnist-<split>-" or nothing), and the two parts' names."""
    pattern = re.compile(r"(emnist-.+-)train-images-idx3-ubyte(\.gz)?")
    prefixes = sorted({match[1] for entry in directory.iterdir() if (match := pattern.fullmatch(entry.name))})
    if not prefixes:
        return "", "train", "t10k"
    plain = any((directory / f"train-images-idx3-ubyte{ending}").exists() for ending in ("", ".gz"))
    if len(prefixes) > 1 or plain:
        found = [prefix.rstrip("-") for prefix in prefixes] + (["train-images-idx3-ubyte"] if plain else [])
        raise DataError(
            f"{directory}: found {', '.join(found)}, expected one data set; move one EMNIST split to its own directory"
        )
    return prefixes[0], "train", "test"


def _find(directory: Path, name: str) -> Path:
    for candidate in (directory / name, directory / f"{name}.gz"):
        if candidate.is_file():
            return candidate
    raise DataError(f"{directory}: found no {name} or {name}.gz; expected the four IDX files, put it there")
