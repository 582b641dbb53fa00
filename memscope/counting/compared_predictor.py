"""From fits to what is reported: predictors held against the target of images that they have not seen."""

from collections.abc import Sequence
from dataclasses import replace
from math import isnan, nan
from pathlib import Path

import numpy as np

from memscope.analysis.predictor_agreement import BackboneAgreement, PairDifference, PredictorAgreement
from memscope.analysis.predictor_claims import UNKNOWN, less_elsewhere, less_than_it_seems, residual_beats_plain
from memscope.analysis.predictor_intervals import PredictorInterval
from memscope.predictors.backbones import PLAIN, is_resnet
from memscope.reports.predictor import BackboneFound, Claim, PairFound, PredictorReport, best_of
from memscope.reports.ranged import Ranged

ALIKE = 0.1
"""Share of its parameters by which a network may be larger or smaller and is still of the same size"""


def measured(found: PredictorInterval) -> Ranged:
    return Ranged(value=found.value, low=found.low, high=found.high, error=found.error, degrees=found.degrees)


def with_agreement(
    report: PredictorReport,
    found: PredictorAgreement,
    parameters: dict[str, int],
    epochs: dict[str, tuple[int, ...]],
    files: dict[str, Path],
) -> PredictorReport:
    """The report, with what was found."""
    told = replace(
        report,
        over=found.over,
        noise=measured(found.noise),
        halves=measured(found.halves),
        class_mean=measured(found.class_mean),
        class_mean_squared_error=measured(found.class_mean_squared_error),
        mean_squared_error=measured(found.mean_squared_error),
        variance_within=measured(found.variance_within),
        backbones=tuple(
            backbone_found(name, one, parameters[name], epochs[name], str(files[name]), report.elsewhere is not None)
            for name, one in found.backbones.items()
        ),
        pairs=tuple(map(pair_found, found.pairs)),
        elsewhere_halves=measured(found.halves_there),
    )
    return replace(told, claims=claims(found, told))


def backbone_found(
    name: str, found: BackboneAgreement, parameters: int, epochs: tuple[int, ...], file: str, elsewhere: bool
) -> BackboneFound:
    return BackboneFound(
        name=name,
        parameters=parameters,
        epochs=epochs,
        spearman=measured(found.spearman),
        within=measured(found.within),
        squared_error=measured(found.squared_error),
        squared_error_within=measured(found.squared_error_within),
        together=measured(found.together),
        on_fitted=measured(found.on_fitted),
        on_fitted_own=measured(found.on_fitted_own),
        lost=measured(found.lost),
        lost_own=measured(found.lost_own),
        elsewhere=measured(found.there) if elsewhere else None,
        elsewhere_within=measured(found.there_within) if elsewhere else None,
        lost_elsewhere=measured(found.lost_there) if elsewhere else None,
        file=file,
    )


def pair_found(pair: PairDifference) -> PairFound:
    return PairFound(
        backbone=pair.backbone,
        less=pair.other,
        spearman=measured(pair.spearman),
        within=measured(pair.within),
        squared_error=measured(pair.squared_error),
    )


def claims(found: PredictorAgreement, report: PredictorReport) -> tuple[Claim, ...]:
    """The claims that these backbones and runs can be asked about; without an answer where intervals are too narrow,
    for want of seeds or of blocks of models."""
    told = []
    whole = {"images", "seeds", *(["models"] if report.target_blocks else [])} <= set(found.over)

    def claim(what: str, answer: str, numbers: str) -> None:
        told.append(Claim(claim=what, answer=answer if whole else UNKNOWN, numbers=numbers))

    alike = residual_ones_of_plains_size(report)
    against = [pair for pair in found.pairs if pair.other == PLAIN and pair.backbone in alike]
    if against:
        claim(
            "residual networks foretell more than plain ones of their size",
            residual_beats_plain(against),
            "; ".join(f"{pair.backbone} less {pair.other}: {difference(pair.spearman)}" for pair in against),
        )
    name = best_of(report).name
    best = found.backbones[name]
    claim(
        "a fit foretells less of new images than it seems",
        less_than_it_seems(best, len(found.backbones)),
        f"{name}: {number(best.on_fitted_own)} on images that it was fitted to, {number(best.spearman)} "
        f"on others: {difference(best.lost_own)}",
    )
    if report.elsewhere is not None:
        claim(
            "what was fitted on one set foretells less on another",
            less_elsewhere(best, len(found.backbones)),
            f"{name}: {number(best.spearman)} on its own set, {number(best.there)} on {report.elsewhere}; without the "
            f"noise of the targets the difference is {difference(best.lost_there)}",
        )
    return tuple(told)


def residual_ones_of_plains_size(report: PredictorReport) -> set[str]:
    """The ResNets, and networks of that kind, with as many parameters as the plain network, within a tenth."""
    sizes = {one.name: one.parameters for one in report.backbones}
    plain = sizes.get(PLAIN, 0)
    return {name for name, size in sizes.items() if is_resnet(name) and abs(size - plain) <= plain * ALIKE}


def number(found: PredictorInterval) -> str:
    return as_on_screens(found.value, "")


def difference(found: PredictorInterval) -> str:
    """+.12 (+.03 to +.21)"""
    ends = "" if isnan(found.low) else f" ({as_on_screens(found.low, '+')} to {as_on_screens(found.high, '+')})"
    return as_on_screens(found.value, "+") + ends


def as_on_screens(value: float, sign: str) -> str:
    """.12, or +.12: as the numbers beside it on a screen are written. What rounds to 0 has no sign."""
    rounded = round(value, 2)
    told = f"{rounded:{sign if rounded else ''}.2f}" if rounded or isnan(rounded) else "0.00"
    return told.replace("0.", ".", 1) if told.lstrip("+-").startswith("0.") else told


def standard(values: Sequence[float]) -> float:
    """The standard deviation of a sample; NaN of one."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else nan
