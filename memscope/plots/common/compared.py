"""Two kinds of models compared over size: curves labelled at their ends, on a common scale.

For figures that compare a learning algorithm with and without a change.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import ScaledTranslation

from memscope.plots.common.look import look, room
from memscope.plots.common.setting import Setting
from memscope.plots.common.style import INK, POINTS, balanced, extent, size_axis, size_positions, text_width

BEFORE_LABEL = 6.0  # points from the last marker to its label


@dataclass(frozen=True)
class Kind:
    """A kind of models, the same in every panel of a figure."""

    name: str
    colour: str
    marker: str
    line: str


@dataclass(frozen=True, eq=False)
class Curve:
    """One measure of one kind of models over size; n sizes."""

    kind: Kind
    sizes: np.ndarray
    """int [n]"""
    values: np.ndarray
    """float64 [n], NaN where not known"""
    errors: np.ndarray
    """float64 [n], or [2, n] below and above: reach of the error bar, NaN where not known"""
    label: str
    """Text at the end of the curve; empty for none"""
    shift: float = 0.0
    """Points to the right, so that error bars at one size do not cover each other; less where sizes are close"""
    marker: str = ""
    """Replaces the marker of the kind"""
    open: bool = False
    """Markers without filling and without a line"""


def lines_of(kinds: Sequence[Kind]) -> list[Artist]:
    """A legend's line for each kind."""
    thick = look().lines
    looks: list[dict[str, Any]] = [
        {"color": kind.colour, "marker": kind.marker, "linestyle": kind.line, "label": kind.name} for kind in kinds
    ]
    return [Line2D([], [], markersize=6 * thick, linewidth=1.8 * thick, **each) for each in looks]


def column(rows: Sequence[Any], *keys: str) -> np.ndarray:
    """The values of a field, or of a field of a field, float64 [rows]; NaN where there is none."""
    found = []
    for row in rows:
        value: Any = row
        for key in keys:
            value = None if value is None else getattr(value, key)
        found.append(value)
    return np.array(found, dtype=np.float64)


