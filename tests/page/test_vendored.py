"""The scripts of others are those that were published, and come with their licences."""

import hashlib
import re
import tomllib
from pathlib import Path

import pytest

from memscope.page.document import VENDORED, WEB
from memscope.page.sections import cite
from memscope.version import __version__

ROOT = Path(__file__).parents[2]
VENDOR = WEB / "vendor"
INSIDE = (
    "d3 d3-array d3-axis d3-brush d3-chord d3-color d3-contour d3-delaunay d3-dispatch d3-drag d3-dsv d3-ease d3-fetch "
    "d3-force d3-format d3-geo d3-hierarchy d3-interpolate d3-path d3-polygon d3-quadtree d3-random d3-scale "
    "d3-scale-chromatic d3-selection d3-shape d3-time d3-time-format d3-timer d3-transition d3-zoom delaunator "
    "robust-predicates internmap @observablehq/plot interval-tree-1d binary-search-bounds isoformat jStat"
)
"""What d3 and Plot were put together from: their dependencies, and jStat, from which Plot has copied"""


@pytest.mark.parametrize(("file", "what", "digest"), VENDORED)
def test_a_script_of_others_is_what_was_published(file, what, digest):
    content = (VENDOR / file).read_bytes()
    assert hashlib.sha256(content).hexdigest() == digest
    assert f"v{what.split()[-1]} Copyright" in content[:100].decode()


def test_there_are_no_other_files_of_others():
    assert {path.name for path in VENDOR.iterdir()} == {"LICENSES", *(file for file, _, _ in VENDORED)}


def test_all_licences_are_there_and_in_the_wheel():
    text = (VENDOR / "LICENSES").read_text()
    heads = " ".join(re.findall(r"={118}\n(.*?)\n-{118}", text, re.DOTALL)).replace("\n", " ")
    named = set(re.findall(r"[@\w/-]+[\w]", heads))
    assert set(INSIDE.split()) <= named
    for words in (
        "Mike Bostock",
        "Robert Penner",
        "Charles Karney",
        "Cynthia Brewer",
        "Mapbox",
        "Mikola Lysenko",
        "jStat",
    ):
        assert words in text
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "memscope/page/web/vendor/LICENSES" in project["license-files"]


def test_the_page_cites_as_citation_cff_does():
    citation = (ROOT / "CITATION.cff").read_text()
    assert f'title: "{cite.TITLE}"' in citation
    assert f"- name: {cite.AUTHOR}" in citation
    assert f"license: {cite.LICENCE}" in citation
    assert f"version: {__version__}" in citation
