"""HDF5 files over which HDF5 itself hangs, crashes or takes the machine's memory; memscope refuses them in one line.

Each look at a file's bytes in memscope/files/guarded_hdf5.py has its file here, and what HDF5 alone does with it.
Where a later HDF5 does better, that test fails, and the look may go once no older HDF5 is allowed.
"""

import json
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from fuzz.archives import arrays
from fuzz.hdf5_files import good_file
from fuzz.run_files import TASK, good_run, plan
from memscope.datasets import load_dataset
from memscope.errors import RunError
from memscope.files.guarded_hdf5 import check_attributes
from memscope.store.ledger import outcome_path, read_outcome
from tests.fuzz import test_bombs
from tests.fuzz.test_bombs import GIGABYTE, deflated, refusal

pytestmark = [test_bombs.pytestmark, pytest.mark.xdist_group("hdf5 alone")]
MOST = 300
"""Megabytes at which a reader is stopped; the files have 1.1 at most."""
ALONE = """
import json, os, resource, sys, time
import h5py
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

def read(path, item):
    with h5py.File(path) as file:
        found = file[item]
        found[()] if isinstance(found, h5py.Dataset) else dict(found.attrs)

def peak(pid):
    with open(f"/proc/{pid}/status") as told:
        return max([int(line.split()[1]) / 1024 for line in told if line.startswith("VmHWM")], default=0)

for line in sys.stdin:
    path, item, most = json.loads(line)
    child = os.fork()
    if not child:
        resource.setrlimit(resource.RLIMIT_CPU, (3, 3))
        try:
            read(path, item)
        except BaseException:
            os._exit(1)
        os._exit(0)
    ended = 0
    while not ended:
        if peak(child) > most:
            os.kill(child, 9)
            os.waitpid(child, 0)
            break
        time.sleep(0.005)
        ended, status = os.waitpid(child, os.WNOHANG)
    print(os.waitstatus_to_exitcode(status) if ended else "memory", flush=True)
"""
"""Forks itself for every file, and so loads h5py once. A child may take three seconds of processor time."""


@pytest.fixture(scope="module")
def alone() -> Iterator[Callable[[Path, str], str]]:
    """What h5py does when it reads a dataset, or a group's attributes, with nobody who looks first."""
    command = [sys.executable, "-c", ALONE]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, text=True, **pipes) as process:

        def ask(path: Path, item: str) -> str:
            print(json.dumps([str(path), item, MOST]), file=process.stdin, flush=True)
            ends = {"0": "reads", "1": "refuses", "memory": "takes the memory", "-24": "hangs", "-9": "hangs"}
            return ends.get(process.stdout.readline().strip(), "crashes")

        yield ask
        process.stdin.close()


def test_what_hdf5_does_alone_is_seen(alone, tmp_path):
    path = tmp_path / "set.h5"
    path.write_bytes(good_file("plain", "earliest"))
    assert alone(path, "class_names") == "reads"
    assert alone(path, "/") == "reads"
    assert alone(path, "nothing") == "refuses"


def write_hdf5(path: Path, put: Callable[[h5py.File], None], left_out: str = "train_images") -> str:
    with h5py.File(path, "w") as file:
        for name, array in arrays().items():
            if name != left_out:
                file[name] = np.char.encode(array, "utf-8") if array.dtype.kind == "U" else array
        put(file)
    return f"hdf5:{path}"


def declared(file: h5py.File) -> None:
    file.create_dataset("train_images", (10**6, 32, 32, 3), np.uint8, chunks=(1, 32, 32, 3))[0] = 1


def huge_chunk(file: h5py.File) -> None:
    space = h5py.h5s.create_simple((12, 5, 4, 3), (h5py.h5s.UNLIMITED,) * 4)
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk((12, 5000, 5000, 3))
    properties.set_deflate(1)
    data = h5py.h5d.create(file.id, b"train_images", h5py.h5t.NATIVE_UINT8, space, properties)
    data.write_direct_chunk((0, 0, 0, 0), deflated(900 * 2**20))


