"""CIFAR's python version: pickles by Python itself, by hand opcode by opcode, and malicious ones.

Every call that a pickle here asks for would make the directory MARKER: that it is never there is the proof that nothing
was run.
"""

import os
import pickle
import struct
from functools import cache
from pathlib import Path
from random import Random

import numpy as np

from fuzz.damage import EXTREMES, TEXTS, damaged

MARKER = "memscope-fuzz-ran-code"
"""In the working directory: a pickle cannot know where the case lies."""


class Calls:
    """Pickled, it is the call of a function."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple:
        return self.call


def malicious() -> Calls:
    return Calls(os.mkdir, MARKER)


@cache
def batch(protocol: int, key: bytes, count: int) -> bytes:
    data = np.arange(count * 3072, dtype=np.uint64).astype(np.uint8).reshape(count, 3072)
    names = [f"{number}.png".encode() for number in range(count)]
    labels = [number % 2 for number in range(count)]
    return pickle.dumps({b"data": data, key: labels, b"filenames": names, b"batch_label": b"of 1"}, protocol)


def saved_again(random: Random, data: bytes, protocol: int) -> bytes:
    """A batch as other programs save it: text for keys, arrays and tuples for lists, whole numbers of other types."""
    content = pickle.loads(data)
    for key, value in list(content.items()):
        if isinstance(value, list) and random.random() < 0.7:
            content[key] = random.choice((tuple, np.array, lambda value: list(np.array(value))))(value)
    if b"data" in content:
        content[b"data"] = random.choice((np.asarray, np.asfortranarray, lambda data: data.astype("<i8")))(
            content[b"data"]
        )
    if random.random() < 0.5:
        content = {key.decode(): value for key, value in content.items()}
    return pickle.dumps(content, protocol)


@cache
def meta(protocol: int, key: bytes) -> bytes:
    return pickle.dumps({key: [b"cat", b"dog"], b"num_vis": 3072}, protocol)


def opcodes(random: Random) -> bytes:
    """A pickle of random opcodes, mostly well formed: what no pickler would write."""
    parts = [b"\x80", bytes([random.choice((0, 2, 3, 4, 5, 9))])]
    for _ in range(random.randint(1, 60)):
        size = random.choice((0, 1, 3, 200, *EXTREMES[:-2])) if random.random() < 0.1 else random.randrange(5)
        text = bytes(random.choice(b"ab\x00\xff\n") for _ in range(random.randrange(5)))
        parts.append(
            random.choice((
                b"(", b"]", b"}", b")", b"N", b"\x88", b"\x89", b"t", b"\x85", b"\x86", b"\x87", b"e", b"a", b"s", b"u", b"2",
                b"0", b"1", b"R", b"b", b"\x81", b"\x92", b"o", b"\x8f", b"\x90", b"\x91", b"\x93", b"\x94", b".", b"Q", b"\x97",
                b"K" + bytes([random.randrange(256)]), b"J" + struct.pack("<i", -1), b"q\x00", b"h\x00", b"q\xff", b"j\xff\xff\xff\x7f",
                b"r" + struct.pack("<I", random.choice(EXTREMES) % 2**32), b"U" + bytes([len(text)]) + text,
                b"T" + struct.pack("<I", size % 2**32) + text, b"X" + struct.pack("<I", len(text)) + text,
                b"\x8e" + struct.pack("<Q", size % 2**64) + text, b"\x8b" + struct.pack("<I", size % 2**32) + text,
                b"\x95" + struct.pack("<Q", random.choice((0, 5, size)) % 2**64), b"I" + random.choice(TEXTS) + b"\n",
                b"L" + b"9" * random.choice((1, 5000)) + b"L\n", b"F1e999\n", b"S'a'\n", b"Vb\n", b"P1\n", b"p99999999999\n", b"g0\n",
                b"cnumpy\nndarray\n", b"cnumpy\ndtype\n", b"cnumpy.core.numeric\n_frombuffer\n", b"cnumpy.core.multiarray\nscalar\n",
                b"\x96" + struct.pack("<Q", len(text)) + text, b"c__builtin__\nbytes\n", b"X\x02\x00\x00\x00u1", b"X\x01\x00\x00\x00C", b"cnumpy.core.multiarray\n_reconstruct\n", b"c_codecs\nencode\n",
                b"cposix\nmkdir\n(U\x16" + MARKER.encode() + b"tR", b"iposix\nsystem\n", b"c" + random.choice(TEXTS) + b"\nx\n",
                b"\x82\x01", b"\x84\x01\x00\x00\x00", b"c__builtin__\neval\n(U\x011tR",
            ))
        )  # fmt: skip
    return b"".join(parts) + random.choice((b".", b"", b"u.", b"s."))


def hostile(random: Random) -> bytes:
    """Pickles that would run code, go deep, or grow."""
    deep = random.choice((100, 3000, 60_000))
    shared = b"N" + b"q\x00\x86".replace(b"q\x00", b"2") * random.choice(
        (20, 40, 300)
    )  # each tuple holds the last one twice
    return random.choice((
        pickle.dumps({b"data": malicious(), b"label_names": [malicious()]}, random.choice((0, 1, 2, 3, 4, 5))),
        pickle.dumps(malicious(), random.choice((0, 2, 4))),
        b"\x80\x02}(N" + b"\x85" * deep + b"K\x01u.",
        b"\x80\x02}(" + shared + b"K\x01u.",
        b"\x80\x02}(U\x04data" + b"]" * deep + b"a" * (deep - 1) + b"u.",
        b"\x80\x02}(U\x04data" + b"(" * deep + b"t" * deep + b"u.",
        b"\x80\x02}(U\x04dataX\x10\x27\x00\x00" + b"a" * 10_000 + b"q\x010]" + b"c_codecs\nencode\nq\x020(" * 1
        + b"h\x02h\x01\x85R" * deep + b"lu.",
        b"\x80\x02c_codecs\nencode\nNU\x0c__defaults__N\x85s\x86b.",
        b"\x80\x02c_codecs\nencode\nN}U\x0c__defaults__N\x85s\x86b0}.",
        b"\x80\x02cnumpy\nndarray\nN}U\x06valuesK\x01s\x86b0}.",
        opcodes(random),
        opcodes(random),
        opcodes(random),
    ))  # fmt: skip


def write_cifar_python(random: Random, directory: Path) -> str:
    """CIFAR-10 or CIFAR-100 with one or two of the pickles damaged or malicious."""
    protocol = random.choice((0, 1, 2, 2, 3, 4, 5))
    if random.random() < 0.3:
        files = {f"data_batch_{number}": batch(protocol, b"labels", 2) for number in range(1, 6)}
        files |= {"test_batch": batch(protocol, b"labels", 2), "batches.meta": meta(protocol, b"label_names")}
    else:
        files = {name: batch(protocol, b"fine_labels", 2) for name in ("train", "test")}
        files["meta"] = meta(protocol, b"fine_label_names")
    for _ in range(random.choice((0, 1, 1, 1, 2))):
        name = random.choice(list(files))
        if random.random() < 0.3:
            files[name] = saved_again(
                random,
                batch(protocol, b"fine_labels", 2) if "meta" not in name else meta(protocol, b"fine_label_names"),
                protocol,
            )
            if random.random() < 0.5:
                continue
        whole, chance = files[name], random.random()
        if chance < 0.35:
            files[name] = hostile(random)
        elif chance < 0.75:
            tail = whole[-300:]
            files[name] = damaged(random, whole, head=200) if chance < 0.55 else whole[:-300] + damaged(random, tail)
        else:
            key = random.choice((b"data", b"fine_labels", b"labels", b"filenames", b"label_names", b"fine_label_names"))
            odd = random.choice((
                None, 1, [], [1], [b"x"], [True, False], ["\ud800", "b"], [b"a\x00", b"b"], [b"a", b"a"], [10**400, 1], {b"a": 1},
                [b"y" * 10_000, b"n"], [b"\x1b[2J", b"[/]"], np.zeros((2, 3072)), np.zeros((2, 3072), "O"), np.zeros(0, np.uint8),
                np.zeros((0, 3072), np.uint8), np.zeros((3, 3072), np.uint8), np.asfortranarray(np.zeros((2, 3072), np.uint8)),
                [float("nan")], (1, 2), "text", [0, 70_000], [0, 1], [-1, 0],
            ))  # fmt: skip
            good = batch(protocol, b"fine_labels", 2) if "meta" not in name else meta(protocol, b"fine_label_names")
            files[name] = pickle.dumps({**pickle.loads(good), key: odd}, protocol)
    for name, content in files.items():
        (directory / name).write_bytes(content)
    return f"cifar:{directory}"
