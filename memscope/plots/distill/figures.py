"""The figures of `memscope distill`, from its arrays and its report."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from memscope.plots.common.look import look
from memscope.plots.common.setting import Setting
from memscope.plots.distill.scores import draw_distillation_scores
from memscope.plots.distill.students import draw_distillation
from memscope.plots.distill.types import draw_distillation_types, has_changes
from memscope.reports.distill import DistillReport, SizeOfStudents


def figures(values: Mapping[str, np.ndarray], report: DistillReport) -> Iterator[tuple[str, Figure]]:
    """The comparison of all settings, then scores and types of each. If there are several, names have the setting."""
    settings = report.settings
    every = [row for one in settings for row in one.students]
    if look().width is None:
        yield "distillation", draw_distillation(setting_of(report, every), settings)
    sizes, names = values["size"].tolist(), values["setting"].tolist()
    for one in settings:
        setting = setting_of(report, one.students)
        suffix = f"-{one.setting}" if len(settings) > 1 else ""
        if look().width is not None:  # in a column, the panels of all settings would be taller than a page
            yield f"distillation{suffix}", draw_distillation(setting, [one])
        columns = [sizes.index(row.size) for row in one.students]
        counts = values["histogram"][names.index(one.setting), columns]
        scores = draw_distillation_scores(setting, one, counts, values["histogram_edge"])
        yield f"distillation-scores{suffix}", scores
        if has_changes(one):
            yield f"distillation-types{suffix}", draw_distillation_types(setting, one)


def setting_of(report: DistillReport, rows: Sequence[SizeOfStudents]) -> Setting:
    """What captions say about students of these sizes."""
    return Setting(
        data=report.data,
        family=report.family,
        axis=report.axis,
        sizes=np.array(sorted({row.size for row in rows})),
        models=tuple(row.models for row in rows),
        fraction=report.fraction,
        examples=report.examples,
        flipped=report.flipped,
        epsilon=report.epsilon,
        confidence=np.nan,  # types are those of the raw rule
        blocks=min(row.blocks for row in rows),
    )