def reach(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """How far intervals reach below and above their values, float64 [2, n]. An interval need not hold its value."""
    return np.maximum(0, np.stack([values - low, high - values]))


def draw_panel(axes: Axes, axis: str, sizes: np.ndarray, curves: Sequence[Curve], name: str) -> None:
    """Draw the curves of one panel over all the `sizes` of the figure. `set_scale`, then `label_ends` must follow."""
    size_axis(axes, axis, sizes)
    closest = min_distance(axes, axis, sizes)
    widest = max(abs(curve.shift) for curve in curves) / POINTS
    most = min(1.0, look().lines)
    closer = min(most, 0.35 * closest / widest) if widest else most  # a marker stays nearest to its own size
    inches = axes.figure.dpi_scale_trans
    for curve in curves:
        shifted = axes.transData + ScaledTranslation(closer * curve.shift / POINTS, 0, inches)
        axes.errorbar(
            size_positions(axis, curve.sizes),
            curve.values,
            yerr=None if np.isnan(curve.errors).all() else curve.errors,
            color=curve.kind.colour,
            marker=curve.marker or curve.kind.marker,
            markersize=6 * look().lines,
            markerfacecolor="white" if curve.open else curve.kind.colour,
            linestyle="none" if curve.open else curve.kind.line,
            linewidth=1.8 * look().lines,
            elinewidth=1.2 * look().lines,
            capsize=2.5,
            label=curve.label or f"{curve.kind.name}, open",
            transform=shifted,
        )
    lines = balanced(name, look().small, extent(axes)[1] + room(0.2))
    axes.set_ylabel("\n".join(lines), size=look().small, color=INK)


def min_distance(axes: Axes, axis: str, sizes: np.ndarray) -> float:
    """Inches between the two closest sizes; infinite for one size."""
    low, high = axes.get_xlim()
    return float(np.diff(size_positions(axis, sizes)).min(initial=np.inf) * extent(axes)[0] / (high - low))


def set_scale(
    panels: Sequence[Axes],
    curves: Sequence[Curve],
    within: tuple[float, float] = (-np.inf, np.inf),
    *,
    zero: bool = False,
    across: bool = False,
) -> None:
    """Give the panels one vertical scale, or one `across`, between round numbers, that holds all curves and error bars.

    It stays inside `within`, the possible values, even if an error bar does not. It holds 0 if `zero`.
    """
    ends = [0.0] if zero else []
    for curve in curves:
        below, above = np.broadcast_to(np.nan_to_num(curve.errors), (2, len(curve.values)))
        known = np.concatenate([curve.values - below, curve.values + above])
        ends += list(np.clip(known[~np.isnan(known)], *within))
    lowest, highest = (min(ends), max(ends)) if ends else (0.0, 1.0)
    room = max(0.0, 0.02 - (highest - lowest)) / 2  # all but equal numbers are not blown up
    lowest, highest = max(lowest - room, within[0]), min(highest + room, within[1])
    ticks = MaxNLocator(nbins=5, steps=[1, 2, 5, 10]).tick_values(lowest, highest)
    decimals = 2 if ticks[1] - ticks[0] < 0.095 else 1
    decimals = 3 if ticks[1] - ticks[0] < 0.0095 else decimals
    pad = 0.04 * (ticks[-1] - ticks[0])  # a marker on the first or the last line is drawn whole
    for axes in panels:
        names = [f"{tick + 0.0:.{decimals}f}".replace("-", "−") for tick in np.round(ticks, 6)]
        (axes.set_xticks if across else axes.set_yticks)(ticks, names)
        (axes.set_xlim if across else axes.set_ylim)(ticks[0] - pad, ticks[-1] + pad)


def label_ends(axes: Axes, axis: str, curves: Sequence[Curve]) -> None:
    """Put the label of each curve right of its last marker, moved up or down where labels would touch."""
    ends = []
    for curve in curves:
        known = np.flatnonzero(~np.isnan(curve.values))
        if curve.label and len(known):
            ends.append((curve, size_positions(axis, curve.sizes)[known[-1]], curve.values[known[-1]]))
    if not ends:
        return
    tall = extent(axes)[1]
    low, high = axes.get_ylim()
    line = label_height()
    heights = spread([tall * (value - low) / (high - low) for _, _, value in ends], line, line / 2, tall - line / 2)
    last = max(place for _, place, _ in ends)  # of one column, for labels that were moved away from their markers
    right = max(curve.shift for curve in curves)
    for (curve, _, _), height in zip(ends, heights, strict=True):
        axes.annotate(
            curve.label,
            (last, height / tall),
            xycoords=("data", "axes fraction"),
            xytext=((BEFORE_LABEL + right) * look().lines, 0),
            textcoords="offset points",
            va="center",
            size=look().small,
            color=curve.kind.colour,
            annotation_clip=False,
        )


def label_height() -> float:
    """Inches from one label to the next."""
    return 1.35 * look().small / POINTS


def label_room(curves: Sequence[Curve]) -> float:
    """Inches that the labels of a panel need on its right."""
    shift = max(curve.shift for curve in curves)
    return (
        max(text_width(curve.label, look().small) for curve in curves) + (BEFORE_LABEL + shift) * look().lines / POINTS
    )


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places from `low` to `high`, at least `gap` apart, in the order of `wanted` and as near to it as possible.

    Least squares: neighbours that are too close are pooled around their mean. If there is no room for all, they stand
    `gap` apart from `low` on.
    """
    order = np.argsort(wanted, kind="stable")
    pools: list[list[float]] = []  # of what remains to be wanted when the gaps below are taken away
    for rank, place in enumerate(order):
        pools.append([wanted[place] - rank * gap])
        while len(pools) > 1 and np.mean(pools[-2]) >= np.mean(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    level = np.array([np.mean(pool) for pool in pools for _ in pool])
    level = np.clip(level, low, max(low, high - gap * (len(level) - 1)))
    places = np.empty(len(level))
    places[order] = level + gap * np.arange(len(level))
    return [float(place) for place in places]


def span(axis: str, sizes: np.ndarray) -> str:
    """`width 2 to 32`, or `width 2` if there is only one."""
    return f"{axis} {sizes[0]} to {sizes[-1]}" if len(sizes) > 1 else f"{axis} {sizes[0]}"


def signed(value: float | None, decimals: int = 2) -> str:
    """A change with its sign; a dash where it is not known."""
    if value is None or np.isnan(value):
        return "–"
    return f"{round(value, decimals) + 0.0:+.{decimals}f}".replace("-", "−")


def points(change: float | None) -> str:
    """The change of a share in percentage points."""
    return signed(None if change is None else 100 * change, 1) + " points"


def raw_rule_note(setting: Setting) -> str:
    """For the figures that group examples by the type of their estimated trajectory."""
    return f"Types are those of the raw rule, with epsilon\u00a0=\u00a0{setting.epsilon:g}."
