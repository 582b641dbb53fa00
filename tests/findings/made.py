"""Reports made by hand, so that findings are held against numbers that are known."""

import dataclasses
import itertools
import math
import types
import typing
from typing import Any

from memscope.analysis.proxies.catalogue import PROXIES
from memscope.reports.convergence import (
    ConvergenceReport,
    ModelsConvergence,
    OverSets,
    SizeConvergence,
    TypesConvergence,
)
from memscope.reports.distill import (
    DistillationSetting,
    DistillReport,
    LabelErrors,
    SizeOfStudents,
    StudentKind,
)
from memscope.reports.evidence import Disputed, Estimate, MeanTrajectory, ScoreEvidence, TrajectoriesEvidence
from memscope.reports.influence import (
    Beside as BesidePublished,
)
from memscope.reports.influence import (
    Carrier,
    InfluenceReport,
    PairsFound,
    ShownExample,
    SizeChange,
    SizeInfluence,
)
from memscope.reports.memorability import (
    Beside,
    MemorabilityReport,
    ProxyAtSizeBeside,
    ProxyBeside,
    SizeBeside,
    TypeBeside,
)
from memscope.reports.page import PageReport
from memscope.reports.prediction import ImagePredicted, PredictionReport
from memscope.reports.predictor import BackboneFound, Claim, PairFound, PredictorReport
from memscope.reports.privacy import (
    AttackFound,
    Calibration,
    MemorisedFound,
    PrivacyChange,
    PrivacyChangeOfType,
    PrivacyReport,
    RateFound,
    SizePrivacy,
    StudentsFound,
    TypeFound,
)
from memscope.reports.proxies import Bounded, ProxiesReport, ProxyAtSize, ProxyFound, ProxyTrend, SameSigns, SizeNoise
from memscope.reports.ranged import UNKNOWN, Ranged
from memscope.reports.removal import (
    ArmAccuracy,
    ArmDifference,
    ArmFound,
    ArmsAtSize,
    ArmsForecast,
    InfluencedDifference,
    PeelReport,
    RemovalReport,
    SizePeel,
    SizeRemoval,
)
from memscope.reports.resmem import MemoryChange, ModelsOnSubsets, ResmemReport, SizeMemory
from memscope.reports.score import FlippedLabels, ScoreReport, SizeScore
from memscope.reports.status import SizeStandardError, SizeStatus, StatusReport
from memscope.reports.train_family import ForecastReport, Pilot, SizeForecast
from memscope.reports.trajectories import PopulationCheck, TrajectoriesReport, TypesByLabel, TypeShares, TypesOfLabels

NAN = float("nan")
EIGHT = (1, 2, 4, 8, 16, 32, 64, 128)
LONG = "runs/a run/" + "with-a-name-that-goes-on-and-on-and/" + "does-not-end"
TYPES = ("constant", "increasing", "decreasing", "cap-shaped", "u-shaped", "irregular")


def made(kind: type, /, **given: Any) -> Any:
    """A report with these fields, and anything of the right type in the others."""
    hints = typing.get_type_hints(kind)
    found = {each.name: anything(hints[each.name]) for each in dataclasses.fields(kind)}
    return kind(**(found | given))


def anything(hint: Any) -> Any:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return None
    if origin in (tuple, dict):
        return origin()
    if dataclasses.is_dataclass(hint):
        return made(hint)
    return {float: 0.5, int: 7, str: "x", bool: True}.get(hint, inner)


def score_report(sizes=EIGHT, blocks=4, error=0.004, rise=0.3, memorised=300, flipped=100, run="runs/x") -> ScoreReport:
    """Mean scores rise evenly by `rise`; an error of NaN where there are fewer than three blocks."""
    error = error if blocks > 2 else NAN
    means = [0.1 + rise * place / max(1, len(sizes) - 1) for place in range(len(sizes))]
    rows = tuple(
        made(
            SizeScore,
            size=size,
            models=10 * blocks,
            blocks=blocks,
            diverged=0,
            undefined=0,
            mean_score=mean,
            mean_score_error=error,
            mean_accuracy_in=1.0,
            flipped=made(FlippedLabels, auc_score=0.953, auc_score_error=error) if flipped else None,
        )
        for size, mean in zip(sizes, means, strict=True)
    )
    change = Estimate(value=means[-1] - means[0], error=error, blocks=blocks)
    return made(
        ScoreReport,
        run=run,
        axis="width",
        fraction=0.7,
        examples=1000,
        flipped=flipped or None,
        models_planned=10 * blocks,
        sizes=rows,
        suspects_written=False,
        evidence=ScoreEvidence(
            block=10,
            mean=MeanTrajectory(mean=tuple(means), whole=change, steps=()),
            memorised=(*[20] * (len(sizes) - 1), memorised),
            by_chance=(9.0,) * len(sizes),
            disputed=Disputed(
                size=sizes[-1], labels=273, first=100 if flipped else None, first_flipped=86 if flipped else None
            ),
        ),
    )


