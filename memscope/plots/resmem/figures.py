"""The figures of `memscope resmem`, from its report."""

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.figure import Figure

from memscope.plots.common.setting import Setting
from memscope.plots.resmem.overview import draw_residual_memory, measured
from memscope.plots.resmem.predictions import draw_residual_memory_predicts
from memscope.plots.resmem.types import draw_residual_memory_types, known_types
from memscope.reports.resmem import ResmemReport


def figures(report: ResmemReport) -> Iterator[tuple[str, Figure]]:
    """The overview, then types and predictions where they are known."""
    rows, full = report.sizes, report.full or ()
    setting = setting_of(report)
    if measured(rows):
        yield "resmem", draw_residual_memory(setting_of(report, [row.size for row in full]), rows, full)
    if report.by_type and known_types(report.by_type):
        yield "resmem-types", draw_residual_memory_types(setting, report.by_type)
    if not all(np.isnan(pair.correlation) for pair in report.foretells):
        yield "resmem-foretells", draw_residual_memory_predicts(setting, report.foretells)


def setting_of(report: ResmemReport, others: Sequence[int] = ()) -> Setting:
    """What captions say about the models on subsets; `others` are further sizes to show."""
    return Setting(
        data=report.data,
        family=report.family,
        axis=report.axis,
        sizes=np.array(sorted({*(row.size for row in report.sizes), *others})),
        models=tuple(row.models for row in report.sizes),
        fraction=report.fraction,
        examples=report.examples,
        flipped=report.flipped,
        epsilon=report.epsilon,
        confidence=np.nan,  # types are those of the raw rule
        blocks=min((row.blocks for row in measured(report.sizes)), default=0),
    )
