"""HDF5 data sets, written with h5py: other types, links, storage and filters than a data set has, and damaged bytes."""

import io
import pickle
import zlib
from functools import cache
from pathlib import Path
from random import Random

import h5py
import numpy as np

from fuzz.archives import arrays, layout
from fuzz.damage import damaged
from fuzz.pickles import malicious


def put(random: Random, file: h5py.File, name: str, array: np.ndarray, outside: Path) -> None:
    """One dataset in some strange way; whatever h5py itself refuses to write is left out."""
    kind = random.choice(KINDS)
    data = np.char.encode(array, "utf-8") if array.dtype.kind == "U" else array
    if kind == "huge":
        shape = random.choice(((10**9, 1000, 1000, 3), (2**40,), (2**31, 2**31), (12, 5, 4, 2**40)))
        file.create_dataset(name, shape, np.uint8, chunks=tuple(min(extent, 8) for extent in shape))
    elif kind == "huge chunk":
        chunks = (64, 600, 700, 3)
        limits = (None, None, None, None)
        stored = file.create_dataset(name, (12, 5, 4, 3), np.uint8, chunks=chunks, maxshape=limits, compression="gzip")
        stored[:] = 1
    elif kind == "bomb":
        stored = file.create_dataset(name, (12, 5, 4, 3), np.uint8, chunks=(12, 5, 4, 3), compression="gzip")
        stored.id.write_direct_chunk((0, 0, 0, 0), bomb(), 0)
    elif kind == "object":
        file.create_dataset(name, (3,), h5py.special_dtype(vlen=np.uint8))
    elif kind == "opaque":
        file[name] = np.void(pickle.dumps(malicious()))
    elif kind == "compound":
        file[name] = np.zeros(12, [("a", "<i4"), ("b", "S3")])
    elif kind == "reference":
        file.create_dataset(name, (2,), h5py.ref_dtype)[0] = file.ref
    elif kind == "enum":
        file.create_dataset(name, array.shape, h5py.enum_dtype({"x": 0, "y": 1}, "u1"))
    elif kind == "empty":
        file[name] = h5py.Empty("u1")
    elif kind == "text":
        texts = ["a\x1b[31m", "b" * random.choice((1, 5000)), "[/]", "é", ""]
        file.create_dataset(name, data=texts[: random.choice((3, 5))], dtype=h5py.string_dtype())
    elif kind == "bad utf-8":
        file.create_dataset(name, data=[b"\xff\xfe", b"b", b"c"], dtype=h5py.string_dtype(length=3))
    elif kind == "external link":
        file[name] = h5py.ExternalLink(str(outside / "other.h5"), name)
    elif kind == "soft link":
        file[name] = h5py.SoftLink(random.choice(("/nowhere", f"/{name}", "/", "test_labels")))
    elif kind == "external storage":
        file.create_dataset(name, array.shape, np.uint8, external=[("/etc/passwd", 0, array.size)])
    elif kind == "virtual":
        layout = h5py.VirtualLayout(array.shape, np.uint8)
        layout[...] = h5py.VirtualSource(str(outside / "other.h5"), name, array.shape)
        file.create_virtual_dataset(name, layout)
    elif kind == "group":
        file.create_group(name)
    elif kind == "committed type":
        file[name] = np.dtype("u1")
    elif kind == "filters":
        options = random.choice((
            {"compression": "gzip", "shuffle": True, "fletcher32": True}, {"compression": "lzf"}, {"scaleoffset": 0},
            {"compression": "szip"}, {"scaleoffset": 0, "compression": "gzip"}, {"scaleoffset": 3, "fletcher32": True},
            {"compression": "szip", "shuffle": True, "fletcher32": True}, {"fletcher32": True}, {"chunks": True, "maxshape": tuple(None for _ in data.shape)},
        ))  # fmt: skip
        file.create_dataset(name, data=data, **options)
    elif kind == "twice deflated":
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk((12, 5, 4, 3))
        properties.set_deflate(9)
        properties.set_deflate(9)
        space = h5py.h5s.create_simple((12, 5, 4, 3))
        h5py.h5d.create(file.id, name.encode(), h5py.h5t.NATIVE_UINT8, space, properties)
        h5py.Dataset(file[name].id).id.write_direct_chunk((0, 0, 0, 0), zlib.compress(bomb()), 0)
    elif kind == "other shape":
        shape = random.choice(((), (0,), (12,), (12, 5), (12, 5, 4), (12, 3, 5, 4), (12, 5, 4, 3), (3, 0, 4, 3)))
        file[name] = np.zeros(shape, random.choice(("u1", "<i8", ">i4", "f2", "f8", "?", "u8", "c8")))
    elif kind == "hard link":
        file[name] = file


KINDS = (
    "huge", "huge chunk", "bomb", "object", "opaque", "compound", "reference", "enum", "empty", "text", "bad utf-8", "external link",
    "soft link", "external storage", "virtual", "group", "committed type", "filters", "filters", "twice deflated", "other shape",
    "other shape", "hard link", "absent",
)  # fmt: skip


@cache
def bomb() -> bytes:
    """16 MB of zeros, deflated: some 16 kB."""
    return zlib.compress(bytes(2**24), 9)


OPTIONS = {
    "plain": {}, "chunked": {"compression": "gzip", "shuffle": True}, "lzf": {"compression": "lzf"},
    "szip": {"compression": "szip"}, "scaled": {"scaleoffset": 0}, "scaled and packed": {"scaleoffset": 0, "compression": "gzip"},
}  # fmt: skip


@cache
def good_file(layout: str, libver: str) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver=libver) as file:
        for name, array in arrays().items():
            options = OPTIONS[layout] if array.ndim > 1 or layout == "chunked" else {}
            values = array.astype("O") if array.dtype.kind == "U" else array
            file.create_dataset(
                name, data=values, dtype=h5py.string_dtype() if array.dtype.kind == "U" else None, **options
            )
    return buffer.getvalue()


def write_hdf5(random: Random, directory: Path) -> str:
    """A good file with damaged bytes, or a file with one or two strange datasets, sometimes damaged as well."""
    path = directory / "set.h5"
    if random.random() < 0.6:
        data = good_file(
            random.choice(("plain", "plain", "chunked", "chunked", *OPTIONS)),
            random.choice(("earliest", "v110", "latest")),
        )
        path.write_bytes(damaged(random, data, head=random.choice((100, 2500, None))))
        return f"hdf5:{path}"
    strange = random.sample(list(arrays()), random.choice((0, 1, 1, 2)))
    with h5py.File(path, "w", libver=random.choice(("earliest", "v110", "latest"))) as file:
        linked = random.random() < 0.1
        for name, array in layout(random, arrays()).items():
            if linked and name not in strange:
                file[f"stored/{name}"] = array.astype("O") if array.dtype.kind == "U" else array
                file[name] = h5py.SoftLink(
                    random.choice((f"/stored/{name}", f"stored/{name}", f"/stored/./{name}", f"/{name}"))
                )
            elif name not in strange:
                file[name] = array.astype("O") if array.dtype.kind == "U" else array
        for name in strange:
            try:
                put(random, file, name, arrays()[name], directory)
            except (ValueError, TypeError, OSError, RuntimeError):
                continue
    if random.random() < 0.2:
        path.write_bytes(damaged(random, path.read_bytes(), head=2500))
    return f"hdf5:{path}"
