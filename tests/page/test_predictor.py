"""The section on what an image shows of its score, of results that were drawn."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from memscope.findings import predictor as findings
from memscope.page import document as whole
from memscope.page.data import PageData, gather
from memscope.page.document import document
from memscope.page.sections.stored import report_in
from memscope.reports.keys import keys_of
from memscope.reports.predictor import RESULTS
from memscope.run import open_run
from memscope.store.ledger import state_for
from memscope.store.results import write_results
from tests.findings.made import predictor_report
from tests.page.page_text import Element, read_page
from tests.page.reading import values_of


@pytest.fixture(scope="module")
def predicted(known_run, tmp_path_factory) -> tuple[PageData, dict]:
    """A run with results of `memorability --train`, and their arrays. The second network is the best."""
    path = tmp_path_factory.mktemp("predicted") / "run"
    shutil.copytree(known_run, path)
    run, random = open_run(path), np.random.default_rng(0)
    count = len(run.examples.labels)
    arrays = {
        "backbone": ["plain", "resnet18"],
        "example": np.arange(count),
        "seed": np.arange(4),
        "part": random.integers(0, 3, count).astype(np.uint8),
        "target": random.random(count),
        "target_even": random.random(count),
        "target_odd": random.random(count),
        "predicted": random.random((2, 4, count)).astype(np.float32),
        **{
            f"{name}{end}": np.array([0.1, 0.3])
            for name in ("spearman", "within_spearman")
            for end in ("", "_low", "_high")
        },
    }
    report = predictor_report(sizes=(2, 4, 8), run="elsewhere/then")
    write_results(path, run.plan, "predictor", arrays, state_for(path, run.plan, RESULTS), keys_of(report, stored=True))
    return gather(run, find=lambda *_: None), arrays


@pytest.fixture(scope="module")
def page(predicted) -> Element:
    return read_page(document(predicted[0]))


def by_id(page: Element, name: str) -> Element:
    (found,) = [each for each in page.all() if each.attributes.get("id") == name]
    return found


def test_it_says_what_the_command_says_and_draws_each_network_with_its_interval(predicted, page):
    data, section = predicted[0], by_id(page, "predictor")
    report = report_in(data, "predictor")
    screen = findings.screen(report)
    for told in [*screen.findings, *(note.text for note in screen.notes)]:
        assert " ".join(told.split()) in section.text
    assert "what memscope memorability --train prints" in section.text
    assert all(head.text for head in section.all("th"))  # one that is empty heads nothing
    held = json.loads("".join(by_id(page, "chart-predictor-images").parts))
    assert held["names"] == ["plain", "resnet18"]
    for series, scope in zip(held["series"], ("spearman", "within"), strict=True):
        found = [getattr(one, scope) for one in report.backbones]
        assert (series["values"], series["low"]) == ([one.value for one in found], [one.low for one in found])
    assert "held against those by the other half" in by_id(page, "methods").text


def test_its_commands_name_the_run_where_it_lies_now_and_are_commands_that_there_are(predicted, page, monkeypatch):
    data = predicted[0]
    monkeypatch.chdir(data.run.path.parent)  # a path that is too long for a line is told as MODEL
    short = read_page(document(replace(data, run=replace(data.run, path=Path("run")))))
    assert "run/predictors/resnet18-score@8-" in by_id(short, "summary").text
    assert "elsewhere/then" not in by_id(page, "main").text
    assert "memscope memorability NEW --train --target score@8" in by_id(page, "provenance").text
    assert "memscope predictor" not in by_id(page, "main").text


def test_what_is_missing_is_told_with_the_command_that_makes_it(known_run):
    data = gather(open_run(known_run), find=lambda *_: None)
    told = by_id(read_page(document(data)), "summary").text
    assert f"memscope memorability {known_run} --train" in told
    assert "memscope predictor" not in told


def test_the_gallery_has_what_the_best_network_foretells_of_held_out_images(predicted):
    data, arrays = predicted
    (column,) = [each for each in data.columns if each.group == "predictor"]
    wanted = np.where(arrays["part"] == 2, arrays["predicted"][1].mean(0), np.nan)
    assert "resnet18" in column.title
    np.testing.assert_allclose(values_of(column), wanted, atol=1e-3)


def test_results_that_the_page_has_no_section_for_are_told_as_their_command_tells_them(predicted, monkeypatch):
    """As those of a command to come."""
    data = predicted[0]
    known = tuple(module for module in whole.MODULES if not module.__name__.endswith(".predictor"))
    monkeypatch.setattr(whole, "MODULES", known)
    section = by_id(read_page(document(data)), "predictor")
    assert findings.foretold(report_in(data, "predictor")) in section.text
    assert not section.all("figure")
    assert section.all("table")
