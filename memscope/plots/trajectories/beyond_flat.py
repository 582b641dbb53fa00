"""Which types of trajectory are more frequent than flat trajectories alone would make them."""

import math

from memscope.analysis.trajectories import TYPES
from memscope.plots.common.style import percent
from memscope.reports.trajectories import PopulationTypes, TypeShares

CHANGING = TYPES[1:]  # all but constant
LEAST = 0.005
"""Share of the population that a type has at least, to be named"""
ERRORS = 3.0
"""Standard errors above the flat share: five types are looked at, with errors of few blocks."""


def beyond_flat(shares: TypeShares) -> list[str]:
    """The types whose raw share is beyond the flat one, the largest excess first; where errors are unknown, none."""
    excess = {name: shares.raw[name] - shares.if_all_flat[name] for name in CHANGING}
    found = [name for name in excess if excess[name] > ERRORS * shares.raw_error.get(name, math.nan)]
    return sorted(found, key=lambda name: -excess[name])


def headline(shares: TypeShares, population: PopulationTypes | None = None) -> str:
    """What can be told of the types, in half a sentence: of the fitted population, if it is given."""
    if population:
        most = sorted(TYPES, key=lambda name: -population.shares[name])
        there = [name for name in most if population.shares_low[name] >= LEAST][:2]
        parts = [
            f"{percent(population.shares[name])} {name} "
            f"({percent(population.shares_low[name])} to {percent(population.shares_high[name])})"
            for name in there
        ]
        return f"{' and '.join(parts)} in the fitted population"
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
