"""`privacy-roc.png`: the ROC curves of attacks on the models of the largest size, on logarithmic axes."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import NullLocator

from memscope.plots.common.look import look, room
from memscope.plots.common.panels import draw_legend, legend_of, row_of
from memscope.plots.common.setting import Setting, caption
from memscope.plots.common.style import GREY, INK, page, plain_text, text_width
from memscope.plots.privacy.shown import ATTACKS, OTHERS, of_attack
from memscope.reports.privacy import PrivacyReport
from memscope.reports.ranged import Ranged

SIDE, BEFORE, UNDER = 4.4, 0.85, 0.55  # inches
LOWEST = 1e-4
"""Where the axes begin at the least: below, a rate is drawn at the edge"""
BAND = 0.18
"""Of the colour of a curve, for its band: three lie over each other"""


@dataclass(frozen=True, eq=False)
class Known:
    """Where the curves of one attack are told."""

    false: np.ndarray
    """False-positive rates, float64 [points]"""
    low: np.ndarray
    median: np.ndarray
    high: np.ndarray


def curves_of(found: Mapping[str, np.ndarray]) -> dict[str, Known]:
    """Of each attack that is drawn, the curves at the largest size; without those of fewer than two points."""
    names, false = [str(name) for name in found["attack"]], np.asarray(found["false_positive_rate"], dtype=np.float64)
    curves = {}
    for name in ATTACKS:
        if name not in names:
            continue
        at = names.index(name)
        low, median, high = (
            np.asarray(found[f"curve_{one}"][-1][at], dtype=np.float64) for one in ("low", "median", "high")
        )
        told = np.isfinite(low) & np.isfinite(median) & np.isfinite(high)
        if told.sum() > 1:
            curves[name] = Known(false[told], low[told], median[told], high[told])
    return curves


def draw_curves(setting: Setting, report: PrivacyReport, known: Mapping[str, Known]) -> Figure:
    """Median true-positive rate over models by false-positive rate, with the middle 90 % of models as a band.

    The diagonal is what guessing gives. At least one curve is known.
    """
    row = row_of([text_width("100\u00a0%", look().small) / 2 + 0.03], SIDE, SIDE, BEFORE, UNDER)
    legend = legend_of(handles(report, known), row.page - 2 * look().margin, 2)
    size = report.sizes[-1].size
    figure, bottom = page(
        row.page,
        row.height + legend.height,
        title(report),
        f"Models of {setting.axis} {size}. Across: share of the training examples held out of a model that an attack "
        "takes for members. Up: share of those it was trained on. Both on a logarithmic scale.",
        caption(
            setting,
            "Lines: the median of the models, each with thresholds of its own; bands: the middle 90\u00a0% of them.",
            "A curve ends where fewer than ten of a model's held-out examples would be beyond the threshold.",
            OTHERS,
            scores=False,
        ),
    )
    axes = row.axes(figure, 0, bottom)
    lowest = lowest_end(known)
    axes.plot([lowest, 1], [lowest, 1], color=GREY, linewidth=look().lines, linestyle=(0, (1, 2)), label="guessing")
    for name, curve in known.items():
        draw_curve(axes, name, curve, lowest)
    dress(axes, lowest)
    draw_legend(figure, legend, look().margin, bottom + row.height + legend.height)
    return plain_text(figure)


def lowest_end(known: Mapping[str, Known]) -> float:
    """A power of ten below the first point of all curves."""
    ends = [end for curve in known.values() for end in (curve.false[0], curve.low[curve.low > 0].min(initial=1))]
    return max(LOWEST, 10.0 ** math.floor(math.log10(min(0.1, *ends)) + 1e-9))


def draw_curve(axes: Axes, name: str, curve: Known, lowest: float) -> None:
    kind = ATTACKS[name]
    low, median, high = (np.maximum(one, lowest) for one in (curve.low, curve.median, curve.high))
    axes.fill_between(curve.false, low, high, color=kind.colour, alpha=BAND, linewidth=0, label=f"{kind.name}, band")
    axes.plot(
        curve.false, median, color=kind.colour, linestyle=kind.line, linewidth=1.8 * look().lines, label=kind.name
    )


def dress(axes: Axes, lowest: float) -> None:
    """The same powers of ten on both axes."""
    axes.set(xscale="log", yscale="log", xlim=(lowest, 1), ylim=(lowest, 1))
    ticks = [10.0**power for power in range(round(math.log10(lowest)), 1)]
    names = [f"{100 * tick:g}\u00a0%" for tick in ticks]
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(ticks, names)
        axis.set_minor_locator(NullLocator())
    axes.tick_params(axis="x", pad=room(5.5))  # both axes have a name in the corner
    axes.grid(axis="x", color=axes.get_ygridlines()[0].get_color(), linewidth=0.8)
    axes.set_xlabel("false-positive rate", size=look().small, color=INK)
    axes.set_ylabel("true-positive rate", size=look().small, color=INK)


def handles(report: PrivacyReport, known: Mapping[str, Known]) -> list[Artist]:
    """The curves with the areas under them, then the diagonal and a band."""
    found: list[Artist] = []
    for name in known:
        kind = ATTACKS[name]
        line: dict[str, Any] = {"color": kind.colour, "linestyle": kind.line, "linewidth": 1.8 * look().lines}
        areas = [one.area for one in of_attack(report.sizes[-1], name)]
        found.append(Line2D([], [], label=f"{kind.name}{area_of(areas[0]) if areas else ''}", **line))
    dots: dict[str, Any] = {"color": GREY, "linestyle": (0, (1, 2)), "linewidth": look().lines}
    found.append(Line2D([], [], label="what guessing gives", **dots))
    found.append(Patch(color=GREY, alpha=BAND, linewidth=0, label="middle 90\u00a0% of models"))
    return found


def area_of(area: Ranged) -> str:
    return "" if math.isnan(area.value) else f": area {area.value:.2f}"


def title(report: PrivacyReport) -> str:
    """Whether the area under LiRA's curve is clearly more than guessing gives."""
    row = report.sizes[-1]
    where = f"{report.axis} {row.size}"
    areas = [one.area for one in of_attack(row, "lira") if not math.isnan(one.area.value)]
    if not areas:
        return f"Attacks on the models of {where}"
    (area,) = areas
    ends = "" if math.isnan(area.low) else f" (95\u00a0% interval {area.low:.2f} to {area.high:.2f})"
    told = f"the area under LiRA's curve is {area.value:.2f}{ends}, where guessing gives 0.50"
    if math.isnan(area.low):
        return f"At {where} {told}"
    if area.low > 0.5:
        return f"LiRA tells training examples of {where} from others: {told}"
    return f"LiRA does not clearly tell training examples of {where} from others: {told}"
