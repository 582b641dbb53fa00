"""The section on membership inference, of reports made by hand, and what the page keeps of each example."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from memscope.findings import privacy as findings
from memscope.page import chart
from memscope.page.attacked_columns import of_privacy
from memscope.page.chart import Series
from memscope.page.data import PageData, gather
from memscope.page.document import document
from memscope.page.gallery import Gallery
from memscope.reports.privacy import AttackFound, StudentsFound
from memscope.reports.ranged import Ranged
from memscope.run import open_run
from tests.findings.made import attacks_found, privacy_report, ranged
from tests.page.page_text import Element, read_page
from tests.page.reading import values_of

NAMES = ["lira", "lira-offline", "rmia", "rmia-offline", "loss"]
FALSE = np.logspace(-4, 0, 81)
DRAWN = {"lira": "LiRA", "rmia": "RMIA", "loss": "loss"}


def some_arrays(sizes, first=20):
    """Curves that are told from a point of the grid on; those of smaller sizes are NaN."""
    median = np.where(np.arange(81) < first, np.nan, FALSE ** np.array([0.2, 0.3, 0.4, 0.5, 0.9])[:, None])
    arrays = {"attack": np.array(NAMES), "false_positive_rate": FALSE, "size": np.array(sizes)}
    for name, factor in (("low", 0.7), ("median", 1.0), ("high", 1.3)):
        arrays[f"curve_{name}"] = np.full((len(sizes), 5, 81), np.nan, np.float32)
        arrays[f"curve_{name}"][-1] = np.minimum(1, factor * median)
    return arrays


@pytest.fixture(scope="module")
def data(known_run) -> PageData:
    return gather(open_run(known_run), find=lambda *_: None)


def page_of(data: PageData, report, arrays) -> Element:
    with_it = replace(
        data,
        reports={"score": data.reports["score"], "privacy": report},
        groups={**data.groups, "privacy": arrays},
        states={**data.states, "privacy": "out of date"},
    )
    return read_page(document(with_it))


def by_id(page: Element, name: str) -> Element:
    (found,) = [each for each in page.all() if each.attributes.get("id") == name]
    return found


def held(page: Element, figure: str) -> dict:
    return json.loads("".join(by_id(page, f"chart-{figure}").parts))


def figures(page: Element) -> list[str]:
    return [each.attributes["id"] for each in by_id(page, "privacy").all("figure")]


def test_it_says_what_the_command_says(data):
    report = privacy_report(sizes=(2, 4, 8))
    page = page_of(data, report, some_arrays((2, 4, 8)))
    text = by_id(page, "privacy").text
    here = replace(report, run=str(data.run.path), block=10)
    screen = findings.screen(here)
    for told in [*screen.findings, *(note.text for note in screen.notes)]:
        assert " ".join(told.split()) in text
    assert "Out of date" in text
    assert findings.at_largest(here) in " ".join(each.text for each in by_id(page, "summary").all("li"))
    assert "Carlini et al. 2022" in by_id(page, "methods").text
    assert figures(page) == ["privacy-roc", "privacy-sizes", "privacy-types"]
    for word in ("protect", "safe"):
        assert word not in text.lower()
        assert word not in by_id(page, "methods").text.lower()


def test_the_curves_are_those_of_the_largest_size_and_end_where_they_are_told(data):
    arrays = some_arrays((2, 8))
    page = page_of(data, privacy_report(sizes=(2, 8)), arrays)
    drawn = held(page, "privacy-roc")
    assert drawn["kind"] == "roc"
    assert drawn["false"] == FALSE.tolist()
    assert drawn["lowest"] == pytest.approx(1e-3)
    assert [one["name"] for one in drawn["series"]] == list(DRAWN.values())
    for one, name in zip(drawn["series"], DRAWN, strict=True):
        for key, end in (("low", "low"), ("values", "median"), ("high", "high")):
            wanted = arrays[f"curve_{end}"][-1][NAMES.index(name)].astype(float)
            assert one[key] == [None if math.isnan(value) else value for value in wanted]
    table = by_id(page, "privacy-roc").all("table")[0]
    headings = [cell.text for cell in table.all("thead")[0].all("th")]
    assert headings == ["attack", "area", *(f"at {rate} false positives" for rate in (".1%", "1%", "10%"))]
    (row,) = [row for row in table.all("tr") if "LiRA" in row.text]
    assert "40% (28% to 52%)" in row.text  # .01 ** .2 = .398
    (row,) = [row for row in table.all("tr") if row.text.startswith("loss")]
    assert "13% (8.8% to 16%)" in row.text  # .1 ** .9 = .126


def test_rates_by_size_and_by_type_have_their_intervals(data):
    report = privacy_report(sizes=(2, 4, 8))
    page = page_of(data, report, some_arrays((2, 4, 8)))
    drawn = held(page, "privacy-sizes")
    assert drawn["x"]["values"] == [2, 4, 8]
    assert drawn["y"]["lines"] == [[0.001, ""]]
    assert [one["name"] for one in drawn["series"]] == list(DRAWN.values())
    table = by_id(page, "privacy-sizes").all("table")[0].text
    for one, name in zip(drawn["series"], DRAWN, strict=True):
        found = [next(each for each in row.attacks if each.attack == name).rates[0] for row in report.sizes]
        assert one["values"] == [rate.true_positive.value for rate in found]
        assert one["low"] == [rate.true_positive.low for rate in found]
        assert one["high"] == [rate.true_positive.high for rate in found]
        assert findings.share(found[-1].true_positive) in table
    drawn = held(page, "privacy-types")
    types = report.sizes[-1].types
    assert drawn["names"] == [one.type for one in types]
    members, others = drawn["series"]
    assert members["values"] == [one.true_positive.value for one in types]
    assert others["high"] == [one.false_positive.high for one in types]
    assert findings.share(types[1].true_positive) in by_id(page, "privacy-types").all("table")[0].text


def test_what_is_not_told_has_no_chart(data):
    page = page_of(data, privacy_report(sizes=(2, 4), told=False, blocks=2), some_arrays((2, 4)))
    assert figures(page) == ["privacy-roc"]
    assert "too few non-members" in by_id(page, "privacy").text
    page = page_of(data, privacy_report(sizes=(2, 4), told=False, blocks=2), some_arrays((2, 4), first=80))
    assert figures(page) == []


def students_of(setting, sizes, told=True) -> tuple[StudentsFound, ...]:
    """Less vulnerable the larger they are."""
    return tuple(
        StudentsFound(
            setting=setting,
            size=size,
            models=40,
            blocks=4,
            teacher_on="subset",
            students=attacks_found(0.2 / size, told=told),
            onehot=attacks_found(0.3, told=told),
            asked=0.001 if told else math.nan,
            true_positive=ranged(0.2 / size - 0.3, 0.01) if told else Ranged(value=math.nan),
            area=ranged(0.2 / size - 0.3, 0.002),
        )
        for size in sizes
    )


def lira_of(attacks) -> AttackFound:
    (found,) = [one for one in attacks if one.attack == "lira"]
    return found


def test_students_of_each_setting_are_beside_one_hot_models_with_intervals(data):
    settings = {"teacher-8-t1-w0.9": (2, 4), "teacher-8-t4-w0.9": (4,)}
    rows = tuple(row for setting, sizes in settings.items() for row in students_of(setting, sizes))
    page = page_of(data, replace(privacy_report(sizes=(2, 4)), students=rows), some_arrays((2, 4)))
    assert figures(page)[-2:] == ["privacy-students-1", "privacy-students-2"]
    for figure, (setting, sizes) in zip(figures(page)[-2:], settings.items(), strict=True):
        drawn = held(page, figure)
        mine = [row for row in rows if row.setting == setting]
        assert drawn["kind"] == ("lines" if len(sizes) > 1 else "rows")
        assert (drawn["y"] if len(sizes) > 1 else drawn["x"])["lines"] == [[0.001, ""]]
        assert [one["name"] for one in drawn["series"]] == ["students", "one-hot models"]
        for one, kind in zip(drawn["series"], ("students", "onehot"), strict=True):
            found = [lira_of(getattr(row, kind)).rates[0].true_positive for row in mine]
            for key, end in (("values", "value"), ("low", "low"), ("high", "high")):
                assert one[key] == [getattr(each, end) for each in found]
        assert setting in by_id(page, figure).all("figcaption")[0].text
        lines = by_id(page, figure).all("tbody")[0].all("tr")
        assert len(lines) == len(mine)
        for line, row in zip(lines, mine, strict=True):
            told = [cell.text for cell in line.inside]
            for at, kind in ((2, "students"), (3, "onehot")):
                assert told[at] == findings.share(lira_of(getattr(row, kind)).rates[0].true_positive)
            assert told[4] == findings.points_ends(row.true_positive)
            assert told[7] == findings.signed_ends(row.area)


def test_where_no_rate_is_told_of_all_students_their_areas_are_shown(data):
    rows = (*students_of("teacher-8-t1-w0.9", (2,)), *students_of("teacher-8-t1-w0.9", (4,), told=False))
    page = page_of(data, replace(privacy_report(sizes=(2, 4)), students=rows), some_arrays((2, 4)))
    drawn = held(page, "privacy-students")
    assert drawn["y"]["lines"] == [[0.5, ""]]
    for one, kind in zip(drawn["series"], ("students", "onehot"), strict=True):
        assert one["values"] == [lira_of(getattr(row, kind)).area.value for row in rows]
        assert one["high"] == [lira_of(getattr(row, kind)).area.high for row in rows]
    text = by_id(page, "privacy-students").all("table")[0].text
    assert "false positives" not in text
    assert findings.with_ends(lira_of(rows[1].students).area) in text


def test_a_difference_at_another_rate_is_not_told_beside_the_rates(data):
    """The paired difference is at the smallest rate of a size, the chart at the smallest of all sizes."""
    first, second = students_of("teacher-8-t1-w0.9", (2, 4))
    lira = lira_of(second.onehot)
    rates = (replace(lira.rates[0], left_out="too few"), *lira.rates[1:])
    onehot = (replace(lira, rates=rates), *second.onehot[1:])
    rows = (first, replace(second, onehot=onehot, asked=0.01))
    page = page_of(data, replace(privacy_report(sizes=(2, 4)), students=rows), some_arrays((2, 4)))
    lines = by_id(page, "privacy-students").all("tbody")[0].all("tr")
    assert [line.inside[4].text for line in lines] == ["-", findings.points_ends(second.true_positive)]
    assert held(page, "privacy-students")["series"][0]["values"] == [
        lira_of(row.students).rates[1].true_positive.value for row in rows
    ]


def test_an_attack_without_a_curve_is_left_out(data):
    arrays = some_arrays((2, 4))
    for end in ("low", "median", "high"):
        arrays[f"curve_{end}"][-1][2] = np.nan
    page = page_of(data, privacy_report(sizes=(2, 4)), arrays)
    assert [one["name"] for one in held(page, "privacy-roc")["series"]] == ["LiRA", "loss"]


def test_the_axes_begin_at_a_power_of_ten_below_all_curves():
    def lowest(first):
        values = np.where(np.arange(81) < first, np.nan, 0.5).tolist()
        return chart.roc("up", FALSE.tolist(), [Series(name="a", colour="first", mark="circle", values=values)])[
            "lowest"
        ]

    assert [lowest(first) for first in (0, 1, 20, 21, 59, 79)] == pytest.approx([1e-4, 1e-4, 1e-3, 1e-3, 1e-2, 0.1])


def some_records(count, seed=0):
    """What is known of so many examples at three sizes: no flags at the smallest, where no rate is told."""
    random, shape = np.random.default_rng(seed), (3, count)
    records = {name: random.normal(0, 4, shape).astype(np.float32) for name in MEANS}
    members = random.integers(3, 8, shape)
    records |= {"size": np.array([2, 4, 8]), "n_in": members, "n_out": 10 - members}
    records["flagged_at"] = np.array([np.nan, 0.01, 0.001])
    for side, number in (("in", members), ("out", 10 - members)):
        records[f"flagged_{side}"] = random.integers(0, number + 1)
        records[f"flagged_{side}"][0] = -1
    return records


MEANS = ("log_odds_in", "log_odds_out", "ratio_in", "ratio_out")
COUNTS = {"attacked_in": "n_in", "attacked_out": "n_out", "flagged_in": "flagged_in", "flagged_out": "flagged_out"}


def kept(data, records, shown=(3, 50, 7), sizes=(2, 8)) -> dict:
    gallery = Gallery(data.run, np.array(shown), sizes, {"privacy": records})
    return {one.name: one for one in of_privacy(gallery)}


def test_every_example_has_its_means_to_the_digits_that_are_shown(data):
    records, shown = some_records(len(data.run.examples.labels)), [3, 50, 7]
    columns = kept(data, records)
    told = {name: values_of(columns[name]).reshape(2, 3) for name in (*MEANS[:3], "vulnerability")}
    told["ratio_out"] = told["ratio_in"] - told["vulnerability"]
    for name in MEANS:
        wanted = records[name][[0, 2]][:, shown].astype(float)
        digits = 1 if name.startswith("log_odds") else 2
        np.testing.assert_allclose(told[name], np.round(wanted, digits), atol=1e-6)


def test_every_example_has_its_flags_where_a_rate_is_told(data):
    records, shown = some_records(len(data.run.examples.labels)), [3, 50, 7]
    columns = kept(data, records)
    assert set(columns) == {*MEANS[:3], "vulnerability", *COUNTS}
    for name, field in COUNTS.items():
        told = values_of(columns[name]).reshape(2, 3).tolist()
        assert told[1] == records[field][2, shown].tolist()
        assert told[0] == ([None] * 3 if name == field else records[field][0, shown].tolist())


def test_the_rates_of_flags_are_told_the_usual_one_first(data):
    records = some_records(len(data.run.examples.labels))
    records["flagged_at"] = np.array([0.001, 0.01, 0.001])
    title = kept(data, records)["flagged_in"].title
    assert title.endswith("LiRA finds it, at thresholds for .1% false positives, at width 4 for 1%")
    records["flagged_at"][1] = np.nan
    assert kept(data, records)["flagged_in"].title.endswith("at thresholds for .1% false positives")


def test_without_a_rate_it_has_how_many_models_were_attacked_and_no_flags(data):
    records = some_records(len(data.run.examples.labels))
    records |= {name: np.full_like(records[name], -1) for name in ("flagged_in", "flagged_out")}
    columns = kept(data, records)
    assert set(columns) == {*MEANS[:3], "vulnerability", "attacked_in", "attacked_out"}
    assert values_of(columns["attacked_out"]).tolist() == records["n_out"][[0, 2]][:, [3, 50, 7]].ravel().tolist()


def test_infinite_log_odds_leave_the_tenths_of_the_others(data):
    """Results of others may have them in means: over so wide a range 16 bits would have steps of 2."""
    records = some_records(len(data.run.examples.labels))
    records["log_odds_in"][0, 3], records["log_odds_in"][0, 50] = 65_504, -65_504
    told = values_of(kept(data, records)["log_odds_in"])
    np.testing.assert_allclose(told[:3], [3_000, -3_000, np.round(records["log_odds_in"][0, 7], 1)], atol=1e-6)


def test_an_example_of_which_nothing_is_known_at_a_size_has_nothing_there(data):
    records = some_records(len(data.run.examples.labels))
    records["ratio_out"][2, 50] = np.nan
    columns = kept(data, records, sizes=(2, 8, 16))
    assert np.isnan(values_of(columns["ratio_in"]).reshape(3, 3)).tolist() == [[False] * 3] * 2 + [[True] * 3]
    assert np.isnan(values_of(columns["vulnerability"]).reshape(3, 3)[1]).tolist() == [False, True, False]
    assert values_of(columns["attacked_in"]).reshape(3, 3)[2].tolist() == [None] * 3
