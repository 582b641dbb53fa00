"""`histogram.png`: the distribution of the scores at each size, which may have two humps."""

from dataclasses import replace

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import NullLocator

from memscope.analysis.population.estimate import HIGH, LOW
from memscope.plots.common.look import look, room
from memscope.plots.common.panels import draw_legend, grid, legend_of, title_room
from memscope.plots.common.setting import Setting, caption
from memscope.plots.common.style import (
    CLEAN,
    FLIPPED,
    INK,
    POINTS,
    extent,
    page,
    percent,
    plain_text,
    text_width,
)

WIDTH = 1 / 15
EDGES = np.arange(-15.5, 16) * WIDTH
"""Edges of the bins, from -1.03 to 1.03. 0 and 1, where scores pile up, are mid-bin; LOW and HIGH are edges."""

TICKS = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0)
TICKS_APART = (0.0, 0.05, 0.25, 0.5, 1.0)  # where there is no room for all
PANEL_WIDTH, PANEL_HEIGHT, BEFORE, BETWEEN, UNDER = 3.0, 1.7, 0.68, 0.25, 0.8  # inches


def draw_histogram(
    setting: Setting, scores: np.ndarray, flipped: np.ndarray | None, low: np.ndarray, high: np.ndarray
) -> Figure:
    """One panel for each size: the share of examples in every bin of the raw score, on a square-root scale.

    `scores` [sizes, examples], NaN where undefined; `flipped` bool [examples] or None; `low` and `high` [sizes], the
    shares of the fitted population below LOW and above HIGH. Flipped and clean labels are each shown as shares of their
    own number, so that the few flipped ones can be seen. On a linear scale the many examples at 0 would hide the second
    hump. On a logarithmic scale single examples would look like many.
    """
    groups = [(np.ones(scores.shape[1], dtype=bool), CLEAN, "all")]
    if flipped is not None:
        groups = [(~flipped, CLEAN, "clean"), (flipped, FLIPPED, "flipped")]
    panels = grid(len(setting.sizes), PANEL_WIDTH, PANEL_HEIGHT, left=BEFORE, between=BETWEEN, under=UNDER, least=2)
    lines = shares_lines(panels.wide, low, high)
    panels = replace(panels, under=panels.under + title_room(lines))
    legend = legend_of(handles(flipped), panels.page - 2 * look().margin)
    body = legend.height + panels.height
    figure, bottom = page(
        panels.page,
        body,
        f"Distribution of the scores: from {setting.span}, those below {LOW:g} go from {percent(low[0])} to "
        f"{percent(low[-1])} of the examples, those above {HIGH:g} from {percent(high[0])} to {percent(high[-1])}",
        f"A score near 0: equally often right with and without the example; near 1: right only when trained on it. "
        f"Steps: raw scores, with their noise. Dotted lines at {LOW:g} and {HIGH:g}, with the shares below and above "
        "in the fitted population, without it.",
        caption(setting, "The vertical axis has a square-root scale, so that small humps are seen."),
    )
    for position, size in enumerate(setting.sizes):
        axes = panels.axes(figure, position, bottom, room(0.5))
        for which, colour, name in groups:
            heights = bin_shares(scores[position, which])
            draw_steps(axes, heights, colour, name)
        pad = 6 + POINTS * title_room(lines)
        axes.set_title(f"{setting.axis} {size}", loc="left", size=look().text, weight="bold", color=INK, pad=pad)
        draw_shares(axes, low[position], high[position], lines)
        first = position % panels.columns == 0
        scale_axes(axes, labelled=first, lowest=panels.lowest(position, len(setting.sizes)))
        if first:
            axes.set_ylabel(
                "share of the examples" if flipped is None else "share of the labels", size=look().small, color=INK
            )
    draw_legend(figure, legend, look().margin, bottom + body + room(0.05))
    return plain_text(figure)


