"""The figures of `memscope privacy`, from its report and its arrays."""

from collections.abc import Iterator, Mapping

import numpy as np
from matplotlib.figure import Figure

from memscope.plots.privacy.by_size import draw_by_size
from memscope.plots.privacy.by_type import draw_by_type, told_types
from memscope.plots.privacy.calibration import densities_of, draw_calibration
from memscope.plots.privacy.curves import curves_of, draw_curves
from memscope.plots.privacy.shown import setting_of, smallest_rate
from memscope.reports.privacy import PrivacyReport
from memscope.run import Run


def figures(run: Run, found: Mapping[str, np.ndarray], report: PrivacyReport) -> Iterator[tuple[str, Figure]]:
    """ROC curves and calibration at the largest size; what is found by size and by type, where a rate is told."""
    setting = setting_of(report)
    known = curves_of(found)
    if known:
        yield "privacy-roc", draw_curves(setting, report, known)
    if smallest_rate(report) is not None:
        yield "privacy", draw_by_size(setting, report)
    if told_types(report):
        yield "privacy-types", draw_by_type(setting, report)
    densities = densities_of(found)
    if densities is not None:
        yield "privacy-calibration", draw_calibration(setting, report, densities)
