"""`shares.png`: the share of examples of each type of trajectory, and the share that noise alone would give."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from memscope.analysis.trajectories import TYPES, UNDETERMINED
from memscope.plots.common.look import look, room
from memscope.plots.common.panels import Legend, draw_legend, legend_of
from memscope.plots.common.setting import Setting, caption, epsilon_note
from memscope.plots.common.style import (
    CLEAN,
    FAINT,
    FLIPPED,
    GREY,
    INDIGO,
    INK,
    extent,
    page,
    percent,
    place,
    plain_text,
    text_width,
)
from memscope.plots.trajectories.beyond_flat import headline
from memscope.reports.trajectories import PopulationTypes, TypesByLabel, TypeShares

Shares = Mapping[str, float]
Fill = Mapping[str, Any]

TALL_IN_COLUMN = 3.3  # inches: of a chart, on a page of fixed width
PALE = "#A9A2D6"  # indigo's
THICK = 0.26  # of a bar, where the types are 1 apart
APART = 0.35  # between the last type and undetermined, which is none
NAMES = (*TYPES, UNDETERMINED)
CALLED: Fill = {"facecolor": INDIGO, "edgecolor": INDIGO}
RAW: Fill = {"facecolor": PALE, "edgecolor": PALE}
FLAT: Fill = {"facecolor": "white", "edgecolor": GREY, "hatch": "////"}
OF_FLIPPED: Fill = {"facecolor": FLIPPED, "edgecolor": FLIPPED}
OF_CLEAN: Fill = {"facecolor": "white", "edgecolor": CLEAN, "hatch": "...."}


def draw_shares(
    setting: Setting, shares: TypeShares, by_label: TypesByLabel | None, population: PopulationTypes | None = None
) -> Figure:
    """Bars for each type: raw rule with jackknife error, flat trajectories, called; undetermined apart.

    With the fitted `population` its shares come first, between what they may be, and nothing else is called. Beside
    them the called shares among flipped and among clean labels; `by_label` is None without label noise.
    """
    layout = layout_of(by_label is not None, population is not None)
    notes = ["If all were flat: what the raw rule would say of trajectories without any change, from noise alone."]
    errors_known = not np.isnan(list(shares.raw_error.values())).all()
    notes.append(
        "Error bars: one standard error, by leaving out half of the blocks of models."
        if errors_known
        else "No error bars: they need four blocks of models."
    )
    if shares.undefined:
        notes.append(f"{shares.undefined:,} examples without a defined trajectory are left out.")
    if population:
        notes.append(
            "Fitted population: what all examples are like, the noise taken out; its error bars reach from the least "
            "to the most that a share may be. Undetermined: no type has enough of the posterior."
        )
    called = population.called if population else shares.called
    figure, bottom = page(
        layout.page,
        layout.height,
        f"Types of trajectory over {setting.axis}: {headline(shares, setting.blocks, population)}",
        f"The raw rule names a type for every estimated trajectory; a type is called only with at least "
        f"{percent(setting.confidence)} of the posterior, else the example is undetermined.",
        caption(setting, *notes, epsilon_note(setting)),
    )
    axes = share_axes(figure, layout, 0, bottom, "of all examples")
    raw, error, flat = shares.raw, shares.raw_error, shares.if_all_flat
    first, second, third = (0, THICK, -THICK) if population else (-THICK, 0, THICK)
    bars(axes, TYPES, raw, first, RAW, error)
    bars(axes, TYPES, flat, second, FLAT)
    if population:
        ends = (population.shares_low, population.shares_high)
        bars(axes, TYPES, population.shares, third, CALLED, ends=ends)
        room_for_numbers(axes, [*raw.values(), *flat.values(), *population.shares_high.values(), called[UNDETERMINED]])
    else:
        bars(axes, TYPES, called, third, CALLED)
        room_for_numbers(axes, [*raw.values(), *flat.values(), *called.values()])
    bars(axes, (UNDETERMINED,), called, 0, CALLED)
    axes.set_yticks([height_of(name) for name in NAMES], NAMES, size=look().text)
    legend(figure, axes, layout.legends[0])
    if by_label:
        axes = share_axes(figure, layout, 1, bottom, "of flipped, of clean labels")
        kinds = [by_label.flipped.called, by_label.clean.called]
        bars(axes, NAMES, kinds[0], -THICK / 2, OF_FLIPPED)
        bars(axes, NAMES, kinds[1], THICK / 2, OF_CLEAN)
        room_for_numbers(axes, [share for kind in kinds for share in kind.values()])
        beside = layout.lefts[1] > layout.lefts[0]
        axes.set_yticks([height_of(name) for name in NAMES], [""] * len(NAMES) if beside else NAMES, size=look().text)
        legend(figure, axes, layout.legends[1])
    return plain_text(figure)


@dataclass(frozen=True)
class Layout:
    """Where the charts stand: that of all examples and, with label noise, that of its kinds. Inches."""

    lefts: tuple[float, ...]
    floors: tuple[float, ...]
    wides: tuple[float, ...]
    tall: float
    height: float
    page: float
    legends: tuple[Legend, ...]


def layout_of(with_labels: bool, by_population: bool) -> Layout:
    """Beside each other, or on a page of fixed width under each other."""
    style = look()
    left, right = style.margin + room(1.05), room(0.55)  # the number beside the longest bar
    tall, under, between = 4.6 * max(1.0, style.room * 0.85), room(0.5), room(0.5)
    charts = 2 if with_labels else 1
    if style.width is None:
        wides = [style.panels * min(1.0, 1.35 / style.room) * wide for wide in ((4.6, 3.0) if with_labels else (7.4,))]
        lefts = [left, left + wides[0] + right + between][:charts]
        page = lefts[-1] + wides[-1] + right + style.margin
    else:
        page, tall = style.width, TALL_IN_COLUMN
        lefts, wides = [left] * charts, [page - left - right - style.margin] * charts
    ours = Patch(label="fitted population" if by_population else "called", **CALLED)
    measured = [Patch(label="raw rule", **RAW), Patch(label="raw rule if all were flat", **FLAT)]
    handles = [
        [ours, *measured] if by_population else [*measured, ours],
        [Patch(label="called, flipped", **OF_FLIPPED), Patch(label="called, clean", **OF_CLEAN)],
    ]
    legends = [legend_of(each, wide + right) for each, wide in zip(handles, wides, strict=False)]
    above = max(each.height for each in legends) + room(0.1)
    below_others = (
        [0.0] * charts if style.width is None else [(under + tall + above) * at for at in range(charts)][::-1]
    )
    floors = [under + below for below in below_others]
    return Layout(tuple(lefts), tuple(floors), tuple(wides), tall, max(floors) + tall + above, page, tuple(legends))


def height_of(name: str) -> float:
    """The position of a type on the vertical axis."""
    return NAMES.index(name) + (APART if name == UNDETERMINED else 0)


def share_axes(figure: Figure, layout: Layout, chart: int, bottom: float, of: str) -> Axes:
    axes = place(figure, layout.lefts[chart], bottom + layout.floors[chart], layout.wides[chart], layout.tall)
    axes.grid(False)
    axes.grid(axis="x", color=FAINT, linewidth=0.8)
    axes.set_ylim(height_of(UNDETERMINED) + 0.5, -0.6)
    axes.axhline((height_of(TYPES[-1]) + height_of(UNDETERMINED)) / 2, color=GREY, linewidth=0.8, linestyle="--")
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(f"share {of}", size=look().small, color=INK)
    return axes


def bars(
    axes: Axes,
    names: tuple[str, ...],
    shares: Shares,
    offset: float,
    fill: Fill,
    errors: Shares | None = None,
    ends: tuple[Shares, Shares] | None = None,
) -> None:
    """Draw a bar for each type, with its number beside it and, if known, its error bar across its end.

    The error bar is of one error to either side, or between the `ends`.
    """
    heights = [height_of(name) + offset for name in names]
    values = np.array([shares[name] for name in names], dtype=np.float64)
    half = np.array([[(errors or {}).get(name) for name in names]] * 2, dtype=np.float64)
    if ends:
        low, high = (np.array([end[name] for name in names], dtype=np.float64) for end in ends)
        half = np.maximum([values - low, high - values], 0)
    axes.barh(heights, np.nan_to_num(values), height=0.9 * THICK, linewidth=0.8, **fill)
    if not np.isnan(half).all():
        axes.errorbar(values, heights, xerr=half, fmt="none", ecolor=INK, elinewidth=1.2, capsize=2.5)
    for value, more, height in zip(values, np.nan_to_num(half[1]), heights, strict=True):
        axes.annotate(
            percent(value),
            (np.nan_to_num(value) + more, height),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            size=look().small - look().smaller,
            color=INK,
            annotation_clip=False,
        )


def room_for_numbers(axes: Axes, shares: list[float]) -> None:
    """Set the horizontal axis from 0 to the next ten percent above the largest share."""
    largest = max((share for share in shares if not np.isnan(share)), default=0.0)
    end = max(0.1, np.ceil(10 * largest - 1e-9) / 10)
    step = 0.2 if end > 0.5 else 0.1 if end > 0.2 else 0.05
    while step * extent(axes)[0] / end < text_width("100\u00a0%", look().small) + 0.05:
        step *= 2
    ticks = np.arange(0, end + 1e-9, step)
    axes.set_xlim(0, end)
    axes.set_xticks(ticks, [f"{100 * tick:.0f}\u00a0%" for tick in ticks])


def legend(figure: Figure, axes: Axes, legend: Legend) -> None:
    """Draw the legend above the axes, from their left edge on."""
    corner, (across, up) = axes.get_position(), figure.get_size_inches()
    draw_legend(figure, legend, corner.x0 * across, corner.y1 * up + legend.height + room(0.03))
