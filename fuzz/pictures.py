"""Image folders: pictures by Pillow, damaged, with dimensions and chunks that lie, under names that lie too."""

import io
import os
import shutil
import struct
import zlib
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

from fuzz.damage import EXTREMES, damaged
from fuzz.pickles import MARKER

FORMATS = (
    "PNG",
    "JPEG",
    "GIF",
    "WEBP",
    "TIFF",
    "BMP",
    "PPM",
    "TGA",
    "ICO",
    "JPEG2000",
    "AVIF",
    "EPS",
    "SGI",
    "PCX",
    "DDS",
    "MPO",
)
NAMES = (
    "a\nb.png", "a\x1b[31mb.png", "[red]x[/red].png", "[/].png", "=1+1.png", "$x^2$.png", "-x.png", "\u202egnp.a.png", "é.png", "\x7f.png",
    "Thumbs.db", "a.csv", "._a.png", "@eaDir", "a.NEF", "noending", " .png", "a\tb.png", "\x9b31m.png", b"\xff\xfe.png", "n" * 200 + ".png", "%s%n.png",
)  # fmt: skip


@cache
def picture(form: str, mode: str, number: int) -> bytes:
    values = (np.arange(6 * 5 * 3) * (number + 3) % 251).astype(np.uint8).reshape(6, 5, 3)
    image = Image.fromarray(values).convert(mode)
    if number == 2 and mode != "F":
        image = image.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x112] = (1, 3, 6)[number]
    options = {"exif": exif} if form in ("PNG", "JPEG", "WEBP", "TIFF", "AVIF", "MPO") else {}
    frames = {"save_all": True, "append_images": [image] * number} if form in ("GIF", "TIFF", "PNG") and number else {}
    buffer = io.BytesIO()
    try:
        image.save(buffer, form, **options, **frames)
    except (OSError, ValueError, KeyError):  # not every format has every mode
        return picture("PNG", "RGB", number)
    return buffer.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@cache
def zeros(count: int) -> bytes:
    return zlib.compress(bytes(count), 9)


def png(random: Random) -> bytes:
    """A PNG whose checksums are right and whose content is not."""
    width, height = (random.choice((5, 6, 0, 1, 3000, *EXTREMES)) % 2**32 for _ in range(2))
    if random.random() < 0.6:
        width, height = 5, 6
    depth, colour = random.choice(((8, 2), (8, 0), (16, 0), (16, 2), (1, 0), (8, 3), (8, 6), (7, 9)))
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, random.choice((0, 0, 1, 9)))
    pieces = [chunk(b"IHDR", header)]
    for _ in range(random.randrange(4)):
        pieces.append(random.choice((
            chunk(b"zTXt", b"Comment\x00\x00" + zeros(2**24)), chunk(b"iCCP", b"x\x00\x00" + zeros(2**24)),
            chunk(b"iTXt", b"a\x00\x01\x00\x00\x00" + zeros(2**24)), chunk(b"tEXt", b"a\x00" + b"b" * 1000), chunk(b"PLTE", b"\x01" * 9),
            chunk(b"tRNS", bytes(random.randrange(9))), chunk(b"gAMA", b"\x00"), chunk(b"eXIf", random.randbytes(40)),
            chunk(b"acTL", struct.pack(">II", 2**31, 0)), chunk(b"fcTL", bytes(26)), chunk(b"IHDR", header), chunk(b"ab1c", b""),
            chunk(b"sRGB", b""), chunk(b"pHYs", b"\x00" * 9), chunk(b"cHRM", b"\x00" * 3), chunk(b"fdAT", b"\x00" * 4),
        )))  # fmt: skip
    pixels = random.choice(
        (zlib.compress(bytes(6 * 16)), zlib.compress(bytes(5000)), zeros(2**24), b"", random.randbytes(50))
    )
    pieces += [chunk(b"IDAT", pixels), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(pieces)


def with_dimensions(random: Random, data: bytes) -> bytes:
    """The picture with its width or height, wherever it is written, made extreme."""
    form = random.choice(("<H", ">H", "<I", ">I"))
    side = struct.pack(form, random.choice((5, 6)))
    limit = 2 ** (8 * struct.calcsize(form))
    return data.replace(side, struct.pack(form, random.choice((0, 1, 4000, 16_383, 60_000, *EXTREMES)) % limit), 2)


def write_images(random: Random, directory: Path) -> str:
    """Two classes and a test image, most often one of them damaged."""
    files: dict[str | bytes, bytes] = {
        f"{part}/{label}/{number}.png": picture("PNG", "RGB", number)
        for part, label, number in (("train", "cat", 0), ("train", "dog", 1), ("test", "cat", 2))
    }
    for _ in range(random.choice((0, 1, 1, 1, 2))):
        place = random.choice(list(files))
        data = picture(
            random.choice(FORMATS),
            random.choice(("RGB", "L", "P", "RGBA", "CMYK", "1", "I;16", "F", "LA")),
            random.randrange(3),
        )
        chance = random.random()
        if chance < 0.3:
            files[place] = png(random)
        elif chance < 0.5:
            files[place] = with_dimensions(random, data)
        elif chance < 0.9:
            files[place] = damaged(random, data, head=random.choice((40, 400)))
        elif chance < 0.95:
            files[place] = data
        else:  # were it given to Ghostscript, its PostScript could write files
            files[place] = picture("EPS", "RGB", 0) + f"({MARKER}) (w) file closefile\n".encode()
    if random.random() < 0.15:
        name = random.choice(NAMES)
        folder = random.choice(("train/cat", "train/dog", "test/cat"))
        files[folder.encode() + b"/" + name if isinstance(name, bytes) else f"{folder}/{name}"] = picture(
            "PNG", "RGB", 1
        )
    renamed = random.choice(NAMES[:-1]) if random.random() < 0.1 else "dog"
    for name, data in files.items():
        place = os.path.join(os.fsencode(directory), name if isinstance(name, bytes) else name.encode())
        if isinstance(renamed, str):
            place = place.replace(b"/dog/", b"/" + renamed.encode() + b"/")
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "wb") as file:
            file.write(data)
    if random.random() < 0.03:
        (directory / "train/cat/loop.png").symlink_to(random.choice(("loop.png", "/dev/zero", "..", "/nowhere")))
    if random.random() < 0.05:
        target = random.choice((".", "..", "../..", "../dog", "../../test", "../../test/cat", "more"))
        (directory / "train/cat/more").symlink_to(target)
    if random.random() < 0.1:
        shutil.rmtree(directory / "test")
    if random.random() < 0.1:
        os.rename(directory / "train", directory / random.choice(("Training", "cat", "seg_train", "a")))
    if random.random() < 0.02 and (directory / "train/cat").is_dir():
        os.mkfifo(directory / "train/cat/pipe.png")
    return f"folder:{directory}"
