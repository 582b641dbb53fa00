"""`proxies.png`: which proxies follow memorisation across examples, at every size, and which across sizes."""

from collections import Counter
from collections.abc import Sequence
from math import isfinite, nan
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from memscope.plots.common.compared import reach
from memscope.plots.common.fonts import legible
from memscope.plots.common.look import look
from memscope.plots.common.panels import draw_legend
from memscope.plots.common.style import (
    GREY,
    INDIGO,
    INK,
    POINTS,
    page,
    place,
    plain_text,
)
from memscope.plots.proxies.rows import Layout, dress, layout_of, say_nothing_is_known, write_verdicts
from memscope.plots.proxies.shown import (
    FOLLOWS,
    UNKNOWN,
    across_sizes,
    how_many,
    interval_note,
    leading,
    models_note,
    sentence,
    titles,
)
from memscope.reports.proxies import Bounded, ProxiesReport, ProxyFound

PALEST = 0.3
"""How much of the colour the smallest size has; the largest has all of it"""
EXAMPLES, SLOPES, LEVEL, CEILING = "examples", "slopes", "level", "ceiling"
VALUE_AT, LEVEL_AT = 0.36, 0.72
"""In a row, the correlation of slopes and what the level foretells of it: they may be equal"""
OF_MANY = {
    FOLLOWS: "follow",
    "only as its level foretells": "only as their level foretells",
    "does not follow": "do not follow",
    "goes against": "go against",
    UNKNOWN: UNKNOWN,
}
"""Verdicts of several proxies, in the order in which they are told"""
UNKNOWN_VALUE = Bounded(value=nan)


def draw_proxies(report: ProxiesReport) -> Figure:
    """A row for each proxy that leads: left the correlations at every size, right, if there are several, of slopes.

    Beside the numbers stand their 95 % intervals, the ceilings that noise leaves, and the verdicts. On a page of fixed
    width the second panel stands under the first. There must be a proxy and a size.
    """
    shown, sizes = leading(report), [row.size for row in report.sizes]
    verdicts = [[proxy.across_examples for proxy in shown], [proxy.across_sizes or UNKNOWN for proxy in shown]]
    verdicts = verdicts[: len(heads(report))]
    names = [proxy.title for proxy in shown]
    layout = layout_of(names, verdicts, axis_labels(report), handles(report, shown), len(sizes))
    figure, bottom = page(
        layout.page, layout.height, title(report, shown), subtitle(report, shown), " ".join(notes(report, shown))
    )
    lowest = lowest_end(shown)
    ceilings = {row.size: row.spearman_ceiling for row in report.sizes}
    for position, (left, floor) in enumerate(zip(layout.lefts, layout.floors, strict=True)):
        axes = place(figure, left, bottom + floor, layout.wide, layout.row * len(shown))
        named = position == 0 or layout.stacked
        dress(axes, layout.names if named else [""] * len(shown), lowest)
        axes.set_xlabel("\n".join(layout.labels[position]), size=look().small, color=INK)
        head = heads(report)[position]
        axes.set_title(head, loc="left", size=look().text, weight="bold", color=INK, pad=5)
        if position == 0:
            draw_examples(axes, layout, sizes, shown, ceilings, report.axis)
        else:
            draw_slopes(axes, layout, shown)
        write_verdicts(axes, layout, verdicts[position])
    draw_legend(figure, layout.legend, look().margin, bottom + layout.height)
    return plain_text(figure)


def heads(report: ProxiesReport) -> list[str]:
    """The names of the panels that there are."""
    return ["Across examples", *([f"Across {report.axis}s"] if len(report.sizes) > 1 else [])]


def axis_labels(report: ProxiesReport) -> list[str]:
    """Under these panels."""
    at = f"each {report.axis}" if len(report.sizes) > 1 else f"{report.axis} {report.sizes[0].size}"
    both = [
        f"rank correlation with the score at {at}, right: the expected way",
        f"correlation of slopes over {report.axis} with the score's",
    ]
    return both[: len(heads(report))]


def aligned(found: Bounded, sign: int) -> tuple[float, float, float]:
    """A correlation and the ends of its interval, as they would be if larger values meant more memorised."""
    low, high = (found.low, found.high) if sign > 0 else (-found.high, -found.low)
    return sign * found.value, low, high


def lowest_end(shown: Sequence[ProxyFound]) -> float:
    """The left end of both panels: a tenth of a correlation, at most -0.1."""
    ends = [-0.1]
    for proxy in shown:
        ends += [end for row in proxy.sizes for end in aligned(row.spearman, proxy.sign)]
        if proxy.trend is not None:
            ends += [*aligned(proxy.trend.slopes, 1), proxy.trend.slopes_of_level.value]
    return max(-1.0, float(np.floor(10 * min(end for end in ends if isfinite(end)) + 1e-9) / 10))


