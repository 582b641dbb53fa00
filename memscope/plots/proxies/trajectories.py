"""`proxies-trajectories.png`: the score and its proxies over size, in the mean over examples of each type."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from memscope.analysis.trajectories import TYPES
from memscope.plots.common.look import look, room
from memscope.plots.common.panels import Grid, draw_legend, grid, legend_of
from memscope.plots.common.style import (
    GREY,
    INK,
    POINTS,
    TYPE_STYLES,
    balanced,
    page,
    place,
    plain_text,
    size_axis,
    size_positions,
    text_width,
)
from memscope.plots.proxies.shown import (
    FOLLOWS,
    NOTHING,
    SHORT,
    across_sizes,
    how_many,
    in_lines,
    interval_note,
    leading,
    models_note,
    titles,
)
from memscope.reports.proxies import ProxiesReport, ProxyFound

PANEL_WIDTH, PANEL_HEIGHT = 2.3, 1.7  # inches
MOST = 11
"""Proxies, so that with the score there are three rows of four"""
FEWEST = 20
"""Examples of a type: means over fewer are noisy"""
FLAT = 0.002
"""A panel shows at least this share of its largest number: smaller changes are not blown up"""
AROUND = 0.06  # of a panel's height, free above and below


@dataclass(frozen=True, eq=False)
class Panel:
    """One measure over the sizes."""

    name: str
    note: str
    means: dict[str, np.ndarray]
    """float64 [sizes] for each type"""
    ends: dict[str, np.ndarray]
    """float64 [2, sizes], of intervals"""
    turned: bool
    """Whether smaller values stand above larger ones"""


def with_trajectories(report: ProxiesReport) -> list[ProxyFound]:
    """The proxies whose trajectories are known, in the order in which they are shown: those that follow first."""
    kept = known_types(report)
    found = [
        proxy
        for proxy in leading(report)
        if proxy.trend is not None
        and any(isfinite(each.value) for name in kept for each in proxy.trend.by_type.get(name, ()))
    ]
    return sorted(found, key=lambda proxy: proxy.across_sizes != FOLLOWS)


def known_types(report: ProxiesReport) -> list[str]:
    """The types that have enough examples."""
    return [name for name in TYPES if report.examples_by_type.get(name, 0) >= FEWEST]


def draw_proxy_trajectories(report: ProxiesReport) -> Figure:
    """A panel for the score and one for each proxy, at most 11: mean over the examples of each type, with intervals.

    Each has a scale of its own, up the way that should be more memorised. There must be two sizes, a proxy
    `with_trajectories` and one of the `known_types`.
    """
    kept, known = known_types(report), with_trajectories(report)
    shown = known[:MOST]
    drawn = [score_panel(report, kept), *(proxy_panel(proxy, kept) for proxy in shown)]
    scales = [scale_of(panel) for panel in drawn]
    ticks = max(text_width(name, look().small) for _, _, at in scales for name in tick_names(at) or [""])
    line = 1.3 * look().small / POINTS
    beside = (ticks + 0.12) / look().room  # the grid scales what is for text; this is measured
    panels = grid(len(drawn), PANEL_WIDTH, PANEL_HEIGHT, left=beside, between=beside + 0.12, under=0.5, least=3)
    names = [in_lines(panel.name, look().text, panels.wide, most=3, weight="bold") for panel in drawn]
    under_names = [balanced(panel.note, look().small, panels.wide) for panel in drawn]
    heads = [
        len(name) * 1.3 * look().text / POINTS + len(note) * line + 0.12
        for name, note in zip(names, under_names, strict=True)
    ]
    floors, tall = floors_of(panels, heads)
    legend = legend_of(handles(report, kept), panels.page - 2 * look().margin)
    body = tall + legend.height
    intervals = any(np.isfinite(ends).any() for panel in drawn for ends in panel.ends.values())
    figure, bottom = page(
        panels.page, body, title(report, shown), subtitle(report), " ".join(notes(report, known, intervals))
    )
    places = size_positions(report.axis, sizes_of(report))
    for position, (panel, (low, high, at)) in enumerate(zip(drawn, scales, strict=True)):
        row, column = divmod(position, panels.columns)
        left = panels.left + column * (panels.wide + panels.between)
        axes = place(figure, left, bottom + floors[row], panels.wide, panels.tall)
        draw_types(axes, panel, places)
        size_axis(axes, report.axis, sizes_of(report))
        axes.set_yticks(at, tick_names(at))
        axes.set_ylim(*((high, low) if panel.turned else (low, high)))
        if not at:
            axes.text(0.5, 0.5, NOTHING, transform=axes.transAxes, ha="center", size=look().small, color=GREY)
        write_head(axes, names[position], under_names[position], line)
        if panels.lowest(position, len(drawn)):
            axes.set_xlabel(report.axis, size=look().small, color=INK)
    draw_legend(figure, legend, look().margin, bottom + body)
    return plain_text(figure)


def floors_of(panels: Grid, heads: Sequence[float]) -> tuple[list[float], float]:
    """Where each row of panels stands, and the height of all, where heads take so many inches: one line, or four."""
    floors, height = [0.0] * panels.rows, 0.0
    for row in reversed(range(panels.rows)):
        first = row * panels.columns
        named = panels.lowest(min(first + panels.columns, len(heads)) - 1, len(heads))
        floors[row] = height + room(0.45 if named else 0.28)
        height = floors[row] + panels.tall + max(heads[first : first + panels.columns])
    return floors, height


def sizes_of(report: ProxiesReport) -> np.ndarray:
    return np.array([row.size for row in report.sizes])


def score_panel(report: ProxiesReport, kept: Sequence[str]) -> Panel:
    means = {name: finite(report.score_by_type[name]) for name in kept if name in report.score_by_type}
    return Panel("memorisation score", "mean raw score", means, {}, False)


def proxy_panel(proxy: ProxyFound, kept: Sequence[str]) -> Panel:
    by_type = {} if proxy.trend is None else proxy.trend.by_type
    rows = {name: by_type[name] for name in kept if name in by_type}
    verdict = proxy.across_sizes or "cannot be told"
    return Panel(
        proxy.title,
        SHORT.get(verdict, verdict) + ("; axis turned" if proxy.sign < 0 else ""),
        {name: finite([each.value for each in row]) for name, row in rows.items()},
        {name: finite([[each.low for each in row], [each.high for each in row]]) for name, row in rows.items()},
        proxy.sign < 0,
    )


def finite(values: Sequence[float] | Sequence[Sequence[float]]) -> np.ndarray:
    """As an array, NaN for what has no place on an axis."""
    found = np.array(values, dtype=np.float64)
    return np.where(np.isfinite(found), found, np.nan)


def scale_of(panel: Panel) -> tuple[float, float, list[float]]:
    """Both ends of a panel's axis, and its ticks; no ticks where it has no number."""
    numbers = [each.ravel() for each in (*panel.means.values(), *panel.ends.values())]
    every = np.concatenate([*numbers, np.empty(0)])
    every = every[~np.isnan(every)]
    if not len(every):
        return 0.0, 1.0, []
    low, high = float(every.min()), float(every.max())
    least = FLAT * max(abs(low), abs(high)) or 1.0
    more = max(0.0, least - (high - low)) / 2
    pad = AROUND * (high - low + 2 * more)
    low, high = low - more - pad, high + more + pad
    ticks = MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    return low, high, [float(tick) for tick in ticks if low <= tick <= high]


