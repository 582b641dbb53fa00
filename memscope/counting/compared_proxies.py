"""Proxies held against the score: from values by model and counts by block to what is reported."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

import numpy as np

from memscope.analysis.memorisation import Counts, stack_blocks
from memscope.analysis.population.ceiling import spearman_ceilings
from memscope.analysis.population.estimate import population_from_sums
from memscope.analysis.population.sums import PopulationSums
from memscope.analysis.proxies.catalogue import Proxy
from memscope.analysis.proxy_agreement import (
    SizeAgreement,
    agreement_at_size,
    crossed_agreement,
    flipped_labels,
)
from memscope.analysis.proxy_trend import SlopeCeiling, SlopeTrend, slope_ceiling, slope_trend
from memscope.analysis.proxy_types import MeanTrajectories, SignAgreement, TypeAgreement, mean_trajectories, trend_types
from memscope.analysis.proxy_verdict import verdict
from memscope.analysis.statistics.ceilings import measurable, pearson_ceiling, rank_ceiling, reliability
from memscope.analysis.statistics.correlation import Correlation, rank_correlation
from memscope.analysis.statistics.dip import dip_of
from memscope.analysis.statistics.two_sets import Interval, mean_of_models
from memscope.analysis.statistics.within import within_classes
from memscope.analysis.trajectories import TYPES
from memscope.counting.outcomes import SizeCounts
from memscope.counting.proxies import ProxyValues
from memscope.errors import MemscopeError
from memscope.reports.proxies import (
    Bimodality,
    Bounded,
    ProxyAtSize,
    ProxyFound,
    ProxyTrend,
    SameSigns,
    SameTypes,
    SizeNoise,
)

WHOLE_NUMBERS = (
    *("forgetting", "forgetting-0", "forgetting-1000", "learning-time", "first-right"),
    *("prediction-depth", "accuracy-out"),
)
"""Proxies that are a whole number for each model"""


@dataclass(frozen=True, eq=False)
class Memorised:
    """The score that proxies are held against, and what noise leaves of it."""

    sizes: tuple[int, ...]
    blocks: np.ndarray
    """int [blocks]"""
    counts: tuple[Counts, ...]
    """[blocks, examples] each, by size"""
    together: Counts
    """[blocks, sizes, examples]"""
    reliabilities: tuple[Correlation, ...]
    spearman: np.ndarray
    """[sizes], ceilings; NaN where they are not measurable"""
    slopes: SlopeCeiling | None
    types: np.ndarray | None
    """[examples, 6], probabilities by the fitted population"""


def memorised(
    sizes: Sequence[int], blocks: Sequence[int], of_sizes: Sequence[SizeCounts], sums: PopulationSums, epsilon: float
) -> Memorised:
    """The score of some blocks of models, from the counts of every size and from sums over these blocks' models."""
    number, more = len(blocks), len(sizes) > 1
    counts = [stack_blocks([one.hard_of([block]) for block in blocks]) for one in of_sizes]
    together = stack_blocks([stack_blocks([one.only([block]) for one in counts]) for block in range(number)])

    def reliable(one: Counts) -> Correlation:
        return reliability(lambda kept: one.only(kept).score, number)

    reliabilities = list(map(reliable, counts))
    models = sums.models.astype(np.int64)
    ceilings = np.full(len(sizes), nan)
    if (models > 0).all() and any(map(measurable, reliabilities)):
        ceilings = np.where(list(map(measurable, reliabilities)), spearman_ceilings(sums, models), nan)
    return Memorised(
        sizes=tuple(sizes),
        blocks=np.array(blocks),
        counts=tuple(counts),
        together=together,
        reliabilities=tuple(reliabilities),
        spearman=ceilings,
        slopes=slope_ceiling(together, sizes) if more and number > 1 else None,
        types=population_from_sums(sums, epsilon, shares=False).type_probabilities if more else None,
    )


