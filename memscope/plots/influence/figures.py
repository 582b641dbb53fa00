"""The figures of `memscope influence`, from its report, its pairs and the images of the run."""

from collections.abc import Iterator, Mapping

import numpy as np
from matplotlib.figure import Figure

from memscope.analysis.carriers import size_shown
from memscope.plots.common.setting import Setting
from memscope.plots.influence.asked import draw_asked, rows_asked
from memscope.plots.influence.carries import draw_carries, rows_of
from memscope.plots.influence.overview import draw_overview
from memscope.reports.influence import InfluenceReport
from memscope.run import Run


def figures(
    run: Run, values: Mapping[str, np.ndarray], report: InfluenceReport, images: bool = True
) -> Iterator[tuple[str, Figure]]:
    """The numbers of pairs over size; what single images carry, where pairs are listed; the image asked for.

    `values` are the arrays of `report`, by the names of reports/influence.py. Without `images`, those that show some
    are left out.
    """
    setting, beside = setting_of(run, report), "-training" if report.among == "train" else ""
    yield f"influence{beside}", draw_overview(setting, report)
    if not images:
        return
    at = size_shown(values)
    if at is not None:
        sheet = rows_of(run, values, report, at)
        yield f"carries{beside}", draw_carries(setting, report, sheet, run.examples.class_names)
    if report.shown:
        rows = rows_asked(run, report)
        yield f"influence-example{beside}", draw_asked(setting, report, rows, run.examples.class_names)


def setting_of(run: Run, report: InfluenceReport) -> Setting:
    """What captions say about the models on subsets."""
    flipped = run.examples.flipped
    blocks = len({*report.blocks_memorised, *report.blocks_choosing, *report.blocks_telling})
    return Setting(
        data=report.data,
        family=report.family,
        axis=report.axis,
        sizes=np.array([row.size for row in report.sizes]),
        models=(blocks * run.plan.block,),
        fraction=report.fraction,
        examples=report.examples,
        flipped=None if flipped is None else int(flipped.sum()),
        epsilon=np.nan,  # nothing here has a type
        confidence=np.nan,
        blocks=blocks,
    )
