"""`trajectories.png`: the score of the examples of each called type, over size."""

from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from memscope.analysis.trajectories import TYPES, UNDEFINED, UNDETERMINED, type_shares
from memscope.plots.common.look import look, room
from memscope.plots.common.panels import draw_legend, draw_title, grid, legend_of, title_lines, title_room
from memscope.plots.common.setting import Setting, caption, epsilon_note, most_called
from memscope.plots.common.style import (
    GREY,
    INK,
    TYPE_STYLES,
    page,
    percent,
    plain_text,
    size_axis,
    size_positions,
)

BAND = (10, 90)
"""Percentiles: the band holds the middle 80 % of the examples of a type."""

PANEL_WIDTH, PANEL_HEIGHT, BEFORE, BETWEEN, UNDER = 2.45, 1.75, 0.5, 0.25, 0.8  # inches


def draw_trajectories(setting: Setting, scores: np.ndarray, called: np.ndarray) -> Figure:
    """One panel for each type that was called: mean score over size, and the band of the middle 80 %.

    `scores` [sizes, examples], `called` str [examples].
    """
    defined = called != UNDEFINED
    shown = [name for name in (*TYPES, UNDETERMINED) if (called == name).any()]
    absent = [name for name in TYPES if name not in shown]
    everything = scores[:, defined].mean(axis=1) if defined.any() else np.full(len(scores), np.nan)
    counts = {name: int((called == name).sum()) for name in shown}
    titles = [(name, f"{count:,} ({percent(count / defined.sum())})") for name, count in counts.items()]
    panels = grid(max(1, len(shown)), PANEL_WIDTH, PANEL_HEIGHT, left=BEFORE, between=BETWEEN, under=UNDER, least=3)
    lines = title_lines(titles, panels.wide)
    panels = replace(panels, under=panels.under + title_room(lines))
    legend = legend_of(handles(), panels.page - 2 * look().margin)
    body = legend.height + panels.height
    notes = [f"No example is called {' or '.join(absent)}."] if absent else []
    if not defined.all():
        notes.append(f"{(~defined).sum():,} examples are left out: a {setting.axis} has no model with or without them.")
    figure, bottom = page(
        panels.page,
        body,
        f"Memorisation over {setting.axis}: {most_called(dict(zip(TYPES, type_shares(called), strict=True)))}",
        f"A panel holds the examples called that type, with at least {percent(setting.confidence)} of the posterior; "
        "undetermined are those where no type has so much.",
        caption(setting, *notes, epsilon_note(setting)),
    )
    places = size_positions(setting.axis, setting.sizes)
    lowest, highest, thick = 0.0, 1.0, look().lines
    drawn = []
    for position, (name, note) in enumerate(titles):
        axes = panels.axes(figure, position, bottom, room(0.5))
        members = scores[:, called == name]
        low, high = np.percentile(members, BAND, axis=1)
        lowest, highest = min(lowest, low.min()), max(highest, high.max())
        colour, marker, line = TYPE_STYLES[name]
        axes.axhline(0, color=GREY, linewidth=0.8, zorder=1)
        axes.fill_between(places, low, high, color=colour, alpha=0.25, linewidth=0)
        axes.plot(places, everything, color=GREY, linewidth=1, linestyle=":", label="all")
        looks: dict[str, Any] = {"color": colour, "linewidth": 2 * thick, "marker": marker, "markersize": 6 * thick}
        axes.plot(places, members.mean(axis=1), linestyle=line, label=name, **looks)
        draw_title(axes, name, note, lines)
        size_axis(axes, setting.axis, setting.sizes)
        if panels.lowest(position, len(shown)):
            axes.set_xlabel(setting.axis, size=look().small, color=INK)
        axes.tick_params(labelleft=position % panels.columns == 0)
        if position % panels.columns == 0:
            axes.set_ylabel("raw memorisation score", size=look().small, color=INK)
        drawn.append(axes)
    for axes in drawn:
        ticks = [tick for tick in (-1, -0.5, 0, 0.5, 1) if lowest - 0.05 <= tick <= highest + 0.05]
        axes.set_yticks(ticks, [f"{tick:g}".replace("-", "−") for tick in ticks])
        axes.set_ylim(lowest - 0.05, highest + 0.05)
    draw_legend(figure, legend, look().margin, bottom + body + room(0.05))
    return plain_text(figure)


def handles() -> list[Artist]:
    """What the legend tells of."""
    thick = look().lines
    return [
        Line2D([], [], color=INK, linewidth=2 * thick, marker="o", ms=6 * thick, label="mean of the type"),
        Patch(color=INK, alpha=0.25, linewidth=0, label="middle 80 % of its examples"),
        Line2D([], [], color=GREY, linewidth=1, linestyle=":", label="mean of all examples"),
    ]
