"""`convergence.png`: the error of scores over the number of models, at every size."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from memscope.plots.common.compared import Curve, Kind, draw_panel, lines_of, reach, set_scale
from memscope.plots.common.look import look, room
from memscope.plots.common.panels import draw_legend, draw_title, grid, legend_of
from memscope.plots.common.setting import Setting, caption
from memscope.plots.common.style import GREY, INDIGO, INK, OLIVE, page, plain_text
from memscope.reports.convergence import ConvergenceReport, ModelsConvergence, OverSets

KINDS = (
    ("error", Kind("raw score, measured", INDIGO, "o", "-"), -1.0),
    ("expected", Kind("raw score, foretold", GREY, "", "--"), 0.0),
    ("population_error", Kind("population estimate, measured", OLIVE, "s", "-"), 1.0),
    ("spread", Kind("the mean score for every example", GREY, "", ":"), 0.0),
)
"""Key in the report, style, and side to which it is shifted"""
SHIFT = 2.0  # points
PANEL_WIDTH, PANEL_HEIGHT, BEFORE, BETWEEN, UNDER = 2.5, 1.9, 0.65, 0.65, 0.75  # inches


def draw_errors(setting: Setting, report: ConvergenceReport) -> Figure:
    """A panel for each size, on one scale. The report must have rows that are judged."""
    rows = report.judged
    drawn = [[curve_of(rows, at, *kind) for kind in KINDS] for at in range(len(setting.sizes))]
    panels = grid(len(drawn), PANEL_WIDTH, PANEL_HEIGHT, left=BEFORE, between=BETWEEN, under=UNDER, least=2)
    legend = legend_of(lines_of([kind for _, kind, _ in KINDS]), panels.page - 2 * look().margin, 2)
    figure, bottom = page(
        panels.page,
        panels.height + legend.height,
        title(rows, report),
        subtitle(),
        caption(setting, note(report), scores=False),
    )
    numbers = np.array([row.models for row in rows])
    for position, curves in enumerate(drawn):
        axes = panels.axes(figure, position, bottom, room(0.45))
        draw_panel(axes, "models", numbers, curves, "error of the score")
        set_scale([axes], [curve for each in drawn for curve in each], (0, np.inf), zero=True)
        draw_title(axes, f"{setting.axis} {setting.sizes[position]}", "", 1)
        if panels.lowest(position, len(drawn)):
            axes.set_xlabel("models", size=look().small, color=INK)
    draw_legend(figure, legend, look().margin, bottom + panels.height + legend.height)
    return plain_text(figure)


def curve_of(rows: Sequence[ModelsConvergence], at: int, key: str, kind: Kind, side: float) -> Curve:
    """One measure at a size, with its range over the sets."""
    found = [getattr(row.sizes[at], key) for row in rows]
    sets = [one if isinstance(one, OverSets) else OverSets(value=one) for one in found]
    values = np.array([one.value for one in sets])
    ends = reach(values, np.array([one.lowest for one in sets]), np.array([one.highest for one in sets]))
    return Curve(kind, np.array([row.models for row in rows]), values, ends, kind.name, side * SHIFT)


def title(rows: Sequence[ModelsConvergence], report: ConvergenceReport) -> str:
    """What the fewest models that are judged are off by at the largest size, and what their population estimate is."""
    row, size = rows[0], rows[0].sizes[-1]
    told = f"At {report.axis} {size.size} scores of {row.models} models are off by {size.error.value:.2f}"
    if not math.isnan(size.as_good_as):
        told += f", their population estimate by {size.population_error.value:.2f}"
        told += f": as scores of {size.as_good_as:.0f} models"
    return told


def subtitle() -> str:
    return (
        "Root mean square error over the examples, judged by the raw scores of the models outside the set, their noise "
        "taken out; foretold: by the standard errors of all models. Bars: the lowest and the highest of sets that "
        "share no model; two halves judge each other, by the same differences."
    )


def note(report: ConvergenceReport) -> str:
    some = f"Of {report.looked_at:,} examples, chosen at random. " if report.looked_at < report.examples else ""
    return f"{some}All but the population estimate is of raw scores."
