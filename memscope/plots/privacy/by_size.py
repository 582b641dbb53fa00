"""`privacy.png`: which share of the training examples attacks find, at every size, at one false-positive rate."""

import math
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
from memscope.plots.common.style import GREY, INK, page, percent, plain_text, size_positions
from memscope.plots.privacy.shown import ATTACKS, OTHERS, in_percent, interval_note, rate_of, share, smallest_rate
from memscope.reports.privacy import PrivacyReport
from memscope.reports.ranged import Ranged

PANEL_WIDTH, PANEL_HEIGHT, BEFORE, UNDER = 4.8, 3.2, 0.85, 0.5  # inches
SHIFT = 2.0  # points


def draw_by_size(setting: Setting, report: PrivacyReport) -> Figure:
    """True-positive rates with 95 % intervals over size; a line where guessing would be. A rate must be told."""
    asked = smallest_rate(report)
    assert asked is not None
    curves = [curve for side, name in enumerate(ATTACKS, -1) if (curve := curve_of(report, name, asked, side))]
    row = row_of([label_room(curves) + 0.05], PANEL_WIDTH, PANEL_HEIGHT, BEFORE, UNDER)
    legend = legend_of(handles(asked), row.page - 2 * look().margin, 1)
    figure, bottom = page(
        row.page,
        row.height + legend.height,
        title(report, asked),
        f"Share of a model's training examples that each attack finds, where {percent(asked)} of the training examples "
        "held out of it are taken for members.",
        caption(setting, *notes(report, asked), scores=False),
    )
    axes = row.axes(figure, 0, bottom)
    draw_panel(axes, setting.axis, setting.sizes, curves, f"true-positive rate at {percent(asked)} false positives")
    axes.set_xlabel(setting.axis, size=look().small, color=INK)
    set_scale([axes], [*curves, of_guessing(setting, asked)], (0, 1), zero=True)
    in_percent(axes.yaxis)
    draw_guessing(axes, setting, asked)
    label_ends(axes, setting.axis, curves)
    draw_legend(figure, legend, look().margin, bottom + row.height + legend.height)
    return plain_text(figure)


def draw_guessing(axes: Axes, setting: Setting, asked: float) -> None:
    """A line up to the last size: right of it are the names of curves."""
    ends = axes.get_xlim()[0], size_positions(setting.axis, setting.sizes)[-1]
    looks: dict[str, Any] = {"color": GREY, "linewidth": look().lines, "linestyle": (0, (1, 2))}
    axes.plot(ends, (asked, asked), zorder=1, label="guessing", **looks)


def curve_of(report: PrivacyReport, attack: str, asked: float, side: int) -> Curve | None:
    """None where the attack's rate is told at no size."""
    found = found_at(report, attack, asked)
    values = column(found, "value")
    if np.isnan(values).all():
        return None
    errors = reach(values, column(found, "low"), column(found, "high"))
    kind = ATTACKS[attack]
    return Curve(kind, np.array([row.size for row in report.sizes]), values, errors, kind.name, side * SHIFT)


def found_at(report: PrivacyReport, attack: str, asked: float) -> list[Ranged]:
    rates = [rate_of(row, attack, asked) for row in report.sizes]
    return [Ranged(value=math.nan) if rate is None else rate.true_positive for rate in rates]


def of_guessing(setting: Setting, asked: float) -> Curve:
    """So that the scale has room for the line."""
    nothing = np.zeros(len(setting.sizes))
    return Curve(Kind("guessing", GREY, "o", ":"), setting.sizes, nothing + asked, nothing, "")


def handles(asked: float) -> list[Artist]:
    looks: dict[str, Any] = {"color": GREY, "linestyle": (0, (1, 2)), "linewidth": look().lines}
    return [Line2D([], [], label=f"what guessing gives, {percent(asked)}", **looks)]


def title(report: PrivacyReport, asked: float) -> str:
    """What LiRA finds at the largest size at which it is told, and whether that is more than at the smallest."""
    told = [
        (row.size, one)
        for row, one in zip(report.sizes, found_at(report, "lira", asked), strict=True)
        if not math.isnan(one.value)
    ]
    size, found = told[-1]
    said = f"At {report.axis} {size} LiRA finds {share(found)} of a model's training examples"
    said += f" at {percent(asked)} false positives"
    whole = report.changes[-1] if report.changes else None
    if whole is None or whole.asked != asked or whole.larger != size:
        return said
    change = whole.true_positive
    than = f"than at {report.axis} {whole.smaller}"
    if change.low > 0 or change.high < 0:
        return f"{said}, {'more' if change.value > 0 else 'less'} {than}"
    return f"{said}, not clearly more or less {than}"


def notes(report: PrivacyReport, asked: float) -> list[str]:
    """Thresholds, intervals, and where nothing is told."""
    every = {name: found_at(report, name, asked) for name in ATTACKS}
    lines = [
        "Thresholds are chosen on other blocks of models.",
        interval_note([one for found in every.values() for one in found]),
    ]
    for name, found in every.items():
        lacking = [str(row.size) for row, one in zip(report.sizes, found, strict=True) if math.isnan(one.value)]
        if lacking:
            lines.append(
                f"Of {ATTACKS[name].name} too few held-out examples are beyond the threshold at {report.axis} "
                f"{', '.join(lacking)}."
            )
    return [*lines, OTHERS]
