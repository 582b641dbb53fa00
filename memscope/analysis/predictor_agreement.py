"""How well predictors foretell a target of images that they have not seen, each number with its interval.

A seed s is fitted to the target of one half of the blocks of models, s even: the even ones, and is held against that of
the other half, so that no noise of models is in both. What is said of a backbone is the mean over its seeds. Beside it
stand what needs no network: the mean of the target, and its mean in the image's class.

Backbones are compared pair by pair: the same seeds, halves and images, and the interval is that of the difference.

The targets of two runs are not equally noisy, and the noisier one is foretold less by whatever predicts. So what is
lost from one to the other is a difference of correlations from which noise is taken out (Spearman 1904),

    r / sqrt(agreement of the target's halves)

each with the target of half of the models. That formula is exact for linear correlation. Where scores tie at 0 and 1
the rank correlations that come out are up to .04 too high; analysis/predictor_claims.py allows for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.example_split import Split
from memscope.analysis.predictor_intervals import NOTHING, PredictorInterval, State, intervals_of
from memscope.analysis.predictor_target import Target
from memscope.analysis.statistics.ceilings import LEAST_AGREEMENT
from memscope.analysis.statistics.correlation import rank_correlation
from memscope.analysis.statistics.intervals import Floats
from memscope.analysis.statistics.within import variance_within, within_correlation


@dataclass(frozen=True, eq=False)
class Images:
    """Images that predictors are asked about."""

    said: Mapping[str, Floats]
    """By backbone: [seeds, N], what each seed says of every image"""
    target: Target
    classes: NDArray[np.int64]
    """[N]; where there is another set of classes, the within-class numbers are of its own"""
    units: NDArray[np.int64]
    """[N]: images of one unit are copies"""


@dataclass(frozen=True)
class BackboneAgreement:
    """One backbone on held-out images: means over seeds."""

    spearman: PredictorInterval
    """Rank correlation with the target of the other half of the models"""
    within: PredictorInterval
    """The same within classes"""
    squared_error: PredictorInterval
    """Mean squared difference from it, the noise of the target included"""
    squared_error_within: PredictorInterval
    """The same within classes: of the differences less their mean in the class"""
    together: PredictorInterval
    """Rank correlation of the mean over the seeds of a half"""
    on_fitted: PredictorInterval
    """Rank correlation on the images that it was fitted to, with the target of the other half of the models"""
    on_fitted_own: PredictorInterval
    """The same with the target that it was fitted to: what a fit seems to reach"""
    lost: PredictorInterval
    """`on_fitted` less `spearman`"""
    lost_own: PredictorInterval
    """`on_fitted_own` less `spearman`"""
    there: PredictorInterval
    """Rank correlation on the images of another run, with the target of half of its models: the mean of both halves"""
    there_within: PredictorInterval
    """The same within its classes"""
    lost_there: PredictorInterval
    """What is left of `spearman` less what is left of `there` when noise is taken out of both; NaN where halves of
    either target hardly agree"""


@dataclass(frozen=True)
class PairDifference:
    """A backbone less another, on the same images and seeds."""

    backbone: str
    other: str
    spearman: PredictorInterval
    within: PredictorInterval
    squared_error: PredictorInterval


@dataclass(frozen=True)
class PredictorAgreement:
    """All backbones on held-out images, and what needs no network."""

    backbones: dict[str, BackboneAgreement]
    pairs: list[PairDifference]
    """Each backbone less the first"""
    class_mean: PredictorInterval
    """Rank correlation of the mean target of the image's class"""
    class_mean_squared_error: PredictorInterval
    mean_squared_error: PredictorInterval
    """Of the mean target of the images that are fitted to"""
    variance_within: PredictorInterval
    """Of the target within classes: the squared error there of what says one number of all images of a class"""
    noise: PredictorInterval
    """What noise in the target of half of the models adds to every squared error"""
    halves: PredictorInterval
    """Rank correlation of the two halves' targets, on held-out images"""
    halves_there: PredictorInterval
    """Rank correlation of the two halves' targets of another run"""
    over: tuple[str, ...]
    """What the intervals are over: of `images`, `seeds`, `models`"""


