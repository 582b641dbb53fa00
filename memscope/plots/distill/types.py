"""`distillation-types.png`: whose memorisation distillation changes, by type of the one-hot trajectory."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from memscope.analysis.statistics.clear import clear
from memscope.analysis.statistics.intervals import t_quantile
from memscope.plots.common.compared import Curve, Kind, column, draw_panel, raw_rule_note, reach, set_scale, signed
from memscope.plots.common.look import look, room
from memscope.plots.common.panels import draw_legend, draw_title, grid, legend_of, title_lines, title_room
from memscope.plots.common.setting import Setting, caption
from memscope.plots.common.style import (
    FAINT,
    GREY,
    INK,
    TYPE_STYLES,
    page,
    percent,
    plain_text,
    size_positions,
)
from memscope.plots.distill.students import heading
from memscope.reports.distill import ChangeOfType, DistillationSetting, TypeChange
from memscope.reports.evidence import Estimate

ENOUGH = 0.05
"""A type is named in the title if it has this share of the examples: means over fewer are noisy."""

FARTHEST = 1.0
"""Panels end at this change of a score: intervals over few blocks of models can reach beyond all possible scores."""

CROSSED = (
    "Types of the one-hot trajectories come from one half of the blocks of models, changes from the other, and the "
    "halves are swapped: types of the same models would feign changes (regression to the mean)."
)
OVERALL_MARKER = "."  # a line of one size has no length
PANEL_WIDTH, PANEL_HEIGHT, BEFORE, BETWEEN, UNDER = 2.45, 1.75, 0.66, 0.25, 0.8  # inches
ONE_WIDTH, ONE_HEIGHT, NAMES = 5.5, 2.6, 1.35  # of the only panel where students have one size, names before it


def has_changes(one: DistillationSetting) -> bool:
    """Whether any change by type is known, so that there is a figure to draw."""
    return any(known_changes(row) for row in one.by_type or ())


def known_changes(row: ChangeOfType) -> list[TypeChange]:
    return [change for change in row.changes if not math.isnan(change.change)]


def draw_distillation_types(setting: Setting, one: DistillationSetting) -> Figure:
    """One panel for each type: mean change of the score at each size of students, with its 95 % interval if known.

    `one` is a setting that `has_changes`.
    """
    shown = [row for row in one.by_type or () if known_changes(row)]
    if len(one.students) == 1:
        return draw_one_size(setting, one, shown)
    absent = [row.type for row in one.by_type or () if not known_changes(row)]
    titles = [(row.type, f"{row.examples:,.0f} ({percent(row.examples / setting.examples)})") for row in shown]
    panels = grid(len(shown), PANEL_WIDTH, PANEL_HEIGHT, left=BEFORE, between=BETWEEN, under=UNDER, least=3)
    lines = title_lines(titles, panels.wide)
    panels = replace(panels, under=panels.under + title_room(lines))
    legend = legend_of(handles(), panels.page - 2 * look().margin, 2)
    body = legend.height + panels.height
    curves = [curve_of(row) for row in shown]
    figure, bottom = page(
        panels.page,
        body,
        title(setting, one, shown),
        f"{heading(setting, one)}. {CROSSED}",
        caption(setting, *notes(curves, absent), raw_rule_note(setting)),
    )
    everything = column(one.students, "mean_change")
    sizes = np.array([row.size for row in one.students])
    drawn = []
    for position, ((name, note), curve) in enumerate(zip(titles, curves, strict=True)):
        axes = panels.axes(figure, position, bottom, room(0.5))
        first = position % panels.columns == 0
        axes.axhline(0, color=GREY, linewidth=0.8, zorder=1, label="zero")
        at = size_positions(setting.axis, sizes)
        axes.plot(at, everything, color=GREY, linewidth=1.2, linestyle=":", marker=OVERALL_MARKER, label="all")
        draw_panel(axes, setting.axis, setting.sizes, [curve], "change of the score" if first else "")
        draw_title(axes, name, note, lines)
        axes.tick_params(labelleft=first)
        if panels.lowest(position, len(shown)):
            axes.set_xlabel(setting.axis, size=look().small, color=INK)
        drawn.append(axes)
    overall = Curve(curves[0].kind, sizes, everything, np.full(len(sizes), np.nan), "all")
    set_scale(drawn, [*curves, overall], (-FARTHEST, FARTHEST), zero=True)
    draw_legend(figure, legend, look().margin, bottom + body + room(0.05))
    return plain_text(figure)


def draw_one_size(setting: Setting, one: DistillationSetting, shown: Sequence[ChangeOfType]) -> Figure:
    """Students of one size: the types under each other in one panel, since over size there is only a point of each."""
    curves = [curve_of(row) for row in shown]
    absent = [row.type for row in one.by_type or () if row not in shown]
    panels = grid(1, ONE_WIDTH, ONE_HEIGHT, left=NAMES, between=BETWEEN, under=UNDER, right=0.15)
    of_all = one.students[0].mean_change
    figure, bottom = page(
        panels.page,
        panels.height + room(0.25),
        title(setting, one, shown),
        f"{heading(setting, one)}. {CROSSED}",
        caption(setting, *notes(curves, absent), raw_rule_note(setting)),
    )
    axes, thick = panels.axes(figure, 0, bottom, room(UNDER - 0.1)), look().lines
    axes.grid(False)
    axes.grid(axis="x", color=FAINT, linewidth=0.8)
    axes.axvline(0, color=GREY, linewidth=0.8, zorder=1, label="zero")
    axes.axvline(of_all, color=GREY, linewidth=1.2, linestyle=":", label="all")
    above: dict[str, Any] = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
    axes.annotate("all examples", (of_all, 1), xytext=(0, 3), ha="center", size=look().small, color=GREY, **above)
    for place, curve in enumerate(curves):
        axes.errorbar(
            curve.values,
            [place],
            xerr=None if np.isnan(curve.errors).all() else curve.errors,
            color=curve.kind.colour,
            marker=curve.kind.marker,
            markersize=6 * thick,
            elinewidth=1.2 * thick,
            capsize=2.5,
            label=curve.kind.name,
        )
    names = [f"{row.type} ({row.examples:,.0f})" for row in shown]
    axes.set_yticks(range(len(shown)), names, size=look().small)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(f"change of the score, {setting.axis} {one.students[0].size}", size=look().small, color=INK)
    overall = Curve(curves[0].kind, curves[0].sizes[:1], np.array([of_all]), np.array([np.nan]), "all")
    set_scale([axes], [*curves, overall], (-FARTHEST, FARTHEST), zero=True, across=True)
    return plain_text(figure)


def handles() -> list[Artist]:
    """What the legend tells of."""
    thick = look().lines
    looks: dict[str, Any] = {"linewidth": 1.8 * thick, "marker": "o", "markersize": 6 * thick}
    return [
        Line2D([], [], color=INK, label="mean change of the type, distilled − one-hot", **looks),
        Line2D([], [], color=GREY, linewidth=1.2, linestyle=":", marker=OVERALL_MARKER, label="of all examples"),
    ]


def curve_of(row: ChangeOfType) -> Curve:
    """Changes of one type over size, with their intervals."""
    changes = row.changes
    change = column(changes, "change")
    errors = reach(change, column(changes, "low"), column(changes, "high"))
    colour, marker, line = TYPE_STYLES[row.type]
    sizes = np.array([change.size for change in changes])
    return Curve(Kind(row.type, colour, marker, line), sizes, change, errors, row.type)


def title(setting: Setting, one: DistillationSetting, shown: Sequence[ChangeOfType]) -> str:
    """The type and size of the largest change, beside that of all examples, if it is clearly another."""
    named = [row for row in shown if row.examples >= ENOUGH * setting.examples] or shown
    of_all = {student.size: student.mean_change for student in one.students}
    looked_at = [(row, change) for row in named for change in known_changes(row)]
    sure = [
        (row, change)
        for row, change in looked_at
        if clear(beyond_all(change, of_all[change.size], setting.blocks), len(looked_at))
    ]
    if not sure:
        last = one.students[-1]
        known = any(not math.isnan(change.low) for _, change in looked_at)
        more = "those of no type clearly by more or less" if known else "too few models for errors of types"
        return f"Distillation changes the scores by {signed(last.mean_change)} at {setting.axis} {last.size}; {more}"
    row, change = max(sure, key=lambda pair: abs(pair[1].change))
    return (
        f"By distillation the scores of {row.type} examples change by {signed(change.change)} at "
        f"{setting.axis} {change.size}; those of all examples by {signed(of_all[change.size])}"
    )


def beyond_all(change: TypeChange, of_all: float, blocks: int) -> Estimate:
    """The change of a type less that of all examples; results of before have intervals and no errors."""
    error = change.error
    if math.isnan(error) and blocks > 1:
        error = (change.high - change.low) / 2 / t_quantile(0.975, blocks - 1)
    return Estimate(value=change.change - of_all, error=error, blocks=blocks)


def notes(curves: Sequence[Curve], absent: Sequence[str]) -> list[str]:
    """Notes on the intervals, and on what is not shown."""
    ends = np.concatenate([np.abs(curve.values) + curve.errors for curve in curves], axis=1)
    if np.isnan(ends).all():
        lines = ["No intervals: they need two blocks of models in each half."]
    else:
        lines = ["Error bars, where known: 95 % intervals, by the jackknife over blocks of models."]
        if np.nanmax(ends) > FARTHEST:
            lines.append("Those that leave a panel are cut.")
    if absent:
        lines.append(f"No change is known of {' or '.join(absent)} examples.")
    lines.append("Numbers of examples are means over the two halves.")
    return lines
