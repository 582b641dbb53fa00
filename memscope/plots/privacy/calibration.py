"""`privacy-calibration.png`: are log-odds of held-out models distributed as LiRA believes? At the largest size."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from memscope.plots.common.look import look
from memscope.plots.common.panels import draw_legend, legend_of, row_of
from memscope.plots.common.setting import Setting, caption
from memscope.plots.common.style import GREY, INDIGO, INK, OLIVE, WINE, page, percent, plain_text
from memscope.plots.privacy.shown import OTHERS
from memscope.reports.privacy import PrivacyReport

PANEL_WIDTH, PANEL_HEIGHT, BEFORE, UNDER = 3.9, 2.7, 0.85, 0.5  # inches
SIDES = ("members", "non-members")
THIRDS = {"narrow": (INDIGO, "-"), "middle": (OLIVE, "--"), "wide": (WINE, ":")}
"""Of the examples by the spread that is believed: colour and line"""
LEAST_HIGH = 2.0
"""Of the upward axis: what noise makes of a flat line is not to fill it"""


def densities_of(found: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """float64 [side, third, bin] at the largest size, 1 where all bins are alike; None where nothing was counted, or
    results are from before it was."""
    if "transform" not in found:
        return None
    counts = np.asarray(found["transform"], dtype=np.float64)[-1]
    totals = counts.sum(-1, keepdims=True)
    return counts / totals * counts.shape[-1] if (totals > 0).all() else None


def draw_calibration(setting: Setting, report: PrivacyReport, densities: np.ndarray) -> Figure:
    """A panel for members and one for non-members: how often the transform lies where, by thirds of the examples."""
    row = row_of([0.1] * len(SIDES), PANEL_WIDTH, PANEL_HEIGHT, BEFORE, UNDER)
    legend = legend_of(handles(), row.page - 2 * look().margin, 2)
    size = report.sizes[-1]
    pairs = sum(one.pairs for one in size.calibration)
    figure, bottom = page(
        row.page,
        row.height + legend.height,
        title(report),
        f"Models of {setting.axis} {size.size}. Across: where a held-out model's log-odds lie in what its references "
        "say, from the lowest to the highest. Up: how many do, beside how many should.",
        caption(
            setting,
            f"{pairs:,} pairs of a model and an example, drawn by lot; thirds of the examples by believed spread.",
            "Models of a block share a part of their errors, so that lines vary more than so many pairs alone would.",
            OTHERS,
            scores=False,
        ),
    )
    high = max(LEAST_HIGH, 1.08 * float(densities.max()))
    for place, side in enumerate(SIDES):
        axes = row.axes(figure, place, bottom)
        draw_side(axes, densities[place])
        axes.set(xlim=(0, 1), ylim=(0, high))
        axes.yaxis.set_major_locator(MaxNLocator(5, prune="upper"))  # the legend is above
        axes.set_xlabel("probability integral transform", size=look().small, color=INK)
        axes.set_ylabel(f"{side}: density", size=look().small, color=INK)
    draw_legend(figure, legend, look().margin, bottom + row.height + legend.height)
    return plain_text(figure)


def draw_side(axes: Axes, densities: np.ndarray) -> None:
    edges = np.linspace(0, 1, densities.shape[-1] + 1)
    axes.axhline(1, color=GREY, linewidth=look().lines, linestyle=(0, (1, 2)), zorder=1, label="expected")
    for (name, (colour, line)), values in zip(THIRDS.items(), densities, strict=True):
        looks: dict[str, Any] = {"color": colour, "linestyle": line, "linewidth": 1.5 * look().lines}
        axes.plot(edges, np.append(values, values[-1]), drawstyle="steps-post", label=name, zorder=2, **looks)


def handles() -> list[Artist]:
    found: list[Artist] = []
    for name, (colour, line) in THIRDS.items():
        looks: dict[str, Any] = {"color": colour, "linestyle": line, "linewidth": 1.5 * look().lines}
        found.append(Line2D([], [], label=f"{name} believed spread", **looks))
    dots: dict[str, Any] = {"color": GREY, "linestyle": (0, (1, 2)), "linewidth": look().lines}
    return [*found, Line2D([], [], label="if beliefs were right", **dots)]


def title(report: PrivacyReport) -> str:
    """The tail that is furthest from one in twenty."""
    row = report.sizes[-1]
    tails = [
        (abs(np.log(max(value, 1e-4) / 0.05)), value, tail, one.member)
        for one in row.calibration
        for tail, value in (("lowest", one.below), ("highest", one.above))
        if value == value
    ]
    _, value, tail, member = max(tails)
    side = "members" if member else "non-members"
    return (
        f"At {report.axis} {row.size}, of {side} in one third of the examples, {percent(value)} lie in the {tail} "
        f"twentieth of what LiRA believes, where 5\u00a0% should"
    )
