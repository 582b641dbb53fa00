"""`distillation-scores.png`: distilled against one-hot score of every example, at each size."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from memscope.plots.common.look import look, room
from memscope.plots.common.panels import draw_legend, grid, legend_of
from memscope.plots.common.setting import Setting, caption
from memscope.plots.common.style import (
    FAINT,
    INDIGO,
    INK,
    POINTS,
    page,
    percent,
    place,
    plain_text,
    text_width,
    wrap,
)
from memscope.plots.distill.students import heading, most_changed
from memscope.reports.distill import DistillationSetting, SizeOfStudents

COUNTS = LinearSegmentedColormap.from_list("counts", ["#D9D5EE", "#8F85C8", INDIGO, "#120A33"])
"""From few to many examples: one hue that darkens, so that the order is seen without colour too."""

SIDE, BEFORE, BETWEEN, UNDER = 2.25, 0.65, 0.3, 0.35  # inches
ONE_SIDE = 4.8  # of a panel that is the only one
BAR, BAR_HEIGHT = 2.0, 0.12  # inches, of the legend of colours


def draw_distillation_scores(
    setting: Setting, one: DistillationSetting, histogram: np.ndarray, edges: np.ndarray
) -> Figure:
    """A panel for each size of students: numbers of examples by one-hot score (across) and distilled score (up).

    `histogram` int [students, bins, bins] has the one-hot score first; `edges` [bins + 1] are of both scores. Colours
    are logarithmic, since most examples share a few bins.
    """
    students = one.students
    columns = len(students) if len(students) <= 4 else None
    side, least = (ONE_SIDE, 1) if len(students) == 1 else (SIDE, 3)
    panels = grid(
        len(students), side, side, left=BEFORE, between=BETWEEN, under=UNDER, columns=columns, least=least, fill=False
    )
    panels = replace(panels, tall=panels.wide)  # both axes are scores
    heads = [head_of(setting, row, panels.wide + panels.between) for row in students]
    pitch = 1.4 * look().small / POINTS
    head = pitch * max(map(len, heads)) + room(0.12)
    panels = replace(panels, under=panels.under + head)
    most = int(histogram.max(initial=0))
    colours = LogNorm(1, max(10, most))
    scale = ColourScale(colours, panels.page, setting.epsilon)
    body = scale.height + panels.height + room(0.2)
    undefined = sum(row.undefined for row in students)
    notes = [
        "Noise alone: what would be seen if distillation changed no accuracy, at these numbers of models; an upper "
        "bound, for both kinds of models share their subsets."
    ]
    if undefined:
        notes.append(f"{undefined:,} times a score is not defined at a {setting.axis}; those are left out.")
    figure, bottom = page(
        panels.page,
        body,
        title(setting, students),
        f"{heading(setting, one)}. A square is a bin of scores, darker for more examples. Below the "
        f"diagonal distillation inhibits memorisation, above it raises it, between the dashed lines by no more "
        f"than {setting.epsilon:g}.",
        caption(setting, *notes),
    )
    lowest = floor_of(histogram, edges)
    for position, (above, counts) in enumerate(zip(heads, histogram, strict=True)):
        axes = panels.axes(figure, position, bottom + room(0.2), room(UNDER))
        first = position % panels.columns == 0
        draw_counts(axes, counts, edges, colours, setting.epsilon, lowest)
        for line, (text, size, weight) in enumerate(reversed(above)):
            axes.annotate(
                text,
                (0, 1),
                xycoords="axes fraction",
                xytext=(0, 6 + POINTS * pitch * line),
                textcoords="offset points",
                size=size,
                color=INK,
                weight=weight,
            )
        axes.tick_params(labelleft=first)
        if first:
            axes.set_ylabel("distilled score", size=look().small, color=INK)
        if panels.lowest(position, len(students)):
            axes.set_xlabel("one-hot score", size=look().small, color=INK)
    scale.draw(figure, bottom + body)
    return plain_text(figure)


def head_of(setting: Setting, row: SizeOfStudents, wide: float) -> list[tuple[str, float, str]]:
    """The lines above a panel, the uppermost first: text, size, weight."""
    style = look()
    said = (
        f"inhibited {percent(row.inhibited)} ({noise(row.inhibited_if_same)})",
        f"raised {percent(row.raised)} ({noise(row.raised_if_same)})",
    )
    lines = [line for text in said for line in wrap(text, style.small, wide)]
    return [(f"{setting.axis} {row.size}", style.text, "bold"), *((line, style.small, "normal") for line in lines)]


def title(setting: Setting, students: Sequence[SizeOfStudents]) -> str:
    """How many examples change at the size that changes most, and how many would by noise alone."""
    row = most_changed(students)
    return (
        f"At {setting.axis} {row.size} distillation inhibits the memorisation of {percent(row.inhibited)} of the "
        f"examples by more than {setting.epsilon:g} and raises that of {percent(row.raised)}; noise alone would "
        f"show {percent(row.inhibited_if_same)} and {percent(row.raised_if_same)}"
    )


def noise(share: float | None) -> str:
    return f"noise\u00a0alone\u00a0{percent(share)}"


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


class ColourScale:
    """The legend: colours with their numbers of examples, and the lines; beside each other where there is room."""

    label = "examples in a bin:"

    def __init__(self, colours: LogNorm, page: float, epsilon: float) -> None:
        style = look()
        self.colours, self.page = colours, page
        self.before = style.margin + text_width(self.label, style.small) + room(0.15)
        self.wide = min(BAR * style.panels, page - self.before - room(0.35))
        handles = [
            Line2D([], [], color=INK, linewidth=1, label="no change"),
            Line2D([], [], color=INK, linewidth=1, linestyle="--", label=f"a change by {epsilon:g}"),
        ]
        beside = page - self.before - self.wide - room(0.35) - style.margin
        self.lines = legend_of(handles, beside, 2)
        self.stacked = self.lines.columns == 1
        if self.stacked:
            self.lines = legend_of(handles, page - 2 * style.margin, 2)
        self.height = room(0.45) + (self.lines.height if self.stacked else 0)

    def draw(self, figure: Figure, top: float) -> None:
        """Draw it; `top` in inches."""
        across, up = figure.get_size_inches()
        tall = room(BAR_HEIGHT)
        middle = top - tall / 2 - 0.05
        bar = place(figure, self.before, top - tall - 0.05, self.wide, tall)
        bar.grid(False)
        most = float(self.colours.vmax or 1)
        counts = np.geomspace(1, most, 257)
        bar.pcolormesh(counts, [0, 1], np.sqrt(counts[1:] * counts[:-1])[np.newaxis], cmap=COUNTS, norm=self.colours)
        bar.set_xscale("log")
        bar.set_xlim(1, most)
        tens = 10 ** np.arange(0, np.floor(np.log10(most) + 1e-9) + 1)
        names = [f"{ten:,.0f}" for ten in tens]
        widest = 1.2 * text_width(names[-1], look().small)
        every = next(step for step in (1, 2, 3, 4, 12) if widest < step * self.wide / np.log10(most))
        bar.set_xticks(tens, [name if ten % every == 0 else "" for ten, name in enumerate(names)])
        bar.minorticks_off()
        bar.set_yticks([])
        bar.spines["left"].set_visible(False)
        figure.text(look().margin / across, middle / up, self.label, size=look().small, color=INK, va="center")
        if self.stacked:
            draw_legend(figure, self.lines, look().margin, top - self.height + self.lines.height + room(0.05))
        else:
            draw_legend(
                figure, self.lines, self.before + self.wide + room(0.35), middle + (self.lines.height - room(0.1)) / 2
            )
