"""`resmem.png`: the family with and without a residual memory (ResMem), at every size."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

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
from memscope.plots.common.look import look
from memscope.plots.common.panels import draw_legend, legend_of, row_of
from memscope.plots.common.setting import Setting, caption
from memscope.plots.common.style import (
    INDIGO,
    INK,
    OLIVE,
    page,
    percent,
    plain_text,
)
from memscope.reports.resmem import MemoryChange, SizeMemory, SizeMemoryOnAll

BASE_KIND = Kind("base", INDIGO, "o", "--")
RESMEM_KIND = Kind("ResMem", OLIVE, "s", "-")
KINDS = (("base", BASE_KIND, -1), ("resmem", RESMEM_KIND, 1))
"""Key in the report, style, and side to which it is shifted where error bars would cover each other"""
SHIFT, SHIFT_OF_FULL = 1.5, 7.0  # points

PANEL_WIDTH, PANEL_HEIGHT, BEFORE, UNDER = 2.4, 2.4, 0.68, 0.5  # inches


def draw_residual_memory(
    setting: Setting, rows: Sequence[SizeMemory], full: Sequence[SizeMemoryOnAll] | None
) -> Figure:
    """Test accuracy, mean score, accuracy in and out of the base models and of ResMem, over size.

    `full`: models trained on all the data, open markers beside the others. `setting.sizes` holds the sizes of both.
    At least one size is `measured`.
    """
    left_out = [str(row.size) for row in rows if row.base is None]
    rows = measured(rows)
    panels = (
        ("test accuracy", (0, 1), test_accuracy(rows, full or ())),
        ("mean memorisation score", (-1, 1), mean_score(rows)),
        ("accuracy in and out", (0, 1), accuracy(rows)),
    )
    row = row_of([label_room(curves) + 0.05 for _, _, curves in panels], PANEL_WIDTH, PANEL_HEIGHT, BEFORE, UNDER)
    legend = legend_of(handles(setting) if full else [], row.page - 2 * look().margin, 2)
    figure, bottom = page(
        row.page,
        row.height + legend.height,
        title(setting, rows),
        subtitle(setting, rows),
        caption(setting, *notes(setting, rows, left_out)),
    )
    for position, (name, within, curves) in enumerate(panels):
        axes = row.axes(figure, position, bottom)
        draw_panel(axes, setting.axis, setting.sizes, curves, name)
        axes.set_xlabel(setting.axis, size=look().small, color=INK)
        set_scale([axes], curves, within)
        label_ends(axes, setting.axis, curves)
    if full:
        at = row.lefts[0] if look().width is None else look().margin
        draw_legend(figure, legend, at, bottom + row.height + legend.height)
    return plain_text(figure)


def handles(setting: Setting) -> list[Artist]:
    """What the legend tells of, where there are models on all the data."""
    looks: dict[str, Any] = {"color": INK, "linestyle": "none", "marker": "o", "markersize": 6 * look().lines}
    return [
        Line2D([], [], label=f"trained on {percent(setting.fraction)} of the examples", **looks),
        Line2D([], [], label="trained on all of them", markerfacecolor="white", **looks),
    ]


def measured(rows: Sequence[SizeMemory]) -> list[SizeMemory]:
    """The sizes with a model that did not diverge."""
    return [row for row in rows if row.base is not None]


def test_accuracy(rows: Sequence[SizeMemory], full: Sequence[SizeMemoryOnAll]) -> list[Curve]:
    """Curves with the standard deviation over models. Those of the full data have no line, as they are few."""
    curves = []
    for of_all, among in ((False, rows), (True, full)):
        for key, kind, side in KINDS if among else ():
            curves.append(
                Curve(
                    kind,
                    sizes_of(among),
                    column(among, key, "test_accuracy"),
                    column(among, key, "test_accuracy_sd"),
                    "" if of_all else kind.name,
                    shift=side * (SHIFT_OF_FULL if of_all else SHIFT),
                    open=of_all,
                )
            )
    return curves


def mean_score(rows: Sequence[SizeMemory]) -> list[Curve]:
    """Curves of base and ResMem; the latter has the standard error of the change."""
    unknown = np.full(len(rows), np.nan)
    errors = (unknown, column(rows, "change", "mean_change_error"))
    return [
        Curve(kind, sizes_of(rows), column(rows, key, "mean_score"), error, kind.name)
        for (key, kind, _), error in zip(KINDS, errors, strict=True)
    ]


def accuracy(rows: Sequence[SizeMemory]) -> list[Curve]:
    """Curves for the training examples, by whether a model, and its memory, had the example."""
    unknown = np.full(len(rows), np.nan)
    return [
        Curve(
            kind, sizes_of(rows), column(rows, key, f"mean_accuracy_{side}"), unknown, f"{side}, {kind.name}", 0, marker
        )
        for side, marker in (("in", "^"), ("out", "v"))
        for key, kind, _ in KINDS
    ]


def sizes_of(rows: Sequence[SizeMemory] | Sequence[SizeMemoryOnAll]) -> np.ndarray:
    return np.array([row.size for row in rows])


def ends(rows: Sequence[SizeMemory]) -> list[tuple[int, MemoryChange]]:
    """Changes by the memory at the smallest and at the largest size, which may be the same."""
    shown = [rows[0], rows[-1]] if len(rows) > 1 else [rows[0]]
    return [(row.size, row.change) for row in shown if row.change]


def title(setting: Setting, rows: Sequence[SizeMemory]) -> str:
    """Changes of test accuracy and score by the memory, at the smallest and at the largest size."""
    shown = ends(rows)
    tests = " and by ".join(f"{points(change.test_change)} at {setting.axis} {size}" for size, change in shown)
    scores = " and by ".join(signed(change.mean_change) for _, change in shown)
    return f"A residual memory changes test accuracy by {tests}; it changes the mean score by {scores}"


def subtitle(setting: Setting, rows: Sequence[SizeMemory]) -> str:
    """Why there is much or little to gain: errors of the base models, and predictions that the memory changes."""
    shown = ends(rows)
    residual = " and ".join(f"{decimal(change.mean_residual_in)} at {setting.axis} {size}" for size, change in shown)
    turned = " and ".join(
        f"{percent(change.flip_out)} right and {percent(change.harm_out)} wrong at {setting.axis} {size}"
        for size, change in shown
    )
    return (
        f"On examples that they were trained on, the base models leave residuals (label − probabilities, at "
        f"temperature 1) of mean norm {residual}: the smaller, the less there is to remember. Of the predictions on "
        f"examples that it does not hold, the memory turns {turned}."
    )


def decimal(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2f}"


def notes(setting: Setting, rows: Sequence[SizeMemory], left_out: Sequence[str]) -> list[str]:
    """Notes on error bars, the memory of each size, and choices at the edge of the grid."""
    known = np.isfinite(column(rows, "base", "test_accuracy_sd")).any()
    changes = np.isfinite(column(rows, "change", "mean_change_error")).any()
    lines = []
    if known:
        lines.append("Error bars of test accuracy: one standard deviation over the models.")
    if changes:
        lines.append("Of the mean score, at ResMem: one jackknife standard error of the change from the base models.")
    else:
        lines.append(f"No error bars{' of the mean score' if known else ''}: they need three blocks of models.")
    memories = [(f"{row.k}, {row.sigma:g}, {row.temperature:g}", row.size) for row in rows]
    chosen = [f"{memory} at {setting.axis} {size}" for memory, size in memories]
    if len(chosen) > 1 and len({memory for memory, _ in memories}) == 1:
        chosen = [f"{memories[0][0]} at every {setting.axis}"]
    how = "chosen on examples held out from other models" if any(row.selection for row in rows) else "as given"
    lines.append(f"Neighbours k, sigma and temperature of the memory, {how}: {'; '.join(chosen)}.")
    at_edge = [f"{' and '.join(row.at_edge)} at {setting.axis} {row.size}" for row in rows if row.at_edge]
    if at_edge:
        lines.append(f"At the edge of what was tried: {'; '.join(at_edge)}.")
    if left_out:
        lines.append(f"No model of {setting.axis} {', '.join(left_out)} could be measured.")
    return lines
