"""`influence-example.png`: the example that was asked for, with what helps and what harms it most, at every size."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memscope.plots.common.look import look, room
from memscope.plots.common.setting import Setting, caption
from memscope.plots.common.style import FAINT, GREY, INK, page, percent, place, plain_text
from memscope.plots.influence.pictures import (
    Cells,
    draw_cell,
    lines_under,
    names_of,
    numbered_classes,
    pictured,
)
from memscope.plots.trajectories.contact_sheet import ExampleRow, brightened, first_of, with_labels
from memscope.reports.influence import Carrier, InfluenceReport, ShownExample
from memscope.run import Run

EACH = 5
"""Images in each direction"""


@dataclass(frozen=True, eq=False)
class Asked:
    """The example that was asked for, and its images by size."""

    own: ExampleRow
    """One image"""
    sizes: Sequence[tuple[ShownExample, ExampleRow | None, ExampleRow | None]]
    """Of each size what was found, the most helpful images and the most harmful ones; None: there are none"""


def rows_asked(run: Run, report: InfluenceReport) -> Asked:
    """What to show of the report's `shown`, which is not empty."""
    shown = report.shown or ()
    second = "train" if report.among == "train" else "test"
    first = shown[0]
    others = second if first.part == "train" else "train"

    def row(carriers: Sequence[Carrier]) -> ExampleRow | None:
        some = carriers[:EACH]
        told = [(one.influence, one.standard_error) for one in some]
        return pictured(run, others, [one.example for one in some], told) if some else None

    own = pictured(run, first.part if first.part == "train" else second, [first.example], [(np.nan, np.nan)])
    return Asked(own, [(one, row(one.helpful), row(one.harmful)) for one in shown])


def draw_asked(setting: Setting, report: InfluenceReport, asked: Asked, class_names: Sequence[str]) -> Figure:
    """The example above; a row for each size, with the most helpful images left and the most harmful ones right."""
    style, each = look(), each_of()
    before = room(0.95) if style.width is None else 0.0
    between = room(0.3)
    cell = style.panels if style.width is None else (style.width - 2 * style.margin - between) / (2 * each)
    layout = Cells(cell, 0.88 * cell, room(0.155))
    left = style.margin + before
    wide = left + 2 * each * cell + between + style.margin
    drawn = [row for _, helpful, harmful in asked.sizes for row in (helpful, harmful) if row is not None]
    rows, notes = brightened(
        [with_labels(first_of(row, each), class_names, layout.cell - 0.06) for row in (asked.own, *drawn)]
    )
    own, rest = rows[0], iter(rows[1:])
    sizes = [
        (one, None if helpful is None else next(rest), None if harmful is None else next(rest))
        for one, helpful, harmful in asked.sizes
    ]
    notes += numbered_classes(rows)
    above = 0.0 if before else room(0.24)  # the name of a size, above its row
    under = max(lines_under(row) for row in rows)
    tall = above + layout.image + layout.line * under + room(0.24)
    head = layout.image + layout.line * lines_under(own) + room(0.5)
    first = asked.sizes[0][0]
    figure, bottom = page(
        wide,
        head + tall * len(sizes),
        title(report, [one for one, *_ in asked.sizes]),
        subtitle(first, rows),
        caption(setting, *asked_notes(first), *notes),
    )
    height = figure.get_figheight()
    sheet = place(figure, 0, 0, wide, height)  # one axes, in inches, for everything
    sheet.set_axis_off()
    top = bottom + head + tall * len(sizes)
    draw_cell(sheet, layout, own, 0, left, top, " ")
    top -= head
    right = left + each * cell + between
    for x, name in ((left, "most helpful"), (right, "most harmful")):
        sheet.text(x, top + room(0.1), name, size=style.text, weight="bold", color=INK, va="bottom")
    for one, helpful, harmful in sizes:
        draw_size(sheet, setting, one, style.margin, top, layout, beside=bool(before))
        for x, row in ((left, helpful), (right, harmful)):
            if row is None:
                sheet.text(x, top - above - layout.image / 2, "none", size=style.small, color=GREY, va="center")
                continue
            for number in range(len(row.names)):
                draw_cell(sheet, layout, row, number, x + number * cell, top - above)
        line = right - between / 2 - 0.06 * cell
        sheet.plot([line, line], [top - tall + room(0.24), top - above], color=FAINT, linewidth=0.8, label="between")
        top -= tall
    sheet.set(xlim=(0, wide), ylim=(0, height), aspect="auto")
    return plain_text(figure)


def each_of() -> int:
    """Images in each direction that this style has room for."""
    style = look()
    if style.width is not None:
        return 2
    return EACH if style.room == 1 else 3


def draw_size(
    sheet: Axes, setting: Setting, one: ShownExample, left: float, top: float, layout: Cells, *, beside: bool
) -> None:
    """The size of a row, and how many of its models are right on the example."""
    style = look()
    name, told = f"{setting.axis} {one.size}", f"right {percent(one.accuracy)}"
    if beside:
        top -= layout.line
        sheet.text(left, top, name, size=style.text, weight="bold", color=INK, va="top")
        sheet.text(left, top - room(0.22), told, size=style.small, color=GREY, va="top")
        return
    sheet.text(left, top - 0.02, f"{name}, {told}", size=style.text, weight="bold", color=INK, va="top")


def title(report: InfluenceReport, shown: Sequence[ShownExample]) -> str:
    first = shown[0]
    where = f"each {report.axis}" if len(shown) > 1 else f"{report.axis} {first.size}"
    if first.part == "train":
        other = "other training" if report.among == "train" else "test"
        return f"Which {other} images training image {first.example} helps and harms most, at {where}"
    return f"Which training images help and harm test image {first.example} most, at {where}"


def subtitle(first: ShownExample, rows: Sequence[ExampleRow]) -> str:
    if first.part == "train":
        told = (
            "the influence on it ± standard error: how much more often models are right on it that were trained with "
        )
        told += f"training image {first.example}"
    else:
        told = (
            "its influence ± standard error: how much more often models are right on the test image that were trained "
        )
        told += "with this one"
    return f"Under each {told}, among models that had no part in finding it. Above each: its {names_of(rows)}."


def asked_notes(first: ShownExample) -> list[str]:
    models = "the models that were trained without it" if first.part == "train" else "the models"
    return [
        f"Right: the share of {models} that are right on it.",
        "There is no threshold: the most helpful and the most harmful are shown, however little that is.",
    ]
