"""`report.html` as a browser without scripts has it, and what it lets run."""

import hashlib
import json
import re
import shutil
from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from memscope.findings import distill, proxies, resmem, score, trajectories
from memscope.page.data import PageData, gather
from memscope.page.document import WEB, document, script_names
from memscope.page.sections.stored import report_in
from memscope.reports.keys import keys_of, report_of
from memscope.run import open_run
from tests.findings.made import resmem_report
from tests.page.page_text import Element, read_page

FINDINGS = {"score": score, "trajectories": trajectories, "resmem": resmem, "distill": distill, "proxies": proxies}
EVIL = "</script><img src=x onerror=alert(1)>\"'&amp;\u202egnp"


@pytest.fixture(scope="module")
def data(known_run: Path) -> PageData:
    return gather(open_run(known_run))


@pytest.fixture(scope="module")
def page(data: PageData) -> Element:
    return read_page(document(data))


def scripts(page: Element) -> list[Element]:
    """Those that run."""
    return [each for each in page.all("script") if "type" not in each.attributes]


def policy(page: Element) -> dict[str, list[str]]:
    (found,) = [each for each in page.all("meta") if each.attributes.get("http-equiv") == "Content-Security-Policy"]
    rules = [rule.split() for rule in (found.attributes["content"] or "").split(";")]
    return {name: values for name, *values in rules}


