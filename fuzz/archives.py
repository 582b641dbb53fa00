"""npz archives, written with zipfile and NumPy's header by hand."""

import io
import pickle
import struct
import zipfile
from functools import cache
from pathlib import Path
from random import Random

import numpy as np

from fuzz.damage import TEXTS, damaged
from fuzz.pickles import malicious


@cache
def arrays() -> dict[str, np.ndarray]:
    """A good data set of three classes."""
    pixels = np.arange(12 * 5 * 4 * 3, dtype=np.uint64)
    return {
        "train_images": (pixels * 7).astype(np.uint8).reshape(12, 5, 4, 3),
        "train_labels": np.arange(12) % 3,
        "test_images": (pixels[:180] * 5).astype(np.uint8).reshape(3, 5, 4, 3),
        "test_labels": np.array([2, 1, 0], dtype=np.uint8),
        "class_names": np.array(["cat", "dög", "eel"]),
        "train_index": np.arange(12) * 3,
    }


LAYOUTS = (
    "x_train y_train x_test y_test", "xTrain yTrain val_x val_y", "data target data_test target_test", "images labels - -",
    "train/images train/labels test/images test/labels", "a/images a/labels b/images b/labels", "train_images y x_test test_labels",
    "data labels images targets",
)  # fmt: skip
"""Names that others give to the four arrays; some leave open what is meant."""


def layout(random: Random, found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays, or one in four times the same under other names, sometimes in other forms."""
    if random.random() < 0.75:
        return found
    names = dict(zip(list(arrays())[:4], random.choice(LAYOUTS).split(), strict=True))
    names["class_names"] = random.choice(("class_names", "classes", "target_names"))
    changes = random.choice((
        {}, {"labels": lambda labels: labels[:, None]}, {"labels": lambda labels: np.eye(3)[labels]},
        {"labels": lambda labels: np.array(["eel", "cat", "d\x1b[31m"])[labels]}, {"labels": lambda labels: labels * 7.0 + 1},
        {"images": lambda images: images.astype(">i4")}, {"images": lambda images: images.transpose(0, 3, 1, 2)},
        {"images": lambda images: images / 255}, {"images": lambda images: images > 99},
    ))  # fmt: skip
    change = {name: changes.get(name.partition("_")[2], lambda array: array) for name in found}
    return {names.get(name, name): change[name](array) for name, array in found.items() if names.get(name) != "-"}


def odd_arrays(random: Random) -> np.ndarray:
    """An array that no field should be, or that one might be."""
    names = [random.choice(TEXTS).decode("latin-1") for _ in range(3)]
    return random.choice((
        np.zeros(0), np.zeros((12, 5, 4, 2), np.uint8), np.zeros((12, 3, 5, 4), np.uint8), np.zeros((12, 5, 4), np.uint8), np.zeros(12),
        np.array(3), np.array("x"), np.arange(12), np.arange(12) - 1, np.arange(12) * 10**9, np.full(12, 2**64 - 1, np.uint64),
        np.array(names), np.array([name.encode() for name in names]), np.array(["a\x00b", "c", "d"]), np.array(["a", "a", "b"]),
        np.array(["y" * 5000, "b", "c"]), np.array([f"c{number}" for number in range(3000)]), np.array(["", "b", "c"]),
        np.zeros(12, "M8[s]"), np.zeros(12, bool), np.zeros(12, complex), np.zeros(12, "V8"), np.array([b"\xff\xfe", b"b", b"c"]),
        np.zeros(3, [("a", "<i4"), ("b", "U3")]), np.zeros((1,) * 20, np.uint8), np.asfortranarray(np.zeros((12, 5, 4, 3), np.uint8)),
        np.array([0, 1, 2] * 4, ">i8"), np.zeros((12, 0, 4, 3), np.uint8), np.array([malicious(), None, None], dtype=object),
        np.frombuffer(np.array([0x110000, 0xD800, 65], "<u4").tobytes(), "<U1"), np.zeros(3, "U0"),
    ))  # fmt: skip


HEADERS = (
    "{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000, 1000, 1000, 3), }",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 5, 4, 3), }",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (9223372036854775807, 9223372036854775807), }",
    "{'descr': '|u1', 'fortran_order': True, 'shape': (12, 5, 4, 3), }",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (True, 5, 4, 3), }",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (12L, 5L, 4L, 3L), }",
    "{'descr': '|O', 'fortran_order': False, 'shape': (3,), }",
    "{'descr': '<U0', 'fortran_order': False, 'shape': (50000000,), }",
    "{'descr': '|S0', 'fortran_order': False, 'shape': (4000000000000,), }",
    "{'descr': '|V0', 'fortran_order': False, 'shape': (4000000000000,), }",
    "{'descr': '<U2000000000', 'fortran_order': False, 'shape': (0,), }",
    "{'descr': '(1000,1000)u1', 'fortran_order': False, 'shape': (12,), }",
    "{'descr': [('a', '|O')], 'fortran_order': False, 'shape': (3,), }",
    "{'descr': [('a', [('b', [('c', '<i4')])])], 'fortran_order': False, 'shape': (3,), }",
    "{'descr': '<M8[\x1b[31m]', 'fortran_order': False, 'shape': (3,), }",
    "{'descr': '|u1', 'fortran_order': False, 'shape': " + "(" * 3000 + ")" * 3000 + ", }",
    "{'descr': " + "[" * 90 + "]" * 90 + ", 'fortran_order': False, 'shape': (3,), }",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (" + "1," * 100 + "), }",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (" + "9" * 5000 + ",), }",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (1" + "+1" * 3000 + ",), }",
    "__import__('os').mkdir('memscope-fuzz-ran-code')",
    "{'descr': __import__('os').mkdir('memscope-fuzz-ran-code'), 'fortran_order': False, 'shape': ()}",
    "",
    "{",
    "\x00" * 100,
    "'" + "a" * 9000,
    "{1: 2}",
    "{'descr': '|u1', 'fortran_order': 3, 'shape': (3,), }",
)


def npy(random: Random, array: np.ndarray) -> bytes:
    """One .npy file; sometimes its header is another, or its length a lie."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    data = buffer.getvalue()
    chance = random.random()
    if chance < 0.5:
        return data
    if chance < 0.8:
        text = random.choice(HEADERS)
        if random.random() < 0.3:
            text = damaged(random, text.encode("latin-1")).decode("latin-1")
        header = text.encode("latin-1") + b"\n"
        if random.random() < 0.6:
            start = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header) % 2**16)
        else:
            length = random.choice((len(header), len(header), 2**31, 2**32 - 1, 0))
            start = b"\x93NUMPY" + bytes([random.choice((2, 3, 9)), 0]) + struct.pack("<I", length)
        return start + header + data[128:] + bytes(random.choice((0, 0, 0, 5_000_000)))
    return damaged(random, data, head=128)


