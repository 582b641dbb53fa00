"""What the titles of figures say of types: which are more frequent than flat trajectories would make them."""

import math

from memscope.analysis.beyond_flat import CHANGING, beyond_flat
from memscope.analysis.trajectories import TYPES
from memscope.plots.common.style import percent
from memscope.reports.trajectories import PopulationTypes, TypeShares

LEAST = 0.005
"""Share of the population that a type has at least, to be named"""


def headline(shares: TypeShares, blocks: int, population: PopulationTypes | None = None) -> str:
    """What can be told of the types, in half a sentence: of the fitted population, if it is given.

    `blocks`: of models, that the errors of shares are from.
    """
    if population:
        most = sorted(TYPES, key=lambda name: -population.shares[name])
        there = [name for name in most if population.shares_low[name] >= LEAST][:2]
        parts = [
            f"{percent(population.shares[name])} {name} "
            f"({percent(population.shares_low[name])} to {percent(population.shares_high[name])})"
            for name in there
        ]
        return f"{' and '.join(parts)} in the fitted population"
    excess = beyond_flat(shares.raw, shares.if_all_flat, shares.raw_error, blocks)
    found = sorted(excess, key=lambda name: -excess[name].value)
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