LEAST = dict.fromkeys(
    (
        *("squared_error", "squared_error_within", "class_mean_squared_error", "mean_squared_error"),
        *("variance_within", "noise"),
    ),
    0.0,
)
"""Numbers that cannot be below this, and may be of any size; the others lie between -1 and 1, differences within 2"""


def predictor_agreement(here: Images, split: Split, first: str, there: Images | None = None) -> PredictorAgreement:
    """The agreement on held-out images of `here`, and on all of `there`; the others are compared with `first`."""
    place = np.zeros(here.target.examples, dtype=np.int64)
    place[split.fitted], place[split.held_out] = 1, 2
    fitted, held_out = place == 1, place == 2

    def numbers(state: State) -> dict[tuple[str, str], float]:
        of_all = without_network(state, here, fitted, held_out)
        of_all["halves_there"] = rank_correlation(*state.there[:, state.kept_there.any(axis=0)]) if there else np.nan
        found = {
            (name, what): value
            for name, said in here.said.items()
            for what, value in of_backbone(said, state, here.classes, fitted, held_out).items()
        }
        for name in here.said:
            values = correlations_there(there.said[name], state, there.classes) if there else (np.nan, np.nan)
            found[name, "there"], found[name, "there_within"] = values
            left = without_noise(found[name, "spearman"], of_all["halves"])
            found[name, "lost_there"] = left - without_noise(values[0], of_all["halves_there"])
            for what in ("spearman", "within", "squared_error"):
                found[name, f"less first {what}"] = found[name, what] - found[first, what]
        return found | {("", what): one for what, one in of_all.items()}

    seeds = len(next(iter(here.said.values())))
    found, over = intervals_of(
        numbers,
        here.target,
        here.units,
        (fitted, held_out),
        seeds,
        None if there is None else there.target,
        None if there is None else there.units,
        limits_of,
    )

    def one(name: str, what: str) -> PredictorInterval:
        return found.get((name, what), NOTHING)

    kinds = list(BackboneAgreement.__dataclass_fields__)
    return PredictorAgreement(
        backbones={name: BackboneAgreement(*(one(name, what) for what in kinds)) for name in here.said},
        pairs=[
            PairDifference(
                name, first, *(one(name, f"less first {what}") for what in ("spearman", "within", "squared_error"))
            )
            for name in here.said
            if name != first
        ],
        **{
            what: one("", what)
            for what in (
                "class_mean",
                "class_mean_squared_error",
                "mean_squared_error",
                "variance_within",
                "noise",
                "halves",
                "halves_there",
            )
        },
        over=over,
    )


def limits_of(key: tuple[str, str]) -> tuple[float, float]:
    """The least and the most that a number can be."""
    what = key[1]
    if what in LEAST:
        return LEAST[what], np.inf
    if what == "less first squared_error":
        return -np.inf, np.inf
    return (-2.0, 2.0) if what.startswith(("lost", "less")) else (-1.0, 1.0)


def of_backbone(
    said: Floats, state: State, classes: NDArray[np.int64], fitted: NDArray[np.bool_], held_out: NDArray[np.bool_]
) -> dict[str, float]:
    """The numbers of one backbone, [seeds, N] of which the state keeps some; means over seeds."""
    rows = []
    for seed in range(len(said)):
        kept = state.kept[seed]
        if not kept.any():
            continue
        own, other = state.halves[seed % 2], state.halves[1 - seed % 2]
        out, into = kept & held_out, kept & fitted
        rows.append(
            (
                rank_correlation(said[seed][out], other[out]),
                within_correlation(said[seed][out], other[out], classes[out]),
                mean_square(said[seed][out], other[out]),
                variance_within(said[seed][out] - other[out], classes[out]),
                rank_correlation(said[seed][into], other[into]),
                rank_correlation(said[seed][into], own[into]),
            )
        )
    spearman, within, squares, squares_within, on_fitted, on_fitted_own = np.mean(rows, axis=0)
    return {
        "spearman": float(spearman),
        "within": float(within),
        "squared_error": float(squares),
        "squared_error_within": float(squares_within),
        "together": together(said, state, held_out),
        "on_fitted": float(on_fitted),
        "on_fitted_own": float(on_fitted_own),
        "lost": float(on_fitted - spearman),
        "lost_own": float(on_fitted_own - spearman),
    }


