"""`privacy-types.png`: which share of the examples of each type of trajectory LiRA finds at the largest size."""

import math
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from memscope.counting.privacy_types import ALL, found_most
from memscope.plots.common.compared import Curve, Kind, column, reach, set_scale
from memscope.plots.common.look import look, room
from memscope.plots.common.panels import draw_legend, legend_of, row_of
from memscope.plots.common.setting import Setting, caption, epsilon_note
from memscope.plots.common.style import FAINT, GREY, INK, TYPE_STYLES, page, percent, plain_text, text_width
from memscope.plots.privacy.shown import OTHERS, in_percent, interval_note, share
from memscope.reports.privacy import PrivacyReport, TypeFound

PANEL_WIDTH, ROW, UNDER = 4.6, 0.36, 0.55  # inches
FOUND_AT, TAKEN_AT = 0.36, 0.7
"""In a row, of the members and of the non-members"""


def told_types(report: PrivacyReport) -> list[TypeFound]:
    """Of the largest size, the types of which something is told, without all examples."""
    return [
        one
        for one in report.sizes[-1].types_of("lira")
        if one.type in TYPE_STYLES and not math.isnan(one.true_positive.value)
    ]


def draw_by_type(setting: Setting, report: PrivacyReport) -> Figure:
    """A row for each type: true-positive and false-positive rate at one threshold. Something must be told of a type.

    The band is the true-positive rate of all examples.
    """
    types, row = told_types(report), report.sizes[-1]
    everything = next((one for one in row.types_of("lira") if one.type == ALL), None)
    names = [f"{one.type} ({one.examples:,.0f})" for one in types]
    before = max(text_width(name, look().small) for name in names) + 0.12
    at = row_of([0.2], PANEL_WIDTH, room(ROW) * len(types), before / look().room, UNDER)
    legend = legend_of(handles(everything), at.page - 2 * look().margin, 2)
    figure, bottom = page(
        at.page,
        at.height + legend.height,
        title(report),
        f"Share of the members and of the non-members that LiRA takes for members, of the examples of each type of "
        f"trajectory, at one threshold: that for {percent(row.type_rate)} false positives among all examples of "
        f"{setting.axis} {row.size}.",
        caption(
            setting,
            interval_note([one.true_positive for one in types]),
            "Types are told by the raw rule from other blocks of models than those that are attacked; ( ): examples.",
            epsilon_note(setting),
            OTHERS,
        ),
    )
    axes = at.axes(figure, 0, bottom)
    axes.grid(False)
    axes.grid(axis="x", color=FAINT, linewidth=0.8)
    axes.set_ylim(len(types), 0)
    axes.set_yticks(np.arange(len(types)) + 0.5, names)
    axes.tick_params(axis="y", length=0)
    if everything is not None:
        draw_all(axes, everything)
    curves = draw_types(axes, types)
    set_scale([axes], curves, (0, 1), zero=True, across=True)
    in_percent(axes.xaxis)
    axes.set_xlabel("share taken for members", size=look().small, color=INK)
    draw_legend(figure, legend, look().margin, bottom + at.height + legend.height)
    return plain_text(figure)


def draw_all(axes: Axes, everything: TypeFound) -> None:
    found = everything.true_positive
    if math.isnan(found.value):
        return
    axes.axvline(found.value, color=GREY, linewidth=1.1 * look().lines, zorder=1, label=ALL)
    if not math.isnan(found.low):
        axes.axvspan(found.low, found.high, color=FAINT, linewidth=0, zorder=0, label="interval of all")


def draw_types(axes: Axes, types: list[TypeFound]) -> list[Curve]:
    """Filled markers of members, hollow ones of non-members; what the scale must hold."""
    curves = []
    for at, one in enumerate(types):
        colour, marker, _ = TYPE_STYLES[one.type]
        for height, found, hollow in ((FOUND_AT, one.true_positive, False), (TAKEN_AT, one.false_positive, True)):
            values = column([found], "value")
            errors = reach(values, column([found], "low"), column([found], "high"))
            curves.append(Curve(Kind(one.type, colour, marker, "-"), np.zeros(1), values, errors, ""))
            axes.errorbar(
                values,
                [at + height],
                xerr=None if np.isnan(errors).all() else errors,
                color=colour,
                marker=marker,
                markersize=(4 if hollow else 5) * look().lines,
                markerfacecolor="white" if hollow else colour,
                linestyle="none",
                elinewidth=1.2 * look().lines,
                capsize=2.0,
                label=f"{one.type}, non-members" if hollow else one.type,
                clip_on=False,
                zorder=3,
            )
    return curves


def handles(everything: TypeFound | None) -> list[Artist]:
    dot: dict[str, Any] = {"color": INK, "marker": "o", "linestyle": "none"}
    found: list[Artist] = [
        Line2D([], [], label="members", markersize=5 * look().lines, **dot),
        Line2D([], [], label="non-members", markersize=4 * look().lines, markerfacecolor="white", **dot),
    ]
    if everything is not None and not math.isnan(everything.true_positive.value):
        line: dict[str, Any] = {"color": GREY, "linewidth": 1.1 * look().lines}
        found.append(Line2D([], [], label="members, all examples", **line))
        if not math.isnan(everything.true_positive.low):
            found.append(Patch(color=FAINT, linewidth=0, label="95\u00a0% interval of it"))
    return found


def title(report: PrivacyReport) -> str:
    """Which type is found most, or more than all are, where one stands out."""
    row = report.sizes[-1]
    types, where = row.types_of("lira"), f"at {report.axis} {row.size}"
    found = found_most(types)
    if found is None:
        return f"No type of trajectory is clearly found more than all examples are {where}"
    most, clear = found
    everything = next(one for one in types if one.type == ALL)
    how = "most" if clear else "more often than all"
    return (
        f"Of the types of trajectory, LiRA finds {most.type} examples {how} {where}: "
        f"{share(most.true_positive)}, where it finds {percent(everything.true_positive.value)} of all"
    )
