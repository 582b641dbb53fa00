"""Writes docs/studies and its figures again from what is stored of each study: `make results`.

    python -m studies [NAME ...]

A page is `studies/NAME/page.md` with fields for numbers, as of `str.format`: {score.sizes[4].mean_score:.3f} is of the
report that `memscope score --stored --json` prints, {tables.scores} a table of tables.py. So no number of a page is
typed, and tests/test_studies.py holds pages to what is stored. {says.score} are the findings of the command's screen.
The table in docs/results.md has all studies side by side.
"""

import argparse
import json
import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from memscope.commands import Drawing, stored_report
from memscope.reports.results import RESULTS
from studies import unflipped
from studies.looked import read
from studies.summary import overview
from studies.tables import TABLES

HERE = Path(__file__).parent
DOCS = HERE.parent / "docs"
RESULTS_PAGE = DOCS / "results.md"
BETWEEN = "<!-- what studies say: made by `make results` -->", "<!-- end of what studies say -->"
FINDINGS = {"influence-training": "influence"}
"""Groups whose findings have the module of others"""
HEAD = "<!-- Made by `make results` from studies/{name}/page.md and what is stored there; do not edit. -->\n\n"


def names() -> list[str]:
    return sorted(page.parent.name for page in HERE.glob("*/page.md"))


def reports_of(study: Path) -> dict[str, Any]:
    """What is stored of a study, by group of results; what readers said of its images (looked.py); residual memories of
    runs on fewer of them, by their number, as `memscope resmem --json` tells them, from fewer-images/NUMBER.json."""
    groups = sorted(file.stem for file in (study / "results").glob("*.h5"))
    found: dict[str, Any] = {group: stored_report(study, group) for group in groups}
    if (study / "looked.csv").is_file():
        found["looked"] = read(study / "looked.csv")
    fewer = {int(one.stem): json.loads(one.read_text()) for one in (study / "fewer-images").glob("*.json")}
    if fewer:
        found["resmem_of_fewer"] = fewer
    without = unflipped.read(study)
    if without:
        found["unflipped"] = without
    return found


def page_of(name: str, reports: Mapping[str, Any]) -> str:
    """The page with its numbers."""
    text = (HERE / name / "page.md").read_text()
    asked = {key: TABLES[key] for key in re.findall(r"\{tables\.(\w+)\}", text)}
    tables = SimpleNamespace(**{key: make(reports[group]) for key, (group, make) in asked.items()})
    told = {group: report for group, report in reports.items() if group in RESULTS}
    says = SimpleNamespace(**{group.replace("-", "_"): said(group, report) for group, report in told.items()})
    fields = {group.replace("-", "_"): report for group, report in reports.items()}
    return HEAD.format(name=name) + text.format(tables=tables, says=says, **fields)


def said(group: str, report: Any) -> str:
    """What the command finds, in its own words."""
    module = import_module(f"memscope.findings.{FINDINGS.get(group, group)}")
    return "\n\n".join(f"> {sentence}" for sentence in module.screen(report).findings if sentence)


def figures_of(page: str) -> dict[str, set[str]]:
    """The figures that a page shows: by group of results their names. They lie in images/studies/STUDY/GROUP."""
    found: dict[str, set[str]] = {}
    for group, figure in re.findall(r"\(\.\./images/studies/[^/)]+/([^/)]+)/([^)]+\.png)\)", page):
        found.setdefault(group, set()).add(figure)
    return found


def draw(name: str, page: str) -> None:
    """The figures that the page shows, and no others."""
    for group, shown in figures_of(page).items():
        place = DOCS / "images" / "studies" / name / group
        stored_report(HERE / name, group, plot=Drawing(place, ("png",), "screen"))
        for file in place.glob("*"):
            if file.name not in shown:
                file.unlink()


def title_of(name: str) -> str:
    """The first heading of a study's page, up to its colon."""
    heading = (HERE / name / "page.md").read_text().split("\n", 1)[0]
    return heading.removeprefix("# ").partition(":")[0]


def with_summary(text: str) -> str:
    """docs/results.md with what all studies say side by side, between its marks."""
    before, _, rest = text.partition(BETWEEN[0])
    _, end, after = rest.partition(BETWEEN[1])
    if not end:
        raise ValueError(f"{RESULTS_PAGE} has not both marks, {BETWEEN[0]} and {BETWEEN[1]}")
    made = overview({name: reports_of(HERE / name) for name in names()}, {name: title_of(name) for name in names()})
    return f"{before}{BETWEEN[0]}\n\n{made}\n\n{BETWEEN[1]}{after}"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="*", help="studies; all by default")
    for name in parser.parse_args(arguments).name or names():
        page = page_of(name, reports_of(HERE / name))
        (DOCS / "studies").mkdir(exist_ok=True)
        (DOCS / "studies" / f"{name}.md").write_text(page)
        draw(name, page)
        print(f"docs/studies/{name}.md")
    RESULTS_PAGE.write_text(with_summary(RESULTS_PAGE.read_text()))


if __name__ == "__main__":
    main()
