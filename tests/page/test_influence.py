"""What single images carry, on the page: of results that were drawn, against the arrays that they were drawn as."""

import base64
import io
import json
import shutil
import zlib

import numpy as np
import pytest
from PIL import Image

from memscope.findings import influence as findings
from memscope.page import pairs as page_pairs
from memscope.page.data import PageData, extremes_of, gather
from memscope.page.document import document
from memscope.page.pairs import kept_pairs
from memscope.page.sections.stored import report_in
from memscope.run import open_run
from tests.made_influence import a_report, put_into
from tests.page.page_text import Element, read_page
from tests.page.reading import values_of

GROUPS = {"influence": "test", "influence-training": "train"}


@pytest.fixture(scope="module")
def carried(known_run, tmp_path_factory) -> tuple[PageData, dict]:
    """A run with both groups of results, and their arrays."""
    path = tmp_path_factory.mktemp("carried") / "run"
    shutil.copytree(known_run, path)
    values = {}
    for group, among in GROUPS.items():
        report = a_report((2, 4, 8), pairs=(20, 60, 150), among=among)
        values[group] = put_into(path, report, seed=len(group))[1]
    return gather(open_run(path), find=lambda *_: None), values


@pytest.fixture(scope="module")
def page(carried) -> Element:
    return read_page(document(carried[0]))


def by_id(page: Element, name: str) -> Element:
    (found,) = [each for each in page.all() if each.attributes.get("id") == name]
    return found


def of_class(page: Element, name: str) -> list[Element]:
    return [each for each in page.all() if name in (each.attributes.get("class") or "").split()]


def pixels(source: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))).convert("L"))


def order_of(values: dict, size: int) -> dict[int, list[int]]:
    """By training example the places of its helpful pairs of a size, by a search of its own."""
    found: dict[int, list[int]] = {}
    for place in np.argsort(-values["chosen_by"], kind="stable"):
        if values["pair_size"][place] == size and values["chosen_by"][place] > 0:
            found.setdefault(int(values["train_example"][place]), []).append(int(place))
    return dict(sorted(found.items(), key=lambda each: -values["chosen_by"][each[1]].sum()))


@pytest.mark.parametrize("group", GROUPS)
def test_it_says_what_the_command_says_and_draws_pairs_beside_chance_and_class(carried, page, group):
    data, section = carried[0], by_id(page, group)
    report = report_in(data, group)
    screen = findings.screen(report)
    for told in [*screen.findings, *(note.text for note in screen.notes)]:
        assert " ".join(told.split()) in section.text
    held = json.loads("".join(by_id(page, f"chart-{group}-pairs").parts))
    series = {one["name"]: one for one in held["series"]}
    rows = [row.helpful for row in report.sizes]
    assert series["found"]["values"] == [one.pairs for one in rows]
    assert series["by class"]["values"] == [one.by_class for one in rows]
    assert series["by chance"]["high"] == pytest.approx([one.by_chance + 2 * one.by_chance_sd for one in rows])
    (beyond,) = json.loads("".join(by_id(page, f"chart-{group}-beyond").parts))["series"]
    change = report.changes[-1].change
    assert beyond["high"][:-1] == [None, None]
    assert beyond["high"][-1] - beyond["values"][0] == pytest.approx(change.high)
    assert beyond["low"][-1] - beyond["values"][0] == pytest.approx(change.low)
    table = by_id(page, f"{group}-pairs").text
    assert all(f"{getattr(row, way).pairs:,}" in table for row in report.sizes for way in ("helpful", "harmful"))
    assert "By chance: with memberships permuted within blocks" in by_id(page, "methods").text


@pytest.mark.parametrize(("group", "part"), GROUPS.items())
def test_each_training_image_stands_with_what_it_carries_without_a_script(carried, page, group, part):
    data, values = carried[0], carried[1][group]
    images = data.run.dataset()
    seconds = images.train_images if part == "train" else images.test_images
    order = order_of(values, 8)
    rows = [row for rows in of_class(by_id(page, group), "carriers") for row in rows.inside]
    assert len(rows) == min(24, len(order))
    for row, (train, places) in zip(rows, order.items(), strict=False):
        own, *carries = row.all("img")
        assert np.array_equal(pixels(own.attributes["src"]), images.train_images[train, :, :, 0])
        assert len(carries) == min(8, len(places))
        for picture, place in zip(carries, places, strict=False):
            assert np.array_equal(pixels(picture.attributes["src"]), seconds[values["test_example"][place], :, :, 0])
            told = f"{values['influence'][place]:.2f} ±{values['standard_error'][place]:.2f}".replace("-", "−")
            assert ("–" if np.isnan(values["influence"][place]) else told) in row.text
            assert "nan" not in row.text
        assert f"memorised {values['memorisation'][places[0]]:.2f}" in row.text
        assert (f"{len(places) - 8} more" in row.text) == (len(places) > 8)
        (address, *_) = [link.attributes["href"] for link in row.all("a")]
        assert address == f"#gallery?example={train}"


