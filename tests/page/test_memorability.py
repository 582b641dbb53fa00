"""The section on what people remember, of reports made by hand."""

import json
from dataclasses import replace

import pytest

from memscope.page.data import gather
from memscope.page.document import document
from memscope.run import open_run
from tests.page.page_text import Element, read_page

findings = pytest.importorskip("memscope.findings.memorability", reason="memscope memorability is not there yet")


def page_of(known_run, report) -> tuple[Element, str]:
    data = gather(open_run(known_run), find=lambda *_: None)
    with_it = replace(
        data,
        reports={"score": data.reports["score"], "memorability": report},
        states={**data.states, "memorability": "out of date"},
    )
    content = document(with_it)
    return read_page(content), str(data.run.path)


def by_id(page: Element, name: str) -> Element:
    (found,) = [each for each in page.all() if each.attributes.get("id") == name]
    return found


def test_it_says_what_the_command_says_and_draws_the_correlations_with_their_intervals(known_run):
    from tests.findings.made import memorability_report

    report = memorability_report(sizes=(2, 4, 8))
    page, path = page_of(known_run, report)
    section = by_id(page, "memorability")
    here = replace(report, run=path, block=10)
    screen = findings.screen(here)
    for told in [*screen.findings, *(note.text for note in screen.notes)]:
        assert " ".join(told.split()) in section.text
    assert "Out of date" in section.text
    assert findings.relation(here) in " ".join(each.text for each in by_id(page, "summary").all("li"))
    for figure, measure in (("memorability-score", "score"), ("memorability-accuracy-out", "accuracy_out")):
        held = json.loads("".join(by_id(page, f"chart-{figure}").parts))
        assert held["x"]["values"] == [2, 4, 8]
        for series, scope in zip(held["series"], ("overall", "within"), strict=True):
            found = [getattr(getattr(row, measure), scope) for row in report.sizes]
            assert series["values"] == [one.value for one in found]
            assert series["low"] == [one.low for one in found]
            assert series["high"] == [one.high for one in found]
        assert findings.with_ends(getattr(report.sizes[-1], measure).within) in by_id(page, figure).all("table")[0].text
    held = json.loads("".join(by_id(page, "chart-memorability-types").parts))
    assert held["names"] == [one.type for one in report.by_type]
    assert "65 (" in by_id(page, "memorability-types").all("table")[0].text
    assert "Needell & Bainbridge" in by_id(page, "methods").text


def test_with_nothing_measured_there_is_no_chart_and_it_is_said(known_run):
    from tests.findings.made import memorability_report, ranged

    nothing = ranged(float("nan"), float("nan"))
    whole = memorability_report(sizes=(2,))
    row = whole.sizes[0]
    beside = replace(row.score, overall=nothing, within=nothing)
    less = replace(whole, sizes=(replace(row, score=beside, accuracy_out=beside),), by_type=(), proxies=())
    section = by_id(page_of(known_run, less)[0], "memorability")
    assert not section.all("figure")
    assert "cannot be held against the scores" in section.text
