"""The pages of docs/studies say what is stored of each study, and nothing of a study is larger than it may be."""

import re
from pathlib import Path

import pytest

from studies.__main__ import DOCS, HERE, RESULTS_PAGE, figures_of, names, page_of, reports_of, with_summary

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
    typed = re.sub(r"\{[^}]*\}|`[^`]*`", "", text)
    assert not re.search(r"\d ?%|±|\d\.\d|\.\d\d", typed)


def test_the_page_of_results_has_what_all_studies_say() -> None:
    page = RESULTS_PAGE.read_text()
    assert page == with_summary(page), "run make results"
    for name in names():
        assert f"(studies/{name}.md)" in page


def test_there_are_studies_and_they_are_small() -> None:
    assert names()
    files = [file for file in Path(HERE).rglob("*") if file.is_file() and file.suffix in (".h5", ".toml", ".json")]
    assert sum(file.stat().st_size for file in files) < LIMIT