def trajectories_report(
    sizes=EIGHT, blocks=4, error=0.004, rise=0.3, called=0.25, raw=0.37, flipped=True, run="runs/x"
) -> TrajectoriesReport:
    """`called` and `raw` are the shares of the increasing ones; .01 and .13 if all were flat."""
    error, share_error = (error if blocks > 2 else NAN), (0.01 if blocks > 3 else NAN)
    steps = [rise / max(1, len(sizes) - 1)] * (len(sizes) - 1)
    names = (*TYPES, "undetermined")
    shares = made(
        TypeShares,
        sizes=sizes,
        raw=dict.fromkeys(TYPES, 0.1) | {"increasing": raw},
        raw_error=dict.fromkeys(TYPES, share_error),
        called=dict.fromkeys(names, 0.0) | {"increasing": called, "undetermined": 1 - called},
        called_error=dict.fromkeys(names, share_error),
        if_all_flat=dict.fromkeys(TYPES, 0.13),
        if_all_flat_called=dict.fromkeys(names, 0.01),
        undefined=0,
    )
    labels = made(TypesOfLabels, called={"increasing": 0.8}), made(TypesOfLabels, called={"increasing": 0.043})
    return made(
        TrajectoriesReport,
        run=run,
        axis="width",
        epsilon=0.2,
        confidence=0.8,
        models=(10 * blocks,) * len(sizes),
        all_sizes=shares,
        population_check=made(PopulationCheck, passed=False, reason="", models_that_would_tell=80),
        flipped_types=made(TypesByLabel, flipped=labels[0], clean=labels[1]) if flipped else None,
        evidence=TrajectoriesEvidence(
            block=10,
            examples=1000,
            mean=MeanTrajectory(
                mean=(0.1, *(0.1 + sum(steps[: place + 1]) for place in range(len(steps)))),
                whole=Estimate(value=rise, error=error, blocks=blocks),
                steps=tuple(Estimate(value=step, error=error, blocks=blocks) for step in steps),
            ),
            blocks=blocks,
            trainer="memscope",
        ),
    )


def resmem_report(sizes=EIGHT, blocks=4, change=0.037, error=0.003, run="runs/x") -> ResmemReport:
    """The test accuracy changes by `change` at the first size, and by nothing at the others."""
    error = error if blocks > 2 else NAN
    rows = tuple(
        made(
            SizeMemory,
            size=size,
            models=10 * blocks,
            blocks=blocks,
            diverged=0,
            base=made(ModelsOnSubsets, mean_accuracy_out=0.5, test_accuracy=0.6),
            resmem=made(ModelsOnSubsets, mean_accuracy_out=0.5 + (change if place == 0 else 0), test_accuracy=0.6),
            change=made(
                MemoryChange,
                test_change=change if place == 0 else 0.0,
                test_change_error=error,
                mean_change=0.0,
                mean_change_error=error,
                mean_change_out_error=error,
            ),
        )
        for place, size in enumerate(sizes)
    )
    return made(ResmemReport, run=run, axis="width", reserved_block=0, sizes=rows, block=10)


def distill_report(sizes=EIGHT[:-1], blocks=4, change=-0.125, error=0.004, settings=1, flipped=True, run="runs/x"):
    """The mean score of the largest students changes by `change`, of the others by nothing."""
    error = error if blocks > 2 else NAN
    rows = tuple(
        made(
            SizeOfStudents,
            size=size,
            models=10 * blocks,
            blocks=blocks,
            left_out=0,
            onehot=made(StudentKind, mean_score=0.337),
            distilled=made(StudentKind, mean_score=0.337 + (change if size == sizes[-1] else 0)),
            mean_change=change if size == sizes[-1] else 0.0,
            mean_change_error=error,
            mean_change_flipped=-0.479,
            mean_change_clean=-0.086,
            inhibited=0.267,
            inhibited_error=0.01,
            inhibited_if_same=0.101,
            test_change=0.046,
            test_change_error=error,
            by_label_errors=made(LabelErrors, mean_change_flipped_error=error, mean_change_clean_error=error)
            if flipped
            else None,
        )
        for size in sizes
    )
    made_settings = tuple(
        made(
            DistillationSetting,
            setting=f"teacher-128-t{number + 1}-w0.9-full",
            teacher=128,
            temperature=number + 1.0,
            soft_weight=0.9,
            teacher_on="full" if number % 2 else "subset",
            students=rows,
        )
        for number in range(settings)
    )
    return made(DistillReport, run=run, axis="width", epsilon=0.2, settings=made_settings, block=10, trained=0)


