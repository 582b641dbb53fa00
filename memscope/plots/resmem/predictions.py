"""`resmem-foretells.png`: whether the residuals of small models predict what larger models memorise."""

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
    reach,
    set_scale,
    signed,
)
from memscope.plots.common.look import look
from memscope.plots.common.panels import row_of
from memscope.plots.common.setting import Setting, caption
from memscope.plots.common.style import (
    GREY,
    INDIGO,
    INK,
    OLIVE,
    PETROL,
    WINE,
    page,
    plain_text,
)
from memscope.reports.resmem import ResidualPrediction

COLOURS, MARKERS = (INDIGO, OLIVE, WINE, PETROL), ("o", "^", "v", "D", "X", "s", "P")
"""Of the small sizes, in turn: both together repeat after 28."""

PANEL_WIDTH, PANEL_HEIGHT, BEFORE, UNDER = 5.6, 3.4, 0.75, 0.5  # inches
APART = 3.5  # points between the intervals of different small sizes


def draw_residual_memory_predicts(setting: Setting, pairs: Sequence[ResidualPrediction]) -> Figure:
    """A line for each small size over the larger ones: rank correlation with its 95 % interval, if known.

    At least one correlation must be known.
    """
    known = [row for row in pairs if not np.isnan(row.correlation)]
    sizes = np.array(sorted({row.larger for row in known}))
    curves = curves_of(setting, known)
    row = row_of([label_room(curves)], PANEL_WIDTH, PANEL_HEIGHT, BEFORE, UNDER)
    intervals = any(np.isfinite(curve.errors).any() for curve in curves)
    figure, bottom = page(
        row.page,
        row.height,
        title(setting, known),
        f"Over the examples: mean norm of the residual at the {setting.axis} named on the right, of models trained "
        f"with the example, against the memorisation score at a larger {setting.axis}.",
        caption(
            setting,
            "Error bars, where known: 95 % intervals over blocks of models."
            if intervals
            else "No intervals: they need more blocks of models.",
        ),
    )
    axes = row.axes(figure, 0, bottom)
    axes.axhline(0, color=GREY, linewidth=0.8, zorder=1, label="zero")
    draw_panel(axes, setting.axis, sizes, curves, "rank correlation of residual and score")
    axes.set_xlabel(f"{setting.axis} whose scores are predicted", size=look().small, color=INK)
    set_scale([axes], curves, (-1, 1), zero=True)
    label_ends(axes, setting.axis, curves)
    return plain_text(figure)


def curves_of(setting: Setting, known: Sequence[ResidualPrediction]) -> list[Curve]:
    """One for each small size, the smallest first."""
    small = sorted({row.size for row in known})
    curves = []
    for at, size in enumerate(small):
        rows = sorted((row for row in known if row.size == size), key=lambda row: row.larger)
        value = column(rows, "correlation")
        colour, marker = COLOURS[at % len(COLOURS)], MARKERS[at % len(MARKERS)]
        curves.append(
            Curve(
                Kind(f"{setting.axis} {size}", colour, marker, "-"),
                np.array([row.larger for row in rows]),
                value,
                reach(value, column(rows, "low"), column(rows, "high")),
                f"{setting.axis} {size}",
                APART * (at - (len(small) - 1) / 2),
            )
        )
    return curves


def title(setting: Setting, known: Sequence[ResidualPrediction]) -> str:
    """How well the smallest size predicts the largest."""
    row = max(known, key=lambda each: (each.larger, -each.size))
    found = f"{signed(row.correlation)}"
    if not (np.isnan(row.low) or np.isnan(row.high)):
        found += f" (95\u00a0% interval {signed(row.low)} to {signed(row.high)})"
    return (
        f"How far the residuals at {setting.axis} {row.size} predict what is memorised at {setting.axis} "
        f"{row.larger}: rank correlation {found}"
    )
