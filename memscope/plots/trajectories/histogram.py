"""`histogram.png`: the distribution of the scores at each size, which may have two humps."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import NullLocator

from memscope.analysis.population.estimate import HIGH, LOW
from memscope.plots.common.setting import Setting, caption
from memscope.plots.common.style import (
    CLEAN,
    FLIPPED,
    INK,
    MARGIN,
    SMALL,
    TEXT,
    grid_of,
    page,
    percent,
    place,
    plain_text,
)

WIDTH = 1 / 15
EDGES = np.arange(-15.5, 16) * WIDTH
"""Edges of the bins, from -1.03 to 1.03. 0 and 1, where scores pile up, are mid-bin; LOW and HIGH are edges."""

TICKS = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0)
PANEL_WIDTH, PANEL_HEIGHT, BETWEEN, UNDER = 3.0, 1.7, 0.25, 0.8  # inches


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
    rows, columns = grid_of(len(setting.sizes))
    left, legend = MARGIN + 0.6, 0.35
    columns_wide = max(columns, 2)
    width = left + columns_wide * PANEL_WIDTH + (columns_wide - 1) * BETWEEN + MARGIN
    body = legend + rows * (PANEL_HEIGHT + UNDER)
    figure, bottom = page(
        width,
        body,
        f"Distribution of the scores: from {setting.span}, those below {LOW:g} go from {percent(low[0])} to "
        f"{percent(low[-1])} of the examples, those above {HIGH:g} from {percent(high[0])} to {percent(high[-1])}",
        f"A score near 0: equally often right with and without the example; near 1: right only when trained on it. "
        f"Steps: raw scores, with their noise. Dotted lines at {LOW:g} and {HIGH:g}, with the shares below and above "
        "in the fitted population, without it.",
        caption(setting, "The vertical axis has a square-root scale, so that small humps are seen."),
    )
    for position, size in enumerate(setting.sizes):
        row, column = divmod(position, columns)
        axes = place(
            figure,
            left + column * (PANEL_WIDTH + BETWEEN),
            bottom + (rows - 1 - row) * (PANEL_HEIGHT + UNDER) + 0.5,
            PANEL_WIDTH,
            PANEL_HEIGHT,
        )
        for which, colour, name in groups:
            heights = bin_shares(scores[position, which])
            draw_steps(axes, heights, colour, name)
        axes.set_title(f"{setting.axis} {size}", loc="left", size=TEXT, weight="bold", color=INK, pad=6)
        for threshold, share, side, sign in ((LOW, low[position], "right", "<"), (HIGH, high[position], "left", ">")):
            axes.axvline(threshold, color=INK, linewidth=1, linestyle=":")
            towards = -4 if side == "right" else -14
            axes.annotate(
                f"{percent(share)} {sign} {threshold:g}",
                (threshold, 1),
                xycoords=("data", "axes fraction"),
                xytext=(towards, 4),
                textcoords="offset points",
                ha="right" if side == "right" else "center",
                va="bottom",
                size=SMALL,
                color=INK,
            )
        scale_axes(axes, labelled=column == 0, lowest=position + columns >= len(setting.sizes))
        if column == 0:
            axes.set_ylabel(
                "share of the examples" if flipped is None else "share of the labels", size=SMALL, color=INK
            )
    handles: list[Patch | Line2D] = [Patch(facecolor=CLEAN, alpha=0.35, edgecolor=CLEAN, label="all examples")]
    if flipped is not None:
        handles = [
            Patch(facecolor=CLEAN, alpha=0.35, edgecolor=CLEAN, label=f"{(~flipped).sum():,} clean labels = 100 %"),
            Line2D([], [], color=FLIPPED, linewidth=2, label=f"{flipped.sum():,} flipped labels = 100 %"),
        ]
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(MARGIN / width, (bottom + body + 0.05) / figure.get_figheight()),
        borderaxespad=0,
        borderpad=0.2,
        ncols=2,
        frameon=False,
        fontsize=SMALL,
    )
    return plain_text(figure)


def bin_shares(scores: np.ndarray) -> np.ndarray:
    """The share of the defined scores in every bin; zeros where none is defined."""
    defined = scores[~np.isnan(scores)]
    # A score of exactly 0.1 is stored as the float32 just above it, which a sum of float64 edges may miss.
    counts = np.histogram(defined.astype(np.float64) + 1e-6, EDGES)[0]
    return counts / max(1, len(defined))


def draw_steps(axes: Axes, heights: np.ndarray, colour: str, name: str) -> None:
    """Draw clean labels (or all) as a filled area, flipped ones as a line over it, which differ without colour too."""
    if name == "flipped":
        axes.stairs(heights, EDGES, color=colour, linewidth=1.8, label=name)
    else:
        axes.stairs(heights, EDGES, facecolor=colour, alpha=0.35, fill=True, linewidth=0, label=name)
        axes.stairs(heights, EDGES, color=colour, linewidth=1, label=f"{name}, outline")


def scale_axes(axes: Axes, *, labelled: bool, lowest: bool) -> None:
    """Set the same axes for every panel; numbers beside the first column, a name under the lowest row."""
    axes.set_yscale("function", functions=(lambda y: np.sqrt(np.maximum(y, 0)), np.square))
    axes.set_ylim(0, 1)
    axes.set_yticks(TICKS, [f"{100 * tick:.0f}\u00a0%" for tick in TICKS])
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_xlim(EDGES[0] - 0.02, EDGES[-1] + 0.02)  # a line on the edge is drawn whole
    axes.set_xticks([-1, -0.5, 0, 0.5, 1], ["−1", "−0.5", "0", "0.5", "1"])
    axes.tick_params(labelleft=labelled)
    if lowest:
        axes.set_xlabel("raw memorisation score", size=SMALL, color=INK)
