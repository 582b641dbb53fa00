"""Images with what is known of each beneath: the cells of the sheets of `memscope influence`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from memscope.plots.common.class_names import NUMBER_NOTE, NUMBERED
from memscope.plots.common.look import look
from memscope.plots.common.style import FLIPPED, GREY, INK, text_width
from memscope.plots.trajectories.contact_sheet import TRUE, ExampleRow, any_flipped, draw_image, ending
from memscope.run import Run


@dataclass(frozen=True)
class Cells:
    """How cells are laid out, in inches."""

    cell: float
    """From image to image"""
    image: float
    line: float
    """Of a line of text"""


def pictured(run: Run, part: str, chosen: Sequence[int], told: Sequence[tuple[float, float]]) -> ExampleRow:
    """Images of the training (`train`) or the test part at these positions, with influence and standard error of each.

    `scores` of the row are these, float [2, n]; NaN where an image has none.
    """
    examples, data = run.examples, run.dataset()
    test = part == "test"
    images, labels = (data.test_images, examples.test_labels) if test else (data.train_images, examples.labels)
    files = examples.test_names if test else examples.names
    truth = examples.true_labels
    flipped = np.zeros(len(labels), dtype=bool) if test or examples.flipped is None else examples.flipped
    return ExampleRow(
        type="",
        called=len(chosen),
        raw=len(chosen),
        names=tuple(f"#{one}" if files is None else Path(files[one]).stem for one in chosen),
        images=np.stack([np.asarray(images[one]) for one in chosen]),
        labels=tuple(examples.class_names[labels[one]] for one in chosen),
        true_labels=tuple(
            examples.class_names[truth[one]] if truth is not None and flipped[one] else None for one in chosen
        ),
        scores=np.array(told, dtype=np.float64).reshape(len(chosen), 2).T,
    )


def joined(first: ExampleRow, second: ExampleRow) -> ExampleRow:
    """One row after another."""
    return ExampleRow(
        type=first.type,
        called=first.called + second.called,
        raw=first.raw + second.raw,
        names=first.names + second.names,
        images=np.concatenate([first.images, second.images]),
        labels=first.labels + second.labels,
        true_labels=first.true_labels + second.true_labels,
        scores=np.concatenate([first.scores, second.scores], axis=1),
    )


def numbered_classes(rows: Sequence[ExampleRow]) -> list[str]:
    """The note on numbers of classes, if a label has one."""
    shown = [label for row in rows for label in (*row.labels, *row.true_labels) if label]
    return [NUMBER_NOTE] if any(NUMBERED.match(label.removeprefix(TRUE)) for label in shown) else []


def names_of(rows: Sequence[ExampleRow]) -> str:
    """What stands above each image."""
    return "position in the run" if all(name.startswith("#") for row in rows for name in row.names) else "file"


def lines_under(row: ExampleRow) -> int:
    """Lines of text above and under each image: name, label, perhaps the true label, influence."""
    return 4 if any_flipped(row) else 3


def draw_cell(sheet: Axes, layout: Cells, row: ExampleRow, place: int, left: float, top: float, told: str = "") -> None:
    """One image: name, image, label, true label, and its influence, if it is known, or what is `told`; in inches."""
    style, step = look(), layout.line
    middle = left + layout.image / 2
    small: dict[str, Any] = {"size": style.tiny - 2 * style.smaller, "color": GREY, "va": "center", "ha": "center"}
    sheet.text(middle, top - step / 2, ending(row.names[place], small["size"], layout.cell - 0.06), **small)
    draw_image(sheet, row.images[place], left, top - step - layout.image, layout.image)
    line = top - step - layout.image - step / 2 - 0.02
    sheet.text(middle, line, row.labels[place], size=style.tiny, color=INK, ha="center", va="center")
    true_label = row.true_labels[place]
    if true_label is not None:
        looks: dict[str, Any] = {"size": style.tiny, "weight": "bold", "color": FLIPPED, "va": "center"}
        sheet.text(middle, line - step, true_label, ha="center", **looks)
    under = line - step * (2 if any_flipped(row) else 1)
    value, error = row.scores[:, place]
    words = told or ("–" if np.isnan(value) else with_error(value, error, small["size"], layout.cell))
    sheet.text(middle, under, words, **{**small, "color": INK})


def with_error(value: float, error: float, size: float, wide: float) -> str:
    """0.31 ± 0.08; .31 ± .08 where there is no room for it."""
    known = f"{round(value, 2) + 0.0:.2f}".replace("-", "−")
    told = known if np.isnan(error) else f"{known} ± {error:.2f}"
    return told if text_width(told, size) < wide - 0.04 else told.replace("0.", ".")
