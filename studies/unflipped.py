"""Scores of the labels that were not flipped: what a distribution is without what was planted."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from memscope.analysis.statistics.dip import Dip, dip_of
from memscope.findings.numbers import fine
from memscope.findings.rates import percent_of
from memscope.run import open_run
from memscope.store.results import read_results
from studies.markdown import table

HIGH = 0.9


@dataclass(frozen=True)
class Unflipped:
    """The raw scores of one size."""

    size: int
    dip: Dip
    """Of the labels that were not flipped"""
    high: float
    """Share of them above `HIGH`"""
    flipped_among_high: float
    """Share of the flipped labels among all that are"""


@cache
def read(study: Path) -> Sequence[Unflipped]:
    """By size; nothing where no label was flipped."""
    run = open_run(study)
    flipped = run.examples.flipped
    if flipped is None or not flipped.any():
        return ()
    arrays, _, _ = read_results(run.path, "score", run.plan)
    step = 1 / max(1, int(np.median(np.minimum(arrays["n_in"], arrays["n_out"]))))
    found = []
    for size, scores in zip(arrays["size"], arrays["score"], strict=True):
        high = scores > HIGH
        among = float(flipped[high].mean()) if high.any() else float("nan")
        clean = scores[~flipped]
        found.append(Unflipped(int(size), dip_of(clean, step), float((clean > HIGH).mean()), among))
    return found


def unflipped_dips(rows: Sequence[Unflipped]) -> str:
    return table(
        ["size", "dip, without flipped labels", "exceeded by one in twenty unimodal ones", "p",
         "of them above .9", "flipped among all above .9"],
        [
            [
                str(row.size),
                fine(row.dip.dip, 4),
                fine(row.dip.null, 4),
                fine(row.dip.p_value, 4),
                percent_of(row.high),
                "-" if np.isnan(row.flipped_among_high) else percent_of(row.flipped_among_high),
            ]
            for row in rows
        ],
    )  # fmt: skip
