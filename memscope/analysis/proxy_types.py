"""Types of trajectories that a proxy would name, against those of memorisation; and its mean trajectories by type.

The proxy is brought to the score's scale as in proxy_trend.py and typed by the raw rule with the same epsilon. Its
types are compared with raw types of the score from the blocks that it was not fitted on (both ways, means of the two).
Types are few and some are frequent, so much agrees by chance; beside the agreement stand chance, Cohen's kappa, how far
halves of the score's own models agree, and what two nulls reach that know of each example one number only, its level:
the size mean plus example mean of the mapped proxy, and the mapped proxy of another example of nearly the same level.
The first names one type for nearly all and has a kappa of 0; the second keeps the proxy's noise and how levels and
types go together, which gives a proxy that knows nothing of changes a kappa of .1 to .2.

Source: Cohen 1960, 'A coefficient of agreement for nominal scales'.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from memscope.analysis.memorisation import Counts
from memscope.analysis.proxy_agreement import checked, halved
from memscope.analysis.proxy_trend import NOTHING, Mapped, known_everywhere, mapped_proxy, near, slope_weights
from memscope.analysis.statistics.groups import Blocks, means_by_group
from memscope.analysis.statistics.intervals import Floats
from memscope.analysis.statistics.jackknife import Kept
from memscope.analysis.statistics.two_sets import Interval, intervals, mean_of_models
from memscope.analysis.trajectories import TIE, TYPES, codes_of_counts, raw_types, type_codes
from memscope.errors import OptionError

Codes = NDArray[np.int8]


@dataclass(frozen=True)
class TypeAgreement:
    """How often two sources name the same type of trajectory."""

    agreement: float
    """The share of the examples"""
    chance: float
    """What it would be if they had nothing to do with each other: the sum over types of products of their shares"""
    kappa: float
    """(agreement - chance) / (1 - chance): 0 by chance, 1 where all agree"""


@dataclass(frozen=True)
class SignAgreement:
    """How often a proxy goes the way of examples whose memorisation changes one way; the share of them."""

    examples: float
    """That were named on one half of the score's blocks; the mean over both halves"""
    proxy: float
    """Whose mapped proxy has a slope of their sign; no slope counts half"""
    score: float
    """Whose score from the other half of the blocks has: what memorisation itself reaches"""
    size_means: float
    """Whose additive null has: 1 where the mapped proxy's mean goes their way, else 0"""


@dataclass(frozen=True)
class TrendTypes:
    """The types that a proxy names."""

    proxy: TypeAgreement
    """Of the mapped proxy with the raw types of the score"""
    additive: TypeAgreement
    """Of its size mean plus example mean"""
    neighbour: TypeAgreement
    """Of the mapped proxy of another example of nearly the same level"""
    memorisation: TypeAgreement
    """Of the raw types of the score from the one half and the other"""
    population: TypeAgreement | None
    """Of the mapped proxy with the fitted population: the mean probability of the type that the proxy names"""
    additive_population: TypeAgreement | None
    shares: tuple[float, ...]
    """Of the types that the mapped proxy names, in the order of TYPES"""
    rising: SignAgreement
    """Of examples that are named increasing"""
    falling: SignAgreement
    """Of examples that are named decreasing"""


def trend_types(
    values: ArrayLike,
    model_blocks: ArrayLike,
    counts: Counts,
    score_blocks: ArrayLike,
    sizes: ArrayLike,
    epsilon: float = 0.2,
    type_probabilities: ArrayLike | None = None,
) -> TrendTypes:
    """Types and signs of change of a proxy against memorisation's; arguments as in `slope_trend`.

    `type_probabilities` [examples, 6] are those of the fitted population, in the order of TYPES, NaN where undefined.
    Raises OptionError as `slope_trend` does, and below two blocks of the score.
    """
    proxy, _, of_score = checked(values, model_blocks, counts, score_blocks)
    weights = slope_weights(sizes)
    halves = halved(list(range(len(of_score))))
    if not all(halves):
        raise OptionError(f"{len(of_score)} blocks of the score, expected at least 2: train more models")
    mapped = mapped_proxy(mean_of_models(proxy, list(range(len(proxy)))), counts, halves[0] + halves[1])
    known = known_everywhere(mapped)
    additive = tuple(additive_null(one[:, known]) for one in mapped.values)
    named = [type_codes(one[:, known], epsilon - TIE) for one in mapped.values]
    swapped = [codes[other_of_level(one[:, known])] for codes, one in zip(named, mapped.values, strict=True)]
    null = [type_codes(one, epsilon - TIE) for one in additive]
    measured = [raw_codes(counts, half, epsilon)[known] for half in halves]
    probabilities = None
    if type_probabilities is not None:
        probabilities = np.asarray(type_probabilities, dtype=np.float64)[known]
    rising, falling = (
        signs(mapped, known, additive, measured, weights, name, sign)
        for name, sign in (("increasing", 1), ("decreasing", -1))
    )
    return TrendTypes(
        proxy=type_agreement(named, measured[::-1]),
        additive=type_agreement(null, measured[::-1]),
        neighbour=type_agreement(swapped, measured[::-1]),
        memorisation=type_agreement(measured, measured[::-1]),
        population=None if probabilities is None else agreement_with_probabilities(named, probabilities),
        additive_population=None if probabilities is None else agreement_with_probabilities(null, probabilities),
        shares=tuple(np.mean([shares_of(codes) for codes in named], axis=0).tolist()),
        rising=rising,
        falling=falling,
    )


def additive_null(mapped: Floats) -> Floats:
    """Size mean plus example mean less the mean of all, of a mapped proxy [sizes, examples]."""
    return mapped.mean(axis=1, keepdims=True) + mapped.mean(axis=0) - mapped.mean()


