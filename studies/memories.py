"""What residual memories add, by size and by number of images."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from memscope.findings.numbers import fine
from memscope.reports.resmem import ResmemReport
from studies.markdown import plus_minus, table, three


def memories(report: ResmemReport) -> str:
    """What they add on subsets, by size."""
    return table(
        [report.axis, "k", "sigma", "temperature", "test accuracy", "with the memory", "change", "score", "change"],
        [
            [
                str(row.size),
                str(row.k),
                f"{row.sigma:g}",
                f"{row.temperature:g}",
                three(row.base.test_accuracy),
                three(row.resmem.test_accuracy),
                plus_minus(row.change.test_change, row.change.test_change_error, 4),
                three(row.base.mean_score),
                plus_minus(row.change.mean_change, row.change.mean_change_error),
            ]
            for row in report.sizes
            if row.base is not None and row.resmem is not None and row.change is not None
        ],
    )


def foretold(report: ResmemReport) -> str:
    """How far residuals of a smaller size go with the scores of larger ones."""
    return table(
        ["residual at", "score at", "rank correlation", "95 % interval"],
        [
            [str(one.size), str(one.larger), fine(one.correlation), f"{fine(one.low)} to {fine(one.high)}"]
            for one in report.foretells
        ],
    )


def by_images(reports: Mapping[int, Mapping[str, Any]]) -> str:
    """The change of test accuracy by number of images, a column for each size, and how it grows from each to the next.

    Reports are as `--json` gives them. Runs of different numbers of images share no model, so the error of a difference
    is that of both.
    """
    numbers = sorted(reports)
    changes = {
        n: {row["size"]: (row["test_change"], row["test_change_error"]) for row in reports[n]["sizes"]} for n in numbers
    }
    sizes = sorted(set.intersection(*map(set, changes.values())))
    rows = [[f"{n:,}", *(plus_minus(*changes[n][size], 4) for size in sizes)] for n in numbers]
    for fewer, more in pairwise(numbers):
        cells = []
        for size in sizes:
            (before, its_error), (after, own_error) = changes[fewer][size], changes[more][size]
            cells.append(plus_minus(after - before, (its_error**2 + own_error**2) ** 0.5, 4))
        rows.append([f"{fewer:,} to {more:,}", *cells])
    axis = reports[numbers[0]]["axis"]
    return table(["images", *(f"{axis} {size}" for size in sizes)], rows)
