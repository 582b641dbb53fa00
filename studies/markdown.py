"""Tables in Markdown, and numbers as they stand in them."""

import math
from collections.abc import Sequence

from memscope.analysis.statistics.intervals import jeffreys_limits
from memscope.findings.numbers import fine
from memscope.findings.rates import share
from memscope.reports.proxies import Bounded
from memscope.reports.ranged import Ranged

FEWEST = 10
"""Examples of a type that a table shows"""


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def three(value: float | None) -> str:
    """To three digits"""
    return fine(value, 3)


def plus_minus(value: float | None, error: float | None, digits: int = 3) -> str:
    """.314 ±.001"""
    end = "" if error is None or math.isnan(error) else f" ±{fine(error, digits)}"
    return f"{fine(value, digits)}{end}"


def bounded(found: Bounded, digits: int = 2) -> str:
    """.62 (.60 to .64)"""
    ends = "" if math.isnan(found.low) else f" ({fine(found.low, digits)} to {fine(found.high, digits)})"
    return f"{fine(found.value, digits)}{ends}"


def counted_share(count: int, examples: int) -> str:
    """12% (10% to 14%), by Jeffreys"""
    low, high = (float(end) for end in jeffreys_limits(count, examples))
    return share(Ranged(value=count / examples, low=low, high=high))
