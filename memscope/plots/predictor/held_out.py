"""`predictor.png`: correlations by backbone, beside what needs no network; and held-out images, said against true.

Left a row for each backbone; right every image that was held out, by every seed of the backbone that foretells most,
with the means of tenths of the predictions, which lie on the dashed line where predictions are right on average.
"""

from collections.abc import Mapping
from math import isnan

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from memscope.files.places import short_spec
from memscope.plots.common.fonts import enclosed, legible
from memscope.plots.common.look import look, room
from memscope.plots.common.panels import draw_legend, legend_of
from memscope.plots.common.style import (
    FAINT,
    GREY,
    INDIGO,
    INK,
    OLIVE,
    PETROL,
    WINE,
    page,
    place,
    plain_text,
    text_width,
    truncated,
)
from memscope.reports.predictor import PredictorReport, best_of, lacking_for_intervals
from memscope.reports.ranged import Ranged
from memscope.reports.target import TABLE, kind_of, target_in_words
from memscope.text import counted

KINDS = (
    ("spearman", "held out", INDIGO, "o"),
    ("within", "held out, within classes", PETROL, "D"),
    ("on_fitted_own", "what was fitted to", OLIVE, "^"),
    ("elsewhere", "the other run", WINE, "s"),
)
"""Numbers of each backbone, from the top of its row down"""
ROW, HEADROOM, UNDER, WIDE, TALL, BETWEEN = 0.95, 0.3, 0.55, 4.2, 3.0, 0.8  # inches
TENTHS = 10
LONGEST_NAME = 1.6
"""Inches; of a page of fixed width a third"""


def draw_held_out(report: PredictorReport, values: Mapping[str, np.ndarray]) -> Figure:
    """There must be a backbone."""
    style = look()
    names = [truncated(legible(one.name), style.small, longest_name()) for one in report.backbones]
    left = style.margin + max(text_width(name, style.small) for name in names) + room(0.15)
    rows = room(ROW) * len(names)
    if style.width is not None:
        wide, across = style.width - style.margin - left - room(0.1), style.width
        tall, beside = 0.75 * wide, left
        floors = (room(UNDER) + tall + room(HEADROOM + UNDER), room(UNDER))
    else:
        wide = WIDE * style.panels
        tall = rows = max(TALL * style.panels, rows)
        beside = left + wide + room(BETWEEN)
        across, floors = beside + wide + style.margin, (room(UNDER), room(UNDER))
    legend = legend_of(handles(report), across - 2 * style.margin, 3)
    height = floors[0] + rows + room(HEADROOM) + legend.height
    figure, bottom = page(across, height, title(report), subtitle(report), note(report))
    draw_backbones(place(figure, left, bottom + floors[0], wide, rows), report, names)
    best = report.backbones.index(best_of(report))
    draw_images(place(figure, beside, bottom + floors[1], wide, tall), report, values, best)
    draw_legend(figure, legend, style.margin, bottom + height)
    return plain_text(figure)


def longest_name() -> float:
    """Inches that a backbone's name may take."""
    width = look().width
    return LONGEST_NAME if width is None else min(LONGEST_NAME, width / 3)


def round_ticks(low: float, high: float) -> tuple[list[float], list[str]]:
    """Round numbers from `low` to `high`, and how they are written."""
    found = MaxNLocator(nbins=7, steps=[1, 2, 5, 10]).tick_values(low, high)
    kept = [float(tick) for tick in found if low <= tick <= high]
    digits = 2 if len(kept) > 1 and kept[1] - kept[0] < 0.095 else 1
    return kept, [f"{round(tick, 6) + 0.0:.{digits}f}".replace("-", "\u2212") for tick in kept]


def draw_backbones(axes: Axes, report: PredictorReport, names: list[str]) -> None:
    """A row for each backbone, the first on top, with its numbers and their intervals."""
    style, count = look(), len(names)
    kinds = [kind for kind in KINDS if any(getattr(one, kind[0]) is not None for one in report.backbones)]
    ends = [-0.05]
    for row, one in enumerate(report.backbones):
        for at, (what, _, colour, marker) in enumerate(kinds):
            found: Ranged | None = getattr(one, what)
            if found is None or isnan(found.value):
                continue
            height = row + (at + 1) / (len(kinds) + 1)
            ends += [found.value] if isnan(found.low) else [found.low]
            if not isnan(found.low):
                axes.plot([found.low, found.high], [height] * 2, color=colour, linewidth=1.4 * style.lines, zorder=3)
            axes.plot(found.value, height, marker, color=colour, markersize=5 * style.lines, zorder=4)
    axes.axvline(0, color=GREY, linewidth=0.8, zorder=1)
    for value, line in ((report.class_mean.value, ":"), (report.ceiling, "--")):
        if not isnan(value):
            axes.axvline(value, color=INK, linewidth=1.1 * style.lines, linestyle=line, zorder=2)
    for row in range(1, count):
        axes.axhline(row, color=FAINT, linewidth=0.8, zorder=0)
    axes.grid(visible=False)
    axes.set_ylim(count, 0)
    low = max(-1.0, float(np.floor(10 * min(ends)) / 10))
    axes.set_xlim(low, 1.02)
    axes.set_xticks(*round_ticks(low, 1.0))
    axes.set_yticks(np.arange(count) + 0.5, names)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("rank correlation", size=style.small, color=INK)
    axes.set_title("By backbone", loc="left", size=style.text, weight="bold", color=INK, pad=5)


