"""Small files that promise or unpack to gigabytes: refused in one line, and what that cost is measured."""

import gzip
import io
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from fuzz.archives import arrays
from fuzz.cases import memory, reset_peak
from fuzz.pickles import batch, meta
from fuzz.plain import IDX_NAMES, idx_file, idx_files
from memscope.datasets import load_dataset
from memscope.errors import MemscopeError, RunError
from memscope.plan.plan_file import read_plan

MEGABYTES = 150
"""What refusing may cost. Each of the files below would cost a gigabyte or more."""

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/self/clear_refs"), reason="memory is measured on Linux only")
GIGABYTE = 2**30


def refusal(read: Callable[[], object]) -> str:
    """The one line with which `read` refuses, having taken no more than MEGABYTES at any time."""
    reset_peak()
    before = memory("VmRSS")
    with pytest.raises(MemscopeError) as caught:
        read()
    grown = (memory("VmHWM") - before) / 1024
    assert grown < MEGABYTES, f"{grown:.0f} MB"
    assert str(caught.value).isprintable()
    return str(caught.value)


def deflated(count: int) -> bytes:
    """So many zero bytes, deflated: a block of a megabyte, again and again, and the checksum that belongs to it."""
    packer = zlib.compressobj(9, wbits=-15)
    block = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = struct.pack(">HH", count % 65521, 1)
    return b"\x78\x9c" + block * (count // 2**20) + b"\x03\x00" + checksum


def test_a_deflated_bomb_is_what_zlib_unpacks():
    assert zlib.decompress(deflated(3 * 2**20)) == bytes(3 * 2**20)


def gzipped(start: bytes, count: int) -> bytes:
    """`start` and so many zero bytes: a gzip file may have many members, one after the other."""
    return gzip.compress(start) + gzip.compress(bytes(2**20)) * (count // 2**20)


def test_the_measure_sees_memory_that_is_taken_and_given_back():
    def read() -> None:
        np.ones(200 * 2**20, np.uint8)
        raise RunError("it was too much")

    with pytest.raises(AssertionError, match="MB"):
        refusal(read)


@pytest.mark.parametrize("zipped", [False, True])
def test_idx(zipped, tmp_path):
    sizes = (2**20, 32, 32)
    for name, content in zip(IDX_NAMES, idx_files(), strict=True):
        (tmp_path / name).write_bytes(content)
    if zipped:  # honest, even: all of it is there
        (tmp_path / IDX_NAMES[0]).unlink()
        (tmp_path / f"{IDX_NAMES[0]}.gz").write_bytes(gzipped(idx_file(sizes, b""), GIGABYTE))
    else:
        (tmp_path / IDX_NAMES[0]).write_bytes(idx_file(sizes, b""))
    assert "found uint8 [12], expected integers [1048576]" in refusal(lambda: load_dataset(f"idx:{tmp_path}"))


def test_images_of_more_than_half_the_memory_are_refused(monkeypatch, tmp_path):
    """Honest or not: a flat background packs a thousandfold, so what counts is whether there is room for it."""
    monkeypatch.setattr("memscope.files.limits.memory_bytes", lambda: 2**28)
    monkeypatch.setattr("memscope.files.guarded_hdf5.memory_bytes", lambda: 2**28)
    count = 2**19 + 1
    (tmp_path / f"{IDX_NAMES[0]}.gz").write_bytes(gzipped(idx_file((count, 16, 16), b""), count * 256))
    for name, content in zip(IDX_NAMES[1:], [idx_file((count,), bytes(count)), *idx_files()[2:]], strict=True):
        (tmp_path / name).write_bytes(content)
    assert "at most half of this machine's memory" in refusal(lambda: load_dataset(f"idx:{tmp_path}"))
    spec = write_npz(tmp_path / "set.npz", train_images=npy(f"({2**18}, 32, 32)", bytes(2**28)))
    assert "at most half of this machine's memory" in refusal(lambda: load_dataset(spec))
    with h5py.File(tmp_path / "set.h5", "w") as file:
        file.create_dataset("images", (2**18, 32, 32), np.uint8, chunks=(256, 32, 32))[0] = 1
        file["labels"] = np.arange(2**18) % 2
    assert "at most half of this machine's memory" in refusal(lambda: load_dataset(f"hdf5:{tmp_path}/set.h5"))


def test_idx_that_unpacks_to_more_than_its_header_says(tmp_path):
    for name, content in zip(IDX_NAMES, idx_files(), strict=True):
        (tmp_path / name).write_bytes(content)
    (tmp_path / IDX_NAMES[0]).unlink()
    (tmp_path / f"{IDX_NAMES[0]}.gz").write_bytes(gzipped(idx_file((12, 4, 4), b""), GIGABYTE))
    assert "longer than its header says" in refusal(lambda: load_dataset(f"idx:{tmp_path}"))


def test_cifar_binary_of_a_sparse_terabyte(tmp_path):
    for name in ("train.bin", "test.bin"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(3074 * 400_000_000)
    (tmp_path / "fine_label_names.txt").write_text("cat\ndog\n")
    assert "at most half of this machine's memory" in refusal(lambda: load_dataset(f"cifar:{tmp_path}"))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        # one text of 100 kB made into bytes 20,000 times, each call two bytes of the file
        (
            b"\x80\x02}(U\x04dataX\xa0\x86\x01\x00" + b"a" * 100_000 + b"q\x01\x85q\x03c_codecs\nencode\nq\x02("
            + b"h\x02h\x03R" * 20_000 + b"lu.",
            "encoded again and again",
        ),
        (b"\x80\x02}(U\x04data(" + b"}" * 2_000_000 + b"lu.", "over 1,000,000 instructions"),
        (b"\x80\x04\x8e" + struct.pack("<Q", 2**40) + b".", "expected 1099511627776 bytes"),
        (b"\x80\x02}Nr\xff\xff\xff\x7fu.", "without its operands"),
    ],
)  # fmt: skip
def test_cifar_python(content, says, tmp_path):
    for name in ("train", "test"):
        (tmp_path / name).write_bytes(batch(2, b"fine_labels", 2))
    (tmp_path / "meta").write_bytes(meta(2, b"fine_label_names"))
    (tmp_path / "train").write_bytes(content)
    assert says in refusal(lambda: load_dataset(f"cifar:{tmp_path}"))


@pytest.mark.parametrize("depth", [200_000, 40])
def test_cifar_python_with_a_key_that_python_could_not_hash(depth, tmp_path):
    """Python's own unpickler crashes over the deep key, and never ends over the other, 40 pairs of the one before."""
    for name in ("train", "test"):
        (tmp_path / name).write_bytes(batch(2, b"fine_labels", 2))
    key = b"N" + (b"\x85" if depth > 1000 else b"q\x01h\x01\x86") * depth
    (tmp_path / "meta").write_bytes(b"\x80\x02}(" + key + b"K\x01u.")
    assert "a key that is tuple" in refusal(lambda: load_dataset(f"cifar:{tmp_path}"))


def npy(shape: str, data: bytes, descr: str = "|u1") -> bytes:
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


LONG_HEADER = b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**28) + bytes(2**28)


