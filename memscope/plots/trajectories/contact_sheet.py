"""`examples.png`: a contact sheet of real images, the most certain examples of each type of trajectory."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memscope.analysis.trajectories import TYPES
from memscope.datasets import DARK
from memscope.plots.common.class_names import NUMBER_NOTE, NUMBERED, class_label
from memscope.plots.common.fonts import legible
from memscope.plots.common.look import look, room
from memscope.plots.common.setting import Setting, caption, epsilon_note
from memscope.plots.common.style import (
    FAINT,
    FLIPPED,
    GREY,
    INK,
    POINTS,
    TYPE_STYLES,
    page,
    place,
    plain_text,
    size_positions,
    text_width,
    truncated,
)
from memscope.streams import permutation, stream

IN_A_ROW = 10
BEFORE_SPARK, SPARK = 0.05, 0.42  # inches: above a small trajectory, and its height
TRUE = "true: "  # before a true label


@dataclass(frozen=True)
class Sheet:
    """How a sheet is laid out, in inches."""

    in_a_row: int
    left: float
    """From the page's edge to the first image"""
    above: float
    """Of a row's name, where it stands above the images; 0 where it stands beside them"""
    cell: float
    """From image to image"""
    image: float
    line: float
    """Of a line of text"""
    gap: float
    """Between rows"""
    page: float

    def row_height(self, row: "ExampleRow") -> float:
        lines = self.line * (3 if any_flipped(row) else 2)
        return self.above + lines + self.image + BEFORE_SPARK + SPARK + self.gap


def sheet_of() -> Sheet:
    """Ten images beside the name of their type; on a page of fixed width four under it, in large type seven."""
    style = look()
    line, gap = room(0.155), room(0.27)
    if style.width is None:
        in_a_row, left = (IN_A_ROW if style.room == 1 else 7), style.margin + room(1.35)
        cell = style.panels
        return Sheet(in_a_row, left, 0.0, cell, 0.88 * cell, line, gap, left + in_a_row * cell + style.margin)
    left = style.margin + room(0.15)
    cell = (style.width - left - style.margin) / 4
    return Sheet(4, left, 1.4 * style.text / POINTS + 0.02, cell, 0.88 * cell, line, gap, style.width)


@dataclass(frozen=True, eq=False)
class ExampleRow:
    """The chosen examples of one type; n of them."""

    type: str
    called: int
    """Examples called this type; 0 if the chosen ones have it by the raw rule only"""
    raw: int
    """Examples of this type by the raw rule"""
    names: tuple[str, ...]
    """n names of files, or positions in the run as `#17`"""
    images: np.ndarray
    """uint8 [n, H, W, C], grey or RGB"""
    labels: tuple[str, ...]
    """n names: the labels that the models were given"""
    true_labels: tuple[str | None, ...]
    """n names: the labels before they were flipped; None where they were not"""
    scores: np.ndarray
    """float [sizes, n]"""


