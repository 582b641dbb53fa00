"""The filters that pack an HDF5 dataset: those that are unpacked, and what to do about the others.

Plug-ins are refused even where they are installed: they are libraries that the file names and HDF5 would load.
"""

from typing import Any

import h5py

from memscope.files.unreadable import HOSTILE, Unreadable

DEFLATE, SHUFFLE, FLETCHER32, LZF = (
    h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32, h5py.h5z.FILTER_LZF,
)  # fmt: skip
SZIP, NBIT, SCALEOFFSET = h5py.h5z.FILTER_SZIP, h5py.h5z.FILTER_NBIT, h5py.h5z.FILTER_SCALEOFFSET

RATIO_KNOWN = {DEFLATE, SHUFFLE, FLETCHER32, LZF}
"""What they make of a byte is at most what deflate can; the others pack what is all alike into nothing."""
FILTERS = {
    DEFLATE: "gzip", SHUFFLE: "shuffle", FLETCHER32: "fletcher32", LZF: "lzf", SZIP: "szip", NBIT: "nbit",
    SCALEOFFSET: "scaleoffset",
}  # fmt: skip
PLUGINS = {
    305: "lzo", 307: "bzip2", 32001: "blosc", 32002: "mafisc", 32003: "snappy", 32004: "lz4", 32008: "bitshuffle",
    32013: "zfp", 32015: "zstd", 32017: "sz", 32018: "fcidecomp", 32019: "jpeg", 32022: "bitgroom", 32023: "bitround",
    32024: "sz3", 32026: "blosc2", 32028: "sperr", 32029: "lz4hc", 32030: "htj2k",
}  # fmt: skip
"""Registered numbers. https://github.com/HDFGroup/hdf5_plugins/blob/master/docs/RegisteredFilterPlugins.md"""


def filters_of(data: h5py.Dataset) -> list[int]:
    properties = data.id.get_create_plist()
    return [properties.get_filter(position)[0] for position in range(properties.get_nfilters())]


def check_filters(data: h5py.Dataset, filters: list[int], chunk_bytes: int) -> None:
    """`Unreadable` unless the filters are known, there, each used once, and make no more than a chunk."""
    for number in filters:
        if number not in FILTERS:
            raise Unreadable(f"is packed by {_called(number)}, which needs a plug-in of HDF5", REPACK)
        if not h5py.h5z.filter_avail(number):
            raise Unreadable(f"is packed by {FILTERS[number]}, which this h5py was built without", REPACK)
    if len(set(filters)) < len(filters) or len(set(filters) & {DEFLATE, LZF, SZIP}) > 1:
        raise Unreadable(f"is packed by the filters {filters}, expected each once and one that compresses", REPACK)
    properties: Any = data.id.get_create_plist()
    for position, number in enumerate(filters):
        if not fits(number, properties.get_filter(position)[2], chunk_bytes, data.dtype.itemsize):
            raise Unreadable(
                f"has settings of the filter {FILTERS[number]} that do not fit its chunks of {chunk_bytes:,} bytes",
                HOSTILE,
            )


def fits(number: int, settings: tuple[int, ...], chunk_bytes: int, width: int) -> bool:
    """Whether the settings of a filter are those for chunks of so many bytes, of numbers of `width` bytes each.

    HDF5 2.0 believes them: it divides by a zero among them, and writes as many values as they say. It sets them in
    H5Zszip.c, H5Zscaleoffset.c and H5Znbit.c.
    """
    if number == SZIP:
        if len(settings) < 4:
            return False
        _, block, bits, line = settings[:4]
        return block in range(2, 33, 2) and 1 <= bits <= 8 * width and block <= line <= 128 * block
    if number == SCALEOFFSET:
        if len(settings) < 8:
            return False
        way, _, count, kind, size, sign, order, filled = settings[:8]
        return count * width == chunk_bytes and size == width and way <= 2 and max(kind, sign, order, filled) <= 1
    if number == NBIT:
        if len(settings) < 8:
            return False
        _, _, count, kind, size, order, precision, offset = settings[:8]
        atomic = kind == 1 and order <= 1 and precision > 0 and precision + offset <= 8 * size
        return count * width == chunk_bytes and size == width and atomic
    return True


def _called(number: int) -> str:
    return f"{PLUGINS[number]} (filter {number})" if number in PLUGINS else f"filter {number}"


REPACK = "write it without, as h5repack -f GZIP=4 IN.h5 OUT.h5 does where the filters are (or h5py with hdf5plugin)"
