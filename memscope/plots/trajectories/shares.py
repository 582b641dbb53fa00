"""`shares.png`: the share of examples of each type of trajectory, and the share that noise alone would give."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from memscope.analysis.trajectories import TYPES, UNDETERMINED
from memscope.plots.common.setting import Setting, caption, epsilon_note, most_called
from memscope.plots.common.style import (
    BLUE,
    CLEAN,
    FAINT,
    FLIPPED,
    GREY,
    INK,
    MARGIN,
    SKY,
    SMALL,
    TEXT,
    page,
    percent,
    place,
    plain_text,
)
from memscope.reports.trajectories import TypesByLabel, TypeShares

Shares = Mapping[str, float]
Look = Mapping[str, Any]

THICK = 0.26  # of a bar, where the types are 1 apart
APART = 0.35  # between the last type and undetermined, which is none
NAMES = (*TYPES, UNDETERMINED)
CALLED: Look = {"facecolor": BLUE, "edgecolor": BLUE}
RAW: Look = {"facecolor": SKY, "edgecolor": SKY}
FLAT: Look = {"facecolor": "white", "edgecolor": GREY, "hatch": "////"}
OF_FLIPPED: Look = {"facecolor": FLIPPED, "edgecolor": FLIPPED}
OF_CLEAN: Look = {"facecolor": "white", "edgecolor": CLEAN, "hatch": "...."}


def draw_shares(setting: Setting, shares: TypeShares, by_label: TypesByLabel | None) -> Figure:
    """Bars for each type: raw rule with jackknife error, flat trajectories, called; undetermined apart.

    Beside them the called shares among flipped and among clean labels; `by_label` is None without label noise.
    """
    wide = 4.6 if by_label else 7.4
    left, between, tall, above, under = MARGIN + 1.05, 0.5, 4.6, 0.4, 0.5
    right = 0.55  # the number beside the longest bar
    width = left + wide + right + (between + 3.0 + right if by_label else 0) + MARGIN
    notes = ["If all were flat: what the raw rule would say of trajectories without any change, from noise alone."]
    errors_known = not np.isnan(list(shares.raw_error.values())).all()
    notes.append(
        "Error bars: one standard error, by leaving out half of the blocks of models."
        if errors_known
        else "No error bars: they need four blocks of models."
    )
    if shares.undefined:
        notes.append(f"{shares.undefined:,} examples without a defined trajectory are left out.")
    called = shares.called
    figure, bottom = page(
        width,
        above + tall + under,
        f"Types of trajectory over {setting.axis}: {most_called(called)}; "
        f"{percent(called[UNDETERMINED])} are undetermined",
        f"The raw rule names a type for every estimated trajectory; a type is called only with at least "
        f"{percent(setting.confidence)} of the posterior, else the example is undetermined.",
        caption(setting, *notes, epsilon_note(setting)),
    )
    axes = share_axes(figure, left, bottom + under, wide, tall, "of all examples")
    raw, error, flat = shares.raw, shares.raw_error, shares.if_all_flat
    bars(axes, TYPES, raw, -THICK, RAW, error)
    bars(axes, TYPES, flat, 0, FLAT)
    bars(axes, TYPES, called, THICK, CALLED)
    bars(axes, (UNDETERMINED,), called, 0, CALLED)
    room_for_numbers(axes, [*raw.values(), *flat.values(), *called.values()])
    axes.set_yticks([height_of(name) for name in NAMES], NAMES, size=TEXT)
    handles = [
        Patch(label="raw rule", **RAW),
        Patch(label="raw rule if all were flat", **FLAT),
        Patch(label="called", **CALLED),
    ]
    legend(figure, axes, handles)
    if by_label:
        axes = share_axes(
            figure, left + wide + right + between, bottom + under, 3.0, tall, "of flipped, of clean labels"
        )
        kinds = [by_label.flipped.called, by_label.clean.called]
        bars(axes, NAMES, kinds[0], -THICK / 2, OF_FLIPPED)
        bars(axes, NAMES, kinds[1], THICK / 2, OF_CLEAN)
        room_for_numbers(axes, [share for kind in kinds for share in kind.values()])
        axes.set_yticks([height_of(name) for name in NAMES], [""] * len(NAMES))
        legend(figure, axes, [Patch(label="called, flipped", **OF_FLIPPED), Patch(label="called, clean", **OF_CLEAN)])
    return plain_text(figure)


def height_of(name: str) -> float:
    """The position of a type on the vertical axis."""
    return NAMES.index(name) + (APART if name == UNDETERMINED else 0)


def share_axes(figure: Figure, left: float, bottom: float, wide: float, tall: float, of: str) -> Axes:
    axes = place(figure, left, bottom, wide, tall)
    axes.grid(False)
    axes.grid(axis="x", color=FAINT, linewidth=0.8)
    axes.set_ylim(height_of(UNDETERMINED) + 0.5, -0.6)
    axes.axhline((height_of(TYPES[-1]) + height_of(UNDETERMINED)) / 2, color=GREY, linewidth=0.8, linestyle="--")
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(f"share {of}", size=SMALL, color=INK)
    return axes


def bars(
    axes: Axes,
    names: tuple[str, ...],
    shares: Shares,
    offset: float,
    look: Look,
    errors: Shares | None = None,
) -> None:
    """Draw a bar for each type, with its number beside it and, if known, its error bar across its end."""
    heights = [height_of(name) + offset for name in names]
    values = np.array([shares[name] for name in names], dtype=np.float64)
    half = np.array([(errors or {}).get(name) for name in names], dtype=np.float64)
    axes.barh(heights, np.nan_to_num(values), height=0.9 * THICK, linewidth=0.8, **look)
    if not np.isnan(half).all():
        axes.errorbar(values, heights, xerr=half, fmt="none", ecolor=INK, elinewidth=1.2, capsize=2.5)
    for value, more, height in zip(values, np.nan_to_num(half), heights, strict=True):
        axes.annotate(
            percent(value),
            (np.nan_to_num(value) + more, height),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            size=SMALL - 0.5,
            color=INK,
            annotation_clip=False,
        )


def room_for_numbers(axes: Axes, shares: list[float]) -> None:
    """Set the horizontal axis from 0 to the next ten percent above the largest share."""
    largest = max((share for share in shares if not np.isnan(share)), default=0.0)
    end = max(0.1, np.ceil(10 * largest - 1e-9) / 10)
    step = 0.2 if end > 0.5 else 0.1 if end > 0.2 else 0.05
    ticks = np.arange(0, end + 1e-9, step)
    axes.set_xlim(0, end)
    axes.set_xticks(ticks, [f"{100 * tick:.0f}\u00a0%" for tick in ticks])


def legend(figure: Figure, axes: Axes, handles: list[Patch]) -> None:
    """Draw the legend above the axes, from their left edge on."""
    corner = axes.get_position()
    figure.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(corner.x0, corner.y1),
        borderaxespad=0.3,
        borderpad=0,
        ncols=len(handles),
        columnspacing=1.4,
        frameon=False,
        fontsize=SMALL,
    )
