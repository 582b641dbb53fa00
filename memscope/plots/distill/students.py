"""`distillation.png`: distilled and one-hot models of the same sizes, a row for each setting of distillation."""

import math
from collections.abc import Sequence

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
from memscope.plots.common.setting import Setting, caption
from memscope.plots.common.style import (
    BLACK,
    GREEN,
    GREY,
    INK,
    MARGIN,
    SMALL,
    TEXT,
    page,
    percent,
    place,
    plain_text,
    truncated,
)
from memscope.reports.distill import DistillationSetting, SizeOfStudents

MOST_SETTINGS = 6
"""Rows of one page; more would be too small to read on a screen."""

ONEHOT_KIND = Kind("one-hot", BLACK, "o", "--")
DISTILLED_KIND = Kind("distilled", GREEN, "s", "-")

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
PANEL_WIDTH, BEFORE, HEADING, UNDER = 2.4, 0.68, 0.42, 0.3  # inches
PANEL_HEIGHT, PANEL_HEIGHT_OF_SEVERAL = 2.4, 1.75


def draw_distillation(setting: Setting, settings: Sequence[DistillationSetting]) -> Figure:
    """A row of panels for each setting: mean score, accuracy in and out, test accuracy, over the students' size.

    Error bars, on the distilled models, are standard errors of the paired change. Those of each mean would be too wide
    to show a change.
    """
    shown = settings[:MOST_SETTINGS]
    curves = [[curves_of(one.students, measures) for _, _, measures in PANELS] for one in shown]
    right = [label_room(curves[0][panel]) + 0.05 for panel in range(len(PANELS))]
    lefts = [MARGIN + sum(right[:panel]) + panel * (BEFORE + PANEL_WIDTH) + BEFORE for panel in range(len(PANELS))]
    width = lefts[-1] + PANEL_WIDTH + right[-1] + MARGIN
    tall = PANEL_HEIGHT if len(shown) == 1 else PANEL_HEIGHT_OF_SEVERAL
    row_height = HEADING + tall + UNDER
    notes = [error_note(shown)]
    if len(settings) > len(shown):
        notes.insert(0, f"The first {len(shown)} of {len(settings)} settings are shown.")
    if any(one.teacher_on == "full" for one in shown):
        notes.append("A teacher that saw all the data hands on the labels of examples that its students did not see.")
    figure, bottom = page(
        width,
        len(shown) * row_height + 0.25,
        title(setting, shown),
        "A student has the size, the subset and the initial weights of a one-hot model. The score of an example is its "
        f"accuracy in (models trained with it) minus its accuracy out.{by_label(setting, shown)}",
        caption(setting, *notes),
    )
    height = figure.get_figheight()
    grid = []
    for row, one in enumerate(shown):
        floor = bottom + 0.25 + (len(shown) - 1 - row) * row_height + UNDER
        top = (floor + tall + 0.14) / height
        figure.text(
            lefts[0] / width,
            top,
            truncated(heading(setting, one), TEXT, lefts[-1] - lefts[0], "bold"),
            size=TEXT,
            weight="bold",
            color=INK,
        )
        pairs = count_of(setting, one.students)
        figure.text(1 - (MARGIN + right[-1]) / width, top, pairs, size=SMALL, color=GREY, ha="right")
        panels = [place(figure, left, floor, PANEL_WIDTH, tall) for left in lefts]
        for axes, (name, _, _), of_panel in zip(panels, PANELS, curves[row], strict=True):
            draw_panel(axes, setting.axis, setting.sizes, of_panel, name)
            if row == len(shown) - 1:
                axes.set_xlabel(setting.axis, size=SMALL, color=INK)
        grid.append(panels)
    for panel, (_, within, _) in enumerate(PANELS):
        set_scale([row[panel] for row in grid], [curve for row in curves for curve in row[panel]], within)
        for row, _ in enumerate(shown):
            label_ends(grid[row][panel], setting.axis, curves[row][panel])
    return plain_text(figure)


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
