"""Pictures as a person sees them: `as_seen` turns them by their EXIF orientation, lays them on white, scales 16 bits.

A viewer on a white page is the measure. Colour profiles are not applied.
"""

import os
from contextlib import suppress
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageFile

from memscope.datasets.sixteen_bits import (
    STRIP,
    colours_in_eight_bits,
    declares_range,
    deep_mode,
    extremes,
    grey_in_eight_bits,
)

GREY_MODES = ("1", "L", "LA", "La", "I;16", "I;16L", "I;16B", "I;16N")
RAW_ENDINGS = frozenset({
    "3fr", "arw", "cr2", "cr3", "crw", "dcr", "dng", "erf", "iiq", "kdc", "mef", "mos", "mrw", "nef", "nrw", "orf",
    "pef", "raf", "raw", "rw2", "sr2", "srw", "x3f",
})  # fmt: skip
"""Raw photographs. Many are TIFF files whose first page is a thumbnail, which Pillow would give for the photograph."""
FAINT = 8  # of 256 levels: what has no more contrast on white is not seen there
ORIENTATION = 0x0112
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Traits:
    """What is remarkable about one picture."""

    grey: bool
    turned: bool = False
    frames: bool = False
    sizes: bool = False
    """An icon of several sizes"""
    clear: str = ""
    """Where it is transparent: "", "partly", "wholly", or "white" where what is left is white, and was laid on black"""
    values: tuple[int, int] | None = None
    """The least and greatest of its 16-bit values; None where it has 8 bits"""


def as_seen(image: ImageFile.ImageFile, bits: int) -> tuple[Image.Image, Traits]:
    """The picture as L or RGB; of its 16-bit values `bits` are used. ValueError for pixels without a known range."""
    name = os.fsdecode(image.filename)
    if name.rpartition(".")[2].lower() in RAW_ENDINGS:
        raise ValueError("a raw photograph")
    drawn = image.tile[0][1] if image.format == "GIF" and image.tile else None
    deep, declared = deep_mode(image), declares_range(image)
    turned = _orientation(image) in TURNS  # asked before loading, which already turns TIFF files
    values: tuple[int, int] | None = None
    image.load()
    if image.mode == "F":
        raise ValueError("it has floating-point pixels, whose range is not known")
    if image.mode == "I" or image.mode.startswith("I;16"):
        grey, (plain, values, clear) = True, grey_in_eight_bits(image, 16 if declared else bits)
        values = None if declared else values
    else:
        source: Image.Image = image
        if deep:
            source, values = colours_in_eight_bits(image, deep, bits)
        plain, grey, clear = _opaque(source, image.format)
    if drawn is not None and drawn != (0, 0, *image.size) and not clear:
        ground = Image.new(plain.mode, plain.size, "white")  # what the first frame leaves out has no colour of its own
        ground.paste(plain.crop(drawn), drawn[:2])
        plain = ground
    if (turn := TURNS.get(_orientation(image))) is not None:
        plain = plain.transpose(turn)
    sizes = image.format == "ICO" and len(image.info.get("sizes", ())) > 1
    return plain, Traits(grey, turned, _has_frames(image), sizes, clear, values)


def shown_size(image: Image.Image) -> tuple[int, int]:
    """Height and width once it is turned, from its header only."""
    width, height = image.size
    on_its_side = image.format != "TIFF" and _orientation(image, loading=False) in (5, 6, 7, 8)
    return (width, height) if on_its_side else (height, width)  # of TIFF files Pillow knows already


def _orientation(image: Image.Image, loading: bool = True) -> int:
    with suppress(Exception):  # a damaged EXIF block leaves the picture as it is stored
        # a PNG may have it behind its pixels: its own getexif reads these
        exif = image.getexif() if loading else Image.Image.getexif(image)
        return int(exif.get(ORIENTATION, 1))
    return 1


def _has_frames(image: Image.Image) -> bool:
    """Whether there are more frames or pages. A phone's second one (MPO) is a thumbnail or a depth map."""
    with suppress(Exception):  # the second frame is damaged
        return image.format != "MPO" and bool(getattr(image, "is_animated", False))
    return False


def _opaque(image: Image.Image, form: str | None) -> tuple[Image.Image, bool, str]:
    """The picture on white, as L or RGB; whether it is grey, and where it was transparent."""
    if image.mode == "LAB":
        return _from_lab(image), False, ""
    mode = "L" if image.mode in GREY_MODES else "RGB"
    clear, plain = "", None
    if image.has_transparency_data:
        laid, lowest, highest = _laid_on(image, "white", mode)
        # in BMP and TGA the fourth byte is often left 0 and means nothing
        if lowest < 255 and not (highest == 0 and form in ("BMP", "TGA")):
            clear, plain = "partly" if highest else "wholly", laid
            if lowest < highest and _contrast(laid) <= FAINT:
                on_black, _, _ = _laid_on(image, "black", mode)
                if _contrast(on_black) > FAINT:
                    clear, plain = "white", on_black
    if plain is None:
        plain = image if image.mode == mode else image.convert(mode)  # a copy of 64 million pixels takes 256 MB
    if image.mode in ("P", "PA") and _is_grey(plain):
        plain = plain.convert("L")
    return plain, plain.mode == "L", clear


def _laid_on(image: Image.Image, ground: str, mode: str) -> tuple[Image.Image, int, int]:
    """The picture on a ground, and its least and greatest alpha; strip by strip, to bound memory."""
    width, height = image.size
    result = Image.new(mode, image.size)
    lowest, highest = 255, 0
    for top in range(0, height, max(1, STRIP // width)):
        bottom = min(height, top + max(1, STRIP // width))
        strip = image.crop((0, top, width, bottom))
        strip = (strip.convert("LA") if strip.mode == "La" else strip).convert("RGBA")
        low, high = extremes(strip.getchannel("A"))
        lowest, highest = min(lowest, low), max(highest, high)
        result.paste(Image.alpha_composite(Image.new("RGBA", strip.size, ground), strip).convert(mode), (0, top))
    return result, lowest, highest


def _contrast(image: Image.Image) -> int:
    """The widest range of values in a channel."""
    extrema = image.getextrema()
    pairs = extrema if isinstance(extrema[0], tuple) else (extrema,)
    return max(int(high - low) for low, high in pairs)


def _is_grey(image: Image.Image) -> bool:
    red, green, blue = image.split()
    return ImageChops.difference(red, green).getbbox() is None and ImageChops.difference(red, blue).getbbox() is None


def _from_lab(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    made = ImageCms.profileToProfile(
        image, ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    assert made is not None  # it is where the picture is not changed in place
    return made
