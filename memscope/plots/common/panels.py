"""Panels side by side and in rows, and the legend above them, on a page of whatever width the style has."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memscope.plots.common.look import look, room
from memscope.plots.common.style import GREY, INK, POINTS, grid_of, place, text_width

LEAST_TALL, LEAST_WIDE = 0.95, 1.2
"""Inches: in a panel less tall or wide than this, nothing is told from anything."""


@dataclass(frozen=True)
class Grid:
    """Where panels stand, in inches."""

    rows: int
    columns: int
    wide: float
    tall: float
    left: float
    """From the page's edge to the first column"""
    between: float
    under: float
    """Below a row, and above it: names of axes and titles"""
    page: float

    @property
    def height(self) -> float:
        return self.rows * (self.tall + self.under)

    def axes(self, figure: Figure, position: int, bottom: float, below: float) -> Axes:
        """The axes of a panel; `below`: how much of `under` is beneath it."""
        row, column = divmod(position, self.columns)
        return place(
            figure,
            self.left + column * (self.wide + self.between),
            bottom + (self.rows - 1 - row) * (self.tall + self.under) + below,
            self.wide,
            self.tall,
        )

    def lowest(self, position: int, panels: int) -> bool:
        """Whether no other panel is beneath this one."""
        return position + self.columns >= panels


def grid(
    panels: int,
    wide: float,
    tall: float,
    *,
    left: float,
    between: float,
    under: float,
    right: float = 0.0,
    columns: int | None = None,
    least: int = 1,
    fill: bool = True,
) -> Grid:
    """A grid for some panels, given the inches that they take on a screen.

    A page of fixed width has as many columns as its style allows, and panels as wide as they can be. `columns` are
    those on a screen; by default as `grid_of` has them. `least`: columns for which the page has room, however few there
    are, because a title above one of them would be a column of words; fewer are as wide as the page, if they `fill` it.
    `right` is measured, not scaled.
    """
    style = look()
    left, between, under = style.margin + room(left), room(between), room(under)
    most = min(columns or grid_of(panels)[1], style.most_columns)
    if style.width is None:
        wide, tall = wide * style.panels, tall * style.panels
        across = max(most, least)
        page = left + across * wide + (across - 1) * between + right + style.margin
        if fill and most < across:
            free = (page - left - right - style.margin - (most - 1) * between) / most
            wide, tall = free, tall * min(1.4, free / wide)
    else:
        page = style.width
        most = min(panels, most)
        free = (page - left - right - style.margin - (most - 1) * between) / most
        wide, tall, under = free, max(LEAST_TALL, min(tall, tall * free / wide)), 0.85 * under
    return Grid(-(-panels // most), most, wide, tall, left, between, under, page)


@dataclass(frozen=True)
class Row:
    """Where panels with room at the right of each stand, in inches: side by side, or under each other."""

    lefts: Sequence[float]
    floors: Sequence[float]
    """From the lower end of the row"""
    wide: float
    tall: float
    height: float
    page: float

    def axes(self, figure: Figure, position: int, bottom: float) -> Axes:
        return place(figure, self.lefts[position], bottom + self.floors[position], self.wide, self.tall)


def row_of(rights: Sequence[float], wide: float, tall: float, before: float, under: float) -> Row:
    """A row of panels, given the inches that they take on a screen; `rights`, for their labels, are measured."""
    style = look()
    before, under, count = room(before), room(under), len(rights)
    if style.width is None:
        wide, tall = wide * style.panels_with_labels, tall * style.panels_with_labels
        free = (style.widest - 2 * style.margin - sum(rights) - count * before) / count
        wide = max(LEAST_WIDE, min(wide, free))
        lefts = [style.margin + sum(rights[:at]) + at * (before + wide) + before for at in range(count)]
        page = lefts[-1] + wide + rights[-1] + style.margin
        return Row(lefts, [under] * count, wide, tall, under + tall + room(0.1), page)
    free = style.width - 2 * style.margin - before - max(rights)
    tall = max(LEAST_TALL, 0.75 * free, min(tall, tall * free / wide))
    pitch = under + tall + room(0.15)
    floors = [under + (count - 1 - at) * pitch for at in range(count)]
    return Row([style.margin + before] * count, floors, free, tall, count * pitch, style.width)


def title_lines(titles: Sequence[tuple[str, str]], wide: float) -> int:
    """Lines that the titles of panels take, each a name and a note: one if all have room beside each other."""
    style = look()
    return 1 + any(
        text_width(name, style.text, "bold") + text_width(note, style.small) + 0.1 > wide for name, note in titles
    )


def title_room(lines: int) -> float:
    """Inches that a title takes beyond its first line."""
    return (lines - 1) * 1.35 * look().small / POINTS


def draw_title(axes: Axes, name: str, note: str, lines: int) -> None:
    """Name the panel at its left; the note at its right, or under the name."""
    style = look()
    pad = 6 + POINTS * title_room(lines)
    axes.set_title(name, loc="left", size=style.text, weight="bold", color=INK, pad=pad)
    if lines == 1:
        axes.set_title(note, loc="right", size=style.small, color=GREY, pad=pad)
        return
    axes.annotate(
        note,
        (0, 1),
        xycoords="axes fraction",
        xytext=(0, 5),
        textcoords="offset points",
        va="bottom",
        size=style.small,
        color=GREY,
    )


@dataclass(frozen=True)
class Legend:
    """The handles of a legend, and the columns and the inches that they take."""

    handles: Sequence[Artist]
    columns: int
    height: float


def legend_of(handles: Sequence[Artist], wide: float, most: int = 3) -> Legend:
    """A legend of at most so many columns, within so many inches."""
    if not handles:
        return Legend(handles, 1, 0.0)
    size = look().small
    em = size / POINTS
    names = [str(handle.get_label()) for handle in handles]
    for columns in range(min(most, len(names)), 0, -1):
        rows = -(-len(names) // columns)
        widths = [
            max(text_width(name, size) for name in names[first : first + rows]) for first in range(0, len(names), rows)
        ]
        if sum(widths) + len(widths) * 2.9 * em + (len(widths) - 1) * 1.4 * em <= wide or columns == 1:
            # matplotlib would spread four handles over three columns, if it were told to
            return Legend(handles, -(-len(names) // rows), rows * 1.7 * em + room(0.1))
    raise AssertionError("one column is always given")


def draw_legend(figure: Figure, legend: Legend, left: float, top: float) -> None:
    """Draw it down and right from a place in inches."""
    across, up = figure.get_size_inches()
    top = min(top, up - 0.02)  # where no title is above it, it would be cut
    figure.legend(
        handles=list(legend.handles),
        loc="upper left",
        bbox_to_anchor=(left / across, top / up),
        borderaxespad=0,
        borderpad=0.2,
        ncols=legend.columns,
        columnspacing=1.4,
        frameon=False,
        fontsize=look().small,
    )
