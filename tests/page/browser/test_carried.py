"""What an example carries, where it is opened: each image is its own, with its influence, at every size."""

from pathlib import Path

import numpy as np
import pytest

from tests.page.browser.pixels import CHECKSUM, checksums
from tests.page.made_page import Made, made, page, with_carried

pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture(scope="module")
def carrying() -> Made:
    return with_carried(made(200, [2, 4, 8]))


@pytest.fixture(scope="module")
def file(carrying: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("carried") / "report.html"
    path.write_text(page(carrying, sheet=512))
    return path


def told(value: int) -> str:
    return f"{value / 1e4:.2f}".replace("-", "−")


def near(value: int) -> set[str]:
    """As it is told, however its last digit is rounded."""
    return {told(value - 1), told(value), told(value + 1)}


def test_an_opened_image_tells_what_it_carries_and_what_it_harms_at_every_size(opened, carrying, file):
    rows = carrying.carried.rows
    example = int(np.bincount(rows[0]).argmax())
    seen = opened(f"#gallery?example={2 * example + 1}", file=file)
    box = seen.page.locator("dialog .carried")
    parts = box.locator("details")
    place = 0
    for size in (8, 4, 2):
        for way, word in ((1, "carries"), (-1, "harms")):
            mine = np.flatnonzero((rows[0] == example) & (rows[2] == size) & (rows[3] == way))
            if not len(mine):
                continue
            part = parts.nth(place)
            place += 1
            images = "test image" if len(mine) == 1 else "test images"
            assert part.locator("summary").inner_text() == f"width {size}: {word} {len(mine)} {images}"
            assert (part.get_attribute("open") is not None) == (size == 8)
            if size != 8:
                part.locator("summary").click()
            found = part.locator("li")
            for number, pair in enumerate(mine):
                words = found.nth(number).inner_text()
                if rows[4, pair] == -(2**31):
                    assert words == "–"
                    continue
                value, error = words.split(" ± ")
                assert value in near(rows[4, pair])
                assert error in near(rows[5, pair])
                name = found.nth(number).locator("canvas").get_attribute("aria-label")
                label = carrying.classes[carrying.carried.labels[rows[1, pair]]]
                assert name == f"test image {3 * rows[1, pair]}: {label}"
            seen.until(
                f"[...document.querySelectorAll('dialog details')][{place - 1}]"
                ".querySelectorAll('canvas:not([data-shown])').length === 0"
            )
            sums = seen.page.evaluate(
                CHECKSUM
                + f"[...[...document.querySelectorAll('dialog details')][{place - 1}].querySelectorAll('canvas')]"
                ".map(checksum)"
            )
            np.testing.assert_array_equal(sums, checksums(carrying.carried.images)[rows[1, mine]])
    assert parts.count() == place > 2


def test_an_image_that_carries_nothing_says_nothing_of_it(opened, file):
    seen = opened("#gallery?example=301", file=file)
    assert seen.page.locator("dialog").is_visible()
    assert seen.page.locator("dialog .carried").count() == 0


def test_what_is_not_on_the_page_is_counted(opened, carrying, file):
    """The column counts all that an example carries; a page may hold fewer."""
    rows = carrying.carried.rows
    example = int(np.bincount(rows[0]).argmax())
    seen = opened(f"#gallery?example={2 * example + 1}", file=file)
    here = int(((rows[0] == example) & (rows[2] == 8) & (rows[3] > 0)).sum())
    words = seen.page.evaluate(
        f"""(async () => {{
          const [pairs] = await everyPair();
          const some = [...pairs.rows[0].keys()].filter((pair) => pairs.rows[0][pair] === {example});
          return carriedAt(pairs, some.slice(0, 2), 8, 1, "test images", true, 1234).innerText;
        }})()"""
    )
    assert "carries 1,234 test images" in words
    assert "1,232 more" in words
    row = seen.page.get_by_role("row", name="how many test images it carries")
    assert row.get_by_role("cell").last.inner_text() == str(here)  # a number of things is whole


def test_it_is_readable_for_everybody_and_on_a_phone(opened, axe, carrying, file):
    example = int(np.bincount(carrying.carried.rows[0]).argmax())
    seen = opened(f"#gallery?example={2 * example + 1}", file=file, width=390)
    assert seen.page.evaluate("document.querySelector('dialog').scrollWidth") <= 390
    seen.page.evaluate(axe)
    for theme in ("light", "dark"):
        seen.page.emulate_media(color_scheme=theme)
        found = seen.page.evaluate("axe.run(document.querySelector('dialog'))")
        assert [one["id"] for one in found["violations"]] == []


@pytest.mark.parametrize(
    ("values", "ticks"),
    [([0, 3, 700], ["0", "1", "10", "100", "1,000"]), ([9300, 8230, 8700], ["1,000", "10,000"])],
)
def test_numbers_of_pairs_are_drawn_on_a_scale_that_shows_small_ones(opened, file, values, ticks):
    seen = opened(file=file)
    found = seen.page.evaluate(
        f"""(() => {{
          const scale = {{label: "pairs", form: "count", low: 0, high: null, lines: []}};
          const series = [{{name: "found", colour: "first", mark: "circle", values: {values}}}];
          const x = {{label: "width", values: [2, 4, 8], log: true}};
          const {{drawn}} = CHART_KINDS.lines({{x, y: scale, series}}, 600, "made");
          const axis = drawn.querySelector("[aria-label='y-axis tick label']");
          const marks = [...drawn.querySelectorAll("[aria-label=dot] circle")].map((one) => one.getAttribute("cy"));
          return [[...axis.querySelectorAll("text")].map((text) => text.textContent), marks];
        }})()"""
    )
    assert [text for text in found[0] if text] == ticks
    heights = [float(mark) for mark in found[1]]
    assert np.argsort(heights).tolist() == np.argsort([-value for value in values]).tolist()
    assert np.diff(np.sort(heights)).min() > 5  # pixels
