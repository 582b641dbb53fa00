"""What attacks find of the models of one size, for the report and for every example; and of students beside others."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.privacy.calibration import THIRDS, Transforms
from memscope.analysis.privacy.curves import Band, band
from memscope.analysis.privacy.rates import (
    FEWEST_FALSE,
    Beyond,
    Targets,
    area_change,
    balanced_accuracy,
    beyond,
    block_areas,
    blocks_of,
    false_positives,
    over_blocks,
    rate_change,
    thresholds,
    true_positives,
)
from memscope.analysis.privacy.references import Floats
from memscope.analysis.privacy.scores import ATTACKS, ends_of, judged
from memscope.analysis.statistics.intervals import jeffreys_limits
from memscope.counting.privacy import Material
from memscope.reports.privacy import AttackFound, Calibration, RateFound
from memscope.reports.ranged import UNKNOWN, Ranged

LIRA = "lira"
RATES = (0.001, 0.01)
"""False-positive rates that are asked for"""
OF_FEW = 0.1
"""Asked for as well where so few examples there are that the smallest is not told"""
ASKED = (*RATES, OF_FEW)
TAIL = 0.05
BINS = 20
"""Of the transform's histogram: the outermost are the tails"""


@dataclass(frozen=True, eq=False)
class Audit:
    """What attacks find of the models of one size."""

    attacks: tuple[AttackFound, ...]
    beyond: Mapping[float, Beyond]
    """Of online LiRA, by the false-positive rates that are told"""
    areas: Floats
    """Of online LiRA [blocks]"""
    calibration: tuple[Calibration, ...]
    bands: Mapping[str, Band]
    """By attack"""
    columns: Mapping[str, NDArray[np.generic]]
    """Of every example [N], by the names of the results"""
    by_block: Mapping[str, Floats]
    """By the names of the results: [attack, block] areas, [attack, rate, block] rates at `ASKED`, NaN where not told"""
    transforms: NDArray[np.int32]
    """[side, third, bin] counts of the probability integral transform, members first"""

    @property
    def flagged_at(self) -> float:
        return min(self.beyond, default=math.nan)


def audit_of(material: Material) -> Audit:
    """Attack the models of whole blocks, each with the models of other blocks as references."""
    found = judged(material.in_subset, material.log_odds, material.block, material.population)
    rows, bands, told, areas, shares = [], {}, {}, {}, []
    for name in ATTACKS:
        targets = Targets(found.scores.pop(name), material.in_subset, material.block)
        each, by_block = [beyond(targets, asked) for asked in RATES], block_areas(targets)
        if not each[0].tellable:
            each.append(beyond(targets, OF_FEW))
        rows.append(
            AttackFound(
                attack=name,
                area=over_blocks(by_block),
                balanced_accuracy=balanced_accuracy(targets),
                rates=tuple(map(rate_found, each)),
            )
        )
        bands[name], areas[name] = band(targets), by_block
        shares.append(shares_of(each, len(by_block)))
        if name == LIRA:
            told = {one.asked: one for one in each if one.tellable}
            flags = flags_of(targets, min(told, default=math.nan))
    return Audit(
        attacks=tuple(rows),
        beyond=told,
        areas=areas[LIRA],
        calibration=calibration_of(found.transforms),
        bands=bands,
        columns=flags | sides_of(material.in_subset, found.ratio, material.log_odds),
        by_block={
            "block_area": np.stack([*areas.values()]),
            "block_true_positive": np.stack([true for true, _ in shares]),
            "block_false_positive": np.stack([false for _, false in shares]),
        },
        transforms=histograms_of(found.transforms),
    )


def shares_of(found: Sequence[Beyond], blocks: int) -> tuple[Floats, Floats]:
    """True-positive and realised false-positive rate of every block [rate, block] at `ASKED`; NaN where not told."""
    true, false = np.full((2, len(ASKED), blocks), np.nan)
    for one in found:
        if one.tellable:
            place = ASKED.index(one.asked)
            true[place], false[place] = one.held_out[:, 0] / one.held_out[:, 1], false_positives(one)
    return true, false


