"""Files of pairs with their influence, as `influence --beside` reads them: odd arrays, lying headers, damaged archives."""

import io
import pickle
import zipfile
from pathlib import Path
from random import Random

import numpy as np

from fuzz.archives import npy, npy_whole
from fuzz.damage import damaged
from fuzz.pickles import malicious


def arrays() -> dict[str, np.ndarray]:
    """Six good pairs."""
    return {
        "tr_idx": np.array([7, 2, 9, 0, 30, 5]),
        "tt_idx": np.array([1, 1, 4, 8, 0, 3]),
        "infl": np.array([0.15, 0.2, -0.3, 1.0, 0.5, 0.151]),
        "mem": np.array([0.25, 1.0, 0.7, 0.9, 0.3, 0.4]),
        "size": np.array(16),
        "standard_error": np.array([0.01, 0.02, 0.0, np.nan, 0.1, 0.05]),
    }


def odd_array(random: Random) -> np.ndarray:
    """An array that no field should be, or that one might be."""
    return random.choice((
        np.zeros(0), np.zeros(0, np.int64), np.arange(6), np.arange(6.0), np.arange(6) - 1, np.full(6, 3), np.full(6, 2**63 - 1),
        np.full(6, 2**64 - 1, np.uint64), np.full(6, 0.5, np.float16), np.full(6, np.nan), np.full(6, np.inf), np.full(6, -2.0),
        np.zeros((6, 1)), np.zeros((2, 3)), np.array(3), np.array(0.5), np.array("x"), np.array([True] * 6), np.zeros(6, complex),
        np.array([0, 1, 2] * 2, ">i8"), np.array([0.5] * 6, ">f4"), np.array(list("abcdef")), np.zeros(5), np.zeros(3, "U0"),
        np.zeros(6, "M8[s]"), np.zeros(6, [("a", "<i4")]), np.array([malicious(), None], dtype=object), np.array(-5), np.array(2**40 + 1),
    ))  # fmt: skip


def write_pairs(random: Random, directory: Path) -> str:
    """An archive of which arrays are odd, damaged, missing or compressed strangely, or no archive at all."""
    path = directory / "pairs.npz"
    found = arrays()
    for name in ("size", "standard_error"):
        if random.random() < 0.3:
            del found[name]
    if random.random() < 0.4:
        found[random.choice(list(found))] = odd_array(random)
    if random.random() < 0.1:
        del found[random.choice(list(found))]
    touched = random.choice((None, *found))
    method = random.choice((zipfile.ZIP_STORED, *[zipfile.ZIP_DEFLATED] * 8, zipfile.ZIP_LZMA))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, array in sorted(found.items(), key=lambda _: random.random()):
            info = zipfile.ZipInfo(name + ("" if random.random() < 0.02 else ".npy"))
            info.compress_type = method
            archive.writestr(info, npy(random, array) if name == touched else npy_whole(array))
    data = buffer.getvalue()
    if random.random() < 0.3:
        start = data.rfind(b"PK\x01\x02", 0, random.randint(1, len(data))) if random.random() < 0.5 else 0
        data = data[: max(start, 0)] + damaged(random, data[max(start, 0) :], head=60)
    if random.random() < 0.03:
        data = random.choice(
            (pickle.dumps(malicious()), npy_whole(np.zeros(3)), b"", b"PK\x05\x06", b"tr_idx,tt_idx\n1,2\n")
        )
    path.write_bytes(data)
    return str(path)
