"""The charts of a page that memscope writes, in a browser: all are drawn, everybody can read them, and they lead on."""

from pathlib import Path

import pytest

from memscope.page.data import gather
from memscope.page.document import document
from memscope.run import open_run

pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture(scope="module")
def written(known_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("written") / "report.html"
    path.write_text(document(gather(open_run(known_run))), encoding="utf-8")
    return path


def scroll_through(seen) -> None:
    """To its end, so that everything has come into view."""
    seen.page.evaluate(
        """(async () => {
          for (let top = 0; top < document.documentElement.scrollHeight; top += 700) {
            scrollTo(0, top);
            await new Promise((next) => requestAnimationFrame(() => setTimeout(next)));
          }
        })()"""
    )
    seen.until("[...document.querySelectorAll('figure[data-chart]')].every((each) => each.querySelector('.chart svg'))")


def scroll_to(seen, figure: str) -> None:
    """Until its chart is drawn."""
    seen.page.locator(f"#{figure}").scroll_into_view_if_needed()
    seen.page.wait_for_selector(f"#{figure} .chart svg")


@pytest.mark.parametrize("width", [1280, 390])
def test_every_chart_is_drawn_once_it_is_in_view_and_none_is_wider_than_the_page(opened, written, width):
    seen = opened(file=written, width=width)
    assert seen.page.locator("figure[data-chart] svg").count() < 20  # not all of them yet
    scroll_through(seen)
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    assert "NaN" not in seen.page.evaluate(
        "[...document.querySelectorAll('.chart')].map((each) => each.innerHTML).join()"
    )


def test_a_chart_is_drawn_again_at_another_width(opened, written):
    seen = opened(file=written)
    scroll_to(seen, "accuracies")
    width = "document.querySelector('#accuracies .chart svg').getBoundingClientRect().width"
    before = seen.page.evaluate(width)
    seen.page.set_viewport_size({"width": 420, "height": 900})
    seen.until(f"{width} < {before} && {width} <= 400")


def test_a_type_in_the_legend_shows_its_images(opened, written):
    seen = opened(file=written)
    scroll_to(seen, "trajectories-by-type")
    every = len(seen.shown())
    seen.page.locator("#trajectories-by-type .legend button", has_text="increasing").click()
    seen.until(f"theGallery.order().length < {every}")
    assert "type=increasing" in seen.page.evaluate("location.hash")


def test_the_pointer_shows_values_and_a_click_their_images(opened, written):
    seen = opened(file=written)
    seen.page.locator("#trajectories-by-type").scroll_into_view_if_needed()
    mark = seen.page.locator("#trajectories-by-type svg [aria-label='dot'] path").last
    mark.wait_for()
    place = mark.bounding_box()
    seen.page.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    tip = seen.page.locator("#trajectories-by-type svg [aria-label='tip'] text")
    tip.wait_for()
    assert "width 8: " in tip.text_content()
    seen.page.mouse.down()
    seen.page.mouse.up()
    seen.until("location.hash.includes('type=')")


def test_axe_finds_nothing_in_a_written_page_in_either_theme(opened, written, axe):
    seen = opened(file=written)
    scroll_through(seen)
    seen.page.evaluate("document.querySelectorAll('main details').forEach((each) => (each.open = true))")
    seen.page.evaluate(axe)
    for theme, rules in (("light", ""), ("dark", ", {runOnly: ['color-contrast']}")):
        seen.page.emulate_media(color_scheme=theme)
        found = seen.page.evaluate(f"axe.run(document{rules})")
        told = [
            f"{one['id']}: {one['help']} {[node['html'][:160] for node in one['nodes'][:3]]}"
            for one in found["violations"]
        ]
        assert told == []
        assert found["passes"]


def test_a_written_page_prints_on_two_pages_with_what_its_figures_do_not_say(opened, written):
    seen = opened(file=written)
    assert 1 <= seen.page.pdf(format="A4").count(b"/Type /Page\n") <= 2
    seen.page.emulate_media(media="print")
    for section in ("score", "trajectories"):
        notes = seen.page.locator(f"#{section} > .notes")
        assert notes.is_visible()
        assert notes.inner_text().strip()