@pytest.mark.parametrize(("group", "part"), GROUPS.items())
def test_the_gallery_holds_every_pair_with_its_image(carried, group, part):
    data, values = carried[0], carried[1][group]
    (pairs,) = [each for each in data.pairs if each.group == group]
    told = next(each for each in data.head()["pairs"] if each["group"] == group)
    codes = np.frombuffer(zlib.decompress(pairs.packed, -15), "<i4")
    rows = codes[: 6 * told["pairs"]].reshape(6, -1)
    images = codes[6 * told["pairs"] :].reshape(2, told["images"])
    found = {
        (int(train), int(images[0, place]), int(size)): (int(way), value * told["step"], error * told["step"])
        for train, place, size, way, value, error in rows.T
    }
    assert told["pairs"] == told["listed"] == len(values["pair_size"]) == len(found)
    for place in range(len(values["pair_size"])):
        key = (values["train_example"][place], values["test_example"][place], values["pair_size"][place])
        way, value, error = found[tuple(map(int, key))]
        assert way == np.sign(values["chosen_by"][place])
        if np.isnan(values["influence"][place]):
            assert value == error == pytest.approx(-(2**31) * told["step"])
            continue
        assert value == pytest.approx(values["influence"][place], abs=1e-4)
        assert error == pytest.approx(values["standard_error"][place], abs=1e-4)
    examples, data_set = data.run.examples, data.run.dataset()
    labels, seconds = (
        (examples.labels, data_set.train_images) if part == "train" else (examples.test_labels, data_set.test_images)
    )
    assert images[1].tolist() == labels[images[0]].tolist()
    sheet = np.asarray(Image.open(io.BytesIO(pairs.sheets[0])).convert("L"))
    for place, position in enumerate(images[0]):
        row, column = divmod(place, told["tiling"]["columns"])
        assert np.array_equal(sheet[8 * row : 8 * row + 8, 8 * column : 8 * column + 8], seconds[position, :, :, 0])


def test_images_can_be_sorted_by_how_many_they_carry(carried):
    data, all_values = carried
    for name, group in (("carries", "influence"), ("carries-training", "influence-training")):
        (column,) = [each for each in data.columns if each.name == name]
        values, known = all_values[group], values_of(column).reshape(3, 120)
        for row, size in enumerate((2, 4, 8)):
            wanted = {train: len(places) for train, places in order_of(values, size).items()}
            there = np.flatnonzero(~np.isnan(known[row]))
            assert {int(one): int(known[row, one]) for one in there} == wanted
        assert column.counts


def test_the_first_screen_leads_to_it_and_to_the_images(carried, page):
    summary = by_id(page, "summary")
    links = [link.attributes["href"] for link in summary.all("a")]
    assert "#influence-pairs" in links
    assert "#gallery?sort=carries&at=8" in links
    assert "#influence-training-pairs" not in links  # it is of the same, and the first screen is short
    assert findings.screen(report_in(carried[0], "influence")).findings[0] in summary.text
    commands = by_id(page, "provenance").text
    assert "memscope influence NEW --threshold 0.15 --memorised 0.25" in commands
    assert "memscope influence NEW --among-training --threshold" in commands


def test_where_no_pair_is_listed_it_says_so_and_shows_no_image(known_run, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(known_run, path)
    put_into(path, a_report((2, 4, 8), pairs=(20, 30, 30)))
    data = gather(open_run(path), find=lambda *_: None)
    section = by_id(read_page(document(data)), "influence")
    assert "none are listed" in section.text
    assert not section.all("img")
    assert data.pairs == ()
    assert not [each for each in data.columns if each.group == "influence"]


def test_what_is_missing_is_asked_for_once(known_run):
    told = by_id(read_page(document(gather(open_run(known_run), find=lambda *_: None))), "summary").text
    assert f"memscope influence {known_run}" in told
    assert "--among-training" not in told


def test_of_very_many_pairs_and_images_those_of_most_influence_are_held_and_it_is_told(carried, monkeypatch):
    data, values = carried[0], carried[1]["influence"]
    everything = np.arange(120)
    monkeypatch.setattr(page_pairs, "MOST_PAIRS", 40)
    kept = kept_pairs(values, everything)
    assert len(kept) == 40
    left = np.setdiff1d(np.arange(len(values["pair_size"])), kept)
    assert np.abs(values["chosen_by"][kept]).min() >= np.abs(values["chosen_by"][left]).max()
    monkeypatch.setattr(page_pairs, "MOST_IMAGES", 7)
    kept = kept_pairs(values, everything)
    assert len(np.unique(values["test_example"][kept])) == 7
    few = gather(data.run, find=lambda *_: None)
    held = few.head()["pairs"][0]
    told = by_id(read_page(document(few)), "influence").text
    assert f"the page holds {held['pairs']:,} of {held['listed']:,} pairs" in told
    assert held["images"] == 7


def test_pairs_of_images_that_the_gallery_leaves_out_are_left_out(carried):
    values = carried[1]["influence"]
    shown = np.unique(values["train_example"])[::2]
    kept = kept_pairs(values, shown)
    assert len(kept)
    assert set(values["train_example"][kept]) <= set(shown)


def test_of_very_many_images_the_gallery_shows_those_that_carry_most(carried):
    data, all_values = carried
    found = extremes_of(data.run, data.groups)
    name = next(name for name in found if "carry most of test images at width 8" in name)
    values = np.nan_to_num(found[name], nan=-1)
    assert np.argsort(-values, kind="stable")[:3].tolist() == list(order_of(all_values["influence"], 8))[:3]