def draw_examples(
    axes: Axes,
    layout: Layout,
    sizes: Sequence[int],
    shown: Sequence[ProxyFound],
    ceilings: dict[int, float],
    axis: str,
) -> None:
    """Every proxy's correlations with the score, the smallest size on top of its row."""
    rows = [{row.size: row for row in proxy.sizes} for proxy in shown]
    for position, (size, colour) in enumerate(zip(sizes, shades(len(sizes)), strict=True)):
        offset = (position - (len(sizes) - 1) / 2) * layout.pitch / layout.row
        heights = np.arange(len(shown)) + 0.5 + offset
        at_size = [row.get(size) for row in rows]
        found = [
            aligned(UNKNOWN_VALUE if row is None else row.spearman, proxy.sign)
            for row, proxy in zip(at_size, shown, strict=True)
        ]
        most = [
            nan if row is None or row.half or not isfinite(row.spearman.value) else ceilings[size] for row in at_size
        ]
        draw_ceilings(axes, most, heights, 0.9 * layout.pitch, f"{CEILING}, {axis} {size}")
        draw_points(axes, found, heights, colour, marker_size(layout), f"{axis} {size}")
    for at, row in enumerate(rows):
        if not any(isfinite(each.spearman.value) for each in row.values()):
            say_nothing_is_known(axes, at)


def draw_slopes(axes: Axes, layout: Layout, shown: Sequence[ProxyFound]) -> None:
    """Every proxy's correlation of slopes, what its level foretells of it, and the ceiling."""
    trends = [proxy.trend for proxy in shown]
    rows, size = np.arange(len(shown)), min(5.5, 0.3 * layout.row * POINTS) * max(1.0, look().lines)
    ceilings = [nan if trend is None or not isfinite(trend.slopes.value) else trend.ceiling for trend in trends]
    draw_ceilings(axes, ceilings, rows + 0.5, 0.66 * layout.row, CEILING)
    levels = [nan if trend is None else trend.slopes_of_level.value for trend in trends]
    look_of_level: dict[str, Any] = {"color": GREY, "markerfacecolor": "white", "marker": "D", "linestyle": "none"}
    axes.plot(levels, rows + LEVEL_AT, label=LEVEL, markersize=0.8 * size, zorder=3, **look_of_level)
    found = [aligned(UNKNOWN_VALUE if trend is None else trend.slopes, 1) for trend in trends]
    draw_points(axes, found, rows + VALUE_AT, INDIGO, size, SLOPES)
    for at, (value, _, _) in enumerate(found):
        if not isfinite(value):
            say_nothing_is_known(axes, at)


def draw_points(
    axes: Axes,
    found: Sequence[tuple[float, float, float]],
    heights: np.ndarray,
    colour: str,
    size: float,
    label: str,
) -> None:
    """Values with their intervals, as far as these are correlations."""
    value, low, high = np.array(found, dtype=np.float64).T
    errors = reach(value, np.clip(low, -1, 1), np.clip(high, -1, 1))
    axes.errorbar(
        value,
        heights,
        xerr=None if np.isnan(errors).all() else errors,
        color=colour,
        marker="o",
        markersize=size,
        markeredgewidth=0,
        linestyle="none",
        elinewidth=1.1 * look().lines,
        label=label,
        zorder=4,
    )


def draw_ceilings(axes: Axes, ceilings: Sequence[float], heights: np.ndarray, tall: float, label: str) -> None:
    """Upright ticks, `tall` inches."""
    ceiling_look: dict[str, Any] = {
        "color": INK,
        "marker": "|",
        "linestyle": "none",
        "markeredgewidth": 1.1 * look().lines,
    }
    axes.plot(ceilings, heights, label=label, markersize=tall * POINTS, zorder=2, **ceiling_look)


def marker_size(layout: Layout) -> float:
    """Points: markers of neighbouring sizes touch at most."""
    return min(5.0 * look().lines, 0.95 * layout.pitch * POINTS)


def shades(count: int) -> list[str]:
    """One colour from pale to full."""
    full = np.array(to_rgb(INDIGO))
    return [to_hex(1 - share * (1 - full)) for share in np.linspace(PALEST if count > 1 else 1, 1, count)]