def test_only_the_scripts_that_are_embedded_may_run_and_nothing_is_asked_for(page):
    rules = policy(page)
    digests = [b64encode(hashlib.sha256("".join(one.parts).encode()).digest()).decode() for one in scripts(page)]
    assert rules.pop("script-src") == [f"'sha256-{digest}'" for digest in digests]
    assert rules == {
        "default-src": ["'none'"],
        "style-src": ["'unsafe-inline'"],
        "img-src": ["data:", "blob:"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
    }
    assert len(digests) == len(script_names()) == len(set(digests))


def test_no_element_asks_for_anything_or_runs_anything_by_itself(page):
    for each in page.all():
        if each.tag == "img":  # of what single images carry: the image itself, and nothing else
            source = each.attributes.pop("src")
            assert source.startswith(("data:image/webp;base64,", "data:image/jpeg;base64,")), source
        assert each.tag not in ("link", "iframe", "object", "embed", "base", "form"), each
        assert not any(name.startswith("on") or name in ("src", "srcset", "style") for name in each.attributes), each
        address = each.attributes.get("href") or "#"
        assert address.startswith(("#", "https://arxiv.org/abs/")), address


def test_the_policy_stands_before_everything_that_it_is_for(page):
    head = page.all("head")[0]
    assert [each.tag for each in head.inside[:2]] == ["meta", "meta"]
    assert head.inside[1].attributes["http-equiv"] == "Content-Security-Policy"


def test_all_that_there_is_to_read_stands_before_the_first_script(page):
    body = page.all("body")[0]
    tags = [each.tag for each in body.inside]
    assert tags[:3] == ["header", "main", "footer"]
    assert set(tags[3:]) == {"script"}


def test_ids_are_unique_and_every_link_leads_somewhere(page):
    names = [each.attributes["id"] for each in page.all() if "id" in each.attributes]
    assert len(names) == len(set(names))
    for each in page.all("a"):
        address = each.attributes["href"] or ""
        assert not address.startswith("#") or address[1:].partition("?")[0] in names


@pytest.mark.parametrize("name", FINDINGS)
def test_each_section_says_what_its_command_says(page, data, name):
    section = by_id(page, name)
    screen = FINDINGS[name].screen(report_in(data, name))
    for told in [*screen.findings, *(note.text for note in screen.notes)]:
        assert " ".join(told.split()) in section.text
    if screen.grid:
        table = section.all("table")[-1]
        cells = [[cell.text for cell in row.inside] for row in table.all("tbody")[0].all("tr")]
        assert cells == [[row] if isinstance(row, str) else list(row) for row in screen.grid.rows]
        assert [cell.text for cell in table.all("thead")[0].all("th")] == [
            heading.replace("\n", " ") for heading in screen.grid.columns
        ]


def by_id(page: Element, name: str) -> Element:
    (found,) = [each for each in page.all() if each.attributes.get("id") == name]
    return found


def test_the_first_screen_has_findings_with_numbers_and_each_leads_to_where_it_is_shown(page):
    summary = by_id(page, "summary")
    findings = summary.all("ol")[0].inside
    assert 3 <= len(findings) <= 5
    for each in findings:
        assert re.search(r"\d", each.text)
        link, *images = each.all("a")
        assert all((image.attributes["href"] or "").startswith("#gallery?") for image in images)
        shown = by_id(page, (link.attributes["href"] or "")[1:])
        assert shown.tag == "figure"
    assert "20 networks of the family mlp were trained at each of 3 widths (width 2 to 8)" in summary.text
    assert "each on a random 70% of 120 images" in summary.text
    assert "12 labels flipped on purpose" in summary.text


def test_every_figure_has_a_table_and_a_chart_that_a_script_draws(page):
    kinds = {file.stem for file in (WEB / "charts").glob("*.js")}
    figures = page.all("figure")
    assert len(figures) >= 10
    for each in figures:
        assert each.all("table"), each.attributes
        assert each.all("figcaption")[0].text
        (chart,) = [one for one in each.all("div") if one.attributes.get("class") == "chart"]
        assert chart.attributes["role"] == "img"
        assert chart.attributes["aria-label"]
        held = by_id(page, each.attributes["data-chart"] or "")
        assert json.loads("".join(held.parts))["kind"] in kinds


def test_every_table_has_a_caption_and_heads(page):
    for each in page.all("table"):
        assert each.all("caption")[0].text
        assert all(head.attributes.get("scope") and head.text for head in each.all("th"))
        widths = {sum(int(cell.attributes.get("colspan") or 1) for cell in row.inside) for row in each.all("tr")}
        assert len(widths) == 1


def test_no_name_becomes_markup_wherever_it_stands(known_run, data, tmp_path):
    plain = read_page(document(data))
    run = open_run(known_run)
    evil = replace(run, plan=replace(run.plan, family=EVIL, data=replace(run.plan.data, spec=EVIL)))
    evil = replace(evil, path=tmp_path / EVIL.replace("/", "|"))
    evil.__dict__["examples"] = replace(run.examples, class_names=(EVIL,) * len(run.examples.class_names))
    reports = {
        name: report_of(type(report), hostile(keys_of(report, stored=True))) for name, report in data.reports.items()
    }
    content = document(
        replace(
            data,
            run=evil,
            reports=reports,
            class_names=(EVIL,) * len(data.class_names),
            names=(EVIL,) * len(data.shown),
            states=dict.fromkeys(data.states, EVIL),
            not_yet=dict.fromkeys(data.states, EVIL),
        )
    )
    found = read_page(content)  # which would not close in order
    shapes = [[each.tag for each in one.all() if each.tag != "li"] for one in (plain, found)]
    assert set(shapes[1]) <= set(shapes[0])
    assert len(scripts(found)) == len(scripts(plain))
    assert policy(found) == policy(plain)
    shown = "".join(each.text for each in found.all("main"))
    assert "</script><img src=x onerror=alert(1)>" in shown
    assert "\u202e" not in content
    for each in found.all():
        assert not any(name.startswith("on") for name in each.attributes), each


def hostile(keys: dict) -> dict:
    """A report in which every word that others chose is an evil one."""
    theirs = ("data", "family", "run", "made_by", "made_from", "title", "source", "verdict", "reason", "setting")
    found = {}
    for key, value in keys.items():
        if key in theirs and isinstance(value, str):
            value = EVIL
        elif key == "made_by":
            value = [EVIL]
        elif key == "made_from":
            value = {EVIL: [EVIL]}
        elif isinstance(value, dict):
            value = hostile(value)
        elif isinstance(value, list):
            value = [hostile(each) if isinstance(each, dict) else each for each in value]
        found[key] = value
    return found


def test_what_is_missing_or_old_is_told_with_the_command_that_makes_it(data):
    kept = {name: data.reports[name] for name in ("score",)}
    states = dict.fromkeys(data.states, "missing") | {"score": "out of date"}
    less = replace(data, reports=kept, states=states, not_yet={"proxies": "no models were recorded"})
    page = read_page(document(less))
    told = by_id(page, "summary").text
    for command in ("score", "trajectories", "resmem"):
        assert f"memscope {command} {data.run.path}" in told
    assert f"memscope distill {data.run.path} --teacher 8" in told
    assert "cannot be told yet: no models were recorded" in told
    assert "Out of date" in by_id(page, "score").text
    assert [each.attributes["id"] for each in page.all("main")[0].inside] == [
        "summary", "score", "gallery", "methods", "provenance", "cite",
    ]  # fmt: skip


def test_reports_of_before_evidence_was_stored_are_shown_too(data):
    old = {name: report_of(type(report), keys_of(report)) for name, report in data.reports.items()}
    page = read_page(document(replace(data, reports=old)))
    told = by_id(page, "summary").text
    for name in ("score", "trajectories"):
        assert old[name].evidence is None
        assert f"memscope {name} {data.run.path}" in told
    assert len(page.all("figure")) == len(read_page(document(data)).all("figure"))


def test_a_memory_of_before_errors_on_held_out_images_were_stored_says_what_tells_them(data):
    whole = resmem_report(blocks=4)
    old = report_of(type(whole), keys_of(whole))
    asked = f"memscope resmem {data.run.path}"
    for report, lacks in ((whole, False), (old, True)):
        page = read_page(document(replace(data, reports={"resmem": report})))
        told = by_id(page, "resmem").text
        assert "On test images it raises the accuracy" in told
        assert ("On training images that were held out it" in told) == (not lacks)
        assert (asked in by_id(page, "summary").text) == lacks


def test_a_run_of_one_size_has_a_page(tiny_run, tmp_path):
    from memscope.steps.score import score as score_step

    run = tmp_path / "run"
    shutil.copytree(tiny_run, run)
    for width in (4, 8):
        shutil.rmtree(run / "outcomes" / "onehot" / f"width-{width}")
    score_step(run)
    page = read_page(document(gather(open_run(run))))
    assert "at width 2" in by_id(page, "summary").text
    held = json.loads("".join(by_id(page, "chart-accuracies").parts))
    assert held["kind"] == "rows"


def test_the_plan_and_digests_are_on_the_page(page, data):
    told = by_id(page, "provenance").text
    assert data.run.plan.digest in told
    assert data.run.plan.data.fingerprint in told
    assert f'digest = "{data.run.plan.digest}"' in told
    for command in ("train-family NEW --plan", "trajectories NEW --epsilon 0.2", "distill NEW --teacher 8"):
        assert command in told


def test_shares_of_a_histogram_are_those_of_the_scores(data, page):
    held = json.loads("".join(by_id(page, "chart-scores").parts))
    scores, flipped = data.groups["score"]["score"].astype(float), data.run.examples.flipped
    edges = np.array(held["edges"])
    for row, panel in enumerate(held["panels"]):
        for series, which in zip(panel["series"], (~flipped, flipped), strict=True):
            places = np.floor((scores[row][which] + 1e-6 - edges[0]) / (edges[1] - edges[0])).astype(int)
            expected = np.bincount(places, minlength=len(edges) - 1) / which.sum()
            assert series["values"] == pytest.approx(expected, abs=1e-6)
