"""Are log-odds of held-out models distributed as their references say? The probability integral transform.

If they are, the transform F(phi) is uniform: of held-out models one in twenty lies below .05, and one in twenty above
.95. It is told for both sides, and for thirds of the examples by the believed spread, where a prior that is wrong shows
first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.privacy.attacks import NARROW
from memscope.analysis.privacy.references import Floats
from memscope.analysis.privacy.shrinkage import Believed
from memscope.analysis.statistics.intervals import t_cumulative
from memscope.streams import integers, stream

LOOKED_AT = 2_000
"""Pairs of a model and an example of a block, for each side"""
THIRDS = 3


@dataclass(frozen=True, eq=False)
class Transforms:
    """Transforms of some pairs of a held-out model and an example, [pairs] each."""

    value: Floats
    """Uniform from 0 to 1 if references are right"""
    member: NDArray[np.bool_]
    """Whether the model was trained on the example"""
    third: NDArray[np.int64]
    """0, 1 or 2: of the examples by their believed spread, narrow first"""

    @classmethod
    def all_of(cls, several: Sequence["Transforms"]) -> "Transforms":
        """Those of several blocks."""
        return cls(*(np.concatenate([getattr(one, name) for one in several]) for name in ("value", "member", "third")))


def transforms(phi: Floats, member: NDArray[np.bool_], inside: Believed, outside: Believed, block: int) -> Transforms:
    """Of a block: log-odds and memberships [models, N], what is believed of both sides; pairs are drawn."""
    found = []
    for side, about in ((True, inside), (False, outside)):
        pairs = np.flatnonzero((member == side).reshape(-1))
        if not len(pairs):
            continue
        drawn = pairs[integers(stream("privacy calibration", 0, block, int(side)), len(pairs), LOOKED_AT)]
        model, example = np.unravel_index(drawn, phi.shape)
        spread = np.sqrt(np.maximum(about.variance, NARROW))
        third = np.argsort(np.argsort(spread, kind="stable")) * THIRDS // len(spread)  # equal ones in their order
        away = (phi[model, example] - about.middle[example]) / spread[example]
        found.append(
            Transforms(
                t_cumulative(away, about.degrees[example]),
                np.full(len(drawn), side),
                third[example],
            )
        )
    return Transforms.all_of(found)
