"""Pictures of 16 bits, in 8: many use 8, 10 or 12 of them only, and their upper 8 bits alone would be black.

How many bits are used is decided by the greatest value of a whole data set, so that brightness stays comparable.
"""

import io
import sys

import numpy as np
from PIL import Image, ImageFile

STRIP = 2_000_000  # pixels that are joined, or laid on white, at a time: 64 million all at once took 1.5 GB
WHITE_IS_ZERO = (262, 0)  # TIFF's PhotometricInterpretation, which Pillow follows for 8 bits only
OTHER_BYTE = {"16B": "16L", "16L": "16B", "16N": "16B" if sys.byteorder == "little" else "16L"}
"""Of colours Pillow reads the upper byte only. Told the other order of bytes, it reads the lower one."""
GREY_ALPHA = "LA;16B"
DEEP_MODES = {f"{mode};{order}" for mode in ("RGB", "RGBA") for order in OTHER_BYTE} | {GREY_ALPHA}


def to_eight_bits(bits: int) -> np.ndarray:
    """Of each 16-bit value its 8-bit one, 255 v / (2^bits - 1) rounded: uint8 [65536]."""
    top = 2**bits - 1
    return np.minimum(255, (np.arange(2**16) * 510 + top) // (2 * top)).astype(np.uint8)


def grey_in_eight_bits(image: Image.Image, bits: int) -> tuple[Image.Image, tuple[int, int], str]:
    """A grey picture as L, its least and greatest value, and where it is transparent.

    ValueError where it exceeds 16 bits.
    """
    values = np.asarray(image)
    lowest, greatest = int(values.min()), int(values.max())
    if lowest < 0 or greatest >= 2**16:
        raise ValueError(f"it has 32-bit values from {lowest} to {greatest}, outside 0 to 65535")
    values = values.astype(np.uint16, copy=False)
    eight = to_eight_bits(bits)[values]
    tag, zero = WHITE_IS_ZERO
    if getattr(image, "tag_v2", {}).get(tag) == zero:
        eight = 255 - eight
    clear = ""
    if isinstance(key := image.info.get("transparency"), int) and (hidden := values == key).any():
        clear = "wholly" if hidden.all() else "partly"
        eight[hidden] = 255
    return Image.fromarray(eight), (lowest, greatest), clear


def declares_range(image: ImageFile.ImageFile) -> bool:
    """Whether a picture that is not loaded yet is a PGM whose header says what white is: Pillow scales by it."""
    arguments = image.tile[0].args if image.format == "PPM" and image.tile else None
    return isinstance(arguments, tuple) and arguments[-1] not in (0, 1, 255, 2**16 - 1)


def deep_mode(image: ImageFile.ImageFile) -> str | None:
    """The raw mode of a PNG or TIFF of 16-bit colours, or grey with alpha, that is not loaded yet; else None."""
    raw = {_raw_mode(tile) for tile in image.tile} if image.format in ("PNG", "TIFF") else set()
    return raw.pop() if len(raw) == 1 and raw <= DEEP_MODES else None


def colours_in_eight_bits(image: ImageFile.ImageFile, raw: str, bits: int) -> tuple[Image.Image, tuple[int, int]]:
    """A loaded picture whose `deep_mode` is `raw`, as LA, RGB or RGBA in 8 bits, and its least and greatest value.

    Where all 16 bits are used its upper 8 are taken, as every viewer does; then the values are those of these bits.
    """
    grey = raw == GREY_ALPHA  # which Pillow gives as RGBA
    colours = 1 if grey else 3
    result = Image.merge("LA", (image.getchannel(0), image.getchannel(3))) if grey else image
    found = [extremes(result.getchannel(number)) for number in range(colours)]
    darkest, brightest = min(low for low, _ in found), max(high for _, high in found)
    if brightest >= 128:
        return result, (256 * darkest, 256 * brightest)
    low = _lower_bytes(image, raw)
    scale, least, greatest, width, rows = to_eight_bits(bits), 2**16, 0, image.width, max(1, STRIP // image.width)
    for top in range(0, image.height, rows):
        box = (0, top, width, min(image.height, top + rows))
        strip, lower = np.asarray(result.crop(box)).copy(), np.asarray(low.crop(box))
        # each pixel of grey with alpha has been read as grey's upper and lower byte, then alpha's
        values = strip[..., :colours].astype(np.uint16) * 256 + (lower[..., 1:2] if grey else lower[..., :colours])
        least, greatest = min(least, int(values.min())), max(greatest, int(values.max()))
        if bits < 16:
            strip[..., :colours] = scale[values]
            result.paste(Image.fromarray(strip, result.mode), box[:2])
    return result, (least, greatest)


def _lower_bytes(image: ImageFile.ImageFile, raw: str) -> Image.Image:
    """The file read once more, with the order of its bytes turned round."""
    mode, _, order = raw.partition(";")
    other = "RGBA" if raw == GREY_ALPHA else f"{mode};{OTHER_BYTE[order]}"
    content = image.info.get(CONTENT)
    source = image.filename if content is None else io.BytesIO(content)
    with Image.open(source, formats=(str(image.format),)) as again:
        again.tile = [
            tile._replace(args=(other, *tile.args[1:]) if isinstance(tile.args, tuple) else other)
            for tile in again.tile
        ]
        again.load()
        return again


CONTENT = "memscope: its bytes"
"""Key in a picture's `info` for one that has no file of its own to be read again from"""


def extremes(channel: Image.Image) -> tuple[int, int]:
    """The least and the greatest value of a channel of 8 bits."""
    levels = np.flatnonzero(channel.histogram())
    return int(levels[0]), int(levels[-1])


def _raw_mode(tile: ImageFile._Tile) -> str:
    return str(tile.args[0] if isinstance(tile.args, tuple) else tile.args)
