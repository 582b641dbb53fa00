"""`memscope memorability predict` in print."""

from memscope.findings import prediction as findings
from memscope.reports.prediction import PredictionReport
from memscope.tables.printing import show_screen


def show(report: PredictionReport) -> None:
    show_screen(findings.screen(report))
