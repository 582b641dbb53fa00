"""The figures of `memscope convergence`, from its report."""

from collections.abc import Iterator

import numpy as np
from matplotlib.figure import Figure

from memscope.plots.common.setting import Setting
from memscope.plots.convergence.errors import draw_errors
from memscope.plots.convergence.types import draw_types, shown_types
from memscope.reports.convergence import ConvergenceReport


def figures(report: ConvergenceReport) -> Iterator[tuple[str, Figure]]:
    """Errors of scores, where other models can judge them; shares of types, where there are several numbers."""
    setting = setting_of(report)
    if report.judged:
        yield "convergence", draw_errors(setting, report)
    if shown_types(report) and len(report.rows) > 1:
        yield "convergence-types", draw_types(setting, report)


def setting_of(report: ConvergenceReport) -> Setting:
    sizes = np.array([row.size for row in report.rows[-1].sizes])
    return Setting(
        data=report.data,
        family=report.family,
        axis=report.axis,
        sizes=sizes,
        models=(report.models,) * len(sizes),
        fraction=report.fraction,
        examples=report.examples,
        flipped=report.flipped,
        epsilon=report.epsilon,
        confidence=report.confidence,
    )
