"""`memorability-score.png`: the scores of one size over the order of memorability, and their means by tenths of it."""

import math
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from memscope.analysis.statistics.intervals import t_quantile
from memscope.analysis.statistics.ties import ordinal
from memscope.analysis.statistics.within import percentiles
from memscope.plots.common.compared import signed
from memscope.plots.common.look import look
from memscope.plots.common.panels import draw_legend, legend_of, row_of
from memscope.plots.common.setting import Setting, caption
from memscope.plots.common.style import INDIGO, INK, page, plain_text, text_width
from memscope.plots.memorability.correlations import licence_of, name_of
from memscope.reports.memorability import MemorabilityReport

COUNTS = LinearSegmentedColormap.from_list("counts", ["#E4E1F3", "#A9A1D6", "#6A5FB0"])
"""From few to many images: pale, so that the means stand out"""
TENTHS, BINS = 10, 20
PANEL_WIDTH, PANEL_HEIGHT, BEFORE, UNDER = 5.6, 3.4, 0.75, 0.55  # inches


def draw_spread(
    setting: Setting, report: MemorabilityReport, place: int, memorability: np.ndarray, score: np.ndarray
) -> Figure:
    """Numbers of images by percentile of memorability (across) and score (up), and the mean score of each tenth.

    `memorability` and `score` float [examples], NaN where not known, of the size at this place of the report's.
    """
    known = np.isfinite(memorability) & np.isfinite(score)
    rank, values = percentiles(ordinal(memorability[known])), score[known]
    row = row_of([text_width("100", look().small) / 2 + 0.03], PANEL_WIDTH, PANEL_HEIGHT, BEFORE, UNDER)
    legend = legend_of(handles(), row.page - 2 * look().margin, 2)
    at = report.sizes[place]
    found = at.score.overall
    ends = "" if math.isnan(found.low) else f" (95\u00a0% interval {signed(found.low)} to {signed(found.high)})"
    figure, bottom = page(
        row.page,
        row.height + legend.height,
        f"What is memorised at {setting.axis} {at.size}, in the order of what people remember: rank correlation "
        f"{signed(found.value)}{ends}",
        f"Across: images in the order of memorability by {name_of(report)}, the most memorable at the right. Up: the "
        "memorisation score. The line: its mean over each tenth of the images, with a 95\u00a0% interval over them.",
        caption(
            setting,
            "A square is darker where more images share it, on a logarithmic scale.",
            *licence_of(report),
        ),
    )
    axes = row.axes(figure, 0, bottom)
    lowest = min(0.0, math.floor(10 * float(values.min()) + 1e-9) / 10)
    draw_counts(axes, rank, values, lowest)
    draw_means(axes, rank, values)
    axes.set_xlabel("percentile of memorability", size=look().small, color=INK)
    axes.set_ylabel("memorisation score", size=look().small, color=INK)
    ticks = [tick for tick in (-1, -0.5, 0, 0.25, 0.5, 0.75, 1) if tick >= lowest - 1e-9]
    axes.set_yticks(ticks, [f"{tick:g}".replace("-", "−") for tick in ticks])
    axes.set_xticks(np.linspace(0, 1, 6), [f"{100 * tick:.0f}" for tick in np.linspace(0, 1, 6)])
    axes.set(xlim=(0, 1), ylim=(lowest - 0.05, 1.05))
    at_left = row.lefts[0] if look().width is None else look().margin
    draw_legend(figure, legend, at_left, bottom + row.height + legend.height)
    return plain_text(figure)


def handles() -> list[Artist]:
    line: dict[str, Any] = {"color": INDIGO, "marker": "o", "markersize": 5 * look().lines}
    return [
        Line2D([], [], label="mean score of a tenth", linewidth=1.8 * look().lines, **line),
        Patch(color=COUNTS(0.5), linewidth=0, label="images"),
    ]


def draw_counts(axes: Axes, rank: np.ndarray, values: np.ndarray, lowest: float) -> None:
    """Bins of 0 and 1, where scores pile up, have these in their middle."""
    wide = 1 / BINS
    edges = np.arange(round(lowest / wide) - 0.5, BINS + 1) * wide
    counts, _, _ = np.histogram2d(rank, values, bins=(np.linspace(0, 1, BINS + 1), edges))
    filled = np.ma.masked_less(counts.T, 1)
    colours = LogNorm(1, max(10, float(counts.max())))
    axes.pcolormesh(np.linspace(0, 1, BINS + 1), edges, filled, cmap=COUNTS, norm=colours, rasterized=True)


def draw_means(axes: Axes, rank: np.ndarray, values: np.ndarray) -> None:
    """The mean of each tenth, where there are images in it, with its interval where there are two."""
    tenth = np.minimum((rank * TENTHS).astype(np.int64), TENTHS - 1)
    number = np.bincount(tenth, minlength=TENTHS)
    there = np.flatnonzero(number)
    mean = np.array([values[tenth == each].mean() for each in there])
    reach = np.full(len(there), np.nan)
    for position, each in enumerate(there):
        count = int(number[each])
        if count > 1:
            reach[position] = t_quantile(0.975, count - 1) * values[tenth == each].std(ddof=1) / math.sqrt(count)
    axes.errorbar(
        (there + 0.5) / TENTHS,
        mean,
        yerr=None if np.isnan(reach).all() else reach,
        color=INDIGO,
        marker="o",
        markersize=5 * look().lines,
        linewidth=1.8 * look().lines,
        elinewidth=1.2 * look().lines,
        capsize=2.5,
        label="mean score of a tenth",
    )
