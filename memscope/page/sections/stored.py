"""Stored reports, as the commands would tell them now."""

from typing import Any

from memscope.page.data import PageData
from memscope.store.stored_reports import as_told_now, why_old


def report_in(data: PageData, name: str) -> Any | None:
    """The report that a command has stored; None where there is none."""
    report = data.reports.get(name)
    return None if report is None else as_told_now(report, str(data.run.path), data.run.plan)


def is_old(data: PageData, name: str) -> str:
    """A warning where results rest on other models than there are; else empty."""
    return why_old(data.run.path, data.run.plan, name) if name in data.out_of_date else ""
