"""Results of commands that this page has no figures for: what their screens tell."""

from importlib import import_module
from importlib.util import find_spec

from memscope.page.data import PageData
from memscope.page.section import Headline, Section, of_screen
from memscope.page.sections.stored import is_old, report_in

TITLES = {
    "convergence": "What fewer models would have said",
    "removal": "What models do without the most memorised",
    "peel": "Whether others take the place of the most memorised",
}


def section(data: PageData, name: str) -> Section | None:
    """What a command tells that has `memscope/findings/NAME.py`; None without its results."""
    report = report_in(data, name)
    if report is None or find_spec(f"memscope.findings.{name}") is None:
        return None
    screen = import_module(f"memscope.findings.{name}").screen(report)
    leads = [Headline(told, name) for told in screen.findings[:1]]
    title = TITLES.get(name, name.capitalize())
    return of_screen(name, title, screen, (), leads, out_of_date=is_old(data, name))