def together(said: Floats, state: State, held_out: NDArray[np.bool_]) -> float:
    """The rank correlation of the mean over seeds: over those of a half, held against the other, both ways; over all
    where the target rests on no models."""
    seeds = np.arange(len(said))
    ways = [(seeds % 2 == half, state.halves[1 - half]) for half in (0, 1)]
    if np.array_equal(state.halves[0], state.halves[1], equal_nan=True):
        ways = [(seeds >= 0, state.halves[0])]
    found = []
    for chosen, other in ways:
        if chosen.any():
            mean = mean_kept(said[chosen], state.kept[chosen])
            found.append(rank_correlation(mean[held_out], other[held_out]))
    return float(np.mean(found))


def mean_kept(said: Floats, kept: NDArray[np.bool_]) -> Floats:
    """Means [N] over seeds of what is kept; NaN where nothing is."""
    number = kept.sum(axis=0)
    return np.where(number > 0, np.where(kept, said, 0.0).sum(axis=0) / np.maximum(number, 1), np.nan)


def correlations_there(said: Floats, state: State, classes: NDArray[np.int64]) -> tuple[float, float]:
    """Rank correlations with the target of half of another run's models, over all images and within classes."""
    rows = []
    for mine, kept in zip(said, state.kept_there, strict=True):
        for half in state.there:
            if kept.any():
                one, other = mine[kept], half[kept]
                rows.append((rank_correlation(one, other), within_correlation(one, other, classes[kept])))
    overall, within = np.mean(rows, axis=0)
    return float(overall), float(within)


def without_noise(correlation: float, agreement: float) -> float:
    """A rank correlation with a target of which two halves agree so much, had the target no noise."""
    return correlation / np.sqrt(agreement) if agreement > LEAST_AGREEMENT else np.nan


def without_network(
    state: State, here: Images, fitted: NDArray[np.bool_], held_out: NDArray[np.bool_]
) -> dict[str, float]:
    """What the mean and the class means of the target say of held-out images, and what noise there is."""
    kept, classes = state.kept.any(axis=0), here.classes
    out = kept & held_out
    rows = []
    for half in (0, 1):
        own, other = state.halves[half], state.halves[1 - half]
        known = kept & fitted & ~np.isnan(own)
        mean = own[known].mean() if known.any() else np.nan
        number = np.bincount(classes[known], minlength=int(classes.max()) + 1)
        sums = np.bincount(classes[known], own[known], minlength=len(number))
        by_class = np.where(number > 0, sums / np.maximum(number, 1), mean)[classes]
        rows.append(
            (
                rank_correlation(by_class[out], other[out]),
                mean_square(by_class[out], other[out]),
                mean_square(np.full(int(out.sum()), mean), other[out]),
                variance_within(other[out], classes[out]),
            )
        )
    class_mean, class_squares, squares, within = np.mean(rows, axis=0)
    one, other = state.halves[:, out]
    return {
        "class_mean": float(class_mean),
        "class_mean_squared_error": float(class_squares),
        "mean_squared_error": float(squares),
        "variance_within": float(within),
        "noise": mean_square(one, other) / 2,
        "halves": rank_correlation(one, other),
    }


def mean_square(said: Floats, target: Floats) -> float:
    """The mean squared difference where the target is known; NaN where it is nowhere."""
    known = ~np.isnan(target)
    return float(((said[known] - target[known]) ** 2).mean()) if known.any() else np.nan
