"""HDF5 datasets of files that others have made: looked at before they are read, so that a small file costs little.

HDF5 itself trusts a file: it allocates what a shape, a chunk or the length of a text promises, follows links to other
files, unpacks a chunk however large it turns out, and loads filters from plug-ins. tests/fuzz/test_hostile_hdf5.py has
for every look at a file's bytes a file over which HDF5 alone hangs, crashes or takes the machine's memory.
"""

import mmap
import zlib
from pathlib import Path

import h5py
import numpy as np

from memscope.files.hdf5_filters import RATIO_KNOWN, check_filters, filters_of
from memscope.files.limits import FREE_BYTES, MAX_CLASSES, MOST_DEFLATED, memory_bytes
from memscope.files.unreadable import ELSEWHERE, HOSTILE, Unreadable

__all__ = ["Unreadable", "check_attributes", "expect_readable", "opened", "unwritten_chunks", "values_of"]

ATTRIBUTES = {h5py.h5t.INTEGER, h5py.h5t.FLOAT, h5py.h5t.STRING, h5py.h5t.ENUM}
HEAP = b"GCOL\x01\x00\x00\x00"
"""How a heap of texts begins: its signature, version 1, three zero bytes."""


def opened(path: Path) -> h5py.File:
    """An HDF5 file, opened for reading. OSError where it is none, ValueError where reading it could hang HDF5."""
    with path.open("rb") as file:
        check_heaps(file.fileno())
    return h5py.File(path, "r")