def chunk_of_a_gigabyte(file: h5py.File) -> None:
    options = {"chunks": (12, 5, 4, 3), "compression": "gzip"}
    data = file.create_dataset("train_images", (12, 5, 4, 3), np.uint8, **options)
    data.id.write_direct_chunk((0, 0, 0, 0), deflated(GIGABYTE))


def twice_deflated(file: h5py.File) -> None:
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk((12, 5, 4, 3))
    properties.set_deflate(9)
    properties.set_deflate(9)
    space = h5py.h5s.create_simple((12, 5, 4, 3))
    data = h5py.h5d.create(file.id, b"train_images", h5py.h5t.NATIVE_UINT8, space, properties)
    data.write_direct_chunk((0, 0, 0, 0), zlib.compress(deflated(GIGABYTE), 9))


def packed(file: h5py.File, **options: object) -> h5py.Dataset:
    """Images of one chunk, all alike."""
    data = file.create_dataset("train_images", (12, 5, 4, 3), np.uint8, chunks=(12, 5, 4, 3), **options)
    data[...] = 7
    return data


def scaled_to_gigabytes(file: h5py.File) -> None:
    """The settings of the filter say how many values it unpacks; the dataset's own chunk is as small as before."""
    packed(file, scaleoffset=0)
    path = Path(file.filename)
    file.close()
    content = path.read_bytes()
    settings = struct.pack("<3I", 2, 0, 720)  # whole numbers, as few bits as it takes, how many values
    assert content.count(settings) == 1
    path.write_bytes(content.replace(settings, struct.pack("<3I", 2, 0, 3_600_000_000)))


def szip_of_gigabytes(file: h5py.File) -> None:
    with h5py.File("large", "w", driver="core", backing_store=False) as other:
        large = other.create_dataset("zeros", (2**29,), np.uint8, chunks=(2**29,), compression="szip")
        large[:8] = 1
        other.flush()
        _, chunk = large.id.read_direct_chunk((0,))
    packed(file, compression="szip").id.write_direct_chunk((0, 0, 0, 0), chunk)


def one_text_many_times(file: h5py.File) -> None:
    names = file.create_dataset("class_names", (2000,), h5py.string_dtype())
    names[:] = ["x" * 500_000, *["y"] * 1999]
    file.flush()
    start, width = names.id.get_offset(), 16
    path = Path(file.filename)
    file.close()
    content = bytearray(path.read_bytes())
    content[start : start + 2000 * width] = content[start : start + width] * 2000
    path.write_bytes(content)


def one_text_many_times_in_a_chunk(file: h5py.File) -> None:
    names = file.create_dataset("class_names", (2000,), h5py.string_dtype(), chunks=(2000,))
    names[:] = ["x" * 500_000, *["y"] * 1999]
    file.flush()
    _, chunk = names.id.read_direct_chunk((0,))
    names.id.write_direct_chunk((0,), chunk[:16] * 2000)


def a_text_of_gigabytes(file: h5py.File) -> None:
    names = file.create_dataset("class_names", data=["cat", "dog", "eel"], dtype=h5py.string_dtype())
    file.flush()
    start, path = names.id.get_offset(), Path(file.filename)
    file.close()
    content = bytearray(path.read_bytes())
    content[start : start + 4] = b"\xff\xff\xff\xf0"
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("put", "left_out", "says"),
    [
        (declared, "train_images", "found int64 [12], expected integers [1000000]"),
        (huge_chunk, "train_images", "has chunks of 900,000,000 bytes for 720 bytes of data"),
        (chunk_of_a_gigabyte, "train_images", "unpacks to more than the 720 bytes"),
        (scaled_to_gigabytes, "train_images", "settings of the filter scaleoffset that do not fit its chunks of 720"),
        (szip_of_gigabytes, "train_images", "unpacks to more than the 720 bytes"),
        (twice_deflated, "train_images", "is packed by the filters [1, 1]"),
        (one_text_many_times, "class_names", "claims 1,000,000,000 bytes of text"),
        (one_text_many_times_in_a_chunk, "class_names", "holds more text than its file has bytes"),
        (a_text_of_gigabytes, "class_names", "bytes of text in a file of"),
    ],
)
def test_a_dataset_that_would_take_the_memory_or_crash_hdf5_is_refused(put, left_out, says, alone, tmp_path):
    spec = write_hdf5(tmp_path / "set.h5", put, left_out)
    assert (tmp_path / "set.h5").stat().st_size < 3_000_000
    assert alone(tmp_path / "set.h5", left_out) == ("crashes" if put is scaled_to_gigabytes else "takes the memory")
    assert says in refusal(lambda: load_dataset(spec))


