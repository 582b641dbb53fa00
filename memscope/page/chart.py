"""What charts are drawn from, as plain JSON: a function for each kind, which is the name of its script in web/charts/.

Colours are names of CSS variables, which page.css gives for light and dark. Each has a mark or a filling of its own
beside it, and its name is written: nothing is told by colour alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from memscope.analysis.trajectories import UNDETERMINED

MOST_MARKS = 5_000
"""In one chart: beyond that browsers become slow"""

MARKS = {
    "constant": "circle",
    "increasing": "triangle",
    "decreasing": "triangle-down",
    "cap-shaped": "diamond",
    "u-shaped": "square",
    "irregular": "times",
    UNDETERMINED: "ring",
}
"""Of the types: those of the figures of `--plot`"""


@dataclass(frozen=True, kw_only=True)
class Series:
    """Values along the sizes, or down the rows, that belong together."""

    name: str
    colour: str
    """A CSS variable without its dashes: `type-increasing`"""
    mark: str
    values: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    dashed: bool = False
    bare: bool = False
    """A mark without a line"""
    filter: Mapping[str, Any] | None = None
    """What the gallery shows when it is clicked"""

    def data(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if value not in (None, False)}


def with_errors(values: Sequence[float], errors: Sequence[float]) -> dict[str, Any]:
    """The values between one standard error less and more."""
    pairs = list(zip(values, errors, strict=True))
    return {"values": values, "low": [a - b for a, b in pairs], "high": [a + b for a, b in pairs]}


def ranged(name: str, colour: str, mark: str, found: Sequence[Any], bare: bool = False) -> Series:
    """Numbers with their intervals: each has a value, a low and a high."""
    return Series(
        name=name,
        colour=colour,
        mark=mark,
        bare=bare,
        values=[each.value for each in found],
        low=[each.low for each in found],
        high=[each.high for each in found],
    )


def of_type(name: str, **values: Any) -> Series:
    """A series of one type of trajectory, which the gallery can show."""
    return Series(name=name, colour=f"type-{name}", mark=MARKS[name], filter={"type": name, "by": "raw"}, **values)


@dataclass(frozen=True, kw_only=True)
class Scale:
    """One axis of a chart."""

    label: str
    form: str = "number"
    """`number`, `count` (over sizes on a logarithmic scale), `percent` or `points`"""
    low: float | None = None
    high: float | None = None
    lines: tuple[tuple[float, str], ...] = ()
    """Values that have a line across, and what it says"""

    def data(self) -> dict[str, Any]:
        return vars(self)


def lines(axis: str, sizes: Sequence[int], up: Scale, series: Sequence[Series]) -> dict[str, Any]:
    """Series over the sizes; widths by their logarithm, as they are usually doubled. Of one size, below each other."""
    if len(sizes) == 1:
        return rows([f"{axis} {sizes[0]}"], up, series)
    across = {"label": axis, "values": list(sizes), "log": axis == "width"}
    return {"kind": "lines", "x": across, "y": up.data(), "series": [one.data() for one in series]}


def rows(names: Sequence[str], across: Scale, series: Sequence[Series]) -> dict[str, Any]:
    """A row for each name, with a mark and an interval of each series."""
    return {"kind": "rows", "names": list(names), "x": across.data(), "series": [one.data() for one in series]}


def bars(names: Sequence[str], across: Scale, panels: Mapping[str, Sequence[Series]]) -> dict[str, Any]:
    """Bars from 0 for each name and series, in one panel or several beside each other."""
    drawn = [{"name": title, "series": [one.data() for one in series]} for title, series in panels.items()]
    return {"kind": "bars", "names": list(names), "x": across.data(), "panels": drawn}


def histograms(
    axis: str, edges: Sequence[float], panels: Mapping[int, Sequence[Series]], across: Scale, up: Scale
) -> dict[str, Any]:
    """Shares by bin, a panel for each size; on a square-root scale, so that small humps are seen."""
    drawn = [
        {"name": f"{axis} {size}", "size": size, "series": [one.data() for one in series]}
        for size, series in panels.items()
    ]
    return {"kind": "histograms", "edges": list(edges), "x": across.data(), "y": up.data(), "panels": drawn}


def squares(edges: np.ndarray, panels: Mapping[str, np.ndarray], across: Scale, up: Scale) -> dict[str, Any]:
    """Counts [bin across, bin up] in squares, a panel for each name: two numbers of however many examples.

    Bins are joined, two by two, until there are no more squares than a page draws at ease.
    """
    counts = {name: np.asarray(one, dtype=np.int64) for name, one in panels.items()}
    while sum(int((one > 0).sum()) for one in counts.values()) > MOST_MARKS and not (len(edges) - 1) % 2:
        counts = {name: joined_in_pairs(one) for name, one in counts.items()}
        edges = edges[::2]
    drawn = [{"name": title, "counts": one.tolist()} for title, one in counts.items()]
    return {"kind": "squares", "edges": edges.tolist(), "x": across.data(), "y": up.data(), "panels": drawn}


def joined_in_pairs(counts: np.ndarray) -> np.ndarray:
    """Counts [2 n, 2 n] as [n, n]."""
    half = len(counts) // 2
    return counts.reshape(half, 2, half, 2).sum((1, 3))


def matrix(names: Sequence[str], columns: Sequence[str], cells: Sequence[Mapping[str, Any]], **labels: str) -> dict:
    """A number in each cell: `row`, `column`, `value`, and perhaps `low` and `high`."""
    return {"kind": "matrix", "names": list(names), "columns": list(columns), "cells": list(cells), **labels}


def roc(label: str, false: Sequence[float], series: Sequence[Series]) -> dict[str, Any]:
    """True-positive rates over false-positive ones, both by their logarithm; NaN where a curve has ended."""
    known = [rate for at, rate in enumerate(false) if any(np.isfinite(one.values[at]) for one in series)]
    lowest = 10.0 ** np.floor(np.log10(min(known)) + 1e-9) if known else 1e-4
    return {
        "kind": "roc",
        "false": list(false),
        "lowest": float(min(0.1, lowest)),
        "label": label,
        "series": [one.data() for one in series],
    }
