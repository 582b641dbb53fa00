"""`examples.png`: a contact sheet of real images, the most certain examples of each type of trajectory."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memscope.analysis.trajectories import TYPES
from memscope.datasets import DARK
from memscope.plots.common.class_names import NUMBER_NOTE, NUMBERED, class_label
from memscope.plots.common.setting import Setting, caption, epsilon_note
from memscope.plots.common.style import (
    FAINT,
    FLIPPED,
    GREY,
    INK,
    MARGIN,
    SMALL,
    TEXT,
    TINY,
    TYPE_STYLES,
    page,
    place,
    plain_text,
    size_positions,
)

IN_A_ROW = 10
HEADER, CELL, IMAGE = 1.35, 1.0, 0.88  # inches: of a row's name, from image to image, of an image
LINE, GAP = 0.155, 0.27  # inches: of a line of text, between rows
BEFORE_SPARK, SPARK = 0.05, 0.42  # inches: above a small trajectory, and its height
TRUE = "true: "  # before a true label


@dataclass(frozen=True, eq=False)
class ExampleRow:
    """The chosen examples of one type; n of them."""

    type: str
    called: int
    """Examples called this type; 0 if the chosen ones have it by the raw rule only"""
    raw: int
    """Examples of this type by the raw rule"""
    positions: np.ndarray
    """int [n], position in the run"""
    images: np.ndarray
    """uint8 [n, H, W, C], grey or RGB"""
    labels: tuple[str, ...]
    """n names: the labels that the models were given"""
    true_labels: tuple[str | None, ...]
    """n names: the labels before they were flipped; None where they were not"""
    scores: np.ndarray
    """float [sizes, n]"""


def most_certain(name: str, called: np.ndarray, raw: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Positions of the examples of a type to show: the most probable first, ties by position.

    They are the examples called this type, or if there is none, those that have it by the raw rule. `called` and `raw`
    are str [examples], `probability` is [examples, types].
    """
    members = np.flatnonzero(called == name)
    if not len(members):
        members = np.flatnonzero(raw == name)
    # A raw type is defined by sizes that have models; its probability is NaN nowhere but where that is lacking.
    certainty = np.nan_to_num(probability[members, TYPES.index(name)], nan=-1.0)
    return members[np.argsort(-certainty, kind="stable")][:IN_A_ROW]


def draw_examples(setting: Setting, rows: Sequence[ExampleRow], class_names: Sequence[str]) -> Figure:
    """A row of images for each type, each with its label, the true one if flipped, and its trajectory beneath.

    `class_names` are those of all classes, also of those not shown.
    """
    rows, notes = brightened([with_labels(row, class_names) for row in rows])
    if any(
        NUMBERED.match(label.removeprefix(TRUE)) for row in rows for label in (*row.labels, *row.true_labels) if label
    ):
        notes.append(NUMBER_NOTE)
    with_true = any(any_flipped(row) for row in rows)
    heights = [LINE * (3 if any_flipped(row) else 2) + IMAGE + BEFORE_SPARK + SPARK + GAP for row in rows]
    width = MARGIN + HEADER + IN_A_ROW * CELL + MARGIN
    absent = [name for name in TYPES if name not in {row.type for row in rows}]
    if absent:
        notes.append(f"No example is {' or '.join(absent)}, called or by the raw rule.")
    what = f"Under each image: its label, {'the true label where it was flipped, ' if with_true else ''}and"
    figure, bottom = page(
        width,
        max(1.0, sum(heights) - GAP / 2),
        f"What the types look like: the most certain examples of each type of trajectory from {setting.span}",
        f"{what} its raw memorisation score over {setting.axis}, between lines at 0 and 1. "
        "Above: its position in the run.",
        caption(setting, *notes, epsilon_note(setting)),
    )
    height = figure.get_figheight()
    sheet = place(figure, 0, 0, width, height)  # one axes, in inches, for everything
    sheet.set_axis_off()
    floor = min([0.0, *(float(np.nanmin(row.scores)) for row in rows if row.scores.size)])
    top = bottom + sum(heights) - GAP / 2
    for row, row_height in zip(rows, heights, strict=True):
        draw_header(sheet, row, top - LINE)
        for column in range(len(row.positions)):
            draw_cell(sheet, setting, row, column, MARGIN + HEADER + column * CELL, top, floor)
        top -= row_height
    sheet.set(xlim=(0, width), ylim=(0, height), aspect="auto")
    return plain_text(figure)


