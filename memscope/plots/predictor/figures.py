"""The figure of `memscope memorability RUN --train`, from its report and the arrays beside it."""

from collections.abc import Iterator, Mapping

import numpy as np
from matplotlib.figure import Figure

from memscope.plots.predictor.held_out import draw_held_out
from memscope.reports.predictor import PredictorReport


def figures(report: PredictorReport, values: Mapping[str, np.ndarray]) -> Iterator[tuple[str, Figure]]:
    """One figure, where there is a backbone."""
    if report.backbones:
        yield "predictor", draw_held_out(report, values)