def noise_at_sizes(found: Memorised) -> tuple[SizeNoise, ...]:
    return tuple(
        SizeNoise(
            size=size,
            reliability=Bounded(value=one.value, low=one.low, high=one.high),
            measurable=measurable(one),
            pearson_ceiling=pearson_ceiling(one),
            spearman_ceiling=float(ceiling),
            bimodality=bimodality(counts.total().score, lattice_of(counts)),
        )
        for size, one, ceiling, counts in zip(
            found.sizes, found.reliabilities, found.spearman, found.counts, strict=True
        )
    )


def lattice_of(counts: Counts) -> float:
    """The step of the lattice on which scores lie."""
    total = counts.total()
    fewest = np.minimum(total.n_in, total.n_out)
    return 1 / max(1, int(np.median(fewest)))


def lattice_of_proxy(name: str, models: ProxyValues) -> float:
    """The step of the lattice on which means over models lie; 0 for none."""
    if name not in WHOLE_NUMBERS:
        return 0.0
    says = (~np.isnan(models.values)).sum(axis=0)
    return 1 / max(1, int(np.median(says[says > 0]))) if says.any() else 0.0


def bimodality(values: np.ndarray, step: float) -> Bimodality | None:
    """The dip of some values; None without diptest, and where they are too few or not finite."""
    try:
        found = dip_of(values, step)
    except MemscopeError:
        return None
    return Bimodality(dip=found.dip, if_unimodal=found.null, p_value=found.p_value)


def rank_ceilings(by_size: Sequence[ProxyValues], classes: np.ndarray) -> np.ndarray:
    """The most that noise of its models lets a rank correlation with a proxy be, [2, sizes]: over all and within
    classes int [examples]; NaN where that cannot be said."""
    agreements = rank_correlation, within_classes(classes)
    return np.array([[rank_ceiling(one.values, agreement) for one in by_size] for agreement in agreements])


def compare(
    proxy: Proxy,
    by_size: Sequence[ProxyValues],
    found: Memorised,
    flipped: np.ndarray | None,
    epsilon: float,
    cost: float,
    trend_of: Sequence[ProxyValues] | None = None,
) -> ProxyFound:
    """One proxy of every size against the score. `trend_of` is what its trend is from, if that is other models."""
    agreements, rows, reliabilities, ceilings = [], [], [], []
    for position, models in enumerate(by_size):
        counts = found.counts[position]
        crossed = is_crossed(models, found)
        reliabilities.append(half_of(found.reliabilities[position]) if crossed else found.reliabilities[position])
        ceilings.append(nan if crossed else float(found.spearman[position]))
        agree = (crossed_agreement if crossed else agreement_at_size)(
            models.values, models.blocks, counts, found.blocks
        )
        agreements.append(agree)
        rows.append(row_at_size(proxy, found, position, models, agree, crossed, flipped))
    trend = None
    if len(found.sizes) > 1 and len(found.blocks) > 1:
        trend = trend_of_proxy(trend_of or by_size, found, epsilon)
    said = verdict(agreements, reliabilities, ceilings, None if trend is None else trend[0], proxy.sign)
    return ProxyFound(
        name=proxy.name,
        title=proxy.title,
        source=proxy.source,
        sign=proxy.sign,
        variant_of=proxy.variant_of,
        cost=cost,
        sizes=tuple(rows),
        trend=None if trend is None else trend[1],
        across_examples=said.across_examples,
        across_sizes=said.across_sizes,
        verdict=said.words,
    )


def is_crossed(models: ProxyValues, found: Memorised) -> bool:
    """Whether a proxy is measured on the score's own models, so that they must be split."""
    return bool(np.isin(models.blocks, found.blocks).any())