def page_report(sizes=EIGHT, run="runs/x", shown=1000, **given: Any) -> PageReport:
    """Of `shown` of 1,000 images; results of score and trajectories, unless `results` says otherwise."""
    extremes = ("the 1,000 highest scores at width 128", "the 1,000 most disputed labels")
    found = {
        "file": f"{run}/report.html",
        "examples": 1000,
        "drawn": shown,
        "extremes": () if shown == 1000 else extremes,
        "sections": ("score", "trajectories"),
        "results": {"score": "current", "trajectories": "out of date", "distill": "missing", "proxies": "missing"},
        "not_yet": {"proxies": "no models were recorded"},
    }
    return made(PageReport, run=run, axis="width", sizes=sizes, shown=shown, **(found | given))


def status_report(sizes=EIGHT, missing=0, results="current", run="runs/x", **given: Any) -> StatusReport:
    rows = tuple(
        made(SizeStatus, size=size, models=40 - missing, missing=missing, failed_tasks=(), bytes=220_000)
        for size in sizes
    )
    errors = tuple(
        made(SizeStandardError, size=size, models=40, rms_standard_error=0.112, forecast=()) for size in sizes
    )
    names = ("score", "trajectories", "resmem", "distill")
    return made(
        StatusReport,
        **{
            "run": run,
            "axis": "width",
            "data": "folder:" + "a/long/place/" * 9,
            "family": "package.of.somebody.else.with.a.long.name:build",
            "trainer": "memscope",
            "models_planned": 40,
            "sizes": rows,
            "score_precision": errors,
            "results": dict.fromkeys(names, results),
            "examples_there": True,
            "not_yet": {},
        }
        | given,
    )


def forecast_report(sizes=EIGHT, pilot=True, models=20) -> ForecastReport:
    one = made(Pilot, models=20, rms_standard_error=0.181, expected_rms_standard_error=0.128) if pilot else None
    rows = tuple(
        made(SizeForecast, size=size, models=models, parameters=70_330, seconds_per_model=7.22, pilot=one)
        for size in sizes
    )
    return made(
        ForecastReport, sizes=rows, axis="width", workers=1, seconds=360.0, models=40, block=10, until_asked=False,
        expected_standard_error=0.144, outcome_bytes=912_500, weight_bytes=7_600_000,
    )  # fmt: skip


def proxies_report(
    sizes=EIGHT, blocks=4, flipped=True, follow=("mean-accuracy",), level=("final-loss",), run="runs/x"
) -> ProxiesReport:
    """All leading proxies; `follow` and `level` are the names of those that do so across sizes."""
    known = blocks > 3

    def number(value: float) -> Bounded:
        return Bounded(value=value, low=value - 0.05 if known else NAN, high=value + 0.05 if known else NAN)

    def verdict(name: str) -> str:
        if not known:
            return "cannot be told"
        return "follows" if name in follow else "only as its level foretells" if name in level else "does not follow"

    rows = []
    for place, proxy in enumerate(PROXIES.values()):
        value = proxy.sign * (0.8 - 0.02 * place)
        at = tuple(
            made(
                ProxyAtSize,
                size=size,
                spearman=number(value),
                auc_flipped=0.9 - 0.01 * place if flipped else NAN,
            )
            for size in sizes
        )
        trend = made(
            ProxyTrend,
            slopes=number(0.7 - 0.02 * place),
            slopes_of_level=number(0.2),
            ceiling=0.92 if known else NAN,
            rising=SameSigns(examples=200.0, proxy=0.01 * place, score=0.84, size_means=0.0),
            falling=SameSigns(examples=90.0, proxy=1 - 0.01 * place, score=0.52, size_means=1.0),
        )
        rows.append(
            made(
                ProxyFound,
                name=proxy.name,
                title=proxy.title,
                sign=proxy.sign,
                variant_of=proxy.variant_of,
                cost=10.0,
                sizes=at,
                trend=trend if len(sizes) > 1 else None,
                across_examples="follows" if known else "cannot be told",
                across_sizes=verdict(proxy.name) if len(sizes) > 1 else None,
            )
        )
    noise = tuple(
        made(SizeNoise, size=size, measurable=known, spearman_ceiling=0.94 if known else NAN) for size in sizes
    )
    return made(
        ProxiesReport,
        run=run,
        axis="width",
        flipped=100 if flipped else None,
        recorded=10,
        on="subsets",
        score_models=10 * blocks,
        score_blocks=blocks,
        sizes=noise,
        proxies=tuple(rows),
        left_out={"residual": "it needs residual memories of a smaller width: memscope resmem runs/x"},
        figures=None,
        failed=None,
        block=10,
    )


