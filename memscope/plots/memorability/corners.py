"""`four_corners.png`: a contact sheet of the images that people remember most and least, and models memorise."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memscope.analysis.memorability import CORNERS, ends_of
from memscope.analysis.statistics.ties import ordinal
from memscope.analysis.statistics.within import percentiles
from memscope.plots.common.class_names import NUMBER_NOTE, NUMBERED
from memscope.plots.common.look import look, room
from memscope.plots.common.setting import Setting, caption
from memscope.plots.common.style import FLIPPED, GREY, INK, page, place, plain_text, wrap
from memscope.plots.memorability.correlations import licence_of, name_of
from memscope.plots.trajectories.contact_sheet import (
    IN_A_ROW,
    TRUE,
    ExampleRow,
    Sheet,
    any_flipped,
    brightened,
    draw_image,
    ending,
    first_of,
    sheet_of,
    with_labels,
)
from memscope.reports.memorability import MemorabilityReport
from memscope.run import Run

NAMES = {
    ("high", "high"): "remembered and memorised",
    ("high", "low"): "remembered, not memorised",
    ("low", "high"): "memorised, not remembered",
    ("low", "low"): "neither",
}


def corner_rows(run: Run, memorability: np.ndarray, score: np.ndarray) -> list[ExampleRow]:
    """The images to show of each corner, the farthest first; their `scores` are the percentile and the score."""
    examples, images = run.examples, run.dataset().train_images
    names, flipped = examples.class_names, examples.flipped
    rank = percentiles(np.where(np.isnan(score), np.nan, ordinal(memorability)))
    rows = []
    for ways in CORNERS:
        chosen = ends_of(memorability, score, IN_A_ROW, ways)
        true_labels: list[str | None] = [None] * len(chosen)
        if flipped is not None and examples.true_labels is not None:
            true_labels = [names[examples.true_labels[one]] if flipped[one] else None for one in chosen]
        rows.append(
            ExampleRow(
                type=NAMES[ways],
                called=len(chosen),
                raw=len(chosen),
                names=tuple(f"#{one}" if examples.names is None else Path(examples.names[one]).stem for one in chosen),
                images=np.asarray(images[np.sort(chosen)])[np.argsort(np.argsort(chosen))],
                labels=tuple(names[examples.labels[one]] for one in chosen),
                true_labels=tuple(true_labels),
                scores=np.stack([rank[chosen], score[chosen]]),
            )
        )
    return rows


def draw_corners(
    setting: Setting, report: MemorabilityReport, rows: Sequence[ExampleRow], class_names: Sequence[str]
) -> Figure:
    """A row of images for each corner, each with its label, the true one if flipped, and both its numbers."""
    layout = sheet_of()
    rows = [first_of(row, layout.in_a_row) for row in rows]
    rows, notes = brightened([with_labels(row, class_names, layout.cell - 0.06) for row in rows])
    shown = [label.removeprefix(TRUE) for row in rows for label in (*row.labels, *row.true_labels) if label]
    if any(NUMBERED.match(label) for label in shown):
        notes.append(NUMBER_NOTE)
    with_true = any(any_flipped(row) for row in rows)
    numbered = all(name.startswith("#") for row in rows for name in row.names)
    heights = [row_height(layout, row) for row in rows]
    figure, bottom = page(
        layout.page,
        max(1.0, sum(heights) - layout.gap / 2),
        f"What people remember and what is memorised at {setting.axis} {report.corners_at}: the images farthest in "
        "each of the four corners",
        f"Under each image: its label, {'the true label where it was flipped, ' if with_true else ''}its percentile of "
        f"memorability by {name_of(report)}, and its memorisation score. Above: its "
        f"{'position in the run' if numbered else 'file'}.",
        caption(
            setting,
            *notes,
            *licence_of(report),
            "These are the extremes: how memorability and scores go together is in the other figures.",
        ),
    )
    height = figure.get_figheight()
    sheet = place(figure, 0, 0, layout.page, height)  # one axes, in inches, for everything
    sheet.set_axis_off()
    top = bottom + sum(heights) - layout.gap / 2
    for row, tall in zip(rows, heights, strict=True):
        draw_header(sheet, layout, row, top)
        for column in range(len(row.names)):
            draw_cell(sheet, layout, row, column, top - layout.above)
        top -= tall
    sheet.set(xlim=(0, layout.page), ylim=(0, height), aspect="auto")
    return plain_text(figure)


def row_height(layout: Sheet, row: ExampleRow) -> float:
    return layout.above + layout.line * (4 if any_flipped(row) else 3) + layout.image + layout.gap


def draw_header(sheet: Axes, layout: Sheet, row: ExampleRow, top: float) -> None:
    """The name of the corner, beside the images or above them."""
    style = look()
    if layout.above:
        sheet.text(style.margin, top - 0.02, row.type, size=style.text, weight="bold", color=INK, va="top")
        return
    lines = wrap(row.type, style.text, layout.left - style.margin - room(0.15), "bold")
    looks: dict[str, Any] = {"size": style.text, "weight": "bold", "color": INK, "va": "top", "linespacing": 1.3}
    sheet.text(style.margin, top - layout.line, "\n".join(lines), **looks)


def draw_cell(sheet: Axes, layout: Sheet, row: ExampleRow, column: int, top: float) -> None:
    """One example: position, image, label, true label, percentile and score; `top` in inches."""
    left, step, style = layout.left + column * layout.cell, layout.line, look()
    middle = left + layout.image / 2
    number: dict[str, Any] = {"size": style.tiny - 2 * style.smaller, "color": GREY, "va": "center", "ha": "center"}
    sheet.text(middle, top - step / 2, ending(row.names[column], number["size"], layout.cell - 0.06), **number)
    draw_image(sheet, row.images[column], left, top - step - layout.image, layout.image)
    line = top - step - layout.image - step / 2 - 0.02
    label, true_label = row.labels[column], row.true_labels[column]
    sheet.text(middle, line, label, size=style.tiny, color=INK, ha="center", va="center")
    if true_label is not None:
        looks: dict[str, Any] = {"size": style.tiny, "weight": "bold", "color": FLIPPED, "va": "center"}
        sheet.text(middle, line - step, true_label, ha="center", **looks)
    under = line - step * (2 if any_flipped(row) else 1)
    percentile, score = row.scores[:, column]
    told = f"{100 * percentile:.0f}\u00a0%, {score:.2f}".replace("-", "−")
    sheet.text(middle, under, told, **number)
