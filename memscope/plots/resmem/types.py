"""`resmem-types.png`: the size of the residuals, and the gain by a memory of them, by type of trajectory."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from memscope.analysis.statistics.clear import clear
from memscope.plots.common.compared import Curve, Kind, column, draw_panel, points, raw_rule_note, set_scale, span
from memscope.plots.common.look import look, room
from memscope.plots.common.panels import draw_legend, grid, legend_of
from memscope.plots.common.setting import Setting, caption
from memscope.plots.common.style import (
    GREY,
    INK,
    TYPE_STYLES,
    page,
    plain_text,
)
from memscope.reports.evidence import Estimate
from memscope.reports.resmem import TypeMemory

ENOUGH = 0.05
"""A type is named in the title if it has this share of the examples: means over fewer are noisy."""

MEASURES = (
    ("residual", "residual_error", "mean norm of the residual", (0, np.inf)),
    ("gain_out", "gain_out_error", "gain in accuracy out, ResMem − base", (-1, 1)),
)
PANEL_WIDTH, PANEL_HEIGHT, BEFORE, BETWEEN, UNDER = 3.7, 3.0, 0.65, 0.9, 0.6  # inches
IN_A_ROW = 3  # types in the legend
APART = 2.5  # points between the error bars of types at one size


def known_types(by_type: Sequence[TypeMemory] | None) -> list[TypeMemory]:
    """The types with known residuals; if there is none, there is no figure to draw."""
    return [row for row in by_type or () if row.examples > 0 and not all(np.isnan(each.residual) for each in row.sizes)]


def draw_residual_memory_types(setting: Setting, by_type: Sequence[TypeMemory]) -> Figure:
    """Each type over size: left the mean norm of the residuals, right the gain in accuracy out, with errors if known.

    `by_type` must have at least one of the `known_types`.
    """
    shown = known_types(by_type)
    absent = [row.type for row in by_type if not any(row is each for each in shown)]
    across = grid(2, PANEL_WIDTH, PANEL_HEIGHT, left=BEFORE, between=BETWEEN, under=UNDER, columns=look().side_by_side)
    panels = [
        [curve_of(row, key, error, at, len(shown)) for at, row in enumerate(shown)] for key, error, _, _ in MEASURES
    ]
    at = across.left if look().width is None else look().margin
    legend = legend_of(handles(shown, panels[0]), across.page - at - look().margin, IN_A_ROW)
    figure, bottom = page(
        across.page,
        across.height + legend.height + room(0.05),
        title(setting, shown),
        "The residual of an example is its label less the probabilities (at temperature 1) of a base model that was "
        "trained with it. Accuracy out: of models and memories without the example.",
        caption(setting, *notes(panels, absent), raw_rule_note(setting)),
    )
    for position, (curves, (_, _, name, within)) in enumerate(zip(panels, MEASURES, strict=True)):
        axes = across.axes(figure, position, bottom, room(UNDER - 0.1))
        axes.axhline(0, color=GREY, linewidth=0.8, zorder=1, label="zero")
        draw_panel(axes, setting.axis, setting.sizes, curves, name)
        axes.set_xlabel(setting.axis, size=look().small, color=INK)
        set_scale([axes], curves, within, zero=True)
    draw_legend(figure, legend, at, bottom + across.height + legend.height)
    return plain_text(figure)


def handles(shown: Sequence[TypeMemory], curves: Sequence[Curve]) -> list[Artist]:
    """What the legend tells of."""
    thick = look().lines
    return [
        Line2D(
            [],
            [],
            color=curve.kind.colour,
            marker=curve.kind.marker,
            markersize=6 * thick,
            linewidth=1.8 * thick,
            label=f"{row.type} ({row.examples:,.0f})",
        )
        for row, curve in zip(shown, curves, strict=True)
    ]


def curve_of(row: TypeMemory, key: str, error: str, at: int, of: int) -> Curve:
    """The curve of one measure for one of several types."""
    colour, marker, line = TYPE_STYLES[row.type]
    sizes = np.array([each.size for each in row.sizes])
    values, errors = column(row.sizes, key), column(row.sizes, error)
    return Curve(Kind(row.type, colour, marker, line), sizes, values, errors, row.type, APART * (at - (of - 1) / 2))


def title(setting: Setting, shown: Sequence[TypeMemory]) -> str:
    """The type and size where the memory gains most beyond all examples, if that is more than noise."""
    over = span(setting.axis, setting.sizes)
    named = [row for row in shown if row.examples >= ENOUGH * setting.examples] or shown
    gains = [
        (each.gain_out - overall, each.gain_out_error, each, row, overall)
        for position, overall in enumerate(gains_of_all(shown))
        for row in named
        for each in [row.sizes[position]]
        if not math.isnan(each.gain_out - overall)
    ]
    if not gains:
        return f"Residuals by type of trajectory over {over}"
    if all(math.isnan(found[1]) for found in gains):
        return f"Residuals by type of trajectory over {over}; too few models for errors"
    sure = [
        found
        for found in gains
        if found[0] > 0 and clear(Estimate(value=found[0], error=found[1], blocks=setting.blocks), len(gains))
    ]
    if not sure:
        return f"No type of example clearly gains more from a residual memory than the others, over {over}"
    _, _, each, row, overall = max(sure, key=lambda found: found[0])
    return (
        f"A residual memory gains most on {row.type} examples: {points(each.gain_out)} of accuracy out at "
        f"{setting.axis} {each.size}, where all examples gain {points(overall)}"
    )


def gains_of_all(shown: Sequence[TypeMemory]) -> list[float]:
    """The gain in accuracy out of the examples of all types at each size."""
    found = []
    for position in range(len(shown[0].sizes)):
        gains = np.array([row.sizes[position].gain_out for row in shown])
        weights = np.array([0.0 if math.isnan(gain) else row.examples for gain, row in zip(gains, shown, strict=True)])
        found.append(float(np.nan_to_num(gains) @ weights / weights.sum()) if weights.any() else math.nan)
    return found


def notes(panels: Sequence[Sequence[Curve]], absent: Sequence[str]) -> list[str]:
    errors = np.concatenate([curve.errors for curves in panels for curve in curves] or [np.empty(0)])
    lines = [
        "Types come from one half of the blocks of models, the rest from the other, halves swapped.",
        "No error bars: they need more blocks of models."
        if np.isnan(errors).all()
        else "Error bars, where known: one jackknife standard error over blocks of models.",
    ]
    if absent:
        lines.append(f"Nothing is known of {' or '.join(absent)} examples.")
    return lines
