"""The gallery as a reader has it: filters, order, address, keyboard, an opened image."""

import re

import numpy as np
import pytest

from tests.page.browser.pixels import CHECKSUM, checksums

pytestmark = pytest.mark.xdist_group("browser")


def all_drawn(seen) -> None:
    seen.until("[...document.querySelectorAll('canvas')].every((one) => one.dataset.shown)")


def test_choices_filter_and_say_how_many_they_leave(opened, examples):
    seen = opened()
    whole = examples.whole
    assert seen.count() == "600 of 600 images"
    assert "600 of the 1,200 images: 300 drawn at random and the 300 highest" in seen.page.inner_text("#gallery")
    increasing = whole["called_type"] == 1
    box = seen.page.locator(".types label", has_text="increasing")
    assert box.locator(".number").inner_text() == str(increasing.sum())
    box.locator("input").check()
    assert seen.count().startswith(f"{increasing.sum()} of")
    for label in range(10):
        told = seen.page.locator(".labels label").nth(label).locator(".number").inner_text()
        assert told == str((increasing & (whole["label"] == label)).sum())
    seen.page.locator(".labels input").nth(2).check()
    both = increasing & (whole["label"] == 2)
    assert sorted(seen.shown()) == np.flatnonzero(both).tolist()
    flipped = both & (whole["true_label"] != 2)
    seen.page.get_by_label("Label flipped").select_option("yes")
    assert sorted(seen.shown()) == np.flatnonzero(flipped).tolist()
    seen.page.get_by_role("button", name="Show all").click()
    assert len(seen.shown()) == 600


def test_a_tile_says_its_label_and_what_models_say_if_that_is_another(opened, examples):
    seen = opened("#gallery?sort=index&size=4")
    labels, suggested = examples.whole["label"], examples.whole["suggested_label"][1]
    told = seen.page.evaluate("[...document.querySelectorAll('.tile .label')].map((each) => each.dataset.label)")
    assert len(told) > 20
    for example, words in zip(seen.shown(), told, strict=False):
        own, other = (examples.classes[code[example]] for code in (labels, suggested))
        assert words == (own if own == other else f"{own}\n→ {other}?")
    assert sum("→" in words for words in told) > 2
    key = seen.page.inner_text(".key")
    assert all(sign in key for sign in "→⚑")


def test_a_range_of_scores_at_a_size(opened, examples):
    seen = opened()
    ends = [seen.page.get_by_label(end, exact=True).get_attribute("placeholder") for end in ("from", "to")]
    score = examples.measured["score"]
    assert ends == [f"{np.nanmin(score):.2f}".replace("-", "−"), f"{np.nanmax(score):.2f}"]
    seen.page.get_by_label("from").fill("0.6")
    seen.page.get_by_label("to", exact=True).fill("0.8")
    with np.errstate(invalid="ignore"):
        inside = (score >= 0.6) & (score <= 0.8)
    assert sorted(seen.shown()) == np.flatnonzero(inside[3]).tolist()
    seen.page.get_by_label("Suggestion and score at").select_option("width 4")
    assert sorted(seen.shown()) == np.flatnonzero(inside[1]).tolist()
    seen.page.get_by_label("Suggestion and score at").select_option("any width")
    assert sorted(seen.shown()) == np.flatnonzero(inside.any(0)).tolist()


def test_no_image_is_said(opened):
    seen = opened("#gallery?low=3")
    assert seen.page.get_by_text("No image passes all filters.").is_visible()
    assert not seen.page.locator(".grid").is_visible()
    seen.page.get_by_role("button", name="Show all").click()
    assert seen.page.locator(".tile").first.is_visible()


