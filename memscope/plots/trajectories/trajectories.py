"""`trajectories.png`: the mean score over size of the examples of each type, on models that did not name the type."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from memscope.analysis.trajectories import TYPES
from memscope.plots.common.look import look, room
from memscope.plots.common.panels import draw_legend, draw_title, grid, legend_of, title_lines, title_room
from memscope.plots.common.setting import Setting, caption, epsilon_note
from memscope.plots.common.style import GREY, INK, TYPE_STYLES, page, percent, plain_text, size_axis, size_positions
from memscope.plots.trajectories.beyond_flat import headline
from memscope.reports.trajectories import PopulationTypes, RawTypeChange, TypeShares

PANEL_WIDTH, PANEL_HEIGHT, BEFORE, BETWEEN, UNDER = 2.45, 1.75, 0.5, 0.25, 0.8  # inches
FEWEST_SIZES = {"cap-shaped": 3, "u-shaped": 3, "irregular": 4}
"""Sizes that a trajectory of the type takes at least, where it is more than two"""
ALL = "all examples"


def possible_types(sizes: int) -> list[str]:
    """The types that a trajectory over so many sizes can have."""
    return [name for name in TYPES if sizes >= FEWEST_SIZES.get(name, 2)]


def draw_trajectories(
    setting: Setting,
    everything: np.ndarray,
    shares: TypeShares,
    by_type: Sequence[RawTypeChange],
    population: PopulationTypes | None = None,
) -> Figure:
    """A panel for each possible type: mean score on other models, its 95 % interval, and on those that named the type.

    `everything` [sizes] are the mean scores of all examples; the title tells of the fitted `population`, if given.
    """
    rows = {row.type: row for row in by_type}
    shown = possible_types(len(setting.sizes))
    titles = [(name, f"{percent(shares.raw[name])}, if flat {percent(shares.if_all_flat[name])}") for name in shown]
    if len(shown) == 5:
        titles.append((ALL, ""))  # which would leave a hole in a grid of three columns
    panels = grid(len(titles), PANEL_WIDTH, PANEL_HEIGHT, left=BEFORE, between=BETWEEN, under=UNDER, least=3)
    lines = title_lines(titles, panels.wide)
    panels = replace(panels, under=panels.under + title_room(lines))
    known = any(row.score_elsewhere is not None for row in by_type)
    intervals = any(row.low_elsewhere is not None for row in by_type)
    legend = legend_of(handles(known, intervals), panels.page - 2 * look().margin, 2)
    body = legend.height + panels.height
    figure, bottom = page(
        panels.page,
        body,
        f"Memorisation over {setting.axis}: {headline(shares, setting.blocks, population)}",
        "Beside each type: its share of the examples by the raw rule, and what the rule would say of as many flat "
        f"trajectories.{' What was only noise when the type was named is gone on other models.' if known else ''}",
        caption(setting, *notes(shares, known, intervals, setting.axis), epsilon_note(setting)),
    )
    places, thick = size_positions(setting.axis, setting.sizes), look().lines
    ends, drawn = [0.0, 1.0], []
    for position, (name, note) in enumerate(titles):
        axes = panels.axes(figure, position, bottom, room(0.5))
        axes.axhline(0, color=GREY, linewidth=0.8, zorder=1)
        axes.plot(places, everything, color=GREY, linewidth=(2 if name == ALL else 1) * thick, linestyle=":", label=ALL)
        row = rows.get(name)
        colour, marker, line = TYPE_STYLES.get(name, (GREY, "o", "-"))
        if row is not None and row.mean_score is not None:
            axes.plot(places, row.mean_score, color=colour, linewidth=thick, linestyle=(0, (4, 2)), label="named it")
            ends += row.mean_score
        if row is not None and row.score_elsewhere is not None:
            if row.low_elsewhere is not None and row.high_elsewhere is not None:
                low, high = (np.clip(end, -1, 1) for end in (row.low_elsewhere, row.high_elsewhere))
                axes.fill_between(places, low, high, color=colour, alpha=0.25, linewidth=0)
                ends += [*low, *high]
            axes.plot(
                places,
                row.score_elsewhere,
                color=colour,
                linewidth=2 * thick,
                marker=marker,
                markersize=6 * thick,
                linestyle=line,
                label=name,
            )
            ends += row.score_elsewhere
        draw_title(axes, name, note, lines)
        size_axis(axes, setting.axis, setting.sizes)
        if panels.lowest(position, len(titles)):
            axes.set_xlabel(setting.axis, size=look().small, color=INK)
        axes.tick_params(labelleft=position % panels.columns == 0)
        if position % panels.columns == 0:
            axes.set_ylabel("mean raw score", size=look().small, color=INK)
        drawn.append(axes)
    lowest, highest = min(ends), max(ends)
    for axes in drawn:
        ticks = [tick for tick in (-1, -0.5, 0, 0.5, 1) if lowest - 0.05 <= tick <= highest + 0.05]
        axes.set_yticks(ticks, [f"{tick:g}".replace("-", "−") for tick in ticks])
        axes.set_ylim(lowest - 0.05, highest + 0.05)
    draw_legend(figure, legend, look().margin, bottom + body + room(0.05))
    return plain_text(figure)


def handles(known: bool, intervals: bool) -> list[Artist]:
    """What the legend tells of."""
    thick = look().lines
    elsewhere = Line2D([], [], color=INK, linewidth=2 * thick, marker="o", ms=6 * thick, label="mean, on other models")
    interval = Patch(color=INK, alpha=0.25, linewidth=0, label="its 95 % interval")
    return [
        *([elsewhere] if known else []),
        *([interval] if intervals else []),
        Line2D([], [], color=INK, linewidth=thick, linestyle=(0, (4, 2)), label="on the models that named the type"),
        Line2D([], [], color=GREY, linewidth=thick, linestyle=":", label="mean of all examples"),
    ]


def notes(shares: TypeShares, known: bool, intervals: bool, axis: str) -> list[str]:
    """How the lines were made, and what is missing."""
    lines = []
    if known:
        lines.append(
            "Other models: types come from one half of the blocks of models, means from the other, halves swapped."
        )
    else:
        lines.append(
            "Means on other models are not known (they take two blocks); these have the shapes of names, noise or not."
        )
    if known and not intervals:
        lines.append("No intervals: they need four blocks of models.")
    if shares.undefined:
        lines.append(f"{shares.undefined:,} examples are left out: a {axis} has no model with or without them.")
    return lines
