"""`convergence-types.png`: shares of the types of trajectory over the number of models."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from memscope.analysis.trajectories import TYPES
from memscope.plots.common.compared import Curve, Kind, draw_panel, lines_of, reach, set_scale
from memscope.plots.common.look import look, room
from memscope.plots.common.panels import draw_legend, draw_title, grid, legend_of
from memscope.plots.common.setting import Setting, caption, epsilon_note
from memscope.plots.common.style import GREY, INDIGO, INK, OLIVE, page, percent, plain_text
from memscope.reports.convergence import ConvergenceReport, OverSets, TypesConvergence

KINDS = (
    ("raw", Kind("raw rule", INDIGO, "o", "-"), -1.0),
    ("if_all_flat", Kind("raw rule, if all were flat", GREY, "", "--"), 0.0),
    ("population", Kind("fitted population", OLIVE, "s", "-"), 1.0),
)
"""Key in the report, style, and side to which it is shifted"""
SHIFT = 2.0  # points
LEAST = 0.01
"""A type is shown if it has this share by one of the kinds, at some number of models"""
PANEL_WIDTH, PANEL_HEIGHT, BEFORE, BETWEEN, UNDER = 2.5, 1.9, 0.65, 0.65, 0.75  # inches


def known(report: ConvergenceReport) -> list[tuple[int, TypesConvergence]]:
    return [(row.models, row.types) for row in report.rows if row.types is not None]


def shown_types(report: ConvergenceReport) -> list[str]:
    """The types that have a panel."""
    return [
        name
        for name in TYPES
        if any(value_of(types, key, name).value >= LEAST for _, types in known(report) for key, _, _ in KINDS)
    ]


def draw_types(setting: Setting, report: ConvergenceReport) -> Figure:
    """A panel for each type that is there, on one scale. The report must have types."""
    rows, names = known(report), shown_types(report)
    drawn = [[curve_of(rows, name, *kind) for kind in KINDS] for name in names]
    panels = grid(len(drawn), PANEL_WIDTH, PANEL_HEIGHT, left=BEFORE, between=BETWEEN, under=UNDER, least=2)
    legend = legend_of(lines_of([kind for _, kind, _ in KINDS]), panels.page - 2 * look().margin, 3)
    figure, bottom = page(
        panels.page,
        panels.height + legend.height,
        title(rows),
        "Bars: the lowest and the highest of sets that share no model. If all were flat: what the raw rule would say "
        "of trajectories without any change, at so many models.",
        caption(setting, *notes(setting, report), scores=False),
    )
    numbers = np.array([models for models, _ in rows])
    for position, (name, curves) in enumerate(zip(names, drawn, strict=True)):
        axes = panels.axes(figure, position, bottom, room(0.45))
        draw_panel(axes, "models", numbers, curves, "share of the trajectories")
        set_scale([axes], [curve for each in drawn for curve in each], (0, 1), zero=True)
        draw_title(axes, name, "", 1)
        if panels.lowest(position, len(drawn)):
            axes.set_xlabel("models", size=look().small, color=INK)
    draw_legend(figure, legend, look().margin, bottom + panels.height + legend.height)
    return plain_text(figure)


def value_of(types: TypesConvergence, key: str, name: str) -> OverSets:
    found = getattr(types, key)[name]
    return found if isinstance(found, OverSets) else OverSets(value=found)


def curve_of(rows: Sequence[tuple[int, TypesConvergence]], name: str, key: str, kind: Kind, side: float) -> Curve:
    sets = [value_of(types, key, name) for _, types in rows]
    values = np.array([one.value for one in sets])
    ends = reach(values, np.array([one.lowest for one in sets]), np.array([one.highest for one in sets]))
    return Curve(kind, np.array([models for models, _ in rows]), values, ends, kind.name, side * SHIFT)


def notes(setting: Setting, report: ConvergenceReport) -> list[str]:
    some = [f"Of {report.looked_at:,} examples, chosen at random."] if report.looked_at < report.examples else []
    return [epsilon_note(setting), *some]


def title(rows: Sequence[tuple[int, TypesConvergence]]) -> str:
    """The type whose raw share moves most, and how far the population's does."""
    (few, before), (many, after) = rows[0], rows[-1]
    name = max(TYPES, key=lambda each: abs(after.raw[each].value - before.raw[each].value))
    told = f"{percent(before.raw[name].value)} are {name} by the raw rule with {few} models, "
    told += f"{percent(after.raw[name].value)} with {many}"
    shares = [types.population[name].value for _, types in rows]
    if not np.isnan([shares[0], shares[-1]]).any():
        told += f"; in the fitted population {percent(shares[0])} and {percent(shares[-1])}"
    return told
