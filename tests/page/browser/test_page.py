"""The page itself: nothing runs but its own scripts, nothing is asked for, everybody can read it, and it prints."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from memscope.plots.common.style import TYPE_STYLES
from tests.page.made_page import HOSTILE, WEB, made, page

pytestmark = pytest.mark.xdist_group("browser")

TAGS = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']"


def test_names_of_classes_and_files_run_nothing(opened, examples):
    """Every place that shows one was seen: tiles, filters, the opened image, its neighbours, an address."""
    seen = opened(f"#gallery?class=0&type={HOSTILE}")
    assert seen.page.locator(".labels .name").first.inner_text() == HOSTILE
    assert HOSTILE in seen.page.locator(".tile").first.get_attribute("aria-label")
    seen.page.locator(".tile").first.click()
    seen.page.wait_for_selector("dialog[open]")
    assert HOSTILE in seen.page.locator("dialog h3").inner_text()
    hostile = next(example for example, name in enumerate(examples.names) if HOSTILE in name)
    again = opened(f"#gallery?example={2 * hostile + 1}")
    assert examples.names[hostile] in again.page.locator("dialog").inner_text()
    for one in (seen, again):
        assert one.page.locator("img").count() == 0
        assert one.page.evaluate("document.querySelectorAll('[onerror], [onclick], [onload]').length") == 0


def test_a_script_that_is_not_of_the_page_does_not_run(opened):
    """Had a name got into the document as markup after all, the policy would stop it."""
    seen = opened()
    ran = seen.page.evaluate(
        """async () => {
          const script = document.createElement("script");
          script.textContent = "window.ran = true";
          document.body.append(script);
          const box = document.createElement("div");
          box.innerHTML = "<img src='data:,x' onerror='window.ran = true'><a href='javascript:ran = true'>x</a>";
          document.body.append(box);
          box.querySelector("a").click();
          await new Promise((next) => setTimeout(next, 300));
          return window.ran ?? false;
        }"""
    )
    assert not ran
    assert any("Content Security Policy" in wrong for wrong in seen.wrongs)
    seen.wrongs.clear()


def test_a_request_would_be_stopped(opened):
    seen = opened()
    said = seen.page.evaluate("fetch('http://127.0.0.1:9/').then(() => 'came', () => 'stopped')")
    assert said == "stopped"
    assert any("connect-src" in wrong or "default-src" in wrong for wrong in seen.wrongs)
    seen.wrongs.clear()


def test_without_scripts_the_findings_are_there_and_the_gallery_says_why_not(opened):
    seen = opened(java_script_enabled=False)
    assert "some are memorised" in seen.page.locator("#findings").inner_text()
    assert "needs scripts" in seen.page.locator("#gallery").inner_text()


@pytest.mark.parametrize("words", ["", "#gallery?example=1", "#gallery?low=3"])
def test_axe_finds_nothing_in_either_theme(opened, axe, words):
    seen = opened(words)
    seen.page.evaluate(axe)
    assert len(passed(seen, f"{{type: 'tag', values: {TAGS}}}")) > 15
    seen.page.emulate_media(color_scheme="dark")
    assert passed(seen, "{type: 'rule', values: ['color-contrast']}") == ["color-contrast"]  # all that a theme changes


def passed(seen, rules: str) -> list[str]:
    """The rules that axe-core finds kept; none may be broken."""
    found = seen.page.evaluate(f"axe.run(document, {{runOnly: {rules}}})")
    told = [
        f"{one['id']}: {one['help']} {[node['html'][:120] for node in one['nodes'][:3]]}" for one in found["violations"]
    ]
    assert told == []
    return [one["id"] for one in found["passes"]]


def test_the_theme_is_the_systems_until_one_is_chosen(opened):
    seen = opened()

    def ground():
        return seen.page.evaluate("getComputedStyle(document.body).backgroundColor")

    assert ground() == "rgb(255, 255, 255)"
    seen.page.emulate_media(color_scheme="dark")
    night = ground()
    assert night != "rgb(255, 255, 255)"
    seen.page.emulate_media(color_scheme="light")
    assert ground() == "rgb(255, 255, 255)"
    seen.page.evaluate("document.addEventListener('themechange', () => { window.heard = isDark(); })")
    seen.page.get_by_role("button", name="Dark theme").click()
    assert ground() == night
    assert seen.page.evaluate("heard") is True
    seen.page.reload()
    seen.page.wait_for_selector("html[data-ready]")
    assert ground() == night
    seen.page.get_by_role("button", name="Light theme").click()
    assert ground() == "rgb(255, 255, 255)"


@pytest.mark.parametrize("words", ["", "#gallery?example=1"])
def test_on_a_phone_nothing_is_wider_than_the_screen(opened, words):
    seen = opened(words, width=390)
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 390
    if words:
        assert seen.page.evaluate("document.querySelector('dialog').scrollWidth") <= 390
    else:
        assert seen.page.get_attribute(".grid", "aria-colcount") == "4"
        assert not seen.page.locator(".types").is_visible()  # until it is asked for
        seen.page.get_by_text("Filters", exact=True).click()
        assert seen.page.locator(".types").is_visible()


def test_it_prints_as_a_summary(opened):
    """In light colours, whatever the theme: the findings and the figures that are marked, without the gallery."""
    seen = opened(theme="dark")
    sheets = seen.page.pdf(format="A4").count(b"/Type /Page\n")
    assert 1 <= sheets <= 2
    seen.page.emulate_media(media="print")
    assert seen.page.locator("#findings").is_visible()
    for shown in ("#score .lead", "#score .notes", "figure.print"):
        assert seen.page.locator(shown).is_visible(), shown
    for hidden in ("#gallery", "nav", "#theme", "#methods"):
        assert not seen.page.locator(hidden).is_visible(), hidden
    picture = np.asarray(Image.open(io.BytesIO(seen.page.screenshot())).convert("L"))
    assert np.median(picture) == 255


@pytest.mark.parametrize(
    "without",
    [
        {"true_label", "exact_group", "near_group", "neighbours", "population_type", "type"},
        {"called_type", "type", "population_type", "suggested_label", "suggested_share"},
        {"score", "score_low", "score_high", "population_score", "population_sd", "change"},
        {"label", "true_label", "example", "index"},
    ],
)
def test_a_page_without_some_results_shows_the_others(opened, tmp_path, without):
    whole = made(60, [4])
    less = replace(
        whole,
        whole={name: values for name, values in whole.whole.items() if name not in without},
        measured={name: values for name, values in whole.measured.items() if name not in without},
    )
    file = tmp_path / "report.html"
    file.write_text(page(less))
    seen = opened(file=file)
    assert len(seen.shown()) == 60
    assert seen.page.locator(".filters label").count() > 2
    seen.page.locator(".tile").first.click()
    seen.page.wait_for_selector("dialog[open]")
    assert "NaN" not in seen.page.locator("body").inner_text()
    assert "undefined:" not in seen.page.locator("dialog").inner_text()


def test_types_have_the_colours_and_no_fewer_than_the_figures():
    css = (WEB / "page.css").read_text()
    for name, (colour, _, _) in TYPE_STYLES.items():
        assert f"--type-{name}: light-dark({colour.lower()}," in css


def test_every_script_is_listed_and_no_other():
    listed = (WEB / "order.txt").read_text().split()
    there = {str(file.relative_to(WEB)) for file in WEB.rglob("*.js")}
    assert set(listed) == there
    assert len(listed) == len(there)
    assert listed[-1] == "start.js"
