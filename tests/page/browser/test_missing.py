"""What is done where there is no browser; and the script that measures the page in one."""

import subprocess
import sys

import pytest

from tests.page.browser.conftest import ROOT, missing

pytestmark = pytest.mark.xdist_group("browser")


def test_without_a_browser_tests_fail_in_ci_and_say_elsewhere_that_they_are_left_out(monkeypatch):
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="make browser"):
        missing("chromium", "`make browser` installs it")
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="make browser"):
        missing("chromium", "`make browser` installs it")


def test_the_benchmark_of_the_page_measures_every_choice(chromium):
    options = ("--examples", "300", "--sizes", "2", "--starts", "1", "--times", "1")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.page", *options], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for line in ("first paint", "filter by type", "filter by score", "sort by another measure, own thread"):
        assert line in done.stdout
    assert "nan" not in done.stdout
