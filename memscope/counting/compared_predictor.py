"""From fits to what is reported: predictors held against the target of images that they have not seen."""

from collections.abc import Sequence
from dataclasses import replace
from math import isnan, nan
from pathlib import Path

import numpy as np

from memscope.analysis.predictor_agreement import BackboneAgreement, PairDifference, PredictorAgreement
from memscope.analysis.predictor_claims import UNKNOWN, less_elsewhere, less_than_it_seems, residual_beats_plain
from memscope.analysis.predictor_intervals import PredictorInterval
from memscope.predictors.backbones import PLAIN
from memscope.reports.predictor import BackboneFound, Claim, PairFound, PredictorReport, best_of
from memscope.reports.ranged import Ranged


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

    against = [pair for pair in found.pairs if pair.other == PLAIN]
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
        less_than_it_seems(best),
        f"{name}: {number(best.on_fitted_own)} on images that it was fitted to, {number(best.spearman)} "
        f"on others: {difference(best.lost_own)}",
    )
    if report.elsewhere is not None:
        claim(
            "what was fitted on one set foretells less on another",
            less_elsewhere(best),
            f"{name}: {number(best.spearman)} on its own set, {number(best.there)} on {report.elsewhere}; without the "
            f"noise of the targets the difference is {difference(best.lost_there)}",
        )
    return tuple(told)


def number(found: PredictorInterval) -> str:
    return without_zero(f"{round(found.value, 2) + 0.0:.2f}")  # + 0: of what rounds to nothing the sign says nothing


def difference(found: PredictorInterval) -> str:
    """+.12 (+.03 to +.21)"""
    low, high = (without_zero(f"{end:+.2f}") for end in (found.low, found.high))
    ends = "" if isnan(found.low) else f" ({low} to {high})"
    return without_zero(f"{found.value:+.2f}") + ends


def without_zero(told: str) -> str:
    """+.12: as the numbers beside it on a screen are written."""
    return told.replace("0.", ".", 1) if told.lstrip("+-").startswith("0.") else told


def standard(values: Sequence[float]) -> float:
    """The standard deviation of a sample; NaN of one."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else nan