def handles(report: ProxiesReport, shown: Sequence[ProxyFound]) -> list[Artist]:
    """What the legend tells of."""
    thick, sizes = look().lines, report.sizes
    dot: dict[str, Any] = {"marker": "o", "markersize": 5.5 * thick, "linestyle": "none", "markeredgewidth": 0}
    tones = shades(len(sizes))
    found: list[Artist] = [Line2D([], [], color=tones[0], label=f"{report.axis} {sizes[0].size}", **dot)]
    if len(sizes) > 1:
        found[0].set_label(f"{report.axis} {sizes[0].size}, on top")
        last = f"{report.axis} {sizes[-1].size}, lowest"
        found.append(Line2D([], [], color=tones[-1], label=last, **dot))
    tick: dict[str, Any] = {"marker": "|", "markersize": 9 * thick, "linestyle": "none", "markeredgewidth": 1.1 * thick}
    found.append(Line2D([], [], color=INK, label="ceiling from noise", **tick))
    if intervals_known(shown):
        found.append(Line2D([], [], color=INDIGO, linewidth=1.1 * thick, label="95\u00a0% interval"))
    if len(sizes) > 1:
        box: dict[str, Any] = {
            "marker": "D",
            "markersize": 4.4 * thick,
            "linestyle": "none",
            "markerfacecolor": "white",
        }
        found.append(Line2D([], [], color=GREY, label="foretold by its level", **box))
    return found


def intervals_known(shown: Sequence[ProxyFound]) -> bool:
    ends = [row.spearman.low for proxy in shown for row in proxy.sizes]
    ends += [proxy.trend.slopes.low for proxy in shown if proxy.trend is not None]
    return any(isfinite(end) for end in ends)


def title(report: ProxiesReport, shown: Sequence[ProxyFound]) -> str:
    """How many follow across examples, and how many across sizes; of one proxy, whether it does."""
    if len(shown) == 1:
        (proxy,) = shown
        more = "" if proxy.across_sizes is None else f", {proxy.across_sizes} across {report.axis}s"
        return sentence(f"{titles(shown)}, held against memorisation: {proxy.across_examples} across examples{more}")
    first = how_many([proxy.across_examples for proxy in shown], "across examples", "memorisation")
    then = across_sizes(shown)
    return sentence(f"{first}; {how_many(then, f'across {report.axis}s', 'it')}" if then else first)


def subtitle(report: ProxiesReport, shown: Sequence[ProxyFound]) -> str:
    """How many have each of the verdicts, and which follow across sizes; of one proxy, the verdict in words."""
    if len(shown) == 1 and shown[0].verdict:
        return legible(shown[0].verdict)
    lines = [f"Across examples: {tally([proxy.across_examples for proxy in shown])}."]
    if then := across_sizes(shown):
        lines.append(f"Across {report.axis}s: {tally(then)}.")
        follow = [proxy for proxy in shown if proxy.across_sizes == FOLLOWS]
        lines += [f"Those that follow across {report.axis}s: {titles(follow)}."] if follow else []
    return " ".join(lines)


def tally(verdicts: Sequence[str]) -> str:
    """How many have each verdict."""
    counts = Counter(verdicts)
    told = [*OF_MANY, *(verdict for verdict in counts if verdict not in OF_MANY)]
    return ", ".join(
        f"{counts[each]} {each if counts[each] == 1 else OF_MANY.get(each, each)}" for each in told if counts[each]
    )


def notes(report: ProxiesReport, shown: Sequence[ProxyFound]) -> list[str]:
    """What points, intervals and ticks are, what is missing, and from which models all is."""
    order = f"; in order of its mean over {report.axis}s" if len(report.sizes) > 1 else ""
    lines = [
        f"Spearman's correlation over examples, turned round where smaller values should mean more memorised{order}.",
        interval_note("Bars", intervals_known(shown), report.recorded),
        "Ceiling: the most that noise in the score lets a correlation be.",
    ]
    noisy = [str(row.size) for row in report.sizes if not isfinite(row.spearman_ceiling)]
    if noisy:
        lines.append(f"None is measurable at {report.axis} {', '.join(noisy)}.")
    crossed = [proxy for proxy in shown if any(row.half for row in proxy.sizes)]
    if crossed:
        none = "Nor is there one" if noisy else "There is none"
        lines.append(
            f"{none} for what is held against half of the score's blocks, as it is from the other half: "
            f"{titles(crossed)}."
        )
    if len(report.sizes) > 1:
        lines.append(
            f"Slopes are those of single examples over {report.axis}, less the mean slope, the proxy brought to the "
            "score's scale; its level foretells of them what one number for each example would."
        )
    return [*lines, models_note(report)]
