"""The figures of `memscope memorability`, from its report, its arrays and the images of the run."""

from collections.abc import Iterator, Mapping

import numpy as np
from matplotlib.figure import Figure

from memscope.plots.common.setting import Setting
from memscope.plots.memorability.corners import corner_rows, draw_corners
from memscope.plots.memorability.correlations import draw_correlations, with_correlations
from memscope.plots.memorability.spread import draw_spread
from memscope.reports.memorability import MemorabilityReport
from memscope.run import Run


def figures(
    run: Run, found: Mapping[str, np.ndarray], report: MemorabilityReport, images: bool = True
) -> Iterator[tuple[str, Figure]]:
    """Correlations over size; then, at one size, how the scores spread over memorability, and images of the corners.

    Without `images` the last is left out.
    """
    setting = setting_of(report)
    if with_correlations(report):
        yield "memorability", draw_correlations(setting, report)
    place = [row.size for row in report.sizes].index(report.corners_at)
    score, memorability = found["score"][place].astype(np.float64), found["memorability"]
    if np.isfinite(score + memorability).any():
        yield "memorability-score", draw_spread(setting, report, place, memorability, score)
        if not images:
            return
        rows = corner_rows(run, memorability, score)
        yield "four_corners", draw_corners(setting, report, rows, run.examples.class_names)


def setting_of(report: MemorabilityReport) -> Setting:
    """What captions say about the models on subsets."""
    return Setting(
        data=report.data,
        family=report.family,
        axis=report.axis,
        sizes=np.array([row.size for row in report.sizes]),
        models=tuple(row.models for row in report.sizes),
        fraction=report.fraction,
        examples=report.examples,
        flipped=report.flipped,
        epsilon=report.epsilon,
        confidence=np.nan,  # types are those of the raw rule
        blocks=report.blocks,
    )
