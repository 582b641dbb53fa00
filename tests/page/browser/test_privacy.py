"""Membership inference on the page: ROC curves as far as they are told, and in how many models an image is found."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from memscope.page.data import gather
from memscope.page.document import document
from memscope.run import open_run
from tests.findings.made import privacy_report
from tests.page.test_privacy import some_arrays

pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture(scope="module")
def written(known_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with curves from a hundredth on."""
    data = gather(open_run(known_run), find=lambda *_: None)
    arrays = some_arrays((2, 4, 8), first=40)
    arrays["curve_low"][-1][4][40:50] = 0  # has no logarithm
    data = replace(
        data,
        reports={"score": data.reports["score"], "privacy": privacy_report(sizes=(2, 4, 8))},
        groups={**data.groups, "privacy": arrays},
        states={**data.states, "privacy": "current"},
    )
    path = tmp_path_factory.mktemp("attacked") / "report.html"
    path.write_text(document(data), encoding="utf-8")
    return path


def test_curves_have_bands_and_end_where_they_are_told(opened, written):
    seen = opened(file=written)
    seen.page.locator("#privacy-roc").scroll_into_view_if_needed()
    seen.page.wait_for_selector("#privacy-roc .chart svg")
    assert seen.page.locator("#privacy-roc .legend").inner_text().split() == ["LiRA", "RMIA", "loss"]
    drawn = seen.page.locator("#privacy-roc .chart svg").inner_html()
    assert "NaN" not in drawn
    assert "Infinity" not in drawn
    bands = seen.page.locator("#privacy-roc g[aria-label=area] path")
    assert bands.count() == 3
    plot = seen.page.locator("#privacy-roc .chart svg").bounding_box()
    for at in range(3):
        box = bands.nth(at).bounding_box()
        assert box["x"] >= plot["x"]
        assert box["y"] + box["height"] <= plot["y"] + plot["height"]
    marks = [seen.page.locator("#privacy-roc g[aria-label=dot] > *").nth(at).bounding_box() for at in range(3)]
    centres = [(one["x"] + one["width"] / 2, one["y"] + one["height"] / 2) for one in marks]
    assert len({round(x) for x, _ in centres}) == 1  # all end at the same rate
    assert [y for _, y in centres] == sorted(y for _, y in centres)  # LiRA is the highest
    text = seen.page.locator("#privacy-roc .chart").inner_text()
    assert all(f"{tick}%" in text for tick in (1, 10, 100))


def test_an_opened_image_says_in_how_many_models_it_is_found(opened, examples):
    whole = examples.whole
    known = np.flatnonzero((whole["flagged_in"] >= 0).all(0) & (whole["flagged_out"] >= 0).all(0))
    some = np.flatnonzero((whole["flagged_in"][0] < 0) & (whole["flagged_in"][1] >= 0))
    for example in (int(known[0]), int(some[0])):
        seen = opened(f"#gallery?example={2 * example + 1}")
        seen.page.wait_for_selector("dialog[open]")
        shown = seen.page.get_by_role("region", name="Taken for a training example by LiRA").locator("tbody tr")
        for row, (side, of) in enumerate((("in", 7), ("out", 3))):
            cells = shown.nth(row).locator("td").all_inner_texts()
            found = whole[f"flagged_{side}"][:, example]
            assert cells == ["–" if each < 0 else f"{each} of {of}" for each in found]
