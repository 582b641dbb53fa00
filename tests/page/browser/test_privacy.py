"""Membership inference on the page: ROC curves as far as they are told, and what is found of an image."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from memscope.analysis.statistics.intervals import jeffreys_limits
from memscope.page.data import gather
from memscope.page.document import document
from memscope.run import open_run
from memscope.steps.privacy import privacy
from memscope.store.results import read_results
from tests.counting.recorded_privacy import TRAIN, recorded
from tests.findings.made import privacy_report
from tests.page.made_page import made, page
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


ATTACKED = "Attacked by LiRA: models trained with it and without it"


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, np.ndarray]]:
    """The page of a run whose models of width 4 give half of their examples away, and what is stored of each."""
    path = tmp_path_factory.mktemp("recorded") / "run"
    run = recorded(path, {2: 0.0, 4: np.where(np.arange(TRAIN) % 2, 0.0, 4.0)})
    privacy(path)
    stored, _, _ = read_results(path, "privacy", run.plan)
    file = path.with_suffix(".html")
    file.write_text(document(gather(open_run(path), find=lambda *_: None)), encoding="utf-8")
    return file, stored


def cells_of(seen) -> list[list[str]]:
    seen.page.wait_for_selector("dialog[open]")
    rows = seen.page.get_by_role("region", name=ATTACKED).locator("tbody tr")
    return [row.locator("th, td").all_inner_texts() for row in rows.all()]


def agrees(text: str, value: float, kept: float = 1e-5) -> bool:
    """Whether a number is that value to the digits that are shown, of one that the page keeps so exactly."""
    digits = len(text.partition(".")[2])
    return abs(float(text.replace("\u2212", "-")) - value) <= 0.5 * 10**-digits + kept


def test_an_opened_image_has_what_is_stored_of_it_at_each_size(opened, attacked):
    file, stored = attacked
    assert (stored["flagged_in"] >= 0).all()  # so that nothing below is left out
    most, least = int(stored["flagged_in"][1].argmax()), int(stored["flagged_in"][1].argmin())
    assert stored["flagged_in"][1, most] > 20 > 5 > stored["flagged_in"][1, least]
    for example in (0, most, least, TRAIN - 1):
        cells = cells_of(opened(f"#gallery?example={example}", file=file))
        places = [(row, side) for row in range(2) for side in ("in", "out")]
        assert len(cells) == len(places)
        for (row, side), (place, models, odds, ratio, flagged) in zip(places, cells, strict=True):
            assert place.split() == [f"{stored['size'][row]},", {"in": "with", "out": "without"}[side], "it"]
            found = {name: stored[f"{name}_{side}"][row, example] for name in ("n", "log_odds", "ratio", "flagged")}
            assert models == f"{found['n']}"
            assert re.fullmatch(r"\u2212?\d+\.\d", odds)
            assert agrees(odds, found["log_odds"])
            assert agrees(ratio, found["ratio"], 1e-5 if abs(found["ratio"]) < 9.99 else 0.005)
            count, low, high = re.fullmatch(r"(\d+ of \d+) \((\S+) to (\S+) %\)", flagged).groups()
            assert count == f"{found['flagged']} of {found['n']}"
            for end, name in ((low, "low"), (high, "high")):
                assert agrees(end, 100 * stored[f"flagged_{side}_{name}"][row, example], 1e-3)
                assert len(end.replace(".", "")) >= 3


@pytest.mark.parametrize("of", [1, 2, 3, 12, 28, 300, 3500])
def test_the_limits_are_those_of_jeffreys(opened, of):
    found = np.unique(np.linspace(0, of, 30).round().astype(int))
    told = opened().page.evaluate("([all, of]) => all.map((found) => jeffreys(found, of))", [found.tolist(), of])
    np.testing.assert_allclose(told, np.stack(jeffreys_limits(found, of), axis=1), atol=1e-5)


def test_an_opened_image_says_at_which_sizes_it_is_not_known_in_how_many_models_it_is_found(opened, examples):
    whole = examples.whole
    some = int(np.flatnonzero((whole["flagged_in"][0] < 0) & (whole["flagged_in"][1] >= 0))[0])
    cells = cells_of(opened(f"#gallery?example={2 * some + 1}"))
    for row, (side, of) in enumerate((("in", 7), ("out", 3)) * len(examples.sizes)):
        flagged, found = cells[row][-1], whole[f"flagged_{side}"][row // 2, some]
        assert flagged.startswith("–" if found < 0 else f"{found} of {of} (")


def test_without_a_rate_an_opened_image_has_no_column_of_flags(opened, tmp_path):
    all_known = made(20, [4])
    less = {name: values for name, values in all_known.whole.items() if not name.startswith("flagged")}
    file = tmp_path / "report.html"
    file.write_text(page(replace(all_known, whole=less)))
    seen = opened("#gallery?example=1", file=file)
    assert [len(row) for row in cells_of(seen)] == [4, 4]
    others = seen.page.get_by_role("region", name="Also measured").inner_text()
    assert "vulnerability" in others
    assert not re.search("log_odds|ratio_in", others)