def rate_found(found: Beyond) -> RateFound:
    """The rates, or why they are not told."""
    if found.tellable:
        false = false_positives(found)
        return RateFound(
            asked=found.asked,
            true_positive=true_positives(found),
            false_positive=float(false.mean()),
            lowest_block=float(false.min()),
            highest_block=float(false.max()),
            left_out=None,
        )
    pairs = int(found.wrongly[:, 0].sum())
    return RateFound(
        asked=found.asked,
        true_positive=UNKNOWN,
        false_positive=math.nan,
        lowest_block=math.nan,
        highest_block=math.nan,
        left_out=f"{pairs:,} of {int(found.wrongly[:, 1].sum()):,} non-members, of {found.examples:,} examples, are "
        f"beyond the threshold; {FEWEST_FALSE} of {FEWEST_FALSE} examples are needed",
    )


def flags_of(targets: Targets, asked: float) -> dict[str, NDArray[np.generic]]:
    """For how many models every example is found, and is taken for a member where it is none, with Jeffreys limits."""
    cuts = {} if math.isnan(asked) else thresholds(targets, asked)
    beyond_cut = np.zeros(targets.member.shape, dtype=bool)
    for block, here in blocks_of(targets):
        if cuts:
            beyond_cut[here] = targets.scores[here] > cuts[block]
    found: dict[str, NDArray[np.generic]] = {}
    for side, inside in (("in", targets.member), ("out", ~targets.member)):
        flagged, number = (beyond_cut & inside).sum(0), inside.sum(0)
        low, high = jeffreys_limits(flagged, number)
        found[f"n_{side}"] = number.astype(np.int32)
        found[f"flagged_{side}"] = (flagged if cuts else np.full_like(flagged, -1)).astype(np.int32)
        for end, limit in (("low", low), ("high", high)):
            found[f"flagged_{side}_{end}"] = (limit if cuts else np.full_like(limit, np.nan)).astype(np.float32)
    return found


def sides_of(
    member: NDArray[np.bool_], ratio: NDArray[np.float32], log_odds: NDArray[np.float16]
) -> dict[str, NDArray[np.generic]]:
    """Means [N] over models with the example, and without it; infinite log-odds are taken as the attacks take them."""
    found: dict[str, NDArray[np.generic]] = {}
    ends = ends_of(log_odds)
    sums = {name: np.zeros((2, member.shape[1])) for name in ("ratio", "log_odds")}
    for inside, one, other in zip(member, ratio, log_odds, strict=True):  # model by model: no copy of all
        for name, values in (("ratio", one), ("log_odds", np.clip(other.astype(np.float64), *ends))):
            sums[name][0] += np.where(inside, values, 0)
            sums[name][1] += np.where(inside, 0, values)
    with np.errstate(invalid="ignore"):
        for name, (with_it, without_it) in sums.items():
            found[f"{name}_in"] = (with_it / member.sum(0)).astype(np.float32)
            found[f"{name}_out"] = (without_it / (~member).sum(0)).astype(np.float32)
    return found


def histograms_of(transforms: Transforms) -> NDArray[np.int32]:
    """Counts [side, third, bin] of the transform, members first."""
    found = [
        np.histogram(transforms.value[(transforms.member == member) & (transforms.third == third)], BINS, (0, 1))[0]
        for member in (True, False)
        for third in range(THIRDS)
    ]
    return np.reshape(found, (2, THIRDS, BINS)).astype(np.int32)


def calibration_of(transforms: Transforms) -> tuple[Calibration, ...]:
    """Shares in both tails, by side and third."""
    found = []
    for member in (True, False):
        for third in range(THIRDS):
            values = transforms.value[(transforms.member == member) & (transforms.third == third)]
            below, above = (
                (float((values < TAIL).mean()), float((values > 1 - TAIL).mean()))
                if len(values)
                else (math.nan, math.nan)
            )
            found.append(Calibration(member=member, third=third, pairs=len(values), below=below, above=above))
    return tuple(found)


def compared(smaller: Audit, larger: Audit) -> tuple[float, Ranged, Ranged]:
    """Of two audits of the same blocks: the smallest false-positive rate that both tell, and by how much the
    true-positive rate at it, and the area, of online LiRA are larger in the second."""
    both: Sequence[float] = sorted(set(smaller.beyond) & set(larger.beyond))
    asked = both[0] if both else math.nan
    true = rate_change(smaller.beyond[asked], larger.beyond[asked]) if both else UNKNOWN
    return asked, true, area_change(smaller.areas, larger.areas)
