"""`memscope report` in print."""

from memscope.findings import page as findings
from memscope.reports.page import PageReport
from memscope.tables.printing import show_screen


def show(report: PageReport) -> None:
    """One screen."""
    show_screen(findings.screen(report))