LICENCE = (
    "The package resmem may be used for noncommercial purposes only (ResMem Non-commercial License, The University of "
    "Chicago): also not indirectly, as on a website with advertisements; a company may use it in its research."
)
CAVEATS = (
    "Memorability is predicted by a network that learnt from photographs, not measured; only its order means anything.",
    "28 x 28 pixels are below what people were ever shown when memorability was measured; the images were scaled up to "
    "256 x 256, and what a prediction is worth here is not known.",
    "The images are grey, and people were shown colour.",
)


def ranged(value: float, error: float = 0.03) -> Ranged:
    """With an interval of so many standard errors that 39 degrees of freedom have."""
    return Ranged(value=value, low=value - 2.02 * error, high=value + 2.02 * error, error=error, degrees=39.0)


def convergence_report(sizes=EIGHT, blocks=4, run="runs/x", **given) -> ConvergenceReport:
    """Errors fall as they should, the population estimate's are a third; more are constant with more models."""
    numbers = sorted({1, max(1, blocks // 2), blocks})
    rows = []
    for number in numbers:
        sets = blocks // number
        judged = blocks - number > 1

        def over(value: float, known: bool = True, sets: int = sets) -> OverSets:
            ends = {"lowest": 0.9 * value, "highest": 1.1 * value} if sets > 1 else {"lowest": value, "highest": value}
            return OverSets(value=value, **ends) if known else OverSets(value=NAN)

        error = 0.18 / math.sqrt(number)
        raw = dict.fromkeys(TYPES, 0.1) | {"constant": 0.5 + 0.05 * number}
        shares = {name: over(share) for name, share in raw.items()}
        pairs = {"same_raw": 0.7, "same_raw_by_chance": 0.3, "both_called": 0.4, "same_called": 0.9}
        pairs |= {"same_called_by_chance": 0.5, "both_told": 0.8, "same_told": 0.99, "same_told_by_chance": 0.5}
        types = TypesConvergence(
            raw=shares,
            if_all_flat=dict.fromkeys(TYPES, 1 / 6),
            called=shares | {"undetermined": over(0.2)},
            population={name: over(0.6 if name == "constant" else 0.08) for name in TYPES},
            told=shares | {"undetermined": over(0.05)},
            **(pairs if sets > 1 else dict.fromkeys(pairs, NAN)),
        )
        rows.append(
            ModelsConvergence(
                models=10 * number,
                sets=sets,
                sizes=tuple(
                    SizeConvergence(
                        size=size,
                        error=over(error, judged),
                        standard_error=error,
                        expected=error,
                        population_error=over(error / 3, judged),
                        population_sd=error / 3,
                        as_good_as=90.0 * number if judged else NAN,
                        spread=0.25,
                        agreement=over(0.8, number > 1),
                        expected_agreement=0.75,
                        soft_agreement=over(0.85, number > 1),
                    )
                    for size in sizes
                ),
                types=types if len(sizes) > 1 else None,
            )
        )
    return made(
        ConvergenceReport,
        run=run,
        axis="width",
        epsilon=0.2,
        confidence=0.8,
        examples=5000,
        looked_at=4000,
        block=10,
        models=10 * blocks,
        trainer="memscope",
        rows=tuple(rows),
        figures=None,
        **given,
    )


def memorability_report(
    sizes=EIGHT, blocks=4, overall=-0.2, within=-0.15, out=0.2, typed=0.65, proxy=-0.3, flipped=True, run="runs/x"
) -> MemorabilityReport:
    """The correlations are those at the last size and 0 before; one type and one of two proxies stand out."""
    rows = []
    for size in sizes:
        here = size == sizes[-1]
        rows.append(
            SizeBeside(
                size=size,
                models=10 * blocks,
                examples=1000,
                score=Beside(
                    overall=ranged(overall * here),
                    within=ranged(within * here),
                    ceiling=0.9 if here else NAN,
                    within_ceiling=0.8 if here else NAN,
                ),
                accuracy_out=Beside(
                    overall=ranged(out * here), within=ranged(out * here), ceiling=NAN, within_ceiling=NAN
                ),
            )
        )
    types = tuple(
        TypeBeside(
            type=name,
            examples=150,
            overall=ranged(typed if name == "increasing" else 0.5),
            within=ranged(0.5),
        )
        for name in TYPES
    )
    proxies = tuple(
        ProxyBeside(
            name=name,
            title=PROXIES[name].title,
            sign=PROXIES[name].sign,
            sizes=tuple(ProxyAtSizeBeside(size=size, overall=ranged(value), within=ranged(value)) for size in sizes),
        )
        for name, value in (("final-loss", proxy), ("mean-accuracy", 0.0))
    )
    return made(
        MemorabilityReport,
        run=run,
        axis="width",
        kind="resmem",
        source="resmem 1.1.6",
        licence=LICENCE,
        caveats=CAVEATS,
        examples=1000,
        known=1000,
        classes=10,
        flipped=100 if flipped else None,
        blocks=blocks,
        sizes=tuple(rows),
        by_type=types if len(sizes) > 1 else (),
        proxies=proxies,
        proxies_out_of_date=False,
        corners_at=sizes[-1],
        figures=None,
        block=10,
    )


def measured(value: float, error: float = 0.03) -> Ranged:
    """With an interval of so many standard errors that 20 degrees of freedom have."""
    return Ranged(value=value, low=value - 2.09 * error, high=value + 2.09 * error, error=error, degrees=20.0)


def predictor_report(
    sizes=EIGHT,
    blocks=4,
    best=0.4,
    within=0.2,
    gain=0.1,
    seeds=4,
    elsewhere=0.2,
    with_label=False,
    run="runs/x",
    names=("plain", "resnet18"),
) -> PredictorReport:
    """The last backbone is best, and better than the first by `gain`."""
    backbones = tuple(
        BackboneFound(
            name=name,
            parameters=700_000,
            epochs=(7,) * seeds,
            spearman=measured(best - gain * (name != names[-1])),
            within=measured(within),
            squared_error=measured(0.1),
            together=measured(best),
            on_fitted=measured(0.6),
            on_fitted_own=measured(0.7),
            lost=measured(0.2),
            lost_own=measured(0.3),
            elsewhere=None if elsewhere is None else measured(elsewhere),
            elsewhere_within=None if elsewhere is None else measured(0.1),
            lost_elsewhere=None if elsewhere is None else measured(best - elsewhere),
            file=f"{run}/predictors/{name}-score@{sizes[-1]}-0123abcd.safetensors",
        )
        for name in names
    )
    numbers = f"{names[-1]} less plain: +.10 (+.04 to +.16)"
    return made(
        PredictorReport,
        run=run,
        axis="width",
        data="folder:x",
        family="cnn",
        target=f"score@{sizes[-1]}",
        target_models=10 * blocks,
        target_blocks=blocks,
        with_label=with_label,
        pretrained=None,
        examples=1000,
        known=1000,
        fitted=600,
        validating=200,
        held_out=200,
        classes=10,
        flipped=100,
        seeds=seeds,
        epochs=20,
        over=("images", *(["seeds"] if seeds > 2 else []), *(["models"] if blocks > 3 else [])),
        ceiling=0.8,
        noise=measured(0.02),
        halves=measured(0.7),
        class_mean=measured(0.25),
        class_mean_squared_error=measured(0.11),
        mean_squared_error=measured(0.12),
        backbones=backbones,
        pairs=tuple(
            PairFound(
                backbone=name, less=names[0], spearman=measured(gain), within=measured(0), squared_error=measured(-0.01)
            )
            for name in names[1:]
        ),
        claims=(
            Claim(claim="residual networks foretell more than plain ones of their size", answer="yes", numbers=numbers),
            Claim(claim="a fit foretells less of new images than it seems", answer="yes", numbers="resnet18: ..."),
        ),
        elsewhere=None if elsewhere is None else "runs/y",
        elsewhere_images=300,
        elsewhere_known=5 if elsewhere is not None else 0,
        remarks=("Predictors saw the images alone: no image shows that its label is wrong (--with-label).",),
        figures=None,
        failed=None,
    )


def prediction_report(sizes=EIGHT, blocks=4, spearman=0.4, known=3, run="runs/x") -> PredictionReport:
    def image(number: int) -> ImagePredicted:
        return ImagePredicted(
            index=number,
            part="test",
            name=None,
            label="cat",
            predicted=1 - number / 100,
            spread=0.01,
            known=number == 0,
        )

    return made(
        PredictionReport,
        model=f"{run}/predictors/resnet18-score@{sizes[-1]}-0123abcd.safetensors",
        target=f"score@{sizes[-1]}",
        target_kind="score",
        axis="width",
        backbone="resnet18",
        fitted_on="folder:x",
        fitted=600,
        seeds=4,
        with_label=False,
        spearman=Ranged(value=spearman, low=spearman - 0.1, high=spearman + 0.1),
        within=Ranged(value=0.1, low=0.0, high=0.2),
        ceiling=0.8,
        data="folder:new",
        examples=1000,
        known=known,
        resized="from 64 x 64 to 32 x 32 pixels",
        mean=0.3,
        highest=tuple(map(image, range(10))),
        lowest=tuple(map(image, range(99, 89, -1))),
        csv="expected.csv",
    )


def influence_report(
    sizes=EIGHT,
    blocks=12,
    pairs=1203,
    by_chance=35.2,
    by_class=61.0,
    chance=0.0,
    change=900.0,
    influence=0.1,
    among="test",
    shown=None,
    beside=False,
    left_out=0,
    run="runs/x",
) -> InfluenceReport:
    """So many helpful pairs at the last size, at the others as many as by chance; `shown` is `test` or `train`."""

    def found(number: int) -> PairsFound:
        share = min(1.0, max(by_chance, by_class) / number) if number else NAN
        return PairsFound(
            pairs=number,
            by_chance=by_chance,
            by_chance_sd=6.2,
            by_class=by_class,
            chance=chance if number > by_class else 0.6,
            false_share=share,
            listed=share <= 0.5,
            train_examples=min(310, number),
            test_examples=402 if share <= 0.5 else 0,
            measured_anew=measured(0.21, 0.01) if share <= 0.5 else Ranged(value=NAN),
        )

    def carrier(place: int) -> Carrier:
        return Carrier(
            example=100 + place,
            index=200 + place,
            name=f"a/long/folder/of/photographs/{place}.png",
            label="cat",
            chosen_by=0.5 - place / 100,
            influence=0.4 - place / 100,
            standard_error=0.05,
            memorised=0.9,
            by_chance=0.004 + place,
        )

    last = sizes[-1]
    steps = [*itertools.pairwise(sizes), *([(sizes[0], last)] if len(sizes) > 2 else [])]
    numbers = tuple(range(blocks))
    one = ShownExample(
        size=last,
        part=shown or "test",
        example=17,
        index=34,
        name="b/17.png",
        label="cat",
        accuracy=0.75,
        looked_at=500,
        helpful=tuple(map(carrier, range(10))),
        harmful=(),
    )
    published = BesidePublished(
        file="pairs_infl0.15_mem0.25.npz",
        size=last,
        pairs=1015,
        known=1000,
        same_class=1000,
        influence=measured(0.12, 0.01),
        random=measured(0.0, 0.01),
        spearman=0.55,
        among_found=200,
    )
    return InfluenceReport(
        run=run,
        axis="width",
        data="folder:x",
        family="cnn",
        fraction=0.7,
        among=among,
        threshold=0.15,
        memorised=0.25,
        all_classes=False,
        examples=5000,
        targets=1000,
        blocks_memorised=tuple(one for one in numbers if one % 6 == 0),
        blocks_choosing=tuple(one for one in numbers if one % 6 not in (0, 3)),
        blocks_telling=tuple(one for one in numbers if one % 6 == 3),
        sizes=tuple(
            SizeInfluence(
                size=size,
                models=10 * blocks,
                memorised=300,
                helpful=found(pairs if size == last else round(by_chance)),
                harmful=found(round(by_chance)),
                left_out=left_out,
            )
            for size in sizes
        ),
        changes=tuple(
            SizeChange(
                smaller=each[0],
                larger=each[1],
                change=measured(change, 50.0),
                influence=UNKNOWN if influence is None else measured(influence, 0.02),
                pairs=0 if influence is None else 40,
            )
            for each in steps
        ),
        shown=(one,) if shown else None,
        beside=(published,) if beside else None,
        block=10,
        trainer="memscope",
    )


def four(value: float, error: float) -> Ranged:
    """With the 95 % interval of four degrees of freedom."""
    reach = 2.776445 * error
    return Ranged(value=value, low=value - reach, high=value + reach, error=error, degrees=4.0)


def arms_found(run: str, names: tuple[str, ...], flipped: bool, shared: float) -> tuple[ArmFound, ...]:
    return tuple(
        ArmFound(
            name=name,
            run=f"{run}/removal/100-at-width-8-seed-1/{name}",
            removed=0 if name == "all" else 100,
            flipped=None if not flipped else 50 if name in ("most", "matched-1") else 7,
            shared=1.0 if name == "most" else shared,
            of_pairs=31 if name == "pairs" else 3,
        )
        for name in names
    )


SETS = tuple(f"random-{number}" for number in range(1, 6))


def removal_report(
    sizes=EIGHT, blocks=4, loss=-0.023, error=0.004, pairs=True, flipped=True, shared=0.1, run="runs/x"
) -> RemovalReport:
    """Models without the most memorised lose this much beside random sets, the same at every size."""
    names = ("all", "most", "least", *["pairs"] * pairs, *SETS, *["matched-1"] * flipped)
    compared = [("most", "random"), ("least", "random")]
    compared += [("pairs", "random")] * pairs + [("most", "matched")] * flipped
    rows = tuple(
        SizeRemoval(
            size=size,
            arms=tuple(
                ArmAccuracy(
                    arm=name,
                    accuracy=0.74 + loss * (name == "most"),
                    influenced=0.5,
                    influenced_by_pairs=0.5,
                    diverged=0,
                )
                for name in names
            ),
            differences=tuple(
                ArmDifference(
                    arm=arm, beside=beside, accuracy=four(loss if (arm, beside) == ("most", "random") else 0.001, error)
                )
                for arm, beside in compared
            ),
            influenced=tuple(
                InfluencedDifference(
                    arm=arm, beside="random", examples=10 + place, accuracy=four(-0.213, 0.05), expected=-0.241
                )
                for arm in ("most", "pairs")
                if pairs
            ),
            listed=40 if pairs else None,
        )
        for place, size in enumerate(sizes)
    )
    return made(
        RemovalReport,
        run=run,
        axis="width",
        examples=1000,
        targets=500,
        flipped=100 if flipped else None,
        removed=100,
        by_size=sizes[-1],
        seed=1,
        models=10 * blocks,
        sets=5,
        equal_steps=True,
        arms=arms_found(run, names, flipped, shared),
        sizes=rows,
        missing=0,
        failed=None,
        failed_in=None,
        pairs_threshold=0.15 if pairs else NAN,
        pairs_memorised=0.25 if pairs else NAN,
        pairs_all_classes=False if pairs else None,
        trainer="memscope",
        block=10,
        options=(),
    )


def peel_report(sizes=EIGHT, blocks=4, more=0.05, error=0.012, run="runs/x") -> PeelReport:
    """By this share more of the remaining examples are memorised, the same at every size."""
    rows = tuple(
        SizePeel(
            size=size,
            remaining=812.4,
            whole=0.46,
            most=0.44 + more,
            random=0.44,
            share=four(more, error),
            number=four(812 * more, 812 * error),
            score_most=0.29 + more / 3,
            score_random=0.29,
            score=four(more / 3, error / 3),
            error=0.19,
            diverged=0,
        )
        for size in sizes
    )
    return made(
        PeelReport,
        run=run,
        axis="width",
        examples=1000,
        removed=100,
        by_size=sizes[-1],
        threshold=0.25,
        seed=1,
        models=10 * blocks,
        sets=5,
        equal_steps=True,
        arms=arms_found(run, ("all", "most", *SETS), False, 0.1),
        sizes=rows,
        missing=0,
        failed=None,
        failed_in=None,
        trainer="memscope",
        block=10,
        options=(),
    )


def arms_forecast(sizes=EIGHT, blocks=4, run="runs/x", models=130) -> ArmsForecast:
    return ArmsForecast(
        run=run,
        axis="width",
        removed=100,
        by_size=sizes[-1],
        models=10 * blocks,
        seed=1,
        arms=arms_found(run, ("all", "most", "least", "pairs", *SETS), True, 0.1),
        sizes=tuple(ArmsAtSize(size=size, models=models, seconds_per_model=0.5) for size in sizes),
        workers=2,
        seconds=len(sizes) * models * 0.25,
        outcome_bytes=3_600_000,
        image_bytes=29_600_000,
    )


def attacks_found(lira: float, blocks: int = 4, told: bool = True) -> tuple[AttackFound, ...]:
    """LiRA finds this share at .1 % false positives, RMIA half of it, the others what guessing finds."""
    found = []
    for name, true in (
        ("lira", lira),
        ("lira-offline", 0.001),
        ("rmia", lira / 2),
        ("rmia-offline", 0.001),
        ("loss", 0.001),
    ):
        rates = tuple(
            RateFound(
                asked=asked,
                true_positive=of_blocks(true * factor, blocks, 0.1 * true * factor) if told else Ranged(value=math.nan),
                false_positive=asked if told else math.nan,
                lowest_block=0.8 * asked if told else math.nan,
                highest_block=1.3 * asked if told else math.nan,
                left_out=None if told else "3 of 1,200 non-members are beyond the threshold",
            )
            for asked, factor in ((0.001, 1), (0.01, 2))
        )
        area = of_blocks(0.5 + true, blocks, 0.002)
        found.append(AttackFound(attack=name, area=area, balanced_accuracy=area, rates=rates))
    return tuple(found)


def of_blocks(value: float, blocks: int, error: float) -> Ranged:
    """With an interval where there are four blocks."""
    return ranged(value, error) if blocks > 3 else Ranged(value=value)


def privacy_report(
    sizes=EIGHT, blocks=4, lira=0.24, change=0.2, correlation=0.4, typed=0.6, below=0.05, told=True, flipped=100,
    students=(), run="runs/x",
) -> PrivacyReport:  # fmt: skip
    """The largest size finds this share, the others 5 %; `students` are (setting, difference)."""
    rows = []
    for size in sizes:
        true = lira if size == sizes[-1] else 0.05
        names = ("constant", "increasing", "all") if blocks > 3 and len(sizes) > 1 else ()
        rows.append(
            SizePrivacy(
                size=size,
                models=10 * blocks,
                blocks=blocks,
                left_out=0,
                members=28_000,
                non_members=12_000,
                attacks=attacks_found(true, blocks, told),
                calibration=tuple(
                    Calibration(member=member, third=third, pairs=2_000, below=below, above=0.05)
                    for member in (True, False)
                    for third in range(3)
                ),
                flagged_at=0.001 if told else math.nan,
                type_rate=0.001 if names else math.nan,
                types=tuple(
                    TypeFound(
                        attack="lira",
                        type=name,
                        examples=100.0,
                        true_positive=ranged(typed if name == "increasing" else true, 0.01),
                        false_positive=ranged(0.001, 0.0001),
                    )
                    for name in names
                ),
            )
        )
    pairs = [*itertools.pairwise(sizes), *([(sizes[0], sizes[-1])] if len(sizes) > 2 else [])]
    return PrivacyReport(
        run=run,
        axis="width",
        data="npz:x.npz",
        family="cnn",
        fraction=0.7,
        examples=1_000,
        flipped=flipped or None,
        population=400,
        epsilon=0.2,
        sizes=tuple(rows),
        changes=tuple(
            PrivacyChange(
                smaller=smaller,
                larger=larger,
                asked=0.001 if told else math.nan,
                true_positive=of_blocks(change, blocks, 0.01) if told else Ranged(value=math.nan),
                area=of_blocks(change / 2, blocks, 0.01),
            )
            for smaller, larger in pairs
        ),
        type_changes=tuple(
            PrivacyChangeOfType(type=name, true_positive=ranged(change, 0.01))
            for name in ("constant", "increasing", "all")
        )
        if blocks > 3 and len(sizes) > 1
        else (),
        memorised=MemorisedFound(correlation=ranged(correlation, 0.02), by_chance=0.06)
        if blocks > 3 and len(sizes) > 1
        else None,
        students=tuple(
            StudentsFound(
                setting=setting,
                size=sizes[0],
                models=10 * blocks,
                blocks=blocks,
                teacher_on="subset",
                students=attacks_found(0.05 + less, blocks),
                onehot=attacks_found(0.05, blocks),
                asked=0.001,
                true_positive=of_blocks(less, blocks, 0.005),
                area=of_blocks(less, blocks, 0.005),
            )
            for setting, less in students
        )
        or None,
        block=10,
    )
