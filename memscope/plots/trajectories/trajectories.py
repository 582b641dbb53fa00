"""`trajectories.png`: the score of the examples of each called type, over size."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from memscope.analysis.trajectories import TYPES, UNDEFINED, UNDETERMINED, type_shares
from memscope.plots.common.setting import Setting, caption, epsilon_note, most_called
from memscope.plots.common.style import (
    GREY,
    INK,
    MARGIN,
    SMALL,
    TEXT,
    TYPE_STYLES,
    grid_of,
    page,
    percent,
    place,
    plain_text,
    size_axis,
    size_positions,
)

BAND = (10, 90)
"""Percentiles: the band holds the middle 80 % of the examples of a type."""

PANEL_WIDTH, PANEL_HEIGHT, BETWEEN, UNDER = 2.45, 1.75, 0.25, 0.8  # inches


def draw_trajectories(setting: Setting, scores: np.ndarray, called: np.ndarray) -> Figure:
    """One panel for each type that was called: mean score over size, and the band of the middle 80 %.

    `scores` [sizes, examples], `called` str [examples].
    """
    defined = called != UNDEFINED
    shown = [name for name in (*TYPES, UNDETERMINED) if (called == name).any()]
    absent = [name for name in TYPES if name not in shown]
    everything = scores[:, defined].mean(axis=1) if defined.any() else np.full(len(scores), np.nan)
    rows, columns = grid_of(max(1, len(shown)))
    left, legend = MARGIN + 0.5, 0.3
    columns_wide = max(columns, 3)  # narrower, the title would be a column of words
    width = left + columns_wide * PANEL_WIDTH + (columns_wide - 1) * BETWEEN + MARGIN
    body = legend + rows * (PANEL_HEIGHT + UNDER)
    notes = [f"No example is called {' or '.join(absent)}."] if absent else []
    if not defined.all():
        notes.append(f"{(~defined).sum():,} examples are left out: a {setting.axis} has no model with or without them.")
    figure, bottom = page(
        width,
        body,
        f"Memorisation over {setting.axis}: {most_called(dict(zip(TYPES, type_shares(called), strict=True)))}",
        f"A panel holds the examples called that type, with at least {percent(setting.confidence)} of the posterior; "
        "undetermined are those where no type has so much.",
        caption(setting, *notes, epsilon_note(setting)),
    )
    places = size_positions(setting.axis, setting.sizes)
    lowest, highest = 0.0, 1.0
    panels = []
    for position, name in enumerate(shown):
        row, column = divmod(position, columns)
        axes = place(
            figure,
            left + column * (PANEL_WIDTH + BETWEEN),
            bottom + (rows - 1 - row) * (PANEL_HEIGHT + UNDER) + 0.5,
            PANEL_WIDTH,
            PANEL_HEIGHT,
        )
        members = scores[:, called == name]
        low, high = np.percentile(members, BAND, axis=1)
        lowest, highest = min(lowest, low.min()), max(highest, high.max())
        colour, marker, line = TYPE_STYLES[name]
        axes.axhline(0, color=GREY, linewidth=0.8, zorder=1)
        axes.fill_between(places, low, high, color=colour, alpha=0.25, linewidth=0)
        axes.plot(places, everything, color=GREY, linewidth=1, linestyle=":", label="all")
        axes.plot(
            places, members.mean(axis=1), color=colour, linewidth=2, linestyle=line, marker=marker, ms=6, label=name
        )
        count = members.shape[1]
        axes.set_title(name, loc="left", size=TEXT, weight="bold", color=INK, pad=6)
        axes.set_title(f"{count:,} ({percent(count / defined.sum())})", loc="right", size=SMALL, color=GREY, pad=6)
        size_axis(axes, setting.axis, setting.sizes)
        if position + columns >= len(shown):
            axes.set_xlabel(setting.axis, size=SMALL, color=INK)
        axes.tick_params(labelleft=column == 0)
        if column == 0:
            axes.set_ylabel("raw memorisation score", size=SMALL, color=INK)
        panels.append(axes)
    for axes in panels:
        ticks = [tick for tick in (-1, -0.5, 0, 0.5, 1) if lowest - 0.05 <= tick <= highest + 0.05]
        axes.set_yticks(ticks, [f"{tick:g}".replace("-", "−") for tick in ticks])
        axes.set_ylim(lowest - 0.05, highest + 0.05)
    figure.legend(
        handles=[
            Line2D([], [], color=INK, linewidth=2, marker="o", label="mean of the type"),
            Patch(color=INK, alpha=0.25, linewidth=0, label="middle 80 % of its examples"),
            Line2D([], [], color=GREY, linewidth=1, linestyle=":", label="mean of all examples"),
        ],
        loc="upper left",
        bbox_to_anchor=(MARGIN / width, (bottom + body + 0.05) / figure.get_figheight()),
        borderaxespad=0,
        borderpad=0.2,
        ncols=3,
        frameon=False,
        fontsize=SMALL,
    )
    return plain_text(figure)
