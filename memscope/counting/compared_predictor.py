"""From fits to what is reported: predictors held against the target of images that they have not seen."""

from collections.abc import Sequence
from dataclasses import replace
from math import isnan, nan
from pathlib import Path

import numpy as np

from memscope.analysis.predictor_agreement import BackboneAgreement, PairDifference, PredictorAgreement
from memscope.analysis.predictor_claims import UNKNOWN, less_than_it_seems, residual_beats_plain
from memscope.analysis.predictor_intervals import PredictorInterval
from memscope.predictors.backbones import PLAIN
from memscope.reports.predictor import BackboneFound, Claim, PairFound, PredictorReport
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
    return replace(
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
        claims=claims(found, report),
    )


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


def best_of(found: PredictorAgreement) -> str:
    """The backbone that foretells most of held-out images."""
    return max(found.backbones, key=lambda name: value_or(found.backbones[name].spearman.value, -2.0))


def value_or(value: float, otherwise: float) -> float:
    return otherwise if isnan(value) else value


def claims(found: PredictorAgreement, report: PredictorReport) -> tuple[Claim, ...]:
    """The claims that these backbones and runs can be asked about."""
    told = []
    against = [pair for pair in found.pairs if pair.other == PLAIN]
    if against:
        told.append(
            Claim(
                claim="residual networks foretell more than plain ones of their size",
                answer=residual_beats_plain(against),
                numbers="; ".join(
                    f"{pair.backbone} less {pair.other}: {difference(pair.spearman)}" for pair in against
                ),
            )
        )
    name = best_of(found)
    best = found.backbones[name]
    told.append(
        Claim(
            claim="a fit foretells less of new images than it seems",
            answer=less_than_it_seems(best),
            numbers=f"{name}: {number(best.on_fitted_own)} on images that it was fitted to, {number(best.spearman)} "
            f"on others: {difference(best.lost_own)}",
        )
    )
    if report.elsewhere is not None:
        told.append(
            Claim(
                claim="what was fitted on one set foretells less on another",
                # The target here is of half of the models, and there of all of another run: the noisier one is
                # foretold less, whatever is lost.
                answer=UNKNOWN,
                numbers=f"{name}: {number(best.spearman)} on its own set, {number(best.there)} on {report.elsewhere}: "
                f"{difference(best.lost_there)}; but the two targets are not equally noisy",
            )
        )
    return tuple(told)


def number(found: PredictorInterval) -> str:
    return without_zero(f"{found.value:.2f}")


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
