"""`memorability.png`: how far what people remember goes with what models memorise, at every size."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from memscope.analysis.statistics.clear import apart
from memscope.plots.common.compared import (
    Curve,
    Kind,
    column,
    draw_panel,
    label_ends,
    label_room,
    reach,
    set_scale,
    signed,
)
from memscope.plots.common.fonts import enclosed, legible
from memscope.plots.common.look import look
from memscope.plots.common.panels import draw_legend, legend_of, row_of
from memscope.plots.common.setting import LONGEST_NAME, Setting, caption
from memscope.plots.common.style import FAINT, GREY, INDIGO, INK, OLIVE, page, plain_text, truncated
from memscope.reports.memorability import MemorabilityReport, SizeBeside
from memscope.reports.ranged import Ranged

MEASURES = (("score", "with the memorisation score"), ("accuracy_out", "with accuracy out"))
SCOPES = (
    ("overall", Kind("all images", INDIGO, "o", "-"), -1),
    ("within", Kind("within classes", OLIVE, "s", "--"), 1),
)
"""Key in the report, style, and side to which it is shifted where error bars would cover each other"""
SHIFT = 2.0  # points
PANEL_WIDTH, PANEL_HEIGHT, BEFORE, UNDER = 3.2, 2.6, 0.75, 0.5  # inches


def with_correlations(report: MemorabilityReport) -> bool:
    """Whether there is anything to draw."""
    return any(not math.isnan(row.score.overall.value) for row in report.sizes)


def draw_correlations(setting: Setting, report: MemorabilityReport) -> Figure:
    """Left with the score, right with accuracy out: over all images and within classes, with 95 % intervals.

    One scale for both. The band is what chance alone would show. At least one correlation with the score is known.
    """
    rows, scopes = report.sizes, SCOPES if report.classes > 1 else SCOPES[:1]
    panels = [[curve_of(rows, measure, *scope) for scope in scopes] for measure, _ in MEASURES]
    row = row_of([label_room(curves) + 0.05 for curves in panels], PANEL_WIDTH, PANEL_HEIGHT, BEFORE, UNDER)
    legend = legend_of(handles(), row.page - 2 * look().margin, 2)
    figure, bottom = page(
        row.page,
        row.height + legend.height,
        title(setting, report),
        subtitle(report),
        caption(setting, *notes(setting, report)),
    )
    every = [curve for curves in panels for curve in curves]
    drawn = []
    for position, ((_, name), curves) in enumerate(zip(MEASURES, panels, strict=True)):
        axes = row.axes(figure, position, bottom)
        axes.axhline(0, color=GREY, linewidth=0.8, zorder=1, label="zero")
        axes.axhspan(-by_chance(report), by_chance(report), color=FAINT, linewidth=0, zorder=0, label="chance")
        draw_panel(axes, setting.axis, setting.sizes, curves, f"rank correlation {name}")
        axes.set_xlabel(setting.axis, size=look().small, color=INK)
        drawn.append((axes, curves))
    set_scale([axes for axes, _ in drawn], [*every, chance_curve(setting, report)], (-1, 1), zero=True)
    for axes, curves in drawn:
        label_ends(axes, setting.axis, curves)
    at = row.lefts[0] if look().width is None else look().margin
    draw_legend(figure, legend, at, bottom + row.height + legend.height)
    return plain_text(figure)


def curve_of(rows: Sequence[SizeBeside], measure: str, scope: str, kind: Kind, side: int) -> Curve:
    found = [getattr(getattr(row, measure), scope) for row in rows]
    values = column(found, "value")
    errors = reach(values, column(found, "low"), column(found, "high"))
    return Curve(kind, np.array([row.size for row in rows]), values, errors, kind.name, side * SHIFT)


def chance_curve(setting: Setting, report: MemorabilityReport) -> Curve:
    """So that the scale has room for the band."""
    nothing = np.zeros(len(setting.sizes))
    return Curve(SCOPES[0][1], setting.sizes, nothing, nothing + by_chance(report), "")


def by_chance(report: MemorabilityReport) -> float:
    """What 95 % of correlations stay within, at one size, of numbers that have nothing to do with each other."""
    return min(1.0, 1.96 / math.sqrt(max(1, min(row.examples for row in report.sizes) - 1)))


def handles() -> list[Artist]:
    looks: dict[str, Any] = {"color": FAINT, "linewidth": 0}
    return [Patch(label="where 95\u00a0% would be if nothing were related", **looks)]


def name_of(report: MemorabilityReport) -> str:
    """Where memorability comes from; a table may be called anything."""
    return enclosed(truncated(legible(report.source), look().small, LONGEST_NAME))


def title(setting: Setting, report: MemorabilityReport) -> str:
    """Whether there is a relation, where it is strongest, and whether beyond classes."""
    overall, within = (clear_sizes(report, scope) for scope in ("overall", "within"))
    if not overall and not within:
        more = f" at any {setting.axis}" if len(report.sizes) > 1 else ""
        return f"What people remember does not clearly go with what these models memorise{more}"
    there = overall or within
    row, found = max(there, key=lambda each: abs(each[1].value))
    way = "more" if found.value > 0 else "less"
    only = "" if overall else ", within classes alone"
    told = f"Images that people remember better are memorised {way} at {setting.axis} {row.size}{only}"
    told += f": rank correlation {signed(found.value)} (95\u00a0% interval {signed(found.low)} to {signed(found.high)})"
    if overall and report.classes > 1 and not any(row is other for other, _ in within):
        told += "; within classes that is not clear"
    return told


def clear_sizes(report: MemorabilityReport, scope: str) -> list[tuple[SizeBeside, Ranged]]:
    """The sizes at which the correlation with the score is clear among all sizes."""
    rows = [(row, getattr(row.score, scope)) for row in report.sizes]
    return [(row, one) for row, one in rows if apart(one.value, one.error, one.degrees, len(rows))]


def subtitle(report: MemorabilityReport) -> str:
    known = f"{report.known:,} images" if report.known < report.examples else f"all {report.examples:,} images"
    return (
        f"Memorability of {known} by {name_of(report)}, in ranks, against the score of each image and the accuracy on "
        "it of models that were trained without it."
    )


def notes(setting: Setting, report: MemorabilityReport) -> list[str]:
    """Intervals, ceilings, licence and caveats."""
    known = any(not math.isnan(row.score.overall.low) for row in report.sizes)
    over = "images and models together" if report.blocks > 3 else "images alone: there are too few blocks of models"
    lines = [f"Error bars: 95\u00a0% intervals over {over}." if known else "No intervals: there are too few images."]
    most = [row.score.ceiling for row in report.sizes if not math.isnan(row.score.ceiling)]
    if most:
        low, high = f"{min(most):.2f}", f"{max(most):.2f}"
        lines.append(
            f"Noise in the score leaves at most {low if low == high else f'{low} to {high}'}, over all images."
        )
    return [*lines, *licence_of(report), *map(legible, report.caveats)]


def licence_of(report: MemorabilityReport) -> list[str]:
    """What the caption of every figure says of the licence of the numbers, if there is anything to say."""
    return [legible(report.licence)] if report.licence else []
