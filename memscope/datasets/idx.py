"""`idx:DIR`: the four IDX files of MNIST, Fashion-MNIST or one split of EMNIST, gzipped or not.

Reference: the file format at the end of http://yann.lecun.com/exdb/mnist/.
"""

import gzip
import hashlib
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from memscope.datasets.checks import assemble, expect_labels
from memscope.datasets.idx_files import idx_files
from memscope.datasets.image_dataset import ImageDataset
from memscope.datasets.plain_arrays import numbered
from memscope.datasets.reading import Reading
from memscope.errors import DataError
from memscope.files.kinds import HEAD, instead
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
GZIP = b"\x1f\x8b"
OTHER_TYPES = (b"\x08", b"\x09", b"\x0b", b"\x0c", b"\x0d", b"\x0e")  # of numbers in IDX files, bytes among them


def load_idx(spec: str, directory: Path, reading: Reading, split: str | None = None) -> ImageDataset:
    """Read the IDX files of a directory; of several splits of EMNIST the one that is named.

    Labels that do not start at 0 (EMNIST letters: 1 to 26) or leave numbers out are renumbered, the class names are the
    original numbers. EMNIST stores its images transposed; they are turned.
    """
    existing_directory(directory)
    prefix, train, test = idx_files(directory, split)
    parts = []
    for name, files in (("train", train), ("test", test)):
        if files is None:
            continue
        labels = read_idx(files[1], 1)  # first: they cost little, and say how many images there may be
        images = read_idx(files[0], 3, f"{directory}: {name} labels", len(labels))
        parts.append((images.transpose(0, 2, 1) if prefix else images, labels))
    (train_images, train_labels), tested = parts[0], parts[1] if len(parts) > 1 else None
    if hashlib.sha256(train_labels.tobytes()).hexdigest() == FASHION_MNIST_LABELS:
        return assemble(spec, directory, (train_images, train_labels), tested, FASHION_MNIST_CLASSES)
    train_labels, test_labels, names = numbered(
        directory, train_labels, None if tested is None else tested[1], None, reading.say
    )
    if tested is None or test_labels is None:
        return assemble(spec, directory, (train_images, train_labels), None, names)
    return assemble(spec, directory, (train_images, train_labels), (tested[0], test_labels), names)


def read_idx(path: Path, dimensions: int, where: str = "", count: int | None = None) -> np.ndarray:
    """One IDX file of unsigned bytes with this many dimensions, uint8, gzipped or not, whatever its name says.

    The data is read piece by piece, so a header that promises too much costs no memory. `count` images are expected, if
    it is given, for the labels `where`.
    """
    try:
        with path.open("rb") as file:
            if file.read(2) != GZIP:
                file.seek(0)
                return _read(path, file, dimensions, where, count)
            file.seek(0)
            with gzip.GzipFile(fileobj=file) as unpacked:
                return _read(path, unpacked, dimensions, where, count)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error}); expected an IDX file, get it again") from error


def _read(path: Path, file: IO[bytes] | gzip.GzipFile, dimensions: int, where: str, count: int | None) -> np.ndarray:
    length = 4 + 4 * dimensions
    header = file.read(length)
    expected = bytes([0, 0, 8, dimensions])
    if len(header) < length or header[:4] != expected:
        way = "get the file again"
        if len(header) == length and header[:2] == b"\0\0" and header[2:3] in OTHER_TYPES and header[3]:
            way = "write its values as bytes, or save all four arrays with numpy.savez and read them as npz:FILE"
        raise DataError(
            f"{path}: starts with {header[:4].hex(' ') or 'nothing'}, expected {expected.hex(' ')} and "
            f"{dimensions} sizes (an IDX file of bytes); {instead(path, header + file.read(HEAD)) or way}"
        )
    shape = tuple(int.from_bytes(header[4 + 4 * axis : 8 + 4 * axis], "big") for axis in range(dimensions))
    if 0 in shape:
        raise DataError(f"{path}: its header says {' x '.join(map(str, shape))}, which is nothing; get the file again")
    size = 1
    for extent in shape:
        size *= extent
    there = path.stat().st_size
    if isinstance(file, gzip.GzipFile) or size <= there:  # else it is cut off, which is seen below, at no cost
        check_size(path, f"its header, {' x '.join(map(str, shape))},", size, there)
    if count is not None and shape[0] != count:
        expect_labels(where, np.dtype(np.uint8), (count,), shape[0])
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