def test_settings_of_szip_over_which_hdf5_crashes_are_refused(alone, tmp_path):
    """It divides by the pixels of a block."""
    spec = write_hdf5(tmp_path / "set.h5", lambda file: packed(file, compression="szip") and None)
    content = (tmp_path / "set.h5").read_bytes()
    settings = struct.pack("<4I", 169, 8, 8, 720)
    assert content.count(settings) == 1
    assert load_dataset(spec, say=str).image_shape == (5, 4, 3)
    (tmp_path / "set.h5").write_bytes(content.replace(settings, struct.pack("<4I", 169, 0, 8, 720)))
    assert alone(tmp_path / "set.h5", "train_images") == "crashes"
    assert "settings of the filter szip that do not fit" in refusal(lambda: load_dataset(spec))


def test_a_dataset_that_was_never_written_is_refused(alone, tmp_path):
    """HDF5 gives zeros for it: a writer that was killed would leave a data set of black images."""
    spec = write_hdf5(tmp_path / "set.h5", lambda file: file.create_dataset("train_images", (12, 5, 4, 3), np.uint8))
    assert alone(tmp_path / "set.h5", "train_images") == "reads"
    assert "was declared and never written" in refusal(lambda: load_dataset(spec))


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("length", [2**64 - 16, 2**64 - 1, 2**63, 100_000])
def test_hdf5_whose_texts_lead_out_of_their_heap(length, number, alone, tmp_path):
    """libhdf5 2.0 goes from text to text by their lengths: round and round where they say so."""
    content = bytearray(good_file("plain", "earliest"))
    start = content.index(b"GCOL") + 16
    for _ in range(number - 1):
        start += 16 + -(-int.from_bytes(content[start + 8 : start + 16], "little") // 8) * 8
    assert int.from_bytes(content[start : start + 2], "little") == number
    content[start + 8 : start + 16] = struct.pack("<Q", length)
    (tmp_path / "set.h5").write_bytes(content)
    if number == 1 and length == 2**64 - 16:
        assert alone(tmp_path / "set.h5", "class_names") == "hangs"
    assert "its texts are damaged" in refusal(lambda: load_dataset(f"hdf5:{tmp_path}/set.h5"))


@pytest.mark.parametrize("less", [16, 2048])
def test_hdf5_whose_free_space_ends_before_its_heap_does(less, alone, tmp_path):
    """What libhdf5 2.0 finds there are texts of no length, without end."""
    content = bytearray(good_file("plain", "earliest"))
    start = position = content.index(b"GCOL")
    end = start + int.from_bytes(content[start + 8 : start + 16], "little")
    position += 16
    while content[position : position + 2] != b"\0\0":
        position += 16 + -(-int.from_bytes(content[position + 8 : position + 16], "little") // 8) * 8
    assert int.from_bytes(content[position + 8 : position + 16], "little") == end - position > 2048
    content[position + 8 : position + 16] = struct.pack("<Q", end - position - less)
    (tmp_path / "set.h5").write_bytes(content)
    if less == 16:
        assert alone(tmp_path / "set.h5", "class_names") == "hangs"
    assert "its texts are damaged" in refusal(lambda: load_dataset(f"hdf5:{tmp_path}/set.h5"))


def test_an_attribute_of_an_outcome_whose_type_has_one_bit_flipped_is_refused(alone, tmp_path):
    """A text became a sequence of any length, over which libhdf5 2.0 crashes."""
    path = outcome_path(tmp_path, plan(), TASK)
    path.parent.mkdir(parents=True)
    path.write_bytes(good_run()[path.relative_to(tmp_path).as_posix()])
    with h5py.File(path, "r+") as file:
        del file.attrs["sealed"]  # as files from before seals, which would find it first
    content = path.read_bytes()
    kind = content.index(b"device\0\0\x19\x01") + 9  # the class of the type, and in it that it is text
    path.write_bytes(content[:kind] + b"\x0d" + content[kind + 1 :])
    assert alone(path, "/") == "crashes"
    assert "its attribute device is no plain value" in refusal(lambda: read_outcome(tmp_path, plan(), TASK))


def refusal_of_attributes(path: Path) -> str:
    def read() -> None:
        with h5py.File(path) as file:
            try:
                check_attributes(file["score"])
            except ValueError as error:
                raise RunError(str(error)) from error

    return refusal(read)


@pytest.mark.parametrize("version", [1, 3])
def test_an_attribute_that_claims_gigabytes_of_text_is_refused(version, alone, tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_group("other").attrs["summary"] = "before"
        file.create_group("score").attrs["summary"] = text = "a summary of 123,456 letters" * 4409
    content = bytearray(path.read_bytes())
    if version == 3:  # as other programs write it: an encoding more, and nothing filled up to a multiple of 8
        for start in [place - 8 for place in range(len(content)) if content[place : place + 8] == b"summary\0"]:
            sizes = struct.unpack("<3H", content[start + 2 : start + 8])
            parts, place = [], start + 8
            for size in sizes:
                parts.append(content[place : place + size])
                place += -(-size // 8) * 8
            message = (
                bytes([3, 0]) + content[start + 2 : start + 8] + b"\0" + b"".join(parts) + content[place : place + 16]
            )
            content[start : start + len(message)] = message
        path.write_bytes(content)
    with h5py.File(path) as file:
        check_attributes(file["score"])
        check_attributes(file["other"])
        assert file["score"].attrs["summary"] == text
    place = content.index(struct.pack("<I", len(text)))
    content[place : place + 4] = b"\xff\xff\xff\xf0"
    path.write_bytes(content)
    assert alone(path, "score") == "takes the memory"
    assert "its attribute summary claims more text" in refusal_of_attributes(path)


def test_an_attribute_of_one_text_many_times_is_refused(alone, tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_group("score").attrs["summary"] = ["x" * 500_000, *["y"] * 1999]
    content = bytearray(path.read_bytes())
    place = content.index(struct.pack("<I", 500_000))
    content[place : place + 16 * 2000] = content[place : place + 16] * 2000
    path.write_bytes(content)
    assert alone(path, "score") == "takes the memory"
    assert "its attribute summary is several texts" in refusal_of_attributes(path)


@pytest.mark.parametrize("text", [True, False])
def test_hdf5_itself_sees_an_attribute_that_is_larger_than_its_place(text, alone, tmp_path):
    """So nobody need look at how much an attribute stores."""
    path, length = tmp_path / "a.h5", 77
    with h5py.File(path, "w") as file:
        file.create_group("score").attrs["summary"] = np.bytes_(b"x" * length) if text else np.arange(length)
    kind, large = ("<I", 2**30) if text else ("<Q", 2**27)
    path.write_bytes(path.read_bytes().replace(struct.pack(kind, length), struct.pack(kind, large)))
    assert alone(path, "score") == "refuses"


def test_hdf5_with_many_heaps_of_texts_is_read(tmp_path):
    names = [f"{number}{'x' * (number % 900)}" for number in range(1000)]
    arrays = {
        "train_images": np.zeros((1000, 2, 2), np.uint8),
        "train_labels": np.arange(1000),
        "test_images": np.zeros((3, 2, 2), np.uint8),
        "test_labels": np.arange(3),
    }
    with h5py.File(tmp_path / "set.h5", "w") as file:
        for name, values in arrays.items():
            file[name] = values
        file.create_dataset("class_names", data=names, dtype=h5py.string_dtype())
    assert (tmp_path / "set.h5").read_bytes().count(b"GCOL") > 4
    assert load_dataset(f"hdf5:{tmp_path}/set.h5").class_names == tuple(names)
