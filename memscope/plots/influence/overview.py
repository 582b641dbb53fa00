"""`influence.png`: how many helpful pairs there are at each size, beside those that would be there anyhow."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from memscope.plots.common.compared import (
    Curve,
    Kind,
    column,
    draw_panel,
    label_ends,
    label_room,
    reach,
    set_scale,
)
from memscope.plots.common.look import look
from memscope.plots.common.panels import draw_legend, legend_of, row_of
from memscope.plots.common.setting import Setting, caption
from memscope.plots.common.style import GREY, INDIGO, INK, OLIVE, page, plain_text, size_positions
from memscope.reports.influence import InfluenceReport, PairsFound, SizeChange, SizeInfluence
from memscope.reports.ranged import UNKNOWN, Ranged

FOUND = Kind("found", INDIGO, "o", "-")
BY_CLASS = Kind("by class", OLIVE, "s", "--")
BY_CHANCE = Kind("by chance", GREY, "D", ":")
SHIFT = 3.0  # points, of what has bars beside what has none
PANEL_WIDTH, PANEL_HEIGHT, BEFORE, UNDER = 3.4, 2.8, 0.88, 0.5  # inches
PANEL_ALONE = 5.6  # of one size there is nothing to compare


def draw_overview(setting: Setting, report: InfluenceReport) -> Figure:
    """Left pairs found, by class and by chance; right those beyond classes, with the interval of their whole change.

    The scale at the left is the logarithm of one more than their number, so that 0 is seen.
    """
    rows = report.sizes
    counts, beyond = counts_of(rows), beyond_of(report)
    compared = len(rows) > 1 and not np.isnan(beyond.values).all()
    panels = [counts, *([[beyond]] if compared else [])]
    wide = PANEL_WIDTH if len(panels) > 1 else PANEL_ALONE
    row = row_of([label_room(curves) + 0.05 for curves in panels], wide, PANEL_HEIGHT, BEFORE, UNDER)
    unlisted = [at for at, one in enumerate(rows) if one.helpful.pairs and not one.helpful.listed]
    legend = legend_of(handles() if unlisted else [], row.page - 2 * look().margin, 1)
    figure, bottom = page(
        row.page,
        row.height + legend.height,
        title(report),
        subtitle(report),
        caption(setting, *notes(report)),
    )
    axes = row.axes(figure, 0, bottom)
    draw_panel(axes, setting.axis, setting.sizes, counts, "helpful pairs")
    set_counts(axes, counts)
    draw_unlisted(axes, setting, counts[0], unlisted)
    label_ends(axes, setting.axis, counts)
    if compared:
        beside = row.axes(figure, 1, bottom)
        beside.axhline(0, color=GREY, linewidth=0.8, zorder=1, label="zero")
        draw_panel(beside, setting.axis, setting.sizes, [beyond], "helpful pairs beyond those by class")
        set_scale([beside], [beyond], zero=True)
        ticks = beside.get_yticks()
        if abs(ticks - np.round(ticks)).max() < 1e-6:
            beside.set_yticks(ticks, [f"{tick + 0.0:,.0f}".replace("-", "−") for tick in np.round(ticks)])
    for each in figure.axes:
        each.set_xlabel(setting.axis, size=look().small, color=INK)
    at = row.lefts[0] if look().width is None else look().margin
    draw_legend(figure, legend, at, bottom + row.height + legend.height)
    return plain_text(figure)


def counts_of(rows: Sequence[SizeInfluence]) -> list[Curve]:
    """Logarithms of one more than the numbers of pairs; by chance between two standard deviations."""
    sizes = np.array([row.size for row in rows])
    pairs, by_class, by_chance, sd = (
        column(rows, "helpful", name) for name in ("pairs", "by_class", "by_chance", "by_chance_sd")
    )
    low, high = heights(np.maximum(by_chance - 2 * sd, 0)), heights(by_chance + 2 * sd)
    unknown = np.full(len(rows), np.nan)
    return [
        Curve(FOUND, sizes, heights(pairs), unknown, FOUND.name),
        Curve(BY_CLASS, sizes, heights(by_class), unknown, BY_CLASS.name, SHIFT),
        Curve(BY_CHANCE, sizes, heights(by_chance), reach(heights(by_chance), low, high), BY_CHANCE.name, -SHIFT),
    ]


def heights(pairs: np.ndarray) -> np.ndarray:
    return np.log10(1 + pairs)


def set_counts(axes: Axes, curves: Sequence[Curve]) -> None:
    """A scale between powers of ten that hold all curves and bars; from 0 on where there is a number below ten."""
    reached = []
    for curve in curves:
        below, above = np.broadcast_to(np.nan_to_num(curve.errors), (2, len(curve.values)))
        reached += [*(curve.values - below), *(curve.values + above)]
    known = 10 ** np.array([0.0, *reached])[np.isfinite([np.nan, *reached])] - 1
    least, most = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    last = max(1, math.ceil(math.log10(max(most, 1.0)) - 0.02))
    first = math.floor(math.log10(least)) if least >= 10 else 0
    step = -(-(last - first) // 6)
    powers = [*range(last, first - 1, -step)][::-1]
    marks = [*([] if first else [0]), *(10**power for power in powers if first or step == 1 or power > 0)]
    low, high = (float(height) for height in heights(np.array([marks[0], marks[-1]])))
    axes.set_yticks(heights(np.array(marks)), [f"{mark:,}" for mark in marks])
    axes.set_ylim(low - 0.04 * (high - low), high + 0.04 * (high - low))


def draw_unlisted(axes: Axes, setting: Setting, curve: Curve, unlisted: Sequence[int]) -> None:
    """Hollow marks where pairs are counted and none is listed."""
    places = size_positions(setting.axis, curve.sizes)[list(unlisted)]
    looks: dict[str, Any] = {"marker": "o", "markersize": 6 * look().lines, "linestyle": "none", "color": INDIGO}
    axes.plot(places, curve.values[list(unlisted)], markerfacecolor="white", zorder=5, label="not listed", **looks)


def handles() -> list[Artist]:
    mark: dict[str, Any] = {"marker": "o", "markersize": 6 * look().lines, "linestyle": "none", "color": INDIGO}
    words = "not listed: mostly there by chance or by class"
    return [Line2D([], [], label=words, markerfacecolor="white", **mark)]


def beyond_of(report: InfluenceReport) -> Curve:
    """Pairs beyond those by class; at the last size with the interval of the change from the first one."""
    rows = report.sizes
    values = np.array([beyond(row.helpful) for row in rows])
    errors = np.full((2, len(rows)), np.nan)
    change = whole_change(report)
    errors[:, -1] = [max(0.0, change.value - change.low), max(0.0, change.high - change.value)]
    return Curve(FOUND, np.array([row.size for row in rows]), values, errors, "")


def beyond(found: PairsFound) -> float:
    return found.pairs - found.by_class


def whole_change(report: InfluenceReport) -> Ranged:
    """The change from the first size to the last; unknown where there is but one."""
    ends = (report.sizes[0].size, report.sizes[-1].size)
    steps: Sequence[SizeChange] = report.changes
    return next((step.change for step in steps if (step.smaller, step.larger) == ends), UNKNOWN)


def title(report: InfluenceReport) -> str:
    """Pairs at the last size, beside what would be there anyhow, and whether the sizes differ."""
    last, change = report.sizes[-1], whole_change(report)
    found = last.helpful
    told = (
        f"{found.pairs:,} helpful pair{'s' * (found.pairs != 1)} at {report.axis} {last.size}, where chance alone "
        f"would show {number(found.by_chance)} and what classes do as a whole {number(found.by_class)}"
    )
    if math.isnan(change.low):
        return told
    ends = f"95\u00a0% interval {signed(change.low)} to {signed(change.high)}"
    first = report.sizes[0].size
    if change.low <= 0 <= change.high:
        return f"{told}; beyond classes they do not clearly change from {report.axis} {first} on ({ends})"
    more = "more" if change.value > 0 else "fewer"
    return f"{told}; beyond classes {number(abs(change.value))} {more} than at {report.axis} {first} ({ends})"


def number(value: float) -> str:
    """A number of pairs that need not be whole."""
    if math.isnan(value):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 10 or value == round(value) else f"{value:.1f}"


def signed(value: float) -> str:
    return f"{'−' if value < 0 else '+'}{number(abs(value))}"


def subtitle(report: InfluenceReport) -> str:
    other = "another training image" if report.among == "train" else "a test image"
    of_class = "" if report.all_classes else " of its class"
    return (
        f"A helpful pair: a training image that is memorised (a score of {report.memorised:g} or more), and {other}"
        f"{of_class} on which models that were trained with the first are right more often, by {report.threshold:g} or "
        "more."
    )


def notes(report: InfluenceReport) -> list[str]:
    lines = [
        "By chance: the expected number if no image had influence, with two standard deviations to either side. By "
        "class: if all memorised images of a class had the same influence."
    ]
    if not math.isnan(whole_change(report).low):
        first, last = report.sizes[0].size, report.sizes[-1].size
        lines.append(
            f"The bar at {report.axis} {last}: 95\u00a0% interval of the change from {report.axis} {first}, over "
            "training images; noisier models show more pairs of the same influence, too."
        )
    lines.append("What is memorised, the choice of pairs and their influence come from different models.")
    return lines
