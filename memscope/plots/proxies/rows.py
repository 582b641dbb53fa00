"""Rows of names, in two panels of correlations with a verdict beside each: where all stands, and what is around it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from memscope.plots.common.fonts import legible
from memscope.plots.common.look import look, room
from memscope.plots.common.panels import LEAST_WIDE, Legend, legend_of
from memscope.plots.common.style import FAINT, GREY, INK, POINTS, balanced, extent, text_width
from memscope.plots.proxies.shown import FOLLOWS, NOTHING, SHORT, in_lines

NAMES, LEAST_NAMES, PANEL, ONE_PANEL = 2.7, 0.6, 3.1, 4.6  # inches
BETWEEN, GAP = 0.25, 0.1  # inches: from the verdicts of one panel to the next panel, and around words
PITCH, MOST_IN_ROW = 0.06, 0.5  # inches: from one size to the next, and of all sizes of a proxy
LINE = 1.25  # of the size of its type
BAND = "#F5F5F5"  # behind every second row


@dataclass(frozen=True)
class Layout:
    """Where the panels stand, beside or under each other, and what is written beside them. Inches."""

    lefts: tuple[float, ...]
    floors: tuple[float, ...]
    wide: float
    row: float
    """Height of a row"""
    pitch: float
    """Between two sizes in a row"""
    height: float
    page: float
    stacked: bool
    names: tuple[str, ...]
    labels: tuple[list[str], ...]
    """Under the panels, in lines"""
    verdict: float
    """Room for a verdict"""
    legend: Legend


def layout_of(
    names: Sequence[str],
    verdicts: Sequence[Sequence[str]],
    labels: Sequence[str],
    legend: Sequence[Artist],
    sizes: int,
) -> Layout:
    """For rows of these names and so many sizes, and for each panel its verdicts and the label under it."""
    style, panels = look(), len(verdicts)
    stacked, line = style.width is not None, LINE * style.small / POINTS
    said = {words_of(each) for of_panel in verdicts for each in of_panel}
    verdict = max(in_two(each) if stacked else text_width(each, style.small, "bold") for each in said) + GAP
    across, beside = style.width or style.widest, 1 if stacked else panels
    most = across - 2 * style.margin - beside * (LEAST_WIDE + verdict) - (beside - 1) * BETWEEN - GAP
    named = [in_lines(name, style.small, min(most, NAMES * max(1.0, 0.9 * style.room))) for name in names]
    left = max([LEAST_NAMES, *(text_width(each, style.small) for lines in named for each in lines)]) + GAP
    taken = 2 * style.margin + left + beside * verdict + (beside - 1) * BETWEEN
    wide = (across - taken) / beside
    if not stacked:
        wide = min(wide, style.panels * (PANEL if panels > 1 else ONE_PANEL))
        across = taken + beside * wide
    lines = max([len(each) for each in named] + [2 if stacked and any(" " in each for each in said) else 1])
    pitch = min(PITCH * max(0.8, style.lines), MOST_IN_ROW * style.lines / sizes)
    row = max(lines * line + 0.05, sizes * pitch + 0.1, room(0.24))
    pitch = max(pitch, min(0.12, (row - 0.1) / sizes))
    under_axes = tuple(balanced(text, style.small, wide + verdict) for text in labels)
    under = room(0.3) + max(len(each) for each in under_axes) * line
    tall = under + row * len(names) + 1.4 * style.text / POINTS + 0.1
    floors = [under + (tall * (panels - 1 - at) if stacked else 0) for at in range(panels)]
    lefts = [style.margin + left + (0 if stacked else at * (wide + verdict + BETWEEN)) for at in range(panels)]
    key = legend_of(legend, across - 2 * style.margin)
    height = (panels if stacked else 1) * tall + key.height
    written = tuple("\n".join(each) for each in named)
    return Layout(
        tuple(lefts), tuple(floors), wide, row, pitch, height, across, stacked, written, under_axes, verdict, key
    )


def words_of(verdict: str) -> str:
    return SHORT.get(verdict, legible(verdict))


def in_two(text: str) -> float:
    """Inches that a text takes in at most two lines."""
    words, size = text.split(" "), look().small
    breaks = [(" ".join(words[:at]), " ".join(words[at:])) for at in range(len(words))]
    return min(max(text_width(line, size, "bold") for line in lines) for lines in breaks)


def dress(axes: Axes, names: Sequence[str], lowest: float) -> None:
    """A row for each name, from the top, and correlations from `lowest` to 1."""
    axes.grid(False)
    axes.grid(axis="x", color=FAINT, linewidth=0.8)
    axes.set_ylim(len(names), 0)
    axes.set_yticks(np.arange(len(names)) + 0.5, names)
    axes.tick_params(axis="y", length=0)
    for at in range(0, len(names), 2):
        axes.axhspan(at, at + 1, color=BAND, linewidth=0, zorder=0)
    pad = 0.03 * (1 - lowest)
    axes.set_xlim(lowest - pad, 1 + pad)
    wide = extent(axes)[0] / (1 - lowest + 2 * pad)
    least = text_width("−0.5", look().small) + 0.08
    step = next((step for step in (0.2, 0.5) if step * wide >= least), 1.0)
    ticks = np.arange(np.ceil(lowest / step - 1e-9), 1 / step + 1e-9) * step
    axes.set_xticks(ticks, [f"{tick + 0.0:g}".replace("-", "−") for tick in np.round(ticks, 6)])
    axes.axvline(0, color=GREY, linewidth=0.8, zorder=1, label="zero")


def say_nothing_is_known(axes: Axes, at: int) -> None:
    axes.text(0.5, at + 0.5, NOTHING, transform=axes.get_yaxis_transform(), ha="center", va="center", zorder=5)
    axes.texts[-1].set(size=look().small, color=GREY)


def write_verdicts(axes: Axes, layout: Layout, verdicts: Sequence[str]) -> None:
    """Right of each row; what follows is bold."""
    for at, verdict in enumerate(verdicts):
        words = words_of(verdict)
        axes.annotate(
            "\n".join(balanced(words, look().small, layout.verdict - 0.09, "bold")),
            (1, at + 0.5),
            xycoords=axes.get_yaxis_transform(),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            size=look().small,
            linespacing=1.05,
            weight="bold" if verdict == FOLLOWS else "normal",
            color=INK if verdict == FOLLOWS else GREY,
            annotation_clip=False,
        )