def row_at_size(
    proxy: Proxy,
    found: Memorised,
    position: int,
    models: ProxyValues,
    agree: SizeAgreement,
    crossed: bool,
    flipped: np.ndarray | None,
) -> ProxyAtSize:
    reliable, ceiling = found.reliabilities[position], float(found.spearman[position])
    if crossed:  # with the score of half of the blocks, whose ceilings are lower; how much is not known of Spearman's
        reliable, ceiling = half_of(reliable), nan
    finite = np.isfinite(models.values) | np.isnan(models.values)
    at_most = pearson_ceiling(reliable)
    labels = None if flipped is None else flipped_labels(models.values, models.blocks, flipped, proxy.sign)
    mean = mean_of_models(models.values, list(range(len(models.values))))
    return ProxyAtSize(
        size=found.sizes[position],
        models=agree.models,
        examples=agree.examples,
        spearman=bounded(agree.overall.spearman),
        pearson=bounded(agree.overall.pearson),
        cosine=bounded(agree.overall.cosine),
        top_spearman=bounded(agree.top.spearman),
        top_pearson=bounded(agree.top.pearson),
        top_cosine=bounded(agree.top.cosine),
        spearman_of_ceiling=agree.overall.spearman.value / ceiling,
        pearson_of_ceiling=agree.overall.pearson.value / at_most,
        half=crossed,
        auc_flipped=nan if labels is None else labels.area,
        auc_flipped_error=nan if labels is None else labels.area_error,
        precision_flipped=nan if labels is None else labels.precision,
        bimodality=bimodality(mean, lattice_of_proxy(proxy.name, models)) if finite.all() else None,
    )


def half_of(found: Correlation) -> Correlation:
    """The reliability of the score of half as many blocks."""
    value, low, high = (one / (2 - one) for one in (found.value, found.low, found.high))
    return Correlation(value, found.standard_error, low, high)


def trend_of_proxy(
    by_size: Sequence[ProxyValues], found: Memorised, epsilon: float
) -> tuple[SlopeTrend, ProxyTrend] | None:
    """None where a size has other models than the rest, or they are among the score's."""
    first = by_size[0]
    alike = all(np.array_equal(one.blocks, first.blocks) for one in by_size)
    if not alike or found.slopes is None or np.isin(first.blocks, found.blocks).any():
        return None
    given = (np.stack([one.values for one in by_size], axis=1), first.blocks, found.together, found.blocks)
    slopes = slope_trend(*given, found.sizes, found.slopes)
    named = trend_types(*given, found.sizes, epsilon, found.types)
    means: MeanTrajectories = mean_trajectories(*given, epsilon)
    return slopes, ProxyTrend(
        increasing=slopes.increasing,
        slopes=bounded(slopes.correlation),
        slopes_of_level=bounded(slopes.of_level),
        slopes_beyond_level=bounded(slopes.beyond_level),
        ceiling=slopes.ceiling,
        slopes_of_ceiling=bounded(slopes.ratio),
        types=same_types(named.proxy),
        types_if_additive=same_types(named.additive),
        types_if_other=same_types(named.neighbour),
        types_of_halves=same_types(named.memorisation),
        types_of_population=None if named.population is None else same_types(named.population),
        rising=same_signs(named.rising),
        falling=same_signs(named.falling),
        shares=dict(zip(TYPES, named.shares, strict=True)),
        by_type={name: tuple(map(bounded, row)) for name, row in zip(TYPES, means.proxy, strict=True)},
    )


def score_by_type(found: Memorised, epsilon: float) -> tuple[dict[str, tuple[float, ...]], dict[str, int]]:
    """Mean scores by raw type, on other blocks than those that named it; and how many examples there are of each."""
    nothing = np.full((1, len(found.sizes), found.together.n_in.shape[-1]), nan)
    means = mean_trajectories(nothing, np.array([-1]), found.together, found.blocks, epsilon)
    scores = {name: tuple(map(float, row)) for name, row in zip(TYPES, means.score, strict=True)}
    return scores, {name: int(count) for name, count in zip(TYPES, means.examples, strict=True)}


def bounded(found: Interval) -> Bounded:
    return Bounded(value=found.value, low=found.low, high=found.high)


def same_types(found: TypeAgreement) -> SameTypes:
    return SameTypes(agreement=found.agreement, chance=found.chance, kappa=found.kappa)


def same_signs(found: SignAgreement) -> SameSigns:
    return SameSigns(examples=found.examples, proxy=found.proxy, score=found.score, size_means=found.size_means)
