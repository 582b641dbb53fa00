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
SETTINGS = {NBIT: (2, 4), SCALEOFFSET: (2, 4)}
"""Where among its settings a filter keeps how many values it unpacks, and of how many bytes each."""


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
        settings = properties.get_filter(position)[2]
        if number in SETTINGS:
            count, width = (settings[place] if place < len(settings) else 0 for place in SETTINGS[number])
            if count * width > chunk_bytes:
                raise Unreadable(
                    f"has chunks of {chunk_bytes:,} bytes that {FILTERS[number]} would unpack to {count * width:,}",
                    HOSTILE,
                )


def _called(number: int) -> str:
    return f"{PLUGINS[number]} (filter {number})" if number in PLUGINS else f"filter {number}"


REPACK = "write it without, as h5repack -f GZIP=4 IN.h5 OUT.h5 does where the filters are (or h5py with hdf5plugin)"