def with_labels(row: ExampleRow, class_names: Sequence[str]) -> ExampleRow:
    """The row, its labels as they are drawn under the images."""
    numbers = {name: number for number, name in enumerate(class_names)}
    room = CELL - 0.06
    return replace(
        row,
        labels=tuple(class_label(numbers[name], class_names, TINY, room) for name in row.labels),
        true_labels=tuple(
            None if name is None else class_label(numbers[name], class_names, TINY, room, "bold", TRUE)
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


def draw_header(sheet: Axes, row: ExampleRow, top: float) -> None:
    """Name of the type and number of its examples; it says so if none is called this type."""
    sheet.text(MARGIN, top, row.type, size=TEXT + 1, weight="bold", color=INK, va="top")
    count = f"{row.called:,} called" if row.called else f"none called;\n{row.raw:,} by the\nraw rule alone"
    sheet.text(MARGIN, top - 0.24, count, size=SMALL, color=GREY, va="top", linespacing=1.3)


def draw_cell(
    sheet: Axes,
    setting: Setting,
    row: ExampleRow,
    column: int,
    left: float,
    top: float,
    floor: float,
) -> None:
    """Draw one example: position, image, label, true label, trajectory; `left` and `top` in inches."""
    middle = left + IMAGE / 2
    sheet.text(middle, top - LINE / 2, f"#{row.positions[column]}", size=TINY - 1, color=GREY, ha="center", va="center")
    draw_image(sheet, row.images[column], left, top - LINE - IMAGE)
    line = top - LINE - IMAGE - LINE / 2 - 0.02
    label, true_label = row.labels[column], row.true_labels[column]
    sheet.text(middle, line, label, size=TINY, color=INK, ha="center", va="center")
    if true_label is not None:
        sheet.text(middle, line - LINE, true_label, size=TINY, weight="bold", color=FLIPPED, ha="center", va="center")
    base = line - LINE / 2 - (LINE if any_flipped(row) else 0) - BEFORE_SPARK - SPARK
    draw_spark(sheet, setting, row.type, row.scores[:, column], left, base, floor, column == 0)


def draw_image(sheet: Axes, image: np.ndarray, left: float, bottom: float) -> None:
    """Draw an image of any shape in its square, in grey or in colour."""
    tall, wide = image.shape[:2]
    half = np.array([wide, tall]) / max(tall, wide) * IMAGE / 2
    centre = np.array([left, bottom]) + IMAGE / 2
    extent = (centre[0] - half[0], centre[0] + half[0], centre[1] - half[1], centre[1] + half[1])
    pixels = image[..., 0] if image.shape[2] == 1 else image
    sheet.imshow(
        pixels, cmap="gray", vmin=0, vmax=255, extent=extent, origin="upper", interpolation="auto", aspect="auto"
    )


def draw_spark(
    sheet: Axes, setting: Setting, name: str, scores: np.ndarray, left: float, base: float, floor: float, first: bool
) -> None:
    """Draw a score trajectory without axes, between lines at 0 and 1.

    `floor` is the lowest score of the sheet. The `first` of a row has numbers at its lines.
    """
    places = size_positions(setting.axis, setting.sizes)
    inset = 0.05
    across = left + inset + (IMAGE - 2 * inset) * (places - places[0]) / max(np.ptp(places), 1e-9)

    def up(score: np.ndarray) -> np.ndarray:
        return base + SPARK * (score - floor) / (1 - floor)

    for level, height in enumerate(up(np.array([0.0, 1.0]))):
        sheet.plot([left, left + IMAGE], [height, height], color=FAINT, linewidth=0.8, label="level")
        if first:
            sheet.text(left - 0.05, height, str(level), size=TINY - 1, color=GREY, ha="right", va="center")
    colour, _, _ = TYPE_STYLES[name]
    sheet.plot(across, up(scores), color=colour, linewidth=1.3, marker="o", markersize=2.2, label=name)