def most_certain(name: str, called: np.ndarray, raw: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Positions of the examples of a type to show: the most probable first, ties in an order drawn once for all.

    Of many a probability is 1, as it is computed, and folders have their images class by class: ties by position would
    show one class.

    They are the examples called this type, or if there is none, those that have it by the raw rule. `called` and `raw`
    are str [examples], `probability` is [examples, types].
    """
    members = np.flatnonzero(called == name)
    if not len(members):
        members = np.flatnonzero(raw == name)
    # A raw type is defined by sizes that have models; its probability is NaN nowhere but where that is lacking.
    certainty = np.nan_to_num(probability[members, TYPES.index(name)], nan=-1.0)
    drawn = permutation(stream("contact sheet"), len(called))[members]
    return members[np.lexsort((drawn, -certainty))][:IN_A_ROW]


def draw_examples(
    setting: Setting, rows: Sequence[ExampleRow], class_names: Sequence[str], by_population: bool = False
) -> Figure:
    """A row of images for each type, each with its label, the true one if flipped, and its trajectory beneath.

    `class_names` are those of all classes, also of those not shown; types are called by the population estimate, or
    each from its own models.
    """
    layout = sheet_of()
    rows = [first_of(row, layout.in_a_row) for row in rows]
    rows, notes = brightened([with_labels(row, class_names, layout.cell - 0.06) for row in rows])
    if any(
        NUMBERED.match(label.removeprefix(TRUE)) for row in rows for label in (*row.labels, *row.true_labels) if label
    ):
        notes.append(NUMBER_NOTE)
    with_true = any(any_flipped(row) for row in rows)
    numbered = all(name.startswith("#") for row in rows for name in row.names)
    heights = [layout.row_height(row) for row in rows]
    absent = [name for name in TYPES if name not in {row.type for row in rows}]
    if absent:
        how = "called " if any(row.called for row in rows) else ""
        notes.append(f"No example is {how}{' or '.join(absent)}.")
    if by_population:
        notes.append("Types are called from an example's own models and from what the other examples are like.")
    what = f"Under each image: its label, {'the true label where it was flipped, ' if with_true else ''}and"
    figure, bottom = page(
        layout.page,
        max(1.0, sum(heights) - layout.gap / 2),
        f"What the types look like: the most certain examples of each type of trajectory from {setting.span}",
        f"{what} its raw memorisation score over {setting.axis}, between lines at 0 and 1. "
        f"Above: its {'position in the run' if numbered else 'file'}.",
        caption(setting, *notes, epsilon_note(setting)),
    )
    height = figure.get_figheight()
    sheet = place(figure, 0, 0, layout.page, height)  # one axes, in inches, for everything
    sheet.set_axis_off()
    floor = min([0.0, *(float(np.nanmin(row.scores)) for row in rows if row.scores.size)])
    top = bottom + sum(heights) - layout.gap / 2
    for row, row_height in zip(rows, heights, strict=True):
        draw_header(sheet, layout, row, top)
        for column in range(len(row.names)):
            draw_cell(sheet, layout, setting, row, column, top - layout.above, floor)
        top -= row_height
    sheet.set(xlim=(0, layout.page), ylim=(0, height), aspect="auto")
    return plain_text(figure)


def first_of(row: ExampleRow, count: int) -> ExampleRow:
    """The row with at most so many examples."""
    return replace(
        row,
        names=row.names[:count],
        images=row.images[:count],
        labels=row.labels[:count],
        true_labels=row.true_labels[:count],
        scores=row.scores[:, :count],
    )


def with_labels(row: ExampleRow, class_names: Sequence[str], wide: float) -> ExampleRow:
    """The row, its labels as they are drawn under the images in so many inches."""
    numbers = {name: number for number, name in enumerate(class_names)}
    return replace(
        row,
        labels=tuple(class_label(numbers[name], class_names, look().tiny, wide) for name in row.labels),
        true_labels=tuple(
            None if name is None else class_label(numbers[name], class_names, look().tiny, wide, "bold", TRUE)
            for name in row.true_labels
        ),
    )


def brightened(rows: Sequence[ExampleRow]) -> tuple[list[ExampleRow], list[str]]:
    """The rows, all images scaled alike so that the greatest value is 255 if it is at most DARK, and a note of it."""
    greatest = max((int(row.images.max()) for row in rows), default=0)
    if not 0 < greatest <= DARK:
        return list(rows), []
    scaled = [replace(row, images=np.rint(row.images * (255 / greatest)).astype(np.uint8)) for row in rows]
    return scaled, [f"Images are drawn {255 / greatest:.3g} times as bright: no value is above {greatest} of 255."]


def any_flipped(row: ExampleRow) -> bool:
    """Whether the row needs a line for true labels."""
    return any(label is not None for label in row.true_labels)


def draw_header(sheet: Axes, layout: Sheet, row: ExampleRow, top: float) -> None:
    """Name of the type and number of its examples; it says so if none is called this type."""
    style = look()
    if layout.above:
        count = f"{row.called:,} called" if row.called else f"none called; {row.raw:,} by the raw rule"
        beside = style.margin + text_width(row.type, style.text, "bold") + 0.1
        top -= 0.02
        sheet.text(style.margin, top, row.type, size=style.text, weight="bold", color=INK, va="top")
        sheet.text(beside, top, count, size=style.small, color=GREY, va="top")
        return
    top -= layout.line
    count = f"{row.called:,} called" if row.called else f"none called;\n{row.raw:,} by the\nraw rule alone"
    sheet.text(style.margin, top, row.type, size=style.text + 1, weight="bold", color=INK, va="top")
    sheet.text(style.margin, top - room(0.24), count, size=style.small, color=GREY, va="top", linespacing=1.3)


def draw_cell(
    sheet: Axes, layout: Sheet, setting: Setting, row: ExampleRow, column: int, top: float, floor: float
) -> None:
    """Draw one example: position, image, label, true label, trajectory; `top` in inches."""
    left, step, style = layout.left + column * layout.cell, layout.line, look()
    middle = left + layout.image / 2
    number: dict[str, Any] = {"size": style.tiny - 2 * style.smaller, "color": GREY, "va": "center"}
    name = ending(row.names[column], number["size"], layout.cell - 0.06)
    sheet.text(middle, top - step / 2, name, ha="center", **number)
    draw_image(sheet, row.images[column], left, top - step - layout.image, layout.image)
    line = top - step - layout.image - step / 2 - 0.02
    label, true_label = row.labels[column], row.true_labels[column]
    sheet.text(middle, line, label, size=style.tiny, color=INK, ha="center", va="center")
    if true_label is not None:
        looks: dict[str, Any] = {"size": style.tiny, "weight": "bold", "color": FLIPPED, "va": "center"}
        sheet.text(middle, line - step, true_label, ha="center", **looks)
    base = line - step / 2 - (step if any_flipped(row) else 0) - BEFORE_SPARK - SPARK
    places = size_positions(setting.axis, setting.sizes)
    heights = draw_spark(sheet, row.type, places, row.scores[:, column], left, base, layout.image, floor)
    if column == 0:
        for level, height in enumerate(heights):
            sheet.text(left - 0.05, height, str(level), ha="right", **number)


def ending(name: str, size: float, wide: float) -> str:
    """The name, or as much of its end as has room: the names of a camera's files differ there."""
    return truncated(legible(name)[::-1], size, wide)[::-1]


def draw_image(sheet: Axes, image: np.ndarray, left: float, bottom: float, side: float) -> None:
    """Draw an image of any shape in its square, in grey or in colour."""
    tall, wide = image.shape[:2]
    half = np.array([wide, tall]) / max(tall, wide) * side / 2
    centre = np.array([left, bottom]) + side / 2
    extent = (centre[0] - half[0], centre[0] + half[0], centre[1] - half[1], centre[1] + half[1])
    pixels = image[..., 0] if image.shape[2] == 1 else image
    sheet.imshow(
        pixels, cmap="gray", vmin=0, vmax=255, extent=extent, origin="upper", interpolation="auto", aspect="auto"
    )


def draw_spark(
    sheet: Axes, name: str, places: np.ndarray, scores: np.ndarray, left: float, base: float, wide: float, floor: float
) -> list[float]:
    """Draw a score trajectory without axes, between lines at 0 and 1; where those lines are.

    `places` are those of the sizes on their axis, `floor` is the lowest score of the sheet.
    """
    inset = 0.05
    across = left + inset + (wide - 2 * inset) * (places - places[0]) / max(np.ptp(places), 1e-9)

    def up(score: np.ndarray) -> np.ndarray:
        return base + SPARK * (score - floor) / (1 - floor)

    levels = [float(height) for height in up(np.array([0.0, 1.0]))]
    for height in levels:
        sheet.plot([left, left + wide], [height, height], color=FAINT, linewidth=0.8, label="level")
    colour, _, _ = TYPE_STYLES[name]
    thick = look().lines
    sheet.plot(across, up(scores), color=colour, linewidth=1.3 * thick, marker="o", markersize=2.2 * thick, label=name)
    return levels
