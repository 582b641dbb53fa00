"""What all figures share: colours, text, and the page with its title, subtitle and caption.

Pages are laid out in inches. Text is measured before it is placed, so that nothing is cut or overlaps, however long a
class name is and however many sizes there are. A user's matplotlibrc does not affect a figure, and no global setting
is changed.
"""

import io
import re
from functools import lru_cache
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text
from matplotlib.textpath import text_to_path

from memscope.analysis.trajectories import UNDETERMINED
from memscope.plots.common.fonts import families
from memscope.plots.common.look import look, room

DPI = 150
POINTS = 72  # in an inch

# Okabe & Ito's palette, which colour-blind readers can tell apart.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILLION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"
INK, GREY, FAINT = "#222222", "#666666", "#DDDDDD"
# Of what is no type: darker ones of Tol's muted palette, which such readers can tell apart too, and petrol.
INDIGO, OLIVE, WINE, PETROL = "#332288", "#999933", "#882255", "#00565B"

FLIPPED, CLEAN = VERMILLION, INDIGO
"""Labels that were flipped and labels that were not, in every figure."""

TYPE_STYLES = {
    "constant": (BLUE, "o", "-"),
    "increasing": (ORANGE, "^", "-"),
    "decreasing": (GREEN, "v", "-"),
    "cap-shaped": (PURPLE, "D", "-"),
    "u-shaped": (SKY, "s", "-"),
    "irregular": (BLACK, "X", "-"),
    UNDETERMINED: (GREY, "o", "--"),
}
"""Colour, marker and line style of each type. Nothing else has these colours, grey apart; vermillion is for
flipped labels."""


def page(width: float, body: float, title: str, subtitle: str, caption: str) -> tuple[Figure, float]:
    """A page with `body` inches between heading and caption. Returns the figure, and where the body begins.

    Text is wrapped to the width, and decides the height. All in inches, from the bottom. A style may leave out the
    title, or the subtitle and the caption.
    """
    style = look()
    wide, edge = width - 2 * style.margin, style.margin / 2
    above, below = [], []
    if style.heading:
        above += [(line, style.title, INK, "bold") for line in balanced(title, style.title, wide, "bold")]
    if style.prose:
        above += [(line, style.text, GREY, "normal") for line in balanced(subtitle, style.text, wide)]
        below += [(line, style.small, GREY, "normal") for line in balanced(caption, style.small, wide)]
    bottom = edge + _height(below) + (0.1 if below else 0)
    height = bottom + body + (0.12 + _height(above) if above else 0) + edge
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    figure.set_layout_engine("none")
    FigureCanvasAgg(figure)
    for lines, top in ((above, height - edge), (below, bottom - 0.1)):
        for line, size, colour, weight in lines:
            figure.text(
                style.margin / width,
                top / height,
                line,
                size=size,
                color=colour,
                weight=weight,
                va="top",
                parse_math=False,
            )
            top -= _height([(line, size, colour, weight)])
    return figure, bottom


def _height(lines: list[tuple[str, float, str, str]]) -> float:
    return sum(1.4 * size / POINTS for _, size, _, _ in lines)


