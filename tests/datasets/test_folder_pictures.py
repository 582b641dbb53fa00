"""Pictures are read as a person sees them: turned, laid on white, of the bits that they use, their first frame."""

import io
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from memscope.datasets import load_dataset
from memscope.datasets.appearance import shown_size
from memscope.errors import DataError

COLOURS = np.random.default_rng(0).integers(0, 256, (6, 5, 3)).astype(np.uint8)
GREYS = COLOURS[:, :, 0]


def read(root: Path, *writers: Callable[[Path], object], ending: str = "png", image_size: int | None = None):
    """The pictures that were written, uint8 [files, H, W, C], and the lines that were said of them."""
    for name in ("train/b", "test/a", "test/b"):
        (root / name).mkdir(parents=True, exist_ok=True)
        Image.new("L", (5, 6), 7).save(root / name / "0.png")
    (root / "train/a").mkdir(exist_ok=True)
    for number, write in enumerate(writers):
        write(root / f"train/a/{number}.{ending}")
    lines = []
    dataset = load_dataset(f"folder:{root}", say=lines.append, image_size=image_size)
    return dataset.train_images[: len(writers)], [line.removeprefix(f"{root}: ") for line in lines]


def saved(values: np.ndarray, **options) -> Callable[[Path], object]:
    return lambda path: Image.fromarray(values).save(path, **options)


# orientation

TURNED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a),
}
"""How each EXIF orientation is shown, after the standard's own table (CIPA DC-008, 4.6.5.1, tag 274)"""


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize(
    ("ending", "options"),
    [
        ("png", {}), ("tif", {}), ("tif", {"compression": "tiff_lzw"}), ("webp", {"lossless": True}),
        ("jpg", {"quality": 100, "subsampling": 0}), ("avif", {"quality": 100, "subsampling": "4:4:4"}),
    ],
)  # fmt: skip
def test_orientation_is_honoured(ending, options, orientation, tmp_path):
    exif = Image.Exif()
    exif[0x112] = orientation
    square = np.kron(np.random.default_rng(1).integers(0, 256, (4, 4, 3)), np.ones((4, 4, 1))).astype(np.uint8)
    for name in ("train/b", "test/a", "test/b"):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
        saved(square)(tmp_path / name / "0.png")
    (tmp_path / "train/a").mkdir()
    saved(square, exif=exif, **options)(tmp_path / f"train/a/0.{ending}")
    lines = []
    found = load_dataset(f"folder:{tmp_path}", say=lines.append).train_images[0]
    expected = TURNED[orientation](square)
    assert np.abs(found.astype(int) - expected).max() <= (12 if ending in ("jpg", "avif") else 0)
    said = f"{tmp_path}: 1 of its 4 images (train/a/0.{ending}) are turned or mirrored as their EXIF orientation says"
    assert lines == ([] if orientation == 1 else [said])


def test_a_picture_is_turned_before_its_size_is_taken(tmp_path):
    exif = Image.Exif()
    exif[0x112] = 6
    found, _ = read(tmp_path, saved(np.rot90(COLOURS).copy(), exif=exif), saved(COLOURS))
    assert (found == COLOURS).all()
    exif[0x112] = 8
    for name in ("2.png", "2.tif"):
        saved(np.zeros((9, 5, 3), np.uint8), exif=exif)(tmp_path / f"train/a/{name}")
        with pytest.raises(DataError, match=r"5 of 6 x 5, 1 of 5 x 9"):
            load_dataset(f"folder:{tmp_path}", say=str)
        (tmp_path / f"train/a/{name}").unlink()


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("ending", ["png", "tif", "webp", "jpg"])
def test_the_size_is_known_from_the_header(ending, orientation, tmp_path):
    exif = Image.Exif()
    exif[0x112] = orientation
    saved(COLOURS, exif=exif)(tmp_path / f"1.{ending}")
    with Image.open(tmp_path / f"1.{ending}") as image:
        assert shown_size(image) == TURNED[orientation](COLOURS).shape[:2]


