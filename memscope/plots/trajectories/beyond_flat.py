"""Which types of trajectory are more frequent than flat trajectories alone would make them."""

import math

from memscope.analysis.trajectories import TYPES
from memscope.plots.common.style import percent
from memscope.reports.trajectories import TypeShares

CHANGING = TYPES[1:]  # all but constant
ERRORS = 3.0
"""Standard errors above the flat share: five types are looked at, with errors of few blocks."""


def beyond_flat(shares: TypeShares) -> list[str]:
    """The types whose raw share is beyond the flat one, the largest excess first; where errors are unknown, none."""
    excess = {name: shares.raw[name] - shares.if_all_flat[name] for name in CHANGING}
    found = [name for name in excess if excess[name] > ERRORS * shares.raw_error.get(name, math.nan)]
    return sorted(found, key=lambda name: -excess[name])


def headline(shares: TypeShares) -> str:
    """What can be told of the types, in half a sentence."""
    found = beyond_flat(shares)
    if found:
        parts = [f"{percent(shares.raw[name])} {name}" for name in found[:2]]
        flat = " and ".join(percent(shares.if_all_flat[name]) for name in found[:2])
        return f"{' and '.join(parts)}, where flat trajectories alone would give {flat}"
    if all(math.isnan(shares.raw_error.get(name, math.nan)) for name in CHANGING):
        name = max(CHANGING, key=lambda name: shares.raw[name])
        return (
            f"{percent(shares.raw[name])} {name}, {percent(shares.if_all_flat[name])} if all were flat; "
            "errors are not known"
        )
    return "no type is clearly more frequent than flat trajectories alone would make it"