def tick_names(ticks: Sequence[float]) -> list[str]:
    """With as many decimals as the one that needs most."""
    names = [f"{tick + 0.0:.6g}" for tick in ticks]
    if not any("e" in name for name in names):
        decimals = max((len(name.partition(".")[2]) for name in names), default=0)
        names = [f"{tick + 0.0:.{decimals}f}" for tick in ticks]
    return [re.sub(r"e\+?(-?)0?", r"e\1", name).replace("-", "−") for name in names]


def draw_types(axes: Axes, panel: Panel, places: np.ndarray) -> None:
    """The means of each type, with intervals as bands where they are known."""
    thick = look().lines
    for name, means in panel.means.items():
        colour, marker, line = TYPE_STYLES[name]
        if name in panel.ends and np.isfinite(panel.ends[name]).any():
            axes.fill_between(
                places, *panel.ends[name], color=colour, alpha=0.2, linewidth=0, label=f"{name}, interval"
            )
        axes.plot(
            places,
            means,
            color=colour,
            marker=marker,
            markersize=4.5 * thick,
            linewidth=1.6 * thick,
            linestyle=line,
            label=name,
        )


def write_head(axes: Axes, name: Sequence[str], note: Sequence[str], line: float) -> None:
    """The name of a panel, and under it what is said of it."""
    axes.set_title(
        "\n".join(name), loc="left", size=look().text, weight="bold", color=INK, pad=6 + POINTS * line * len(note)
    )
    axes.annotate(
        "\n".join(note),
        (0, 1),
        xycoords="axes fraction",
        xytext=(0, 5),
        textcoords="offset points",
        va="bottom",
        size=look().small,
        color=GREY,
    )


def handles(report: ProxiesReport, kept: Sequence[str]) -> list[Artist]:
    """What the legend tells of."""
    thick, found = look().lines, []
    for name in kept:
        colour, marker, line = TYPE_STYLES[name]
        lines: dict[str, Any] = {"color": colour, "marker": marker, "linestyle": line, "linewidth": 1.6 * thick}
        label = f"{name} ({report.examples_by_type[name]:,})"
        found.append(Line2D([], [], markersize=5 * thick, label=label, **lines))
    return list(found)


def title(report: ProxiesReport, shown: Sequence[ProxyFound]) -> str:
    """How many of the proxies follow across sizes."""
    said = across_sizes(leading(report))
    over = f"Memorisation and its proxies over {report.axis}"
    return f"{over}: {how_many(said, f'across {report.axis}s', 'it')}" if said else over


def subtitle(report: ProxiesReport) -> str:
    return (
        f"Mean over the examples of each type that memorisation has over {report.axis}. Every panel has a scale of its "
        "own; up is the way that should be more memorised. Under each name: whether the proxy follows memorisation "
        f"across {report.axis}s."
    )


def notes(report: ProxiesReport, known: Sequence[ProxyFound], intervals: bool) -> list[str]:
    """How types were named, what bands are, what is left out, and from which models all is."""
    lines = [
        f"Types are those of the raw rule, with epsilon\u00a0=\u00a0{report.epsilon:g}, on other models than score and "
        "proxies.",
        interval_note("Bands", intervals, report.recorded),
    ]
    few = [f"{name} ({count})" for name in TYPES if 0 < (count := report.examples_by_type.get(name, 0)) < FEWEST]
    if few:
        lines.append(f"Types with fewer than {FEWEST} examples are left out: {', '.join(few)}.")
    if len(known) > MOST:
        lines.append(
            f"Of {len(known)} proxies those that follow, and of the others those that correlate most across examples."
        )
    if unknown := [proxy for proxy in leading(report) if all(proxy is not each for each in known)]:
        lines.append(f"No trajectories are known of: {titles(unknown)}.")
    return [*lines, models_note(report)]