def write_npz(path: Path, method: int = zipfile.ZIP_DEFLATED, **changed: bytes) -> str:
    with zipfile.ZipFile(path, "w", method, compresslevel=1) as archive:
        for name, array in arrays().items():
            buffer = io.BytesIO()
            np.save(buffer, array)
            archive.writestr(f"{name}.npy", changed.get(name, buffer.getvalue()))
    return f"npz:{path}"


@pytest.mark.parametrize(
    ("method", "changed", "says"),
    [
        (zipfile.ZIP_STORED, {"train_images": npy("(1000000, 32, 32, 3)", b"")}, "claims 3,072,000,000 bytes"),
        (zipfile.ZIP_DEFLATED, {"train_images": npy("(262144, 32, 32)", bytes(2**28))}, "expected integers [262144]"),
        (zipfile.ZIP_DEFLATED, {"train_images": npy("(524288, 32, 32)", bytes(2**18))}, "claims 536,870,912 bytes"),
        (zipfile.ZIP_BZIP2, {"train_images": npy("(524288, 32, 32, 1)", bytes(2**25))}, "compressed by method 12"),
        (zipfile.ZIP_DEFLATED, {"train_images": LONG_HEADER}, "EOF: reading array header"),
        (zipfile.ZIP_STORED, {"class_names": npy("(1000000000,)", b"", "<U0")}, "found type <U0"),
        (zipfile.ZIP_STORED, {"class_names": npy("(16000000,)", bytes(64_000_000), "<U1")}, "expected text"),
        (zipfile.ZIP_DEFLATED, {"train_labels": npy("(16000000,)", bytes(16_000_000))}, "expected integers [12]"),
    ],
)  # fmt: skip
def test_npz(method, changed, says, tmp_path):
    spec = write_npz(tmp_path / "set.npz", method, **changed)
    assert says in refusal(lambda: load_dataset(spec))


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *extra: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(bytes(6 * 16)))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(extra) + pixels + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (png(9_000, 9_000), "claims 9000 x 9000 pixels"),
        (png(2**31 - 1, 2**31 - 1), "exceeds limit"),
        (png(5, 6, chunk(b"zTXt", b"Comment\x00\x00" + deflated(GIGABYTE))), "Decompressed data too large"),
    ],
)
def test_images(content, says, tmp_path):
    for place in ("train/cat/a.png", "train/dog/a.png", "test/cat/a.png"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (5, 6)).save(tmp_path / place)
    (tmp_path / "train/cat/b.png").write_bytes(content)
    assert says in refusal(lambda: load_dataset(f"folder:{tmp_path}"))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"a = " + b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b"a = " + b"9" * 100_000, "is not a readable plan"),
        (b"# " + b"x" * 2**28, "over 1,048,576 bytes"),
    ],
)
def test_plan(content, says, tmp_path):
    (tmp_path / "plan.toml").write_bytes(content)
    assert says in refusal(lambda: read_plan(tmp_path / "plan.toml"))


