"""`distillation-scores.png`: distilled against one-hot score of every example, at each size."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from memscope.plots.common.setting import Setting, caption
from memscope.plots.common.style import (
    BLUE,
    FAINT,
    INK,
    MARGIN,
    SKY,
    SMALL,
    TEXT,
    grid_of,
    page,
    percent,
    place,
    plain_text,
    text_width,
)
from memscope.plots.distill.students import heading, most_changed
from memscope.reports.distill import DistillationSetting, SizeOfStudents

COUNTS = LinearSegmentedColormap.from_list("counts", ["#C9E4F6", SKY, BLUE, "#00243A"])
"""From few to many examples: one hue that darkens, so that the order is seen without colour too."""

SIDE, BETWEEN, UNDER, HEADING, LEGEND = 2.25, 0.3, 0.35, 0.62, 0.45  # inches
BAR, BAR_HEIGHT = 2.0, 0.12  # inches, of the legend of colours


def draw_distillation_scores(
    setting: Setting, one: DistillationSetting, histogram: np.ndarray, edges: np.ndarray
) -> Figure:
    """A panel for each size of students: numbers of examples by one-hot score (across) and distilled score (up).

    `histogram` int [students, bins, bins] has the one-hot score first; `edges` [bins + 1] are of both scores. Colours
    are logarithmic, since most examples share a few bins.
    """
    students = one.students
    rows, columns = (1, len(students)) if len(students) <= 4 else grid_of(len(students))
    left = MARGIN + 0.65
    columns_wide = max(columns, 3)  # narrower, the title would be a column of words
    width = left + columns_wide * SIDE + (columns_wide - 1) * BETWEEN + MARGIN
    row_height = HEADING + SIDE + UNDER
    body = LEGEND + rows * row_height + 0.2
    undefined = sum(row.undefined for row in students)
    notes = [
        "Noise alone: what would be seen if distillation changed no accuracy, at these numbers of models; an upper "
        "bound, for both kinds of models share their subsets."
    ]
    if undefined:
        notes.append(f"{undefined:,} times a score is not defined at a {setting.axis}; those are left out.")
    figure, bottom = page(
        width,
        body,
        title(setting, students),
        f"{heading(setting, one)}. A square is a bin of scores, darker for more examples. Below the "
        f"diagonal distillation inhibits memorisation, above it raises it, between the dashed lines by no more "
        f"than {setting.epsilon:g}.",
        caption(setting, *notes),
    )
    most = int(histogram.max(initial=0))
    colours = LogNorm(1, max(10, most))
    lowest = floor_of(histogram, edges)
    for position, (row_of, counts) in enumerate(zip(students, histogram, strict=True)):
        row, place_in_row = divmod(position, columns)
        axes = place(
            figure,
            left + place_in_row * (SIDE + BETWEEN),
            bottom + 0.2 + (rows - 1 - row) * row_height + UNDER,
            SIDE,
            SIDE,
        )
        draw_counts(axes, counts, edges, colours, setting.epsilon, lowest)
        above = (
            (f"{setting.axis} {row_of.size}", TEXT, INK, "bold"),
            (f"inhibited {percent(row_of.inhibited)} ({noise(row_of.inhibited_if_same)})", SMALL, INK, "normal"),
            (f"raised {percent(row_of.raised)} ({noise(row_of.raised_if_same)})", SMALL, INK, "normal"),
        )
        for line, (text, size, colour, weight) in enumerate(above):
            axes.annotate(
                text,
                (0, 1),
                xycoords="axes fraction",
                xytext=(0, 6 + 12 * (2 - line)),
                textcoords="offset points",
                size=size,
                color=colour,
                weight=weight,
            )
        axes.tick_params(labelleft=place_in_row == 0)
        if place_in_row == 0:
            axes.set_ylabel("distilled score", size=SMALL, color=INK)
        if position + columns >= len(students):
            axes.set_xlabel("one-hot score", size=SMALL, color=INK)
    draw_legend(figure, colours, setting.epsilon, bottom + body)
    return plain_text(figure)


def title(setting: Setting, students: Sequence[SizeOfStudents]) -> str:
    """How many examples change at the size that changes most, and how many would by noise alone."""
    row = most_changed(students)
    return (
        f"At {setting.axis} {row.size} distillation inhibits the memorisation of {percent(row.inhibited)} of the "
        f"examples by more than {setting.epsilon:g} and raises that of {percent(row.raised)}; noise alone would "
        f"show {percent(row.inhibited_if_same)} and {percent(row.raised_if_same)}"
    )


def noise(share: float | None) -> str:
    return f"noise alone {percent(share)}"


def floor_of(histogram: np.ndarray, edges: np.ndarray) -> float:
    """Where the axes of all panels begin: the multiple of a quarter below the lowest score."""
    occupied = histogram.sum(axis=0)
    found = np.flatnonzero(occupied.sum(axis=0) + occupied.sum(axis=1))
    lowest = float(edges[found[0]]) if len(found) else 0.0
    return max(float(edges[0]), min(0.0, np.floor(4 * lowest + 1e-9) / 4))


def draw_counts(
    axes: Axes, counts: np.ndarray, edges: np.ndarray, colours: LogNorm, epsilon: float, lowest: float
) -> None:
    """Draw the bins that hold an example, the diagonal, and the lines that a change must cross to count."""
    filled = np.ma.masked_less(counts.T, 1)  # one-hot goes across, and rows of the array go up
    axes.grid(axis="both", color=FAINT, linewidth=0.8)
    axes.pcolormesh(edges, edges, filled, cmap=COUNTS, norm=colours, rasterized=True)
    ends = np.array([edges[0], edges[-1]])
    axes.plot(ends, ends, color=INK, linewidth=1, label="no change")
    for offset in (-epsilon, epsilon):
        axes.plot(ends, ends + offset, color=INK, linewidth=1, linestyle="--", label="epsilon")
    pad = 0.03 * (edges[-1] - lowest)
    ticks = [tick for tick in (-1, -0.5, 0, 0.5, 1) if tick >= lowest - 1e-9]
    names = [f"{tick:g}".replace("-", "−") for tick in ticks]
    axes.set(xlim=(lowest - pad, edges[-1] + pad), ylim=(lowest - pad, edges[-1] + pad))
    axes.set_xticks(ticks, names)
    axes.set_yticks(ticks, names)


def draw_legend(figure: Figure, colours: LogNorm, epsilon: float, top: float) -> None:
    """Draw the legend: colours with their numbers of examples, and the lines; `top` in inches."""
    across, up = figure.get_size_inches()
    label = "examples in a bin:"
    before = MARGIN + text_width(label, SMALL) + 0.15
    bar = place(figure, before, top - BAR_HEIGHT - 0.05, BAR, BAR_HEIGHT)
    bar.grid(False)
    most = float(colours.vmax or 1)
    counts = np.geomspace(1, most, 257)
    bar.pcolormesh(counts, [0, 1], np.sqrt(counts[1:] * counts[:-1])[np.newaxis], cmap=COUNTS, norm=colours)
    bar.set_xscale("log")
    bar.set_xlim(1, most)
    tens = 10 ** np.arange(0, np.floor(np.log10(most) + 1e-9) + 1)
    names = [f"{ten:,.0f}" for ten in tens]
    every = next(step for step in (1, 2, 3, 4, 12) if 1.2 * text_width(names[-1], SMALL) < step * BAR / np.log10(most))
    bar.set_xticks(tens, [name if ten % every == 0 else "" for ten, name in enumerate(names)])
    bar.minorticks_off()
    bar.set_yticks([])
    bar.spines["left"].set_visible(False)
    figure.text(MARGIN / across, (top - BAR_HEIGHT / 2 - 0.05) / up, label, size=SMALL, color=INK, va="center")
    figure.legend(
        handles=[
            Line2D([], [], color=INK, linewidth=1, label="no change"),
            Line2D([], [], color=INK, linewidth=1, linestyle="--", label=f"a change by {epsilon:g}"),
        ],
        loc="center left",
        bbox_to_anchor=((before + BAR + 0.35) / across, (top - BAR_HEIGHT / 2 - 0.05) / up),
        borderaxespad=0,
        borderpad=0,
        ncols=2,
        columnspacing=1.4,
        frameon=False,
        fontsize=SMALL,
    )
