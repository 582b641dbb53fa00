"""The pages of docs/studies say what is stored of each study, and nothing of a study is larger than it may be."""

import re
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from memscope.reports.distill import ChangeOfType, TypeChange
from studies.__main__ import DOCS, HERE, RESULTS_PAGE, figures_of, names, page_of, reports_of, with_summary
from studies.looked import read
from studies.memories import by_images
from studies.students import inhibited, students
from tests.findings.made import distill_report

LIMIT = 20_000_000
"""Bytes of all studies together"""


@pytest.mark.parametrize("name", names())
def test_a_page_has_the_numbers_that_are_stored(name: str) -> None:
    page = (DOCS / "studies" / f"{name}.md").read_text()
    assert page == page_of(name, reports_of(HERE / name)), "run make results"
    assert "nan" not in page.split()
    for group, shown in figures_of(page).items():
        for figure in shown:
            assert (DOCS / "images" / "studies" / name / group / figure).is_file()


@pytest.mark.parametrize("name", names())
def test_no_result_is_typed(name: str) -> None:
    """Shares, errors and decimals of a page are fields; what was chosen beforehand stands in `code`."""
    text = (HERE / name / "page.md").read_text()
    commands = re.compile(r"^    .*$", re.MULTILINE)
    typed = re.sub(r"(±\s*)?\{[^}]*\}|`[^`]*`", "", commands.sub("", text))
    assert not re.search(r"\d ?%|±|\d\.\d|\.\d\d", typed)


def test_the_page_of_results_has_what_all_studies_say() -> None:
    page = RESULTS_PAGE.read_text()
    assert page == with_summary(page), "run make results"
    for name in names():
        assert f"(studies/{name}.md)" in page


def test_what_readers_said_is_counted_and_held_against_chance(tmp_path: Path) -> None:
    verdicts = {
        "most": [("wrong", "wrong")] * 2 + [("unclear", "wrong")] + [("wrong", "right")] + [("right", "right")] * 4,
        "random": [("unclear", "unclear")] + [("right", "right")] * 7,
    }
    lines = ["number,group,reader1,reader2"]
    for group, pairs in verdicts.items():
        lines += [f"{number},{group},{one},{other}" for number, (one, other) in enumerate(pairs)]
    (tmp_path / "looked.csv").write_text("\n".join(lines))
    found = read(tmp_path / "looked.csv")
    assert (found.most, found.random, found.most_wrong, found.random_wrong) == (8, 8, 2, 0)
    assert (found.most_doubted, found.random_doubted) == (3, 1)
    assert found.counts("most", "reader1") == {"wrong": 3, "unclear": 1, "right": 4}
    assert found.same == 14 / 16
    # of 4 that are doubted, 3 or 4 among the 8: by counting all ways to choose 4 of 16
    ways = [sum(place < 8 for place in chosen) for chosen in combinations(range(16), 4)]
    assert found.p_value == pytest.approx(sum(count >= 3 for count in ways) / len(ways))
    (tmp_path / "looked.csv").write_text("\n".join([*lines, "9,most,fine,right"]))
    with pytest.raises(ValueError, match="verdict 'fine', expected one of right, unclear, wrong"):
        read(tmp_path / "looked.csv")


def test_what_a_memory_adds_by_number_of_images_has_the_errors_of_both_in_their_difference() -> None:
    def report(*changes: tuple[float, float]) -> dict[str, Any]:
        sizes = [
            {"size": 2**at, "test_change": change, "test_change_error": error}
            for at, (change, error) in enumerate(changes)
        ]
        return {"axis": "width", "sizes": sizes}

    table = by_images({2000: report((0.01, 0.004), (0.02, 0.001)), 1000: report((0.007, 0.003))})
    assert table.splitlines() == [
        "| images | width 1 |",
        "| --- | --- |",
        "| 1,000 | .0070 ±.0030 |",
        "| 2,000 | .0100 ±.0040 |",
        "| 1,000 to 2,000 | .0030 ±.0050 |",
    ]


def test_students_are_told_by_size_then_by_setting() -> None:
    head, _, *rows = (
        line.strip("| ").split(" | ") for line in students(distill_report((2, 4), settings=2)).splitlines()
    )
    assert [(row[0], row[1]) for row in rows] == [
        (size, on) for size in ("2", "4") for on in ("its own subset", "all the data")
    ]
    told = dict(zip(head[6:], rows[2][6:], strict=True))
    assert told["score"] == ".337"
    assert told["of flipped labels"] == "-.479 ±.004"
    assert told["of others"] == "-.086 ±.004"
    assert rows[2][5] == ".046 ±.004"
    assert [row[7] for row in rows] == [".000 ±.004"] * 2 + ["-.125 ±.004"] * 2
    without = students(distill_report((2, 4), flipped=False)).splitlines()
    assert "flipped" not in without[0]
    assert {line.count("|") for line in without} == {len(head) - 2 + 1}


def test_students_are_told_by_type_but_for_rare_ones() -> None:
    change = TypeChange(size=2, onehot=0.5, change=-0.25, low=-0.3, high=-0.2)
    kinds = tuple(
        ChangeOfType(type=name, examples=count, changes=(change,))
        for name, count in (("constant", 40.0), ("u-shaped", 4.0))
    )
    report = distill_report((2, 4))
    report = replace(report, settings=(replace(report.settings[0], by_type=kinds),))
    assert inhibited(report).splitlines()[2:] == [
        "| constant | 40 | 2 | its own subset | 1 | .9 | .500 | -.250 (-.300 to -.200) |"
    ]


def test_there_are_studies_and_they_are_small() -> None:
    assert names()
    files = [file for file in Path(HERE).rglob("*") if file.is_file() and file.suffix in (".h5", ".toml", ".json")]
    assert sum(file.stat().st_size for file in files) < LIMIT