def draw_images(axes: Axes, report: PredictorReport, values: Mapping[str, np.ndarray], best: int) -> None:
    """Held-out images by the best backbone: every seed's prediction against the target that it is held against."""
    style = look()
    out = values["part"] == 2
    halves = [values["target_even"][out], values["target_odd"][out]]
    said = values["predicted"][best][:, out].astype(np.float64)
    target = np.concatenate([halves[1 - seed % 2] for seed in range(len(said))])
    predicted = said.ravel()
    known = ~np.isnan(target)
    predicted, target = predicted[known], target[known]
    alpha = float(np.clip(150 / max(len(target), 1), 0.03, 0.5))
    axes.plot(
        predicted, target, "o", color=INDIGO, markersize=2.5 * style.lines, alpha=alpha, markeredgewidth=0, zorder=2
    )
    middle, mean = tenths(predicted, target)
    axes.plot(middle, mean, "o-", color=INK, markersize=4 * style.lines, linewidth=1.3 * style.lines, zorder=4)
    low, high = float(predicted.min()), float(predicted.max())
    axes.plot([low, high], [low, high], color=GREY, linewidth=1 * style.lines, linestyle="--", zorder=3)
    for ticks, limits in ((axes.set_xticks, axes.get_xlim()), (axes.set_yticks, axes.get_ylim())):
        ticks(*round_ticks(*limits))
    axes.set_xlabel(
        f"predicted by {truncated(legible(report.backbones[best].name), style.small, longest_name())}",
        size=style.small,
        color=INK,
    )
    axes.set_ylabel(truncated(target_name(report), style.small, 2.4 * style.room), size=style.small, color=INK)
    axes.set_title("Images that were held out", loc="left", size=style.text, weight="bold", color=INK, pad=5)


def tenths(predicted: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean prediction and mean target of each tenth of the predictions, in their order."""
    order = np.argsort(predicted, kind="stable")
    parts = [part for part in np.array_split(order, TENTHS) if len(part)]
    return np.array([predicted[part].mean() for part in parts]), np.array([target[part].mean() for part in parts])


def handles(report: PredictorReport) -> list[Line2D]:
    """What the marks are."""
    style, found = look(), []
    for what, name, colour, marker in KINDS:
        if any(getattr(one, what) is not None for one in report.backbones):
            found.append(
                Line2D(
                    [],
                    [],
                    color=colour,
                    marker=marker,
                    markersize=5 * style.lines,
                    linewidth=1.4 * style.lines,
                    label=name,
                )
            )
    if not isnan(report.class_mean.value):
        found.append(Line2D([], [], color=INK, linestyle=":", label="the class alone"))
    if not isnan(report.ceiling):
        found.append(Line2D([], [], color=INK, linestyle="--", label="the most that noise allows"))
    found.append(
        Line2D([], [], color=INK, marker="o", markersize=4 * style.lines, label="means of tenths of the predictions")
    )
    return found


def title(report: PredictorReport) -> str:
    """What the best backbone foretells."""
    best = best_of(report)
    given = "an image and its label foretell" if report.with_label else "an image alone foretells"
    ends = ""
    if not isnan(best.spearman.low):
        ends = f" (95\u00a0% interval {best.spearman.low:.2f} to {best.spearman.high:.2f})"
    number = f"{best.spearman.value:.2f}{ends}".replace("-", "−")
    return f"How far {given} the {target_name(report)}: rank correlation {number}"


def target_name(report: PredictorReport) -> str:
    kind = kind_of(report.target, report.target_blocks > 0)
    name = enclosed(truncated(legible(report.target), look().small, LONGEST_NAME))
    return target_in_words(kind, name if kind == TABLE else report.target, report.axis)


def subtitle(report: PredictorReport) -> str:
    halves = ", each to what one half of the models say and held against what the other half say"
    halves = halves if report.target_blocks else ""
    return (
        f"Networks were fitted to {report.fitted:,} images, stopped by {report.validating:,}, and asked about "
        f"{report.held_out:,} others{halves}."
    )


def note(report: PredictorReport) -> str:
    lacking = lacking_for_intervals(report)
    narrow = f", too narrow for want of {' and '.join(lacking)}" if lacking else ""
    over = f"Lines through marks: 95\u00a0% intervals over {', '.join(report.over)}{narrow}. " if report.over else ""
    names = short_spec(report.data), report.family
    data, family = (enclosed(truncated(legible(name), look().small, 4.0)) for name in names)
    models = ""
    if report.target_models:
        of = counted(report.target_models, "model")
        models = f" The target is from {of}; right, from the half that a fit has not seen."
    return (
        f"{over}Means over {counted(report.seeds, 'seed')}. Dashed, right: predictions that are right.{models} "
        f"Data: {data}. Family: {family}."
    )