def other_of_level(mapped: Floats) -> NDArray[np.int64]:
    """Positions [examples] of others whose mapped proxy [sizes, examples] has nearly the same mean over sizes."""
    order = np.argsort(mapped.mean(axis=0), kind="stable")
    found = np.empty_like(order)
    for here in np.array_split(order, max(len(order) // near(len(order)), 1)):
        found[here] = np.roll(here, len(here) // 2)
    return found


def raw_codes(counts: Counts, kept: Kept, epsilon: float) -> Codes:
    """Raw types [examples], as places in TYPES, of the score of some blocks; anything where it is not defined."""
    total = counts.only(kept)
    columns = (total.sum_in, total.n_in, total.sum_out, total.n_out)
    return codes_of_counts([values.astype(np.int64) for values in columns], epsilon)


def shares_of(codes: Codes) -> Floats:
    return np.bincount(codes, minlength=len(TYPES)) / max(len(codes), 1)


def type_agreement(ones: Sequence[Codes], others: Sequence[Codes]) -> TypeAgreement:
    """Of pairs of codes [examples]: the means over the pairs."""
    pairs = list(zip(ones, others, strict=True))
    return beside_chance(
        float(np.mean([(one == other).mean() if len(one) else np.nan for one, other in pairs])),
        float(np.mean([shares_of(one) @ shares_of(other) for one, other in pairs])),
    )


def agreement_with_probabilities(named: Sequence[Codes], probabilities: Floats) -> TypeAgreement:
    """Of codes [examples] with probabilities [examples, 6] of types."""
    defined = ~np.isnan(probabilities).any(axis=1)
    if not defined.any():
        return TypeAgreement(float("nan"), float("nan"), float("nan"))
    sure, rows = probabilities[defined], np.arange(defined.sum())
    return beside_chance(
        float(np.mean([sure[rows, codes[defined]].mean() for codes in named])),
        float(np.mean([shares_of(codes[defined]) @ sure.mean(axis=0) for codes in named])),
    )


def beside_chance(agreement: float, chance: float) -> TypeAgreement:
    return TypeAgreement(agreement, chance, (agreement - chance) / (1 - chance) if chance < 1 else float("nan"))


def signs(
    mapped: Mapped,
    known: NDArray[np.bool_],
    additive: Sequence[Floats],
    measured: Sequence[Codes],
    weights: Floats,
    name: str,
    sign: int,
) -> SignAgreement:
    """Of the examples that one half of the blocks names so; proxy and score are looked at on the other half."""
    found, numbers = [], []
    for half in (0, 1):
        some = measured[half] == TYPES.index(name)
        numbers.append(int(some.sum()))
        trajectories = (mapped.values[1 - half][:, known], mapped.scores[1 - half][:, known], additive[1 - half])
        found.append([share_with_sign(sign * (weights @ one[:, some])) for one in trajectories])
    there = np.array(numbers) > 0
    proxy, score, null = np.mean(np.array(found)[there], axis=0) if there.any() else np.full(3, np.nan)
    return SignAgreement(float(np.mean(numbers)), float(proxy), float(score), float(null))


def share_with_sign(slopes: Floats) -> float:
    """The share of slopes above 0; those that are 0 count half."""
    if not len(slopes):
        return float("nan")
    return float((slopes > NOTHING).mean() + (np.abs(slopes) <= NOTHING).mean() / 2)


@dataclass(frozen=True, eq=False)
class MeanTrajectories:
    """Means over the examples of each raw type of memorisation; arrays [6, sizes] in the order of TYPES."""

    proxy: list[list[Interval]]
    """Of the proxy itself, on its own scale. Types from all the score's blocks, the proxy from other models"""
    score: Floats
    """Of the score, from other blocks than those that named the type; NaN below two blocks"""
    examples: NDArray[np.int64]
    """[6]: of each type"""


def mean_trajectories(
    values: ArrayLike, model_blocks: ArrayLike, counts: Counts, score_blocks: ArrayLike, epsilon: float = 0.2
) -> MeanTrajectories:
    """The mean of the proxy at every size over the examples of each type; arguments as in `slope_trend`."""
    proxy, of_models, of_score = checked(values, model_blocks, counts, score_blocks)
    shape = (len(TYPES), proxy.shape[1])

    def types_of(kept: Kept) -> NDArray[np.str_]:
        total = counts.only(kept)
        return raw_types(total.sum_in, total.n_in, total.sum_out, total.n_out, epsilon)

    def statistic(kept: Kept, models: Kept) -> Floats:
        mean, named = mean_of_models(proxy, models), types_of(kept)
        complete = ~np.isnan(mean).any(axis=0)  # the same examples at every size
        rows = [mean[:, complete & (named == name)] for name in TYPES]
        return np.array([row.mean(axis=1) if row.size else np.full(shape[1], np.nan) for row in rows]).ravel()

    found = intervals(statistic, len(of_score), of_models, -np.inf, np.inf)
    named = types_of(list(range(len(of_score))))

    def types_of_half(blocks: Blocks) -> NDArray[np.str_]:
        return types_of(sorted(blocks))

    def scores_of_half(blocks: Blocks) -> Floats:
        return counts.only(sorted(blocks)).score

    everything = range(len(of_score))
    score = means_by_group(types_of_half, scores_of_half, TYPES, everything, everything).mean
    return MeanTrajectories(
        proxy=[found[row * shape[1] : (row + 1) * shape[1]] for row in range(shape[0])],
        score=score,
        examples=np.array([(named == name).sum() for name in TYPES]),
    )