def test_every_measure_can_be_sorted_by(opened, examples):
    seen = opened()
    for name, values in examples.measured.items():
        if name in ("score_low", "score_high", "population_sd", "log_odds_in", "log_odds_out", "ratio_in"):
            continue
        seen.page.get_by_label("Sort by").select_option(name)
        at = seen.page.get_by_role("combobox", name="at", exact=True)
        if name != "score":  # which is what it starts with
            seen.until(f"location.hash.includes('sort={name}')")
        assert at.is_visible() == (values.ndim == 2)
        if values.ndim == 2:
            at.select_option("width 8")
        values = np.where(np.isinf(values), 99, values)
        of_size = values[2] if values.ndim == 2 else values
        step = (np.nanmax(values) - np.nanmin(values)) / 254
        for way, sign in (("largest first", 1), ("smallest first", -1)):
            seen.page.get_by_label("order").select_option(way)
            ordered = of_size[seen.shown()]
            there = ordered[~np.isnan(ordered)]
            assert not np.isnan(ordered[: len(there)]).any(), name
            assert (np.diff(sign * there) <= 1.01 * step).all(), name


def test_the_address_keeps_the_view(opened):
    seen = opened()
    seen.page.locator(".types input").nth(3).check()
    seen.page.locator(".labels input").nth(0).check()
    seen.page.get_by_label("Suggested label").select_option("other")
    seen.page.get_by_label("Duplicates").select_option("none")
    seen.page.get_by_label("from").fill("-0.25")
    seen.page.get_by_label("Sort by").select_option("residual")
    seen.page.get_by_role("combobox", name="at", exact=True).select_option("width 4")
    seen.page.get_by_label("order").select_option("smallest first")
    seen.page.locator(".tile").nth(1).click()
    seen.page.wait_for_selector("dialog[open]")
    heading = seen.page.locator("dialog h3").inner_text()
    again = opened(seen.page.url.removeprefix(seen.address))
    assert again.shown() == seen.shown()
    assert again.page.locator("dialog h3").inner_text() == heading
    assert again.count() == seen.count()
    assert again.page.url == seen.page.url
    again.page.keyboard.press("Escape")
    again.until("!location.hash.includes('example')")
    assert again.page.locator(".types input").nth(3).is_checked()


@pytest.mark.parametrize(
    "words",
    [
        "class=99&class=x&type=<img src=x onerror=alert(1)>&by=no&size=3&low=e&high=&sort=constructor&at=-1&order=0",
        "example=999999999&suggested=-1&flipped=maybe&copies=__proto__",
        "%%%&=&&&type",
    ],
)
def test_an_address_that_makes_no_sense_is_as_none(opened, words):
    seen = opened("#gallery?" + words)
    assert len(seen.shown()) == 600
    assert not seen.page.locator("dialog").is_visible()


def test_going_back_closes_what_was_opened_and_a_link_of_the_page_filters(opened, examples):
    seen = opened()
    seen.page.locator(".tile").first.click()
    seen.page.wait_for_selector("dialog[open]")
    seen.page.go_back()
    seen.page.wait_for_selector("dialog", state="hidden")
    with np.errstate(invalid="ignore"):
        some = np.flatnonzero(examples.measured["score"][3] >= 0.5).tolist()
    seen.page.get_by_role("link", name="those of a score of 0.5 or more").click()
    seen.until(f"theGallery.order().length === {len(some)}")
    assert sorted(seen.shown()) == some
    seen.page.get_by_role("link", name="Methods").click()
    assert sorted(seen.shown()) == some  # another place in the page; the gallery stays as it was
    assert seen.page.url.endswith("#methods")


def test_charts_filter_by_a_call(opened, examples):
    seen = opened()
    seen.page.evaluate("showInGallery({type: ['increasing', 'u-shaped'], by: 'raw', class: 4})")
    wanted = np.flatnonzero(np.isin(examples.whole["type"], [1, 4]) & (examples.whole["label"] == 4)).tolist()
    seen.until(f"theGallery.order().length === {len(wanted)}")
    assert sorted(seen.shown()) == wanted
    assert seen.page.locator("#gallery").bounding_box()["y"] < 100


