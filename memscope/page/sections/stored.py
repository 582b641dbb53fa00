"""Stored reports, as the commands would tell them now: of the run where it lies, with what they are held against."""

from dataclasses import fields, replace
from typing import Any

from memscope.page.data import PageData
from memscope.reports.results import named


def report_in(data: PageData, name: str) -> Any | None:
    """The report that a command has stored; None where there is none.

    It names the run as it was called then, perhaps on another machine: commands that are to be copied must name it as
    it is called now. Reports that an earlier memscope stored lack the number of models of a block, which the plan has.
    """
    report = data.reports.get(name)
    if report is None:
        return None
    known = {each.name for each in fields(report)}
    now = {"run": str(data.run.path), "block": data.run.plan.block}
    return replace(report, **{key: value for key, value in now.items() if key in known})


def is_old(data: PageData, name: str) -> str:
    """A warning where results rest on fewer models than there are; else empty."""
    if name not in data.out_of_date:
        return ""
    return (
        f"Out of date: there are more models now than these numbers rest on; memscope {named(name)} counts them again."
    )
