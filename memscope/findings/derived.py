"""Where a derived run comes from, in words; `status` and `train-family --dry-run` say it."""

from memscope.findings.words import short
from memscope.reports.derived import DerivedData
from memscope.text import counted


def derived(report: DerivedData) -> str:
    """The run that it is from, and what was changed in its data."""
    start = f"Derived from {short(report.run or 'another run')} (plan {str(report.digest)[:12]})"
    if report.dropped is None or report.relabelled is None:
        return f"{start}; its changes.csv is missing or damaged."
    steps = "" if report.nominal_examples is None else ", with as many steps as there"
    relabelled = f"{report.relabelled:,} given another label"
    return f"{start}: {counted(report.dropped, 'example')} dropped, {relabelled}{steps}."