def test_the_keyboard_moves_opens_and_closes(opened):
    seen = opened()
    seen.page.get_by_label("order").focus()
    seen.page.keyboard.press("Tab")
    active = "Number(document.activeElement.dataset.place)"
    assert seen.page.evaluate(active) == 0
    across = int(seen.page.get_attribute(".grid", "aria-colcount"))
    for key, place in (
        ("ArrowRight", 1), ("ArrowDown", 1 + across), ("ArrowLeft", across), ("ArrowUp", 0), ("ArrowUp", 0),
        ("End", 599), ("ArrowRight", 599), ("Home", 0),
    ):  # fmt: skip
        seen.page.keyboard.press(key)
        assert seen.page.evaluate(active) == place, key
    seen.page.keyboard.press("PageDown")
    below = seen.page.evaluate(active)
    assert below >= 2 * across
    assert below % across == 0
    seen.page.keyboard.press("Enter")
    seen.page.wait_for_selector("dialog[open]")
    assert seen.page.locator(".where").inner_text() == f"{below + 1} of 600"
    seen.page.keyboard.press("ArrowRight")
    seen.until(f"document.querySelector('.where').textContent === '{below + 2} of 600'")
    seen.page.keyboard.press("Escape")
    seen.page.wait_for_selector("dialog", state="hidden")
    seen.until(f"{active} === {below + 1}")  # at the image that was shown last


def test_an_opened_image_tells_all_that_is_known_of_it(opened, examples):
    example = 234
    seen = opened(f"#gallery?example={2 * example + 1}")
    text = re.sub(r"\s+", " ", seen.page.locator("dialog").inner_text())
    whole, measured = examples.whole, examples.measured
    assert examples.names[example] in text
    assert f"Example {2 * example + 1}: {examples.classes[whole['label'][example]]}".strip() in text
    for size, width in enumerate(examples.sizes):
        row = seen.page.locator("dialog table").first.locator("tbody tr").nth(size).inner_text()
        assert row.startswith(str(width))
        share = round(100 * float(measured["suggested_share"][size, example]))
        assert examples.classes[whole["suggested_label"][size, example]].strip() in row
        assert any(f"({near} %)" in row for near in (share - 1, share, share + 1))
        for name in ("score", "score_low", "score_high"):
            value = f"{measured[name][size, example]:.2f}".replace("-", "−")
            rounded = {value, f"{measured[name][size, example] + 0.005:.2f}".replace("-", "−")}
            rounded |= {f"{measured[name][size, example] - 0.005:.2f}".replace("-", "−")}
            assert any(one in row for one in rounded), (name, row)
    assert seen.page.locator("dialog svg g.raw circle").count() == 4
    assert seen.page.locator("dialog svg g.population rect").count() == 4
    for name in ("residual", "effect of distillation", "loss"):
        assert name in text
    all_drawn(seen)
    sums = seen.page.evaluate(CHECKSUM + "[...document.querySelectorAll('dialog canvas')].map(checksum)")
    near = [int(other) for other in whole["neighbours"][:, example] if other >= 0]
    np.testing.assert_array_equal(sums, checksums(examples.images)[[example, *near]])
    seen.page.locator(".neighbours button").nth(0).click()
    seen.until(f"document.querySelector('dialog h3').textContent.startsWith('Example {2 * near[0] + 1}:')")
    assert f"example={2 * near[0] + 1}" in seen.page.url


def test_what_never_ends_is_told_as_that_and_neighbours_say_whose_they_are(opened, examples):
    example = int(np.flatnonzero(np.isinf(examples.measured["forgetting"]))[0])
    seen = opened(f"#gallery?example={2 * example + 1}")
    assert seen.page.get_by_role("row", name="forgetting").get_by_role("cell").inner_text() == "∞"
    assert "That of model 3 at width 16." in seen.page.locator(".neighbours").inner_text()


def test_a_trajectory_without_some_values_is_drawn_without_them(opened, examples):
    seen = opened("#gallery?example=195")  # example 97, whose scores are missing
    assert np.isnan(examples.measured["score"][:, 97]).all()
    assert "NaN" not in seen.page.locator("dialog").inner_text()
    assert "NaN" not in seen.page.locator("dialog svg").inner_html()
