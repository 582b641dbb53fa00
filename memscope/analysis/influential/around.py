"""Everything around one example: the influence of all training examples on a target, or of one on all targets.

No threshold and no filter: whoever asks for one example sees what is there, beside how much of it chance would show.
"""

from dataclasses import dataclass

import numpy as np

from memscope.analysis.influential.chance import TIE, Floats, nulls
from memscope.analysis.influential.roles import Roles
from memscope.analysis.influential.search import influence_of
from memscope.analysis.influential.units import Positions, Units


@dataclass(frozen=True, eq=False)
class Around:
    """The examples that one is paired with, [others] each, by position."""

    others: Positions
    chosen_by: Floats
    """Influence in the models that they are ordered by"""
    influence: Floats
    """Influence in other models"""
    standard_error: Floats
    """Of that"""
    as_much_by_chance: Floats
    """How many of the others would have this influence (`chosen_by`) or more without any"""
    as_little_by_chance: Floats
    """How many would have this or less"""


def around(
    units: Units, roles: Roles, others: Positions, *, train: int | None = None, target: int | None = None
) -> Around:
    """All pairs of one training example and other targets, or of one target and other training examples.

    `others` int are the positions of those that it is paired with, as of its class; itself is not among them.
    """
    choosing, telling = units.only(roles.choosing), units.only(roles.telling)
    same = np.full(len(others), train if target is None else target, dtype=np.int64)
    trains, targets = (same, others) if target is None else (others, same)
    chosen_by, _ = influence_of(choosing, trains, targets)
    values, errors = influence_of(telling, trains, targets)
    looked_at = others if target is None else same[:1]
    each = 1.0 if target is None else float(len(others))
    known, weights = [np.zeros(0)], [np.zeros(0)]
    for null in nulls(choosing.about(looked_at)):
        influence = np.broadcast_to(null.influence, null.probability.shape)
        there = ~np.isnan(influence) & (null.probability > 0)
        known.append(influence[there])
        weights.append(each * null.probability[there])
    value, weight = np.concatenate(known), np.concatenate(weights)
    order = np.argsort(value)
    value, up_to = value[order], np.concatenate([[0.0], np.cumsum(weight[order])])
    return Around(
        others=others,
        chosen_by=chosen_by,
        influence=values,
        standard_error=errors,
        as_much_by_chance=up_to[-1] - up_to[np.searchsorted(value, chosen_by - TIE)],
        as_little_by_chance=up_to[np.searchsorted(value, chosen_by + TIE, side="right")],
    )
