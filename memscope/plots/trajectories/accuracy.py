"""`accuracy.png`: accuracy of the models of each size, with and without an example, and the mean score."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from memscope.plots.common.look import look, room
from memscope.plots.common.panels import draw_legend, grid, legend_of
from memscope.plots.common.setting import Setting, caption
from memscope.plots.common.style import (
    CLEAN,
    FLIPPED,
    GREY,
    INDIGO,
    INK,
    OLIVE,
    WINE,
    page,
    percent,
    plain_text,
    size_axis,
    size_positions,
)
from memscope.reports.score import SizeScore

INTERPOLATING = "#EEEEEE"
ACCURACIES = (
    ("mean_accuracy_in", "mean_accuracy_in_error", "trained with the example (in)", WINE, "^", "-"),
    ("mean_accuracy_out", "mean_accuracy_out_error", "trained without it (out)", INDIGO, "v", "-"),
    ("test_accuracy", "test_accuracy_sd", "test examples", OLIVE, "s", "--"),
)
SCORES = (("mean_score", "mean_score_error", "all examples", GREY, "o", "-"),)
SCORES_BY_LABEL = (
    *SCORES,
    ("mean_score_flipped", "", "flipped labels", FLIPPED, "D", "--"),
    ("mean_score_clean", "", "clean labels", CLEAN, "s", ":"),
)
Lines = Sequence[tuple[str, str, str, str, str, Any]]


def draw_accuracy(setting: Setting, rows: Sequence[SizeScore]) -> Figure:
    """Accuracies on the left, mean scores on the right; sizes whose models interpolate are shaded.

    `rows` has one row for each size; errors are drawn where they are known.
    """
    first, last = rows[0], rows[-1]
    interpolating = [row.interpolates for row in rows]
    notes = ["Error bars, where known: one standard deviation over the models for test accuracy,"]
    notes.append("one jackknife standard error over blocks of models for means over the training examples.")
    warned = [str(row.size) for row in rows if row.fit_warning]
    if warned:
        notes.append(f"memscope score warns of the fit at {setting.axis} {', '.join(warned)}: badly optimised?")
    wanted = (
        (ACCURACIES, "accuracy"),
        (SCORES if setting.flipped is None else SCORES_BY_LABEL, "mean memorisation score"),
    )
    across = grid(2, 4.1, 3.3, left=0.6, between=0.85, under=0.6, columns=look().side_by_side)
    legends = [legend_of(handles(lines, interpolating), across.wide, 2) for lines, _ in wanted]
    above = max(legend.height for legend in legends)
    panels = replace(across, under=across.under + above)
    figure, bottom = page(
        panels.page,
        panels.height,
        f"Accuracy from {setting.span}: {percent(first.mean_accuracy_in)} to {percent(last.mean_accuracy_in)} "
        f"with the example, {percent(first.mean_accuracy_out)} to {percent(last.mean_accuracy_out)} without it; "
        f"the mean score goes from {first.mean_score:.2f} to {last.mean_score:.2f}",
        "The score of an example is its accuracy in minus its accuracy out: its mean is the gap between the two lines "
        "on the left.",
        caption(setting, *notes),
    )
    for position, ((lines, name), legend) in enumerate(zip(wanted, legends, strict=True)):
        axes = panels.axes(figure, position, bottom, room(0.5))
        shade(axes, size_positions(setting.axis, setting.sizes), interpolating)
        draw_lines(axes, setting, rows, lines)
        size_axis(axes, setting.axis, setting.sizes)
        axes.set_xlabel(setting.axis, size=look().small, color=INK)
        axes.set_ylabel(name, size=look().small, color=INK)
        corner = axes.get_position()
        draw_legend(
            figure, legend, corner.x0 * panels.page, corner.y1 * figure.get_figheight() + legend.height + room(0.02)
        )
    return plain_text(figure)


def handles(lines: Lines, interpolating: Sequence[bool]) -> list[Artist]:
    """What the legend of a panel tells of."""
    thick = look().lines
    found: list[Artist] = [
        Line2D([], [], color=colour, marker=marker, ms=6 * thick, linestyle=style, linewidth=1.8 * thick, label=label)
        for _, _, label, colour, marker, style in lines
    ]
    if any(interpolating):
        found.append(Patch(facecolor=INTERPOLATING, edgecolor="none", label="models interpolate"))
    return found


def draw_lines(axes: Axes, setting: Setting, rows: Sequence[SizeScore], lines: Lines) -> None:
    """Draw lines with error bars, and a vertical axis that holds them, between round numbers."""
    places = size_positions(setting.axis, setting.sizes)
    lowest, highest = 1.0, 0.0
    for key, error_key, label, colour, marker, style in lines:
        values, errors = (np.array([known(row, name) for row in rows]) for name in (key, error_key))
        axes.errorbar(
            places,
            values,
            yerr=None if np.isnan(errors).all() else errors,
            color=colour,
            marker=marker,
            markersize=6 * look().lines,
            linestyle=style,
            linewidth=1.8 * look().lines,
            capsize=3 * look().lines,
            label=label,
        )
        spread = np.nan_to_num(errors)
        lowest, highest = min(lowest, np.nanmin(values - spread)), max(highest, np.nanmax(values + spread))
    ticks = MaxNLocator(nbins=6, steps=[1, 2, 5, 10]).tick_values(lowest, highest)
    decimals = max(1, int(np.ceil(-np.log10(ticks[1] - ticks[0]) - 1e-9)))
    pad = 0.03 * (ticks[-1] - ticks[0])  # a marker on the first or the last line is drawn whole
    axes.set_yticks(ticks, [f"{tick + 0.0:.{decimals}f}".replace("-", "−") for tick in np.round(ticks, 6)])
    axes.set_ylim(ticks[0] - pad, ticks[-1] + pad)


def known(row: SizeScore, name: str) -> float:
    """The value of a field of a size, or of its flipped labels; NaN where there is none."""
    found = getattr(row, name, None) if name else None
    return float(getattr(row.flipped, name, np.nan) if found is None else found)


def shade(axes: Axes, places: np.ndarray, interpolating: Sequence[bool]) -> None:
    """Shade sizes whose median model fits at least 99 % of its own subset, half-way to their neighbours."""
    middles = (places[1:] + places[:-1]) / 2
    edges = [2 * places[0] - places[-1], *middles, 2 * places[-1] - places[0]]
    for position, does in enumerate(interpolating):
        if does:
            axes.axvspan(edges[position], edges[position + 1], color=INTERPOLATING, linewidth=0, zorder=0)
