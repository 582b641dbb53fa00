"""The table that benchmarks print: ratios measured in one run, with their spread over repetitions."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Row:
    """One claim of speed."""

    what: str
    against: str
    ratios: list[float]
    """One of each repetition: above 1, the first is faster, or, of costs, the first costs more"""
    note: str


def show(rows: list[Row], head: bool = True) -> None:
    """Print rows as a table in Markdown."""
    if head:
        print("| what | against | ratio | least to most | repetitions | |\n|---|---|---|---|---|---|")
    for row in rows:
        low, high = min(row.ratios), max(row.ratios)
        cells = [row.what, row.against, f"{np.median(row.ratios):.2f}", f"{low:.2f} to {high:.2f}"]
        print("| " + " | ".join([*cells, str(len(row.ratios)), row.note]) + " |", flush=True)
