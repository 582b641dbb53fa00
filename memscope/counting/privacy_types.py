"""What attacks find by type of trajectory, at one false-positive rate for all sizes where there is one."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from memscope.analysis.privacy.groups import FEWEST_OF_GROUP, GroupRate, group_change, rates_by_group
from memscope.analysis.privacy.halves import Half
from memscope.analysis.privacy.scores import ATTACKS
from memscope.analysis.trajectories import TYPES
from memscope.counting.privacy_audit import ASKED, LIRA
from memscope.reports.privacy import PrivacyChangeOfType, SizePrivacy, TypeFound

ALL = "all"
NAMES = (*TYPES, ALL)
ByRate = dict[float, dict[str, list[GroupRate]]]
"""By false-positive rate and attack: what is found of each of NAMES"""


def found_by_type(attacked: Sequence[Half], named: Sequence[np.ndarray]) -> ByRate:
    """At one size, at every false-positive rate that LiRA tells; empty without halves. `named`: types [N] by half."""
    found: ByRate = {}
    for asked in ASKED if attacked else ():
        of_lira = rates_by_group([half.targets(LIRA) for half in attacked], named, TYPES, asked)
        if of_lira is None:
            continue
        found[asked] = {LIRA: of_lira}
        for attack in ATTACKS:
            others = attack != LIRA and rates_by_group([half.targets(attack) for half in attacked], named, TYPES, asked)
            if others:
                found[asked][attack] = others
    return found


def type_rates(found: Mapping[int, ByRate]) -> dict[int, float]:
    """By size the rate at which types are told: the smallest that every size tells, or else the smallest of its own."""
    every = set.intersection(*(set(rates) for rates in found.values()))
    return {size: min(every or set(rates), default=math.nan) for size, rates in found.items()}


def with_types(row: SizePrivacy, asked: float, found: ByRate) -> SizePrivacy:
    if asked not in found:
        return row
    types = [
        TypeFound(
            attack=attack,
            type=name,
            examples=one.examples,
            true_positive=one.true_positive,
            false_positive=one.false_positive,
        )
        for attack in ATTACKS
        for name, one in zip(NAMES, found[asked].get(attack, ()), strict=False)
    ]
    return replace(row, type_rate=asked, types=tuple(types))


def type_changes(found: Mapping[int, ByRate], asked: Mapping[int, float]) -> tuple[PrivacyChangeOfType, ...]:
    """From the first size to the last, of online LiRA; none where they are told at different rates."""
    first, last = min(found), max(found)
    if first == last or asked[first] not in found[first] or asked[first] != asked[last]:
        return ()
    pairs = zip(*(found[size][asked[size]][LIRA] for size in (first, last)), strict=True)
    return tuple(
        PrivacyChangeOfType(type=name, true_positive=group_change(one, other))
        for name, (one, other) in zip(NAMES, pairs, strict=True)
    )


def found_most(types: Sequence[TypeFound]) -> tuple[TypeFound, bool] | None:
    """Of one attack, the type that is found most among those that are found more than all are; and whether it is found
    more than every other type. None where no type stands out. Of a few examples nothing is said."""
    everything = next((one.true_positive for one in types if one.type == ALL), None)
    enough = [one for one in types if one.type != ALL and one.examples >= FEWEST_OF_GROUP]
    if everything is None:
        return None
    above = [one for one in enough if one.true_positive.low > max(everything.high, one.false_positive.value)]
    if not above:
        return None
    most = max(above, key=lambda one: one.true_positive.value)
    others = [one for one in enough if one.type != most.type]
    return most, all(not one.true_positive.high >= most.true_positive.low for one in others)