@pytest.mark.parametrize("exif", [b"broken", b"II*\0\xff\xff\xff\x7f", b"MM\0*\0\0\0\x08\xff\xff"])
@pytest.mark.parametrize("ending", ["png", "jpg", "webp"])
def test_a_broken_exif_block_leaves_a_picture_as_it_is(ending, exif, tmp_path):
    found, lines = read(tmp_path, saved(np.full((6, 5, 3), 90, np.uint8), exif=b"Exif\0\0" + exif), ending=ending)
    assert np.abs(found.astype(int) - 90).max() <= 2
    assert not lines


# transparency


def laid_on(ground: int, colours: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    share = alpha[..., None] / 255 if colours.ndim == 3 else alpha / 255
    return colours * share + ground * (1 - share)


ALPHA = np.random.default_rng(2).integers(0, 256, (6, 5)).astype(np.uint8)


@pytest.mark.parametrize("ending", ["png", "tif", "tga", "webp", "ico"])
def test_colours_with_alpha_are_laid_on_white(ending, tmp_path):
    values = np.dstack([COLOURS, ALPHA])
    options = {"lossless": True, "exact": True} if ending == "webp" else {"sizes": [(5, 6)]} if ending == "ico" else {}
    found, lines = read(tmp_path, saved(values, **options), ending=ending)
    assert np.abs(found[0] - laid_on(255, COLOURS, ALPHA)).max() <= 1
    assert lines == [f"1 of its 4 images (train/a/0.{ending}) are transparent in parts: they are laid on white"]


def test_grey_with_alpha_is_grey_on_white(tmp_path):
    found, lines = read(tmp_path, saved(np.dstack([GREYS, ALPHA])))
    assert found.shape[3] == 1
    assert np.abs(found[0, :, :, 0] - laid_on(255, GREYS, ALPHA)).max() <= 1
    assert "laid on white" in lines[0]


def test_alpha_that_is_opaque_changes_nothing(tmp_path):
    solid = np.full((6, 5), 255, np.uint8)
    found, lines = read(tmp_path, saved(np.dstack([COLOURS, solid])), saved(np.dstack([GREYS, solid])))
    assert (found[0] == COLOURS).all()
    assert (found[1] == GREYS[:, :, None]).all()
    assert not lines


def test_an_icon_whose_picture_is_its_alpha_is_seen(tmp_path):
    black, white = np.zeros((6, 5, 3), np.uint8), np.full((6, 5, 3), 255, np.uint8)
    found, lines = read(tmp_path, saved(np.dstack([black, ALPHA])), saved(np.dstack([white, ALPHA])))
    assert (found[0, :, :, 0] == 255 - ALPHA).all()
    assert (found[1, :, :, 0] == ALPHA).all()
    assert lines == [
        "1 of its 5 images (train/a/0.png) are transparent in parts: they are laid on white",
        "1 of its 5 images (train/a/1.png) are white on a transparent ground: they are laid on black, to be seen",
    ]


def test_a_figure_that_is_nearly_white_on_a_transparent_ground_is_laid_on_black_too(tmp_path):
    nearly = np.full((6, 5, 3), 251, np.uint8)
    found, lines = read(tmp_path, saved(np.dstack([nearly, ALPHA])))
    assert "white on a transparent ground" in lines[0]
    assert np.ptp(found[0]) > 100


def test_a_picture_that_is_transparent_everywhere_is_white_and_said(tmp_path):
    found, lines = read(tmp_path, saved(np.dstack([COLOURS, 0 * ALPHA])))
    assert (found == 255).all()
    said = "are transparent everywhere: they are white, whatever colours they hide"
    assert lines == [f"1 of its 4 images (train/a/0.png) {said}"]


@pytest.mark.parametrize("ending", ["tga", "bmp"])
def test_an_unused_fourth_byte_is_no_transparency(ending, tmp_path):
    found, lines = read(tmp_path, saved(np.dstack([COLOURS, 0 * ALPHA])), ending=ending)
    assert (found[0] == COLOURS).all()
    assert not lines


def paletted(colours: list[int], **options) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        image = Image.fromarray(GREYS % 4)
        image.putpalette(colours)
        image.save(path, **options)

    return write


PALETTE = np.array([[10, 20, 30], [200, 0, 0], [0, 150, 7], [255, 254, 3]], np.uint8)


@pytest.mark.parametrize("ending", ["png", "gif", "bmp", "tif", "pcx", "tga"])
def test_palettes_are_read_as_their_colours(ending, tmp_path):
    found, lines = read(tmp_path, paletted(PALETTE.ravel().tolist()), ending=ending)
    assert (found[0] == PALETTE[GREYS % 4]).all()
    assert not lines


@pytest.mark.parametrize("ending", ["png", "gif"])
def test_a_transparent_colour_of_a_palette_is_white(ending, tmp_path):
    found, lines = read(tmp_path, paletted(PALETTE.ravel().tolist(), transparency=1), ending=ending)
    seen = PALETTE.copy()
    seen[1] = 255
    assert (found[0] == seen[GREYS % 4]).all()
    assert "laid on white" in lines[0]


@pytest.mark.parametrize("transparency", [None, 3])
def test_a_palette_of_greys_is_grey(transparency, tmp_path):
    levels = np.array([0, 90, 17, 240], np.uint8)
    options = {} if transparency is None else {"transparency": transparency}
    unused = [9, 8, 7]  # a colour that no pixel has
    found, _ = read(tmp_path, paletted(np.repeat(levels, 3).tolist() + unused, **options))
    assert found.shape[3] == 1
    levels[3] = 255 if transparency else levels[3]
    assert (found[0, :, :, 0] == levels[GREYS % 4]).all()


def test_one_colour_that_stands_for_transparent_is_white(tmp_path):
    colours, greys = COLOURS.copy(), GREYS.copy()
    colours[1:3] = (9, 8, 7)
    greys[1:3] = 9
    found, _ = read(tmp_path, saved(colours, transparency=(9, 8, 7)), saved(greys, transparency=9))
    assert (found[0, 1:3] == 255).all()
    assert (found[0, 3:] == COLOURS[3:]).all()
    assert (found[1, 1:3] == 255).all()
    assert (found[1, 3:, :, 0] == np.where(GREYS == 9, 255, GREYS)[3:]).all()


def test_grey_that_is_stored_as_colours_keeps_its_three_channels(tmp_path):
    found, _ = read(tmp_path, saved(np.dstack([GREYS] * 3)))
    assert found.shape[3] == 3


def test_ink_is_read_as_colours(tmp_path):
    ink = Image.fromarray(COLOURS).convert("CMYK")
    found, _ = read(tmp_path, lambda path: ink.save(path), ending="tif")
    assert (found[0] == COLOURS).all()


def test_lab_is_read_as_colours(tmp_path):
    lab = np.zeros((6, 5, 3), np.uint8)
    lab[:3] = (255, 0, 0)  # white
    found, _ = read(tmp_path, lambda path: Image.fromarray(lab, "LAB").save(path), ending="tif")
    assert (found[0, :3] >= 254).all()
    assert (found[0, 3:] <= 1).all()


# more than 8 bits


def png(values: np.ndarray, kind: int) -> Callable[[Path], object]:
    """Writes a PNG of 16 bits; of the kinds 0 grey, 2 colours, 4 grey with alpha, 6 colours with alpha."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    height, width = values.shape[:2]
    rows = values.astype(">u2").reshape(height, -1).view(np.uint8).reshape(height, -1)
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    header = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return lambda path: path.write_bytes(content)


def tiff(values: np.ndarray, order: str, photometric: int, deflated: bool = False, bits: int = 16, form: int = 1):
    """Writes a TIFF of one strip."""
    height, width = values.shape[:2]
    samples = values[0, 0].size
    kind = {1: "u", 2: "i", 3: "f"}[form]
    data = values.astype(f"{order}{kind}{bits // 8}").tobytes()
    data = zlib.compress(data) if deflated else data
    extra = 8 + len(data)
    tags = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, samples, bits if samples == 1 else extra),
        (259, 3, 1, 8 if deflated else 1), (262, 3, 1, photometric), (273, 4, 1, 8), (277, 3, 1, samples),
        (278, 4, 1, height), (279, 4, 1, len(data)), (339, 3, samples, form if samples == 1 else extra + 2 * samples),
    ]  # fmt: skip
    directory = struct.pack(f"{order}H", len(tags))
    for tag, field, count, value in tags:
        short = field == 3 and count == 1
        directory += struct.pack(
            f"{order}HHI{'HH' if short else 'I'}", tag, field, count, *([value, 0] if short else [value])
        )
    depths = struct.pack(f"{order}{2 * samples}H", *[bits] * samples, *[form] * samples)
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, extra + len(depths))
    content = head + data + depths + directory + bytes(4)
    return lambda path: path.write_bytes(content)


def of_bits(bits: int, shape: tuple[int, ...] = (6, 5), seed: int = 3) -> np.ndarray:
    values = np.random.default_rng(seed).integers(0, 2**bits, shape).astype(np.uint16)
    values.flat[0] = 2**bits - 1
    return values


def scaled(values: np.ndarray, bits: int) -> np.ndarray:
    return np.floor(255 * values.astype(np.float64) / (2**bits - 1) + 0.5)


WIDE = {
    "png": (lambda values: png(values, 0), "png"),
    "tiff, little-endian": (lambda values: tiff(values, "<", 1), "tif"),
    "tiff, big-endian": (lambda values: tiff(values, ">", 1), "tif"),
    "tiff, deflated": (lambda values: tiff(values, "<", 1, deflated=True), "tif"),
    "tiff, big-endian, deflated": (lambda values: tiff(values, ">", 1, deflated=True), "tif"),
    "tiff, 32 bits": (lambda values: tiff(values, "<", 1, bits=32), "tif"),
    "pgm": (lambda values: lambda path: path.write_bytes(b"P5\n5 6\n65535\n" + values.astype(">u2").tobytes()), "pgm"),
    "jpeg 2000": (lambda values: lambda path: Image.fromarray(values).save(path), "jp2"),
}


@pytest.mark.parametrize("bits", [8, 10, 12, 15, 16])
@pytest.mark.parametrize("form", WIDE)
def test_sixteen_bits_are_scaled_by_how_many_are_used(form, bits, tmp_path):
    write, ending = WIDE[form]
    values = of_bits(bits)
    found, lines = read(tmp_path, write(values), ending=ending)
    assert found.shape[3] == 1
    assert (found[0, :, :, 0] == scaled(values, bits)).all()
    said = f"its images of 16 bits use values up to {2**bits - 1:,}: read as {bits} bits, {2**bits - 1:,} is white"
    assert (said in lines) == (bits < 16)
    assert "1 of its 4 images have 16 bits and the others 8; each kind is scaled to 0 to 255 by itself" in lines


def test_all_pictures_of_a_data_set_have_one_scale_whatever_part_they_are_in(tmp_path):
    dark, bright = of_bits(8), of_bits(12, seed=4)
    (tmp_path / "test/a").mkdir(parents=True)
    png(bright, 0)(tmp_path / "test/a/1.png")
    found, lines = read(tmp_path, png(dark, 0), lambda path: tiff(dark, ">", 1)(path.with_suffix(".tif")))
    assert (found[:, :, :, 0] == scaled(dark, 12)).all()
    tested = load_dataset(f"folder:{tmp_path}", say=str).test_images
    assert (tested[1, :, :, 0] == scaled(bright, 12)).all()
    assert any("read as 12 bits" in line for line in lines)
    sample = load_dataset(f"folder:{tmp_path}", examples=2, say=str)
    position = sample.train_names.index(next(name for name in sample.train_names if "/a/" in name))
    assert (sample.train_images[position, :, :, 0] == scaled(dark, 12)).all()


def test_the_scale_comes_before_resizing(tmp_path):
    values = np.kron(of_bits(10, (2, 2)), np.ones((8, 8), np.uint16))
    found, _ = read(tmp_path, png(values, 0), image_size=2)
    straight = Image.fromarray(scaled(values, 10).astype(np.uint8)).resize((2, 2), Image.Resampling.BILINEAR)
    assert (found[0, :, :, 0] == np.asarray(straight)).all()


def test_a_small_part_of_the_range_is_said(tmp_path):
    found, lines = read(tmp_path, png(32768 + of_bits(10), 0))
    assert found.max() > found.min()
    least, greatest = 32768 + int(of_bits(10).min()), 32768 + 1023
    assert any(
        f"use values from {least:,} to {greatest:,} only, 4 of 256 grey levels; stretch" in line for line in lines
    )


def test_white_is_zero_is_turned_round(tmp_path):
    values = of_bits(12)
    found, _ = read(tmp_path, tiff(values, "<", 0), ending="tif")
    assert (found[0, :, :, 0] == 255 - scaled(values, 12)).all()


def test_a_transparent_value_of_sixteen_bits_is_white(tmp_path):
    values = of_bits(12)
    values[2] = 77
    found, lines = read(tmp_path, lambda path: Image.fromarray(values).save(path, transparency=77))
    assert (found[0, 2] == 255).all()
    assert (found[0, 3:, :, 0] == scaled(values, 12)[3:]).all()
    assert any("laid on white" in line for line in lines)


DEEP = {
    "png": (lambda values: png(values, 2), "png"),
    "tiff, little-endian": (lambda values: tiff(values, "<", 2), "tif"),
    "tiff, big-endian": (lambda values: tiff(values, ">", 2), "tif"),
    "tiff, deflated": (lambda values: tiff(values, "<", 2, deflated=True), "tif"),
    "tiff, big-endian, deflated": (lambda values: tiff(values, ">", 2, deflated=True), "tif"),
}


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("form", DEEP)
def test_colours_of_sixteen_bits_are_scaled_by_how_many_are_used(form, bits, tmp_path):
    write, ending = DEEP[form]
    values = of_bits(bits, (6, 5, 3))
    found, lines = read(tmp_path, write(values), ending=ending)
    assert (found[0] == (values >> 8 if bits == 16 else scaled(values, bits))).all()
    assert any(f"read as {bits} bits" in line for line in lines) == (bits < 16)


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_alpha_beside_sixteen_bits_is_laid_on_white(bits, tmp_path):
    alpha = of_bits(16, (6, 5, 1), seed=5)
    alpha[0] = 65535
    colours, greys = of_bits(bits, (6, 5, 3)), of_bits(bits, (6, 5, 1))
    found, _ = read(tmp_path, png(np.dstack([colours, alpha]), 6), png(np.dstack([greys, alpha]), 4))
    for image, values in zip(found, (colours, greys), strict=True):
        opaque = values >> 8 if bits == 16 else scaled(values, bits)
        assert np.abs(image - laid_on(255, np.dstack([opaque] * 3)[..., :3], alpha[..., 0] >> 8)).max() <= 1
    only, _ = read(tmp_path / "greys", png(np.dstack([greys, alpha]), 4))
    assert only.shape[3] == 1


def test_pgm_is_read_by_its_own_greatest_value(tmp_path):
    for top in (1, 15, 200, 255, 4095):
        values = np.minimum(of_bits(12), top)
        stored = values.astype(">u2" if top > 255 else np.uint8).tobytes()
        plain = " ".join(map(str, values.ravel().tolist())).encode()
        read(
            tmp_path / str(top),
            lambda path, top=top, stored=stored: path.write_bytes(b"P5 5 6 %d\n" % top + stored),
            lambda path, top=top, plain=plain: path.write_bytes(b"P2\n# by hand\n5 6\n%d\n" % top + plain),
            ending="pgm",
        )
        png(of_bits(10), 0)(tmp_path / str(top) / "train/a/2.png")  # which scales those only that have 16 bits
        found = load_dataset(f"folder:{tmp_path / str(top)}", say=str).train_images[:3]
        assert (found[2, :, :, 0] == scaled(of_bits(10), 10)).all()
        found = found[:2]
        assert np.abs(found[:, :, :, 0] - 255 * values.astype(float) / top).max() <= 0.502


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (lambda path: Image.fromarray(np.full((6, 5), 0.5, np.float32)).save(path), "floating-point pixels"),
        (tiff(np.full((6, 5), -3), "<", 1, bits=32, form=2), "32-bit values from -3 to -3, outside 0 to 65535"),
        (tiff(np.full((6, 5), 70000), "<", 1, bits=32), "32-bit values from 70000 to 70000, outside 0 to 65535"),
    ],
)
def test_pixels_without_a_known_range_are_refused(write, reason, tmp_path):
    with pytest.raises(DataError, match=rf"0\.tif: cannot be read as an image \(it has {reason}"):
        read(tmp_path, write, ending="tif")


def test_a_raw_photograph_is_not_read_as_its_thumbnail(tmp_path):
    for ending in ("NEF", "dng"):
        with pytest.raises(DataError, match=rf"0\.{ending}: cannot be read as an image \(a raw photograph\)"):
            read(tmp_path / ending, lambda path: Image.fromarray(COLOURS).save(path, "TIFF"), ending=ending)


# frames and pages


@pytest.mark.parametrize("ending", ["tif", "gif", "png", "webp"])
def test_of_several_frames_the_first_is_read_and_said(ending, tmp_path):
    frames = [Image.fromarray(COLOURS[:, :, number]) for number in range(3)]
    options = {"lossless": True} if ending == "webp" else {}

    def write(path: Path) -> None:
        frames[0].save(path, save_all=True, append_images=frames[1:], **options)

    found, lines = read(tmp_path, write, ending=ending)
    assert (found[0] == GREYS[:, :, None]).all()
    assert lines == [f"1 of its 4 images (train/a/0.{ending}) have several frames or pages: the first of each is read"]


def test_the_second_picture_of_a_phone_is_not_said(tmp_path):
    picture = Image.fromarray(COLOURS)
    options = {"save_all": True, "append_images": [picture], "quality": 100}
    found, lines = read(tmp_path, lambda path: picture.save(path, "MPO", **options), ending="jpg")
    assert np.abs(found[0].mean() - COLOURS.mean()) < 4
    assert not lines


def test_of_an_icon_the_largest_size_is_read_and_said(tmp_path):
    large = Image.fromarray(np.kron(COLOURS[:4, :4], np.ones((8, 8, 1), np.uint8)))
    found, lines = read(
        tmp_path, lambda path: large.save(path, sizes=[(16, 16), (32, 32)]), ending="ico", image_size=32
    )
    assert (found[0] == np.asarray(large)).all()
    assert "1 of its 4 images (train/a/0.ico) are icons of several sizes: the largest of each is read" in lines


def test_what_the_first_frame_of_a_gif_leaves_out_is_white(tmp_path):
    """A screen of 5 x 6, on which the first frame draws 2 x 2 pixels at (1, 2), without a transparent colour."""
    import io

    buffer = io.BytesIO()
    small = Image.fromarray(np.zeros((2, 2), np.uint8))
    small.putpalette([200, 10, 10] * 2)
    small.save(buffer, "GIF")
    data = bytearray(buffer.getvalue())
    data[6:10] = struct.pack("<HH", 5, 6)
    place = data.index(b",")
    data[place + 1 : place + 5] = struct.pack("<HH", 1, 2)
    found, _ = read(tmp_path, lambda path: path.write_bytes(bytes(data)), ending="gif")
    expected = np.full((6, 5, 3), 255)
    expected[2:4, 1:3] = (200, 10, 10)
    assert (found[0] == expected).all()


def test_a_large_picture_is_laid_on_white_strip_by_strip(tmp_path, monkeypatch):
    monkeypatch.setattr("memscope.datasets.appearance.STRIP", 10)
    monkeypatch.setattr("memscope.datasets.sixteen_bits.STRIP", 10)
    values = of_bits(12, (6, 5, 3))
    found, _ = read(tmp_path, saved(np.dstack([COLOURS, ALPHA])), png(values, 2))
    assert np.abs(found[0] - laid_on(255, COLOURS, ALPHA)).max() <= 1
    assert (found[1] == scaled(values, 12)).all()


def test_what_pillow_logs_of_a_damaged_tiff_is_not_printed(tmp_path):
    buffer = io.BytesIO()
    Image.fromarray(COLOURS).save(buffer, "TIFF")
    content = bytearray(buffer.getvalue())
    at = content.index(b"\x15\x01\x03\x00\x01\x00\x00\x00")  # the entry of SamplesPerPixel
    content[at + 8] = 101
    for kind, written in (("a", bytes(content)), ("b", buffer.getvalue())):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "0.tif").write_bytes(written)
    # in a process of its own: pytest listens to what is logged, and then Python itself writes nothing
    code = (
        f"from memscope.datasets import load_dataset as read\ntry: read('folder:{tmp_path}')\nexcept ValueError: pass"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