@pytest.mark.parametrize("form", ["npz", "hdf5"])
def test_honest_large_files_are_read_however_well_their_labels_pack(form, tmp_path):
    count = 3_000_000  # labels in order, as ImageNet's are: 24 MB in 24 kB
    pixels = np.random.default_rng(0).integers(0, 256, (count, 1, 1), dtype=np.uint8)
    labels = np.sort(np.arange(count) % 1000)
    data = {"train_images": pixels, "train_labels": labels, "test_images": pixels[:10], "test_labels": labels[:10]}
    path = tmp_path / f"set.{form}"
    if form == "npz":
        np.savez_compressed(path, **data)
    else:
        with h5py.File(path, "w") as file:
            for name, values in data.items():
                file.create_dataset(name, data=values, compression="gzip")
            assert file["train_labels"].id.get_storage_size() * 100 < labels.nbytes
    found = load_dataset(f"{form}:{path}")
    assert (found.train_labels == labels).all()
    assert (found.train_images[:, :, :, 0] == pixels).all()


@pytest.mark.parametrize("form", ["npz", "hdf5", "idx"])
def test_honest_images_on_a_flat_background_are_read(form, tmp_path):
    """They pack over 500 times, and were called hostile."""
    images = np.full((3000, 100, 100), 255, np.uint8)
    images[:, 40, 40] = np.arange(3000) % 256
    data = {"train_images": images, "train_labels": np.arange(3000) % 3}
    data |= {"test_images": images[:9], "test_labels": np.arange(9) % 3}
    path = tmp_path / f"set.{form}"
    if form == "npz":
        np.savez_compressed(path, **data)
    elif form == "hdf5":
        with h5py.File(path, "w") as file:
            for name, values in data.items():
                chunks = (min(1000, len(values)), *values.shape[1:])
                file.create_dataset(name, data=values, compression="gzip", chunks=chunks)
    else:
        path.mkdir()
        for name, values in zip(IDX_NAMES, data.values(), strict=True):
            (path / f"{name}.gz").write_bytes(gzip.compress(idx_file(values.shape, values.astype(np.uint8).tobytes())))
    stored = sum(each.stat().st_size for each in ([path] if path.is_file() else path.iterdir()))
    assert images.nbytes > 2**24 + 200 * stored
    assert (load_dataset(f"{form}:{path}").train_images[..., 0] == images).all()


def test_results_whose_counts_are_all_alike_are_read(tmp_path):
    from fuzz.run_files import plan
    from memscope.store.results import read_results, write_results

    (tmp_path / "plan.toml").write_text("")
    n_in = np.full((2, 1_200_000), 7)
    values = {
        "size": np.array([2, 4]),
        "n_in": n_in,
        "score": np.random.default_rng(0).random(n_in.shape).astype(np.float16),
    }
    write_results(tmp_path, plan(), "score", values, "state", {})
    assert (read_results(tmp_path, "score", plan())[0]["n_in"] == 7).all()
