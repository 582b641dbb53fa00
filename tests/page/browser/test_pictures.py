"""Every tile shows its own image, wherever the gallery is scrolled to; and no sheet shows what it should not."""

from pathlib import Path

import numpy as np
import pytest

from tests.page.browser.pixels import CHECKSUM, checksums
from tests.page.made_page import Made, made, page

pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture(scope="module")
def many() -> Made:
    """More than fit on a sheet of the size that memscope writes."""
    return made(4_500, [4])


@pytest.fixture(scope="module")
def large(many: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "report.html"
    path.write_text(page(many))
    return path


def test_the_sums_tell_all_images_apart(many, examples):
    for one in (many, examples):
        assert len(set(checksums(one.images).tolist())) == len(one.images)


def test_every_example_shows_its_own_image(opened, many, large):
    """Tile by tile, on sheets of 2048 pixels; the last of the last sheet included."""
    seen = opened(file=large)
    given = seen.page.evaluate(
        CHECKSUM
        + """(async () => {
          const found = [];
          for (let first = 0; first < PAGE.count; first += 500) {
            const some = Array.from({length: Math.min(500, PAGE.count - first)}, (_, at) => picture(first + at));
            while (!some.every((canvas) => canvas.dataset.shown)) await new Promise((next) => setTimeout(next));
            found.push(...some.map(checksum));
          }
          return found;
        })()"""
    )
    np.testing.assert_array_equal(given, checksums(many.images))


@pytest.mark.parametrize("words", ["", "#gallery?sort=loss&order=up&class=3&class=7"])
def test_every_tile_of_the_gallery_shows_the_example_it_names(opened, examples, words):
    """Scrolled through from end to end."""
    seen = opened(words)
    tiles = seen.page.evaluate(
        CHECKSUM
        + """(async () => {
          const box = document.querySelector(".grid");
          const found = new Map();
          for (let top = 0; top < box.scrollHeight; top += box.clientHeight) {
            box.scrollTop = top;
            await new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));
            for (const tile of box.querySelectorAll(".tile")) {
              const canvas = tile.querySelector("canvas");
              while (!canvas.dataset.shown) await new Promise((next) => setTimeout(next));
              found.set(Number(tile.dataset.place), [checksum(canvas), tile.getAttribute("aria-label")]);
            }
          }
          return [...found].sort(([one], [other]) => one - other);
        })()"""
    )
    order = seen.shown()
    assert [place for place, _ in tiles] == list(range(len(order)))
    np.testing.assert_array_equal([told[0] for _, told in tiles], checksums(examples.images)[order])
    labels = examples.whole["label"][order]
    assert all(told[1].startswith(examples.classes[label]) for (_, told), label in zip(tiles, labels, strict=True))


def test_few_tiles_are_in_the_document(opened, large):
    seen = opened(file=large)
    assert seen.page.locator(".tile").count() < 150
    assert seen.page.get_by_role("grid", name="Training images").is_visible()
    rows = seen.page.get_attribute(".grid", "aria-rowcount")
    assert int(rows) >= 4_500 // 12


def test_a_sheet_that_was_decoded_in_another_size_shows_nothing_rather_than_something_else(opened):
    seen = opened()
    shown = seen.page.evaluate(
        """(async () => {
          const decode = createImageBitmap;
          createImageBitmap = (blob) => decode(blob, {resizeWidth: 1024, resizeHeight: 1024});
          sheets.clear();
          const canvas = picture(5);
          while (!canvas.dataset.shown) await new Promise((next) => setTimeout(next));
          const {data} = canvas.getContext("2d").getImageData(0, 0, 32, 32);
          return [canvas.dataset.shown, data.every((value) => value === 0), canvas.title];
        })()"""
    )
    assert shown[:2] == ["failed", True]
    assert "1024 x 1024" in shown[2]
