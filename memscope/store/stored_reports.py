"""What commands have stored of their findings: read again, and whether it rests on the models that there are now."""

import importlib
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from memscope.errors import RunError
from memscope.plan.plan import Plan
from memscope.reports import REPORTS
from memscope.reports.keys import report_of
from memscope.reports.results import RESULTS, made_by, reported_as
from memscope.store.ledger import finished_tasks, state_for
from memscope.store.results import results_path


def read_report(run: Path, group: str, summary: Mapping[str, Any]) -> Any:
    """The report that was stored with a group of results as `summary`; RunError where it lacks something."""
    module, kind = REPORTS[reported_as(group)].split(":")
    try:
        return report_of(getattr(importlib.import_module(module), kind), summary)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RunError(
            f"{results_path(run, group)} has no report that this version can read ({error}); "
            f"{made_by(group, str(run))} makes it again"
        ) from error


def as_told_now(report: Any, run: str, plan: Plan) -> Any:
    """The report, of the run where it lies, with what it is held against.

    It names the run as it was called then, perhaps on another machine: commands that are to be copied must name it as
    it is called now. Reports that an earlier memscope stored lack the number of models of a block, which the plan has.
    """
    known = {each.name for each in fields(report)}
    now = {"run": run, "block": plan.block}
    return replace(report, **{key: value for key, value in now.items() if key in known})


def is_current(run: Path, plan: Plan, group: str, ledger: str) -> bool:
    """Whether results that were made of the models of `ledger` rest on those that there are now."""
    return ledger == state_for(run, plan, RESULTS[group])


def is_archive(run: Path, plan: Plan) -> bool:
    """Whether a run has no models, but perhaps what was stored of some."""
    return not any(finished_tasks(run, plan, size) for size in plan.sizes)


def why_old(run: Path, plan: Plan, group: str) -> str:
    """A warning about results that do not: in what, and what to do."""
    if is_archive(run, plan):
        return (
            f"There are no models in {run}: these numbers are what was stored of models elsewhere, and cannot be "
            "computed again here."
        )
    return (
        "Out of date: there are other models now than these numbers rest on; "
        f"{made_by(group, str(run))} counts them again."
    )
