"""`carries.png`: a contact sheet of the training images that carry most, each with the test images that it carries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memscope.analysis.carriers import carriers
from memscope.plots.common.look import look, room
from memscope.plots.common.setting import Setting, caption
from memscope.plots.common.style import GREY, page, place, plain_text, text_width
from memscope.plots.influence.pictures import (
    Cells,
    draw_cell,
    joined,
    lines_under,
    names_of,
    numbered_classes,
    pictured,
)
from memscope.plots.trajectories.contact_sheet import ExampleRow, brightened, first_of, with_labels
from memscope.reports.influence import InfluenceReport
from memscope.run import Run

ROWS, IN_A_ROW = 10, 9
"""Training images at most, and images of a row with the training image"""
ROWS_IN_COLUMN = 7
"""Training images at most on a page of fixed width: more would be taller than a page of paper"""
ARROW = 0.3  # inches: between the training image and what it carries


@dataclass(frozen=True, eq=False)
class CarriersShown:
    """The training images of a sheet, with what each carries at one size."""

    size: int
    rows: Sequence[ExampleRow]
    """The training image first; what it carries most first"""
    memorised: Sequence[float]
    """Memorisation of each training image"""
    carried: Sequence[int]
    """How many images each carries, shown or not"""
    carriers: int
    """Training images that carry any, shown or not"""


def rows_of(run: Run, values: Mapping[str, np.ndarray], report: InfluenceReport, size: int) -> CarriersShown:
    """What to show of a size with pairs that are listed."""
    found = carriers(values, size)
    rows = []
    for train, pairs in found[:ROWS]:
        pairs = pairs[: IN_A_ROW - 1]
        told = list(zip(values["influence"][pairs], values["standard_error"][pairs], strict=True))
        own = pictured(run, "train", [train], [(np.nan, np.nan)])
        rows.append(joined(own, pictured(run, report.among, values["test_example"][pairs].tolist(), told)))
    return CarriersShown(
        size=size,
        rows=rows,
        memorised=[float(values["memorisation"][pairs[0]]) for _, pairs in found[:ROWS]],
        carried=[len(pairs) for _, pairs in found],
        carriers=len(found),
    )


def draw_carries(setting: Setting, report: InfluenceReport, shown: CarriersShown, class_names: Sequence[str]) -> Figure:
    """A row for each training image: itself with its memorisation, and what it carries, each with its influence."""
    layout, across, left, wide = layout_of(shown)
    some = shown.rows if look().width is None else shown.rows[:ROWS_IN_COLUMN]
    rows = [first_of(row, across) for row in some]
    rows, notes = brightened([with_labels(row, class_names, layout.cell - 0.06) for row in rows])
    notes += numbered_classes(rows)
    heights = [layout.image + layout.line * lines_under(row) + room(0.24) for row in rows]
    other = "training" if report.among == "train" else "test"
    of = f"{len(rows)} of {shown.carriers:,}" if shown.carriers > len(rows) else "all of them"
    figure, bottom = page(
        wide,
        sum(heights) - room(0.12),
        f"What single training images carry at {setting.axis} {shown.size}: those that carry most, {of}",
        f"Left a training image with its memorisation; right the {other} images that it carries, each with its "
        f"influence ± standard error. Above each: its {names_of(rows)}.",
        caption(
            setting,
            f"Influence: how much more often models are right on the {other} image if they were trained with the "
            "training image, in models that had no part in the choice or the order of what is shown.",
            f"Of these pairs {share_of(report, shown.size)} are expected to be there by chance or by class.",
            *notes,
        ),
    )
    height = figure.get_figheight()
    sheet = place(figure, 0, 0, wide, height)  # one axes, in inches, for everything
    sheet.set_axis_off()
    top = bottom + sum(heights) - room(0.12)
    for number, (row, tall) in enumerate(zip(rows, heights, strict=True)):
        draw_row(sheet, layout, row, left, top, shown.memorised[number], shown.carried[number])
        top -= tall
    sheet.set(xlim=(0, wide), ylim=(0, height), aspect="auto")
    return plain_text(figure)


def layout_of(shown: CarriersShown) -> tuple[Cells, int, float, float]:
    """Cells, images of a row, where rows begin, and the page's width."""
    style = look()
    most = max(len(row.names) for row in shown.rows)
    after = room(0.45)  # how many more there are
    if style.width is None:
        across, cell = (IN_A_ROW if style.room == 1 else 7), style.panels
        wide = 2 * style.margin + max(min(across, most), 6) * cell + room(ARROW) + after
    else:
        across, wide = 4, style.width
        cell = (wide - 2 * style.margin - room(ARROW) - after) / across
    return Cells(cell, 0.88 * cell, room(0.155)), across, style.margin + 0.06 * cell, wide


def draw_row(
    sheet: Axes, layout: Cells, row: ExampleRow, left: float, top: float, memorised: float, carried: int
) -> None:
    style = look()
    whole, short = f"memorised {memorised:.2f}", f"mem {memorised:.2f}"
    fits = text_width(whole, style.tiny - 2 * style.smaller) < layout.cell
    draw_cell(sheet, layout, row, 0, left, top, whole if fits else short)
    middle = top - layout.line - layout.image / 2
    arrow = left + layout.cell + room(ARROW) / 2 - 0.06 * layout.cell
    sheet.text(arrow, middle, "→", size=style.title, color=GREY, ha="center", va="center")
    for number in range(1, len(row.names)):
        draw_cell(sheet, layout, row, number, left + room(ARROW) + number * layout.cell, top)
    more = carried - len(row.names) + 1
    if more:
        end = left + room(ARROW) + len(row.names) * layout.cell
        sheet.text(end, middle, f"+ {more:,}", size=style.small, color=GREY, ha="left", va="center")


def share_of(report: InfluenceReport, size: int) -> str:
    """The share of the pairs of a size that is expected without influence."""
    (row,) = [row for row in report.sizes if row.size == size]
    return f"{100 * row.helpful.false_share:.0f}\u00a0%"
