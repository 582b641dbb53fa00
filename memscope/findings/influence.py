"""What `memscope influence` found, on one screen: which training examples carry which others, and what chance shows."""

from memscope.findings.numbers import percent
from memscope.findings.screen import Grid, Screen
from memscope.reports.influence import InfluenceReport


def screen(report: InfluenceReport) -> Screen:
    last = report.sizes[-1]
    told = [
        f"{last.helpful.pairs:,} helpful pairs at {report.axis} {last.size}, where {last.helpful.by_chance:,.0f} would "
        f"be there by chance and {last.helpful.by_class:,.0f} by class."
    ]
    if not any(row.helpful.listed or row.harmful.listed for row in report.sizes):
        told.append(f"No pairs are listed at any {report.axis}: more than half of them would be there anyhow.")
    rows = [[str(row.size), f"{row.helpful.pairs:,}", percent(row.helpful.false_share)] for row in report.sizes]
    return Screen(told, Grid([report.axis, "helpful", "false\nat most"], rows))