def write_npz(random: Random, directory: Path) -> str:
    """A data set whose members are odd, damaged, missing, doubled or compressed strangely, or no archive at all."""
    path = directory / "set.npz"
    found = layout(random, dict(arrays()))
    if random.random() < 0.3:
        found[random.choice(list(found))] = odd_arrays(random)
    if random.random() < 0.2:
        del found[random.choice(list(found))]
    touched = random.choice((None, *found))
    method = random.choice(
        (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, array in sorted(found.items(), key=lambda _: random.random()):
            data = npy(random, array) if name == touched else npy_whole(array)
            ending = random.choice(("", ".npz", "/../x.npy")) if random.random() < 0.03 else ".npy"
            info = zipfile.ZipInfo(name + ending)
            info.compress_type = method
            archive.writestr(info, data)
    data = buffer.getvalue()
    if random.random() < 0.05:  # the same name twice, which zipfile itself only warns of
        data = data.replace(b"test_labels.npy", b"class_names.npy")
    if random.random() < 0.35:
        start = data.rfind(b"PK\x01\x02", 0, random.randint(1, len(data))) if random.random() < 0.5 else 0
        data = data[: max(start, 0)] + damaged(random, data[max(start, 0) :], head=60)
    if random.random() < 0.03:
        data = random.choice(
            (pickle.dumps(malicious()), pickle.dumps([malicious()], 0), npy_whole(np.zeros(3)), b"", b"PK\x05\x06")
        )
    path.write_bytes(data)
    return f"npz:{path}"


def npy_whole(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()
