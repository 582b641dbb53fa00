"""A folder of pictures with everything that the rules of reading differ about, written the same on every machine."""

import os
import unicodedata
from pathlib import Path

import numpy as np
from PIL import Image


def values(number: int, shape: tuple[int, ...], high: int = 256, dtype: type = np.uint8) -> np.ndarray:
    """Made without a generator, so that no version of NumPy changes it."""
    return (np.arange(int(np.prod(shape))) * (37 + 2 * number) % high).astype(dtype).reshape(shape)


def make_nasty(root: Path) -> None:
    for part in ("train", "test", "val"):
        for number, name in enumerate(("b", "é", "E")):  # in this order: E, b, then what é is stored as
            folder = root / part / unicodedata.normalize("NFD", name) / "inside"
            folder.mkdir(parents=True)
            for each in range(3):
                shade = values(len(part) + 5 * number + each, (6, 5, 3))
                Image.fromarray(shade).save(folder.parent / f"{each}.png")
    b = root / "train/b"
    Image.fromarray(values(1, (6, 5), 4096, np.uint16)).save(b / "12 bits.png")
    Image.fromarray(values(2, (6, 5), 2**16, np.uint16)).save(b / "16 bits.tif")
    Image.fromarray(values(3, (6, 5, 4))).save(b / "alpha.png")
    Image.fromarray(values(4, (6, 5, 2))).save(b / "grey alpha.png")
    palette = Image.fromarray(values(5, (6, 5), 7))
    palette.putpalette([*range(0, 210, 10)])
    palette.save(b / "palette.png", transparency=3)
    exif = Image.Exif()
    exif[0x112] = 3
    Image.fromarray(values(6, (6, 5, 3))).save(b / "turned.png", exif=exif)
    pages = [Image.fromarray(values(7 + page, (6, 5))) for page in range(3)]
    pages[0].save(b / "pages.tif", save_all=True, append_images=pages[1:])
    pages[0].save(b / "frames.gif", save_all=True, append_images=pages[1:])
    Image.fromarray(values(8, (6, 5, 3))).save(b / "a.thm", "BMP")
    Image.fromarray(values(9, (6, 5, 3))).save(b / "a.bak", "PPM")
    Image.fromarray(values(10, (6, 5))).save(b / unicodedata.normalize("NFD", "ü.png"))
    Image.fromarray(values(11, (6, 5))).save(b / "uz.png")
    Image.fromarray(values(12, (6, 5))).convert("1").save(b / "one.bmp")
    (b / ".hidden").write_text("no picture")
    (root / "elsewhere").mkdir()
    Image.fromarray(values(13, (6, 5, 3))).save(root / "elsewhere/linked.png")
    os.symlink(root / "elsewhere", b / "more")
    os.symlink(root / "elsewhere/linked.png", b / "one link.png")