def handles(flipped: np.ndarray | None) -> list[Artist]:
    """What the legend tells of."""
    if flipped is None:
        return [Patch(facecolor=CLEAN, alpha=0.35, edgecolor=CLEAN, label="all examples")]
    return [
        Patch(facecolor=CLEAN, alpha=0.35, edgecolor=CLEAN, label=f"{(~flipped).sum():,} clean labels = 100 %"),
        Line2D([], [], color=FLIPPED, linewidth=2, label=f"{flipped.sum():,} flipped labels = 100 %"),
    ]


def share_texts(low: float, high: float) -> tuple[str, str]:
    """What is said above a panel of the shares below LOW and above HIGH."""
    return f"{percent(low)} < {LOW:g}", f"{percent(high)} > {HIGH:g}"


def shares_lines(wide: float, low: np.ndarray, high: np.ndarray) -> int:
    """Lines above a panel: one where its name and both shares, each at its threshold, have room; else three."""
    texts = [share_texts(*pair) for pair in zip(low, high, strict=True)]
    left, right = (max(text_width(text, look().small) for text in side) for side in zip(*texts, strict=True))
    at_low, at_high = (wide * (end - EDGES[0]) / (EDGES[-1] - EDGES[0]) for end in (LOW, HIGH))
    name = text_width("width 128", look().text, "bold")
    return 1 if name + left < at_low and at_low + right / 2 < at_high - 14 / POINTS else 3


def draw_shares(axes: Axes, low: float, high: float, lines: int) -> None:
    """Lines at both thresholds, and the shares beyond them; in three lines, under each other."""
    texts = share_texts(low, high)
    for threshold, text, side in zip((LOW, HIGH), texts, ("right", "center"), strict=True):
        axes.axvline(threshold, color=INK, linewidth=1, linestyle=":")
        axes.annotate(
            text,
            (threshold, 1) if lines == 1 else (0, 1),
            xycoords=("data" if lines == 1 else "axes fraction", "axes fraction"),
            xytext=(-4 if side == "right" else -14, 4)
            if lines == 1
            else (0, 4 + (POINTS * title_room(2) if side == "right" else 0)),
            textcoords="offset points",
            ha=side if lines == 1 else "left",
            va="bottom",
            size=look().small,
            color=INK,
        )


def bin_shares(scores: np.ndarray) -> np.ndarray:
    """The share of the defined scores in every bin; zeros where none is defined."""
    defined = scores[~np.isnan(scores)]
    # A score of exactly 0.1 is stored as the float32 just above it, which a sum of float64 edges may miss.
    counts = np.histogram(defined.astype(np.float64) + 1e-6, EDGES)[0]
    return counts / max(1, len(defined))


def draw_steps(axes: Axes, heights: np.ndarray, colour: str, name: str) -> None:
    """Draw clean labels (or all) as a filled area, flipped ones as a line over it, which differ without colour too."""
    if name == "flipped":
        axes.stairs(heights, EDGES, color=colour, linewidth=1.8 * look().lines, label=name)
    else:
        axes.stairs(heights, EDGES, facecolor=colour, alpha=0.35, fill=True, linewidth=0, label=name)
        axes.stairs(heights, EDGES, color=colour, linewidth=1, label=f"{name}, outline")


def scale_axes(axes: Axes, *, labelled: bool, lowest: bool) -> None:
    """Set the same axes for every panel; numbers beside the first column, a name under the lowest row."""
    axes.set_yscale("function", functions=(lambda y: np.sqrt(np.maximum(y, 0)), np.square))
    axes.set_ylim(0, 1)
    close = np.sqrt(TICKS[1]) * extent(axes)[1] < 1.2 * look().small / POINTS
    ticks = TICKS_APART if close else TICKS
    axes.set_yticks(ticks, [f"{100 * tick:.0f}\u00a0%" for tick in ticks])
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_xlim(EDGES[0] - 0.02, EDGES[-1] + 0.02)  # a line on the edge is drawn whole
    axes.set_xticks([-1, -0.5, 0, 0.5, 1], ["−1", "−0.5", "0", "0.5", "1"])
    axes.tick_params(labelleft=labelled)
    if lowest:
        full = "raw memorisation score"
        fits = text_width(full, look().small) < extent(axes)[0]
        axes.set_xlabel(full if fits else "raw score", size=look().small, color=INK)