def check_heaps(descriptor: int) -> None:
    """ValueError where the texts of an HDF5 file are damaged so that HDF5 would look for them for ever.

    A heap has 16 bytes of header, its length in the upper 8, and then objects: number (2 bytes), references (2), 4
    unused, length (8), content, up to a multiple of 8. HDF5 2.0 goes from object to object by these lengths, round and
    round, or out of the heap, if they say so. Number 0 is the space that is left, its header included, up to the end.

    Reference: HDF5 File Format Specification 3.0, III.E "Global Heap".
    """
    try:
        whole = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
    except (ValueError, OSError):  # empty
        return
    with whole:
        start = whole.find(HEAP)
        while start >= 0:
            end = start + int.from_bytes(whole[start + 8 : start + 16], "little")
            position = start + 16
            while position + 16 <= min(end, len(whole)):
                number = int.from_bytes(whole[position : position + 2], "little")
                length = int.from_bytes(whole[position + 8 : position + 16], "little")
                if number == 0:
                    position = end if position + length == end else end + 1
                    break
                position += 16 + -(-length // 8) * 8
            if not position <= end <= len(whole):
                raise ValueError("its texts are damaged")
            start = whole.find(HEAP, start + 8)


def expect_readable(data: object, sparse: bool = False) -> None:
    """`Unreadable` unless this is a dataset that its own file holds, in a size that the file can honestly hold.

    Other people's files may be `sparse`: chunks that were never written take no bytes, and some filters pack what is
    all alike into none. Then only the memory is a limit. Our own are never so.
    """
    if isinstance(data, h5py.Group):
        raise Unreadable("is a group, expected an array", "write the array under that name")
    if not isinstance(data, h5py.Dataset) or data.shape is None:
        raise Unreadable("is not an ordinary dataset of this file", "write an array under that name")
    if data.is_virtual or data.external:
        raise Unreadable(
            "is not an ordinary dataset of this file, its values are in other files",
            ELSEWHERE,
        )
    if data.dtype.kind not in "biuf" and h5py.check_string_dtype(data.dtype) is None:
        raise Unreadable(f"has the type {data.dtype}, expected plain numbers or text", "write it as such")
    file = Path(data.file.filename)
    size, declared = file.stat().st_size, data.size * data.dtype.itemsize
    filled = bool(data.id.get_storage_size())
    # labels in order, and counts that are all alike, pack a thousandfold
    if not sparse and declared > FREE_BYTES + MOST_DEFLATED * size:
        raise Unreadable(f"claims {declared:,} bytes in a file of {size:,}", HOSTILE)
    if declared > memory_bytes() // 2:
        raise Unreadable(
            f"claims {declared:,} bytes, expected at most half of this machine's memory "
            f"({memory_bytes() / 2**31:,.1f} GiB)",
            "take fewer or smaller images",
        )
    if declared and not filled:  # HDF5 makes up its values
        raise Unreadable(
            "was declared and never written", "write the file again: its program was probably stopped before it did"
        )
    if data.chunks is not None:
        check_chunks(data, file, size)
    elif declared > FREE_BYTES + size:
        raise Unreadable(f"claims {declared:,} bytes in a file of {size:,}", HOSTILE)
    elif data.dtype.kind == "O":
        check_texts(data, file, size)


def unwritten_chunks(data: h5py.Dataset) -> tuple[int, int] | None:
    """How many of a dataset's chunks were never written, and how many there are; None where none is missing."""
    if data.chunks is None or not data.size:
        return None
    chunks = 1
    for extent, side in zip(data.shape, data.chunks, strict=True):
        chunks *= -(-extent // side)
    missing = chunks - data.id.get_num_chunks()
    return (missing, chunks) if missing > 0 else None


def values_of(data: object, sparse: bool = False) -> np.ndarray:
    """A dataset's values, text as str; `Unreadable` where it is none that should be read."""
    expect_readable(data, sparse)
    assert isinstance(data, h5py.Dataset)
    if h5py.check_string_dtype(data.dtype) is None:
        return data[()]
    if data.chunks is None or not data.size:
        return data.asstr("utf-8")[()]
    # the lengths of texts in chunks are known only once they are read
    budget, texts = FREE_BYTES + data.file.id.get_filesize(), []
    for position in np.ndindex(data.shape):
        texts.append(data.asstr("utf-8")[position])
        budget -= len(texts[-1])
        if budget < 0:
            raise Unreadable("holds more text than its file has bytes", HOSTILE)
    return np.array(texts, dtype=object).reshape(data.shape)


def check_attributes(group: h5py.Group) -> None:
    """ValueError where an attribute is no number, truth value or one text: a bit of a text's type crashed libhdf5.

    libhdf5 allocates the length of a text that an attribute names, up to 4 GB, before it looks for the text.
    """
    texts = []
    for name in group.attrs:
        attribute = group.attrs.get_id(name)
        kind = attribute.get_type()
        if kind.get_class() not in ATTRIBUTES:
            raise ValueError(f"its attribute {name} is no plain value")
        if kind.get_class() == h5py.h5t.STRING and kind.is_variable_str():
            if attribute.shape != ():
                raise ValueError(f"its attribute {name} is several texts, expected one")
            texts.append(name)
    with open(group.file.filename, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
        for name in texts:
            if claimed_length(whole, name.encode()) > len(whole):
                raise ValueError(f"its attribute {name} claims more text than the file has bytes")


def claimed_length(whole: mmap.mmap, name: bytes) -> int:
    """The greatest length that a text attribute of this name claims, from the file's bytes; 0 where there is none.

    Files of version 1.8 and later, which memscope does not write, keep a checksum beside it.

    Reference: HDF5 File Format Specification 3.0, IV.A.2.m "The Attribute Message", versions 1 and 3.
    """
    longest, place = 0, whole.find(name + b"\0")
    while place >= 0:
        for version, before, unit in ((1, 8, 8), (3, 9, 1)):
            message = whole[max(0, place - before) : place]
            if len(message) == before and message[0] == version:
                sizes = [int.from_bytes(message[start : start + 2], "little") for start in (2, 4, 6)]
                if sizes[0] == len(name) + 1:  # name, type, shape, each up to a multiple of `unit`, then the value
                    value = place + sum(-(-size // unit) * unit for size in sizes)
                    longest = max(longest, int.from_bytes(whole[value : value + 4], "little"))
        place = whole.find(name + b"\0", place + 1)
    return longest


def check_chunks(data: h5py.Dataset, file: Path, stored: int) -> None:
    """Chunks may be packed by known filters, each once, and each to no more than its own size."""
    size = int(np.prod(data.chunks, dtype=object)) * data.dtype.itemsize
    filters = filters_of(data)
    check_filters(data, filters, size)
    declared = data.size * data.dtype.itemsize
    if size > FREE_BYTES + 4 * declared:  # HDF5 unpacks a chunk whole, however little of it is asked for
        raise Unreadable(
            f"has chunks of {size:,} bytes for {declared:,} bytes of data", "write it in chunks of a few megabytes"
        )
    if data.dtype.kind == "O" and data.size > MAX_CLASSES:
        raise Unreadable(
            f"has {data.size:,} texts in chunks, expected at most {MAX_CLASSES:,}", "write them in one piece"
        )
    if not data.size:
        return
    written = data.id.get_num_chunks() * size
    if set(filters) <= RATIO_KNOWN and written > FREE_BYTES + size + MOST_DEFLATED * stored:
        raise Unreadable(f"claims {written:,} bytes in a file of {stored:,}", HOSTILE)
    if h5py.h5z.FILTER_DEFLATE in filters or h5py.h5z.FILTER_SZIP in filters:
        chunks: list[h5py.h5d.StoreInfo] = []
        data.id.chunk_iter(chunks.append)
        with file.open("rb") as raw:
            for chunk in chunks:
                if h5py.h5z.FILTER_SZIP in filters:
                    if chunk.filter_mask >> filters.index(h5py.h5z.FILTER_SZIP) & 1:  # left out: it would not pack
                        continue
                    raw.seek(chunk.byte_offset)
                    check_szip(raw.read(4), size)
                elif chunk.size * MOST_DEFLATED > FREE_BYTES:  # else it cannot become large whatever is in it
                    raw.seek(chunk.byte_offset)
                    check_unpacked(raw.read(chunk.size), size)


def check_szip(start: bytes, size: int) -> None:
    """An szip chunk starts with the length that it unpacks to, which HDF5 allocates."""
    if int.from_bytes(start, "little") > size + 64:
        raise Unreadable(f"has a chunk that unpacks to more than the {size:,} bytes of a chunk", HOSTILE)


def check_unpacked(packed: bytes, size: int) -> None:
    """HDF5 unpacks all that there is, whatever it needs: see first that it is a chunk and no more."""
    most = size + 64  # a checksum of 4 bytes may be inside, and what scaleoffset writes before its numbers
    try:
        unpacked = zlib.decompressobj().decompress(packed, most + 1)
    except zlib.error:
        return  # not packed (the filter may be left out for a chunk), or damaged: HDF5 will say
    if len(unpacked) > most:
        raise Unreadable(f"has a chunk that unpacks to more than the {size:,} bytes of a chunk", HOSTILE)


def check_texts(data: h5py.Dataset, file: Path, stored: int) -> None:
    """Texts of any length lie in heaps, each named by length and address; HDF5 allocates each length."""
    offset = data.id.get_offset()
    if offset is None:  # so few that they are in the dataset's header
        return
    width = 8 + data.file.id.get_create_plist().get_sizes()[0]  # of a length, a heap's address, a number in it
    names = np.fromfile(file, np.uint8, count=width * data.size, offset=offset)
    total = int(names.reshape(data.size, width)[:, :4].copy().view("<u4").sum(dtype=np.int64))
    if total > stored:
        raise Unreadable(f"claims {total:,} bytes of text in a file of {stored:,}", HOSTILE)
