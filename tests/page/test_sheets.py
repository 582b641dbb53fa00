"""Tile by tile, every example shows its own image: the sheets are decoded, and cut as the page's script cuts them."""

import io

import numpy as np
import pytest
from PIL import Image

from memscope.datasets import load_dataset
from memscope.page import sheets
from memscope.page.data import ROOM
from memscope.page.sheets import SIDE, Tiling, sheets_of, thumbnail_size, tiling_of


def tiles_of(found: tuple[bytes, ...], tiling: Tiling, count: int) -> np.ndarray:
    """The tile of every gallery position, uint8 [count, h, w, 3]."""
    assert len(found) == tiling.sheets
    decoded = [Image.open(io.BytesIO(sheet)) for sheet in found]
    for image in decoded:
        assert max(image.size) <= SIDE
        assert image.get_format_mimetype() == tiling.type
    whole = [np.asarray(image.convert("RGB")) for image in decoded]
    tiles = []
    for position in range(count):
        sheet, place = divmod(position, tiling.per_sheet)
        row, column = divmod(place, tiling.columns)
        top, left = row * tiling.height, column * tiling.width
        tiles.append(whole[sheet][top : top + tiling.height, left : left + tiling.width])
    return np.stack(tiles)


def distances(tiles: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Mean square differences [tiles, images]."""
    one, other = (each.reshape(len(each), -1).astype(np.float64) for each in (tiles, images))
    return ((one**2).sum(1)[:, None] + (other**2).sum(1) - 2 * one @ other.T) / one.shape[1]


def check_each_shows_its_own(tiles: np.ndarray, images: np.ndarray, loss: float) -> None:
    """Each tile is near to its own image and nearer than to any other, unless that is the same to the pixel."""
    rgb = np.broadcast_to(images, (*images.shape[:3], 3))
    found = distances(tiles, rgb)
    own = found.diagonal()
    assert own.max() <= loss**2 + 1e-6
    same = distances(rgb, rgb) < 1e-6
    assert (np.where(same, np.inf, found).min(1) > own).all()


def smooth(count: int, side: int) -> np.ndarray:
    """Colour images with soft edges, each unlike all others."""
    random = np.random.default_rng(3)
    coarse = random.integers(0, 256, (count, 4, 4, 3), dtype=np.uint8)
    return np.stack([np.asarray(Image.fromarray(one).resize((side, side), Image.Resampling.BICUBIC)) for one in coarse])


@pytest.fixture(scope="module")
def clothes() -> np.ndarray:
    return load_dataset("fashion-mnist-5k").train_images[:1500]


def test_few_images_are_kept_to_the_pixel(clothes):
    found, tiling = sheets_of(clothes, np.arange(1500), ROOM)
    assert tiling.type == "image/webp"
    assert np.array_equal(tiles_of(found, tiling, 1500), np.broadcast_to(clothes, (1500, 28, 28, 3)))


@pytest.mark.parametrize("kind", ["image/webp", "image/jpeg"])
@pytest.mark.parametrize("many", [False, True])
def test_each_tile_of_many_sheets_shows_its_own_image(clothes, kind, many, monkeypatch):
    monkeypatch.setattr(sheets, "SIDE", 300)
    monkeypatch.setattr(sheets, "EXACT", 0)
    monkeypatch.setattr(sheets, "MANY", 100 if many else 10**6)
    monkeypatch.setattr(sheets.features, "check", lambda name: kind == "image/webp")
    shown = np.sort(np.random.default_rng(0).permutation(1500)[:1111])
    found, tiling = sheets_of(clothes, shown, ROOM)
    assert (tiling.type, tiling.per_sheet) == (kind, 100)
    assert len(found) == 12
    check_each_shows_its_own(tiles_of(found, tiling, 1111), clothes[shown], 30)
    colours = smooth(500, 32)
    found, tiling = sheets_of(colours, np.arange(500), ROOM)
    assert len(found) == 7
    check_each_shows_its_own(tiles_of(found, tiling, 500), colours, 20)


def test_large_images_are_reduced_and_still_their_own():
    images = smooth(200, 150)[:, :100]  # 100 x 150
    found, tiling = sheets_of(images, np.arange(200), ROOM)
    assert (tiling.height, tiling.width) == (43, 64)
    tiles = tiles_of(found, tiling, 200)
    small = np.stack([np.asarray(Image.fromarray(one).resize((64, 43), Image.Resampling.BOX)) for one in images])
    check_each_shows_its_own(tiles, small, 12)


def test_what_is_hard_to_compress_gets_less_quality_until_there_is_room(monkeypatch):
    monkeypatch.setattr(sheets, "EXACT", 0)
    noise = np.random.default_rng(0).integers(0, 256, (600, 32, 32, 3), dtype=np.uint8)
    freely = sum(map(len, sheets_of(noise, np.arange(600), ROOM)[0]))
    for share in (0.8, 0.5):
        found, tiling = sheets_of(noise, np.arange(600), freely * share)
        assert share / 2 * freely < sum(map(len, found)) < 1.05 * share * freely
        assert len(tiles_of(found, tiling, 600)) == 600


@pytest.mark.parametrize(("count", "side"), [(5_000, 64), (5_001, 48), (20_000, 48), (20_001, 32), (50_000, 32)])
def test_thumbnails_of_many_are_small_and_small_images_stay(count, side):
    assert thumbnail_size(224, 224, count) == (side, side)
    assert thumbnail_size(28, 28, count) == (28, 28)
    assert thumbnail_size(8, 300, count) == (round(8 * side / 300), side)
    assert thumbnail_size(1, 5000, count) == (1, side)


@pytest.mark.parametrize("size", [(1, 1), (28, 28), (32, 32), (64, 64), (43, 64), (64, 1), (1, 64), (31, 17)])
@pytest.mark.parametrize("count", [1, 2, 1000, 5330, 50_000])
def test_no_sheet_is_larger_than_2048_and_each_example_has_a_place(size, count):
    tiling = tiling_of(*size, count)
    rows = tiling.per_sheet // tiling.columns
    assert tiling.per_sheet == rows * tiling.columns
    assert tiling.columns * tiling.width <= 2048
    assert rows * tiling.height <= 2048
    assert (tiling.sheets - 1) * tiling.per_sheet < count <= tiling.sheets * tiling.per_sheet
