"""Which types of trajectory are more frequent than flat trajectories alone would make them."""

import math
from collections.abc import Mapping

from memscope.analysis.statistics.clear import clear
from memscope.analysis.trajectories import TYPES
from memscope.reports.evidence import Estimate

CHANGING = TYPES[1:]
"""All but constant"""


def beyond_flat(
    shares: Mapping[str, float], flat: Mapping[str, float], errors: Mapping[str, float], blocks: int
) -> dict[str, Estimate]:
    """The excess of each type whose share is clearly beyond that of flat trajectories, in the order of TYPES.

    Clear among all types that change. `blocks`: of models, that the errors are from; none where those are unknown.
    """
    excess = {
        name: Estimate(value=shares[name] - flat[name], error=errors.get(name, math.nan), blocks=blocks)
        for name in CHANGING
    }
    return {name: one for name, one in excess.items() if one.value > 0 and clear(one, len(excess))}
