"""Damage that any file can have: bytes changed, cut, repeated, swapped, and numbers made extreme."""

import codecs
import struct
from random import Random

EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1)
"""Numbers at which signs turn and products overflow."""

TEXTS = (
    b"\x00", b"\x1b[31m", b"\n", b"\r\n", b"\xff\xfe", b"[/]", b"../../etc/passwd", b"'", b'"', b"\xe2\x80\xae", b"nan", b"-1",
    b"1e999", b"\xf0\x9f\xa6\x8a", b"%s%n", b"$x^2$", b"=1+1",
)  # fmt: skip


def damaged(random: Random, data: bytes, most: int = 4, head: int | None = None) -> bytes:
    """`data` after one to `most` pieces of damage; half of them in its first `head` bytes, if that is given."""
    for _ in range(random.randint(1, most)):
        near = head is not None and random.random() < 0.5
        data = random.choice(KINDS)(random, data, min(head or 0, len(data)) if near else len(data))
    return data


def flip_bits(random: Random, data: bytes, reach: int) -> bytes:
    changed = bytearray(data)
    for _ in range(random.randint(1, 8)):
        if reach:
            changed[random.randrange(reach)] ^= 1 << random.randrange(8)
    return bytes(changed)


def set_bytes(random: Random, data: bytes, reach: int) -> bytes:
    changed = bytearray(data)
    for _ in range(random.randint(1, 8)):
        if reach:
            changed[random.randrange(reach)] = random.randrange(256)
    return bytes(changed)


def extreme_number(random: Random, data: bytes, reach: int) -> bytes:
    form = random.choice(("<B", "<H", ">H", "<I", ">I", "<Q", ">Q"))
    number = random.choice(EXTREMES) & (2 ** (8 * struct.calcsize(form)) - 1)
    start = random.randrange(reach + 1)
    return data[:start] + struct.pack(form, number) + data[start + struct.calcsize(form) :]


def truncate(random: Random, data: bytes, reach: int) -> bytes:
    return data[: random.randrange(reach + 1)]


def cut_tail(random: Random, data: bytes, reach: int) -> bytes:
    return data[: max(0, len(data) - random.randint(1, 16))]


def extend(random: Random, data: bytes, reach: int) -> bytes:
    return data + random.choice((random.randbytes(random.randint(1, 64)), bytes(random.randint(1, 5000)), data))


def remove(random: Random, data: bytes, reach: int) -> bytes:
    start = random.randrange(reach + 1)
    return data[:start] + data[start + random.randint(1, 32) :]


def repeat(random: Random, data: bytes, reach: int) -> bytes:
    start = random.randrange(reach + 1)
    piece = data[start : start + random.randint(1, 64)]
    return data[:start] + piece * random.randint(2, 20) + data[start:]


def swap(random: Random, data: bytes, reach: int) -> bytes:
    if len(data) < 4:
        return data
    one, two, three = sorted(random.sample(range(len(data) + 1), 3))
    return data[:one] + data[two:three] + data[one:two] + data[three:]


def blank(random: Random, data: bytes, reach: int) -> bytes:
    start = random.randrange(reach + 1)
    length = min(random.randint(1, 64), len(data) - start)
    return data[:start] + random.choice((b"\x00", b"\xff")) * length + data[start + length :]


def insert_text(random: Random, data: bytes, reach: int) -> bytes:
    start = random.randrange(reach + 1)
    return data[:start] + random.choice(TEXTS) + data[start:]


KINDS = (
    flip_bits, set_bytes, set_bytes, extreme_number, extreme_number, truncate, cut_tail, extend, remove, repeat, swap, blank,
    insert_text,
)  # fmt: skip


def table_of(random: Random, lines: list[str]) -> bytes:
    """A text of these lines, with odd ends of lines, odd encodings, or damage."""
    text = random.choice(("\n", "\n", "\r\n", "\r", "\n\n")).join(lines) + random.choice(("", "\n"))
    content = text.encode(random.choice(("utf-8",) * 12 + ("utf-16", "utf-32", "cp1252")), "replace")
    if random.random() < 0.1:
        content = codecs.BOM_UTF8 + content
    return damaged(random, content, head=30) if random.random() < 0.3 else content
