"""`distillation.png`: distilled and one-hot models of the same sizes, a row for each setting of distillation."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from memscope.plots.common.compared import (
    Curve,
    Kind,
    column,
    draw_panel,
    label_ends,
    label_room,
    points,
    set_scale,
    signed,
)
from memscope.plots.common.look import look, room
from memscope.plots.common.panels import Row, row_of
from memscope.plots.common.setting import Setting, caption
from memscope.plots.common.style import GREY, INDIGO, INK, OLIVE, POINTS, page, percent, plain_text, text_width, wrap
from memscope.reports.distill import DistillationSetting, SizeOfStudents

MOST_SETTINGS = 6
"""Rows of one page; more would be too small to read on a screen."""

HEADS = 0.8
"""Of the page: if a heading and the number of pairs take less, they stand beside each other."""

ONEHOT_KIND = Kind("one-hot", INDIGO, "o", "--")
DISTILLED_KIND = Kind("distilled", OLIVE, "s", "-")

Measures = tuple[tuple[str, str, str, str], ...]
"""(key, key of the standard error of the change, what its label says before the kind, marker or that of the kind)"""
PANELS: tuple[tuple[str, tuple[float, float], Measures], ...] = (
    ("mean memorisation score", (-1, 1), (("mean_score", "mean_change_error", "", ""),)),
    (
        "accuracy in and out",
        (0, 1),
        (
            ("mean_accuracy_in", "mean_change_in_error", "in, ", "^"),
            ("mean_accuracy_out", "mean_change_out_error", "out, ", "v"),
        ),
    ),
    ("test accuracy", (0, 1), (("test_accuracy", "test_change_error", "", ""),)),
)
PANEL_WIDTH, BEFORE, UNDER = 2.4, 0.68, 0.3  # inches
PANEL_HEIGHT, PANEL_HEIGHT_OF_SEVERAL = 2.4, 1.75


def draw_distillation(setting: Setting, settings: Sequence[DistillationSetting]) -> Figure:
    """A row of panels for each setting: mean score, accuracy in and out, test accuracy, over the students' size.

    Error bars, on the distilled models, are standard errors of the paired change. Those of each mean would be too wide
    to show a change.
    """
    shown = settings[:MOST_SETTINGS]
    curves = [[curves_of(one.students, measures) for _, _, measures in PANELS] for one in shown]
    right = [label_room(curves[0][panel]) + 0.05 for panel in range(len(PANELS))]
    tall = PANEL_HEIGHT if len(shown) == 1 else PANEL_HEIGHT_OF_SEVERAL
    panels = row_of(right, PANEL_WIDTH, tall, BEFORE, UNDER)
    pairs = [count_of(setting, one.students) for one in shown]
    heads = [
        wrap(heading(setting, one), look().text, panels.page - panels.lefts[0] - look().margin, "bold") for one in shown
    ]
    pitch = 1.4 * look().text / POINTS
    beside = all(
        len(head) == 1
        and text_width(head[0], look().text, "bold") + text_width(pair, look().small) < HEADS * panels.page
        for head, pair in zip(heads, pairs, strict=True)
    )
    headed = look().heading or len(shown) > 1
    head_height = pitch * (max(map(len, heads)) + (0 if beside else 1)) + room(0.15) if headed else 0
    row_height = head_height + panels.height
    notes = [error_note(shown)]
    if len(settings) > len(shown):
        notes.insert(0, f"The first {len(shown)} of {len(settings)} settings are shown.")
    if any(one.teacher_on == "full" for one in shown):
        notes.append("A teacher that saw all the data hands on the labels of examples that its students did not see.")
    figure, bottom = page(
        panels.page,
        len(shown) * row_height + room(0.2),
        title(setting, shown),
        "A student has the size, the subset and the initial weights of a one-hot model. The score of an example is its "
        f"accuracy in (models trained with it) minus its accuracy out.{by_label(setting, shown)}",
        caption(setting, *notes),
    )
    grid = []
    for row in range(len(shown)):
        floor = bottom + room(0.2) + (len(shown) - 1 - row) * row_height
        top = floor + row_height - pitch
        if headed:
            draw_heading(figure, heads[row], pairs[row], panels, top, right[-1] if beside else None)
        drawn = [panels.axes(figure, position, floor) for position in range(len(PANELS))]
        for axes, (name, _, _), of_panel in zip(drawn, PANELS, curves[row], strict=True):
            draw_panel(axes, setting.axis, setting.sizes, of_panel, name)
            if row == len(shown) - 1 or look().width is not None:
                axes.set_xlabel(setting.axis, size=look().small, color=INK)
        grid.append(drawn)
    for panel, (_, within, _) in enumerate(PANELS):
        set_scale([row[panel] for row in grid], [curve for row in curves for curve in row[panel]], within)
        for row, _ in enumerate(shown):
            label_ends(grid[row][panel], setting.axis, curves[row][panel])
    return plain_text(figure)


def draw_heading(
    figure: Figure, lines: Sequence[str], pairs: str, panels: Row, top: float, right: float | None
) -> None:
    """A setting above its panels, and the number of pairs: beside it, `right` inches before the margin, or below it."""
    style, height, left = look(), figure.get_figheight(), panels.lefts[0] / panels.page
    pitch = 1.4 * style.text / POINTS
    for line, text in enumerate(lines):
        at = (top - line * pitch) / height
        figure.text(left, at, text, size=style.text, weight="bold", color=INK, va="bottom")
    looks: dict[str, Any] = {"size": style.small, "color": GREY, "va": "bottom"}
    if right is None:
        figure.text(left, (top - len(lines) * pitch) / height, pairs, **looks)
    else:
        figure.text(1 - (style.margin + right) / panels.page, top / height, pairs, ha="right", **looks)


def curves_of(students: Sequence[SizeOfStudents], measures: Measures) -> list[Curve]:
    """Two curves for each measure, one-hot and distilled. The distilled one has the error of the change."""
    sizes = np.array([row.size for row in students])
    return [
        Curve(
            kind,
            sizes,
            column(students, of, key),
            column(students, error) if of == "distilled" else np.full(len(sizes), np.nan),
            before + kind.name,
            marker=marker,
        )
        for key, error, before, marker in measures
        for of, kind in (("onehot", ONEHOT_KIND), ("distilled", DISTILLED_KIND))
    ]


def most_changed(students: Sequence[SizeOfStudents]) -> SizeOfStudents:
    """The size whose mean score changes most."""
    changes = np.nan_to_num(np.abs(column(students, "mean_change")), nan=-1.0)
    return students[int(np.argmax(changes))]


def title(setting: Setting, settings: Sequence[DistillationSetting]) -> str:
    """The largest change of the mean score, and the change of test accuracy at that size."""
    rows = [most_changed(one.students) for one in settings]
    row = most_changed(rows)
    one = settings[next(position for position, each in enumerate(rows) if each is row)]
    kinds = row.onehot, row.distilled
    score, test = ([getattr(kind, key) for kind in kinds] for key in ("mean_score", "test_accuracy"))
    scores = " to ".join("–" if math.isnan(value) else f"{value:.2f}" for value in score)
    several = "" if len(settings) == 1 else f", in {len(settings)} settings,"
    alone = sum(len(each.students) for each in settings) == 1
    most = "" if alone else f" change most{several} in what they memorise"
    return (
        f"Distilled from {setting.axis} {one.teacher}, students of {setting.axis} {row.size}{most}: "
        f"the mean score goes from {scores}, test accuracy from "
        f"{percent(test[0])} to {percent(test[1])} ({points(row.test_change)})"
    )


def by_label(setting: Setting, settings: Sequence[DistillationSetting]) -> str:
    """With label noise and one setting, how far the scores of flipped and of clean labels change."""
    if setting.flipped is None or len(settings) != 1:
        return ""
    row = most_changed(settings[0].students)
    return (
        f" At {setting.axis} {row.size} the mean score changes by {signed(row.mean_change_flipped)} on flipped "
        f"labels and by {signed(row.mean_change_clean)} on the others."
    )


def heading(setting: Setting, one: DistillationSetting) -> str:
    """`Teacher of width 16, temperature 4, soft weight 0.9`, and that it saw all the data if it did."""
    saw = ", trained on all the data (ablation)" if one.teacher_on == "full" else ""
    return (
        f"Teacher of {setting.axis} {one.teacher}{saw}, temperature {one.temperature:g}, "
        f"soft weight {one.soft_weight:g}"
    )


def count_of(setting: Setting, students: Sequence[SizeOfStudents]) -> str:
    """`20 pairs of models at each width`"""
    fewest, most = (pick(row.models for row in students) for pick in (min, max))
    return f"{fewest if fewest == most else f'{fewest} to {most}'} pairs of models at each {setting.axis}"


def error_note(settings: Sequence[DistillationSetting]) -> str:
    known = [np.isfinite(column(one.students, "mean_change_error")).any() for one in settings]
    if any(known):
        return (
            "Error bars on the distilled: one jackknife standard error, over blocks of models, of the change from "
            "the one-hot models of the same subsets."
        )
    return "No error bars: they need three blocks of models."
