"""IDX and CIFAR's binary version: headers and records, written with struct."""

import gzip
import struct
from contextlib import suppress
from functools import cache
from pathlib import Path
from random import Random

from fuzz.damage import EXTREMES, TEXTS, damaged

IDX_NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def idx_file(sizes: tuple[int, ...], data: bytes, kind: int = 8) -> bytes:
    """Two zero bytes, the type, the number of dimensions, the sizes, the data."""
    return struct.pack(">BBBB", 0, 0, kind, len(sizes)) + struct.pack(f">{len(sizes)}I", *sizes) + data


@cache
def idx_files() -> tuple[bytes, ...]:
    images = bytes(position * 7 % 256 for position in range(12 * 16))
    return (
        idx_file((12, 4, 4), images),
        idx_file((12,), bytes([0, 1, 2] * 4)),
        idx_file((3, 4, 4), images[:48]),
        idx_file((3,), bytes([2, 1, 0])),
    )


def write_idx(random: Random, directory: Path) -> str:
    """Four files, some gzipped, one or two of them damaged; a third of the headers promise what they please."""
    files = list(idx_files())
    for _ in range(random.choice((0, 1, 1, 1, 2))):
        which = random.randrange(4)
        if random.random() < 0.4:
            given = 3 if which % 2 == 0 else 1
            sizes = tuple(
                random.choice((*EXTREMES, random.randrange(20))) % 2**32
                for _ in range(random.choice((given, given, 2)))
            )
            body = bytes(random.choice((0, 1, 12, 192, 5000, 200_000)))
            files[which] = idx_file(sizes, body, random.choice((8, 8, 8, 9, 0x0D, 255)))
        else:
            files[which] = damaged(random, files[which], head=16)
    for name, content in zip(IDX_NAMES, files, strict=True):
        chance = random.random()
        if chance < 0.02:
            continue
        if chance < 0.4:
            content, name = gzip.compress(content, 1, mtime=0), f"{name}.gz"
            if random.random() < 0.3:
                content = damaged(random, content, head=10)
        if random.random() < 0.03:
            name = f"emnist-{random.choice(('letters', 'x' * 50, chr(27) + '[31m'))}-" + name.replace("t10k", "test")
        if random.random() < 0.05:
            name = random.choice(
                (name.upper(), name.replace("-idx", ".idx"), f"raw/{name}", f"{name}/{name}", f"{name}.gz")
            )
        (directory / name).parent.mkdir(exist_ok=True)
        with suppress(OSError):  # a folder of this name, or a file in the folder's place
            (directory / name).write_bytes(content)
    return f"idx:{directory}"


@cache
def records(label_bytes: int, count: int, classes: int) -> bytes:
    return b"".join(
        bytes([number % classes] * label_bytes) + bytes([number * 31 % 256]) * 3072 for number in range(count)
    )


def write_cifar_binary(random: Random, directory: Path) -> str:
    """CIFAR-10 or CIFAR-100, a file or two damaged, most often where the labels are or in length."""
    if random.random() < 0.5:
        files = {f"data_batch_{number}.bin": records(1, 3, 3) for number in range(1, 6)}
        files |= {"test_batch.bin": records(1, 2, 3), "batches.meta.txt": b"cat\ndog\neel\n"}
    else:
        files = {
            "train.bin": records(2, 4, 3),
            "test.bin": records(2, 2, 3),
            "fine_label_names.txt": b"ant\nbee\ncow\n",
        }
    for _ in range(random.choice((0, 1, 1, 1, 2))):
        name = random.choice(list(files))
        if random.random() < 0.1:
            del files[name]
            break
        if name.endswith(".txt") and random.random() < 0.7:
            lines = [
                random.choice((*TEXTS, b"cat", b"x" * random.choice((1, 2000)))) for _ in range(random.randrange(5))
            ]
            files[name] = b"\n".join([*lines, *([b"cat", b"dog", b"eel"] if random.random() < 0.5 else [])])
        elif random.random() < 0.4:
            changed = bytearray(files[name])
            for start in range(0, len(changed), random.choice((3073, 3074))):
                changed[start] = random.choice((0, 1, 2, 3, 255))
            files[name] = bytes(changed[: random.choice((None, 3073, 3074, 0))])
        else:
            files[name] = damaged(random, files[name])
    for name, content in files.items():
        (directory / name).write_bytes(content)
    return f"cifar:{directory}"
