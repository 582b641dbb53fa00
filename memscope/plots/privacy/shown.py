"""What the figures of membership inference have in common: which attacks they show, at which rates, of which models."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axis import Axis

from memscope.plots.common.compared import Kind
from memscope.plots.common.setting import Setting
from memscope.plots.common.style import INDIGO, OLIVE, WINE, percent
from memscope.reports.privacy import AttackFound, PrivacyReport, RateFound, SizePrivacy
from memscope.reports.ranged import Ranged

ATTACKS = {
    "lira": Kind("LiRA", INDIGO, "o", "-"),
    "rmia": Kind("RMIA", OLIVE, "s", "--"),
    "loss": Kind("loss", WINE, "D", ":"),
}
"""Those that are drawn: online attacks, and the threshold on the loss, which needs no reference models"""
OTHERS = "What these attacks do not find others may."


def setting_of(report: PrivacyReport) -> Setting:
    """What captions say about the models on subsets."""
    return Setting(
        data=report.data,
        family=report.family,
        axis=report.axis,
        sizes=np.array([row.size for row in report.sizes]),
        models=tuple(row.models for row in report.sizes),
        fraction=report.fraction,
        examples=report.examples,
        flipped=report.flipped,
        epsilon=report.epsilon,
        confidence=math.nan,  # types are those of the raw rule
    )


def rate_of(row: SizePrivacy, attack: str, asked: float) -> RateFound | None:
    """What an attack finds at a false-positive rate; None where that is not told."""
    rates = [rate for found in of_attack(row, attack) for rate in found.rates]
    return next((rate for rate in rates if rate.asked == asked and rate.left_out is None), None)


def of_attack(row: SizePrivacy, attack: str) -> list[AttackFound]:
    return [found for found in row.attacks if found.attack == attack]


def smallest_rate(report: PrivacyReport) -> float | None:
    """The smallest false-positive rate that LiRA tells at every size; at any, where there is none; None without."""
    told = [
        {rate.asked for found in of_attack(row, "lira") for rate in found.rates if rate.left_out is None}
        for row in report.sizes
    ]
    every, some = set.intersection(*told), set().union(*told)
    return min(every or some, default=None)


def share(found: Ranged) -> str:
    """25 % (95 % interval 23 % to 26 %)"""
    ends = "" if math.isnan(found.low) else f" (95\u00a0% interval {percent(found.low)} to {percent(found.high)})"
    return f"{percent(found.value)}{ends}"


def interval_note(found: Sequence[Ranged]) -> str:
    if any(not math.isnan(one.low) for one in found):
        return "Error bars: 95\u00a0% intervals over blocks of models."
    return "No intervals: they need four blocks of models."


def in_percent(axis: Axis) -> None:
    """Name the ticks of shares by percentages."""
    ticks = axis.get_ticklocs()
    axis.set_ticks(ticks, [f"{round(100 * tick, 6) + 0.0:g}\u00a0%" for tick in ticks])