def place(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Axes at a place given in inches from the lower left corner, with our spines, ticks and grid."""
    across, up = figure.get_size_inches()
    axes = figure.add_axes((left / across, bottom / up, width / across, height / up), facecolor="white")
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(GREY)
        spine.set_linewidth(0.8)
    axes.tick_params(labelsize=look().small, color=GREY, labelcolor=INK, length=3, width=0.8, pad=room(3.5))
    axes.grid(axis="y", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    return axes


def extent(axes: Axes) -> tuple[float, float]:
    """Width and height of the axes, in inches."""
    return axes.bbox.width / axes.figure.dpi, axes.bbox.height / axes.figure.dpi


def grid_of(panels: int) -> tuple[int, int]:
    """Rows and columns for some small panels: at most four columns, as few empty places as possible."""
    columns = panels if panels <= 3 else min((4, 3), key=lambda count: (-panels % count, -count))
    columns = 2 if panels == 4 else columns
    return -(-panels // columns), columns


def size_positions(axis: str, sizes: np.ndarray) -> np.ndarray:
    """Positions of sizes on their axis. Widths are placed by their logarithm to base 2, as they are usually doubled;
    so are numbers of models."""
    return np.log2(sizes) if axis in ("width", "models") else np.asarray(sizes, dtype=np.float64)


def size_axis(axes: Axes, axis: str, sizes: np.ndarray) -> None:
    """Put a tick at every size, labelled where there is room. The first and the last always have a label.

    If there is no room for all, every second one is labelled, or else each that stands clear of those before it.
    """
    places = size_positions(axis, sizes)
    names = [str(int(size)) for size in sizes]
    widths = [text_width(name, look().small) + 0.06 for name in names]
    wide, between = extent(axes)[0], places[-1] - places[0]
    beyond = max(widths[0], widths[-1]) / 2 - look().margin  # else the page would cut the label of an end
    pad = max(0.07 * max(1.0, look().lines), beyond / (wide - 2 * beyond)) * between if len(places) > 1 else 0.5
    axes.set_xlim(places[0] - pad, places[-1] + pad)
    inches_per_unit = wide / (between + 2 * pad)

    def clear(one: int, other: int) -> bool:
        return abs(places[other] - places[one]) * inches_per_unit >= (widths[one] + widths[other]) / 2

    last = len(names) - 1
    one_by_one = [0]
    for position in range(1, last):
        if clear(one_by_one[-1], position) and clear(position, last):
            one_by_one.append(position)
    every, every_second = list(range(last + 1)), sorted({0, *range(last, 0, -2)})
    regular = [chosen for chosen in (every, every_second) if all(clear(a, b) for a, b in pairwise(chosen))]
    shown = regular[0] if regular else [*one_by_one, last]
    labels = [name if position in shown else "" for position, name in enumerate(names)]
    axes.set_xticks(places, labels)


@lru_cache(maxsize=10_000)  # measuring is slow, and lines are broken many times to balance them
def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Width of one line of text in inches, in the fonts that `plain_text` gives it."""
    font = FontProperties(family=families(text, weight), size=size, weight=weight)
    return float(text_to_path.get_text_width_height_descent(text, font, ismath=False)[0]) / POINTS


def wrap(text: str, size: float, width: float, weight: str = "normal") -> list[str]:
    """Text in lines of at most `width` inches; a word longer than a line is truncated."""
    words = [truncated(word, size, width, weight) for word in text.split(" ") if word]  # no-break spaces stay
    space = text_width("a a", size, weight) - text_width("aa", size, weight)
    breaks, length = [0], -space
    for position, word in enumerate(words):
        wide = text_width(word, size, weight)
        length += space + wide
        if length > width and position > breaks[-1]:
            breaks.append(position)
            length = wide
    return [" ".join(words[first:end]) for first, end in pairwise([*breaks, len(words)])] if words else []


def balanced(text: str, size: float, width: float, weight: str = "normal") -> list[str]:
    """Text in as few lines as `wrap` needs, of about equal length, so that no word is left alone."""
    lines = wrap(text, size, width, weight)
    narrower = width
    while len(lines) > 1 and narrower > width / 2:
        narrower -= 0.1
        closer = wrap(text, size, narrower, weight)
        if len(closer) > len(lines) or any(word not in text for word in " ".join(closer).split(" ")):
            break
        lines = closer
    return lines


def truncated(text: str, size: float, width: float, weight: str = "normal") -> str:
    """Text on one line of at most `width` inches; if it was cut, it ends in an ellipsis."""
    text = re.sub(r"[\n\r\t]+", " ", text)
    if text_width(text, size, weight) <= width:
        return text
    short, long = 0, len(text)  # a name may have thousands of characters: bisect
    while long - short > 1:
        middle = (short + long) // 2
        if text_width(text[:middle].rstrip() + "…", size, weight) <= width:
            short = middle
        else:
            long = middle
    return text[:short].rstrip() + "…"


def percent(share: float | None) -> str:
    """A share as a percentage: whole, or with one decimal below 10 %, where rounding would hide too much."""
    if share is None or np.isnan(share):
        return "–"
    if share == 0 or round(100 * share, 1) >= 10:
        return f"{100 * share:.0f}\u00a0%"
    return f"{100 * share:.1f}\u00a0%" if share >= 0.0005 else "<\u00a00.1\u00a0%"


def png(figure: Figure) -> bytes:
    """The figure as a PNG file."""
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)
    return buffer.getvalue()


def plain_text(figure: Figure) -> Figure:
    """The figure, with all text in our font and taken literally, whatever the user's matplotlibrc says.

    `$`, `_` and `\\` in a class name are not mathematics. Letters that our font lacks are drawn in others.
    """
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        text.set_parse_math(False)
        text.set_usetex(False)
        text.set_fontfamily(families(text.get_text(), "bold" if text.get_fontweight() == "bold" else "normal"))
    return figure
