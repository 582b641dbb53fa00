"""Memorability held against the models: from counts by block to what is reported."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

import numpy as np

from memscope.analysis.memorability import (
    Related,
    beside_models,
    beside_values,
    ranks_by_type,
)
from memscope.analysis.memorisation import Counts, stack_blocks
from memscope.analysis.population.ceiling import ceilings_of_both
from memscope.analysis.population.sums import PopulationSums
from memscope.analysis.proxies.catalogue import PROXIES
from memscope.analysis.statistics.ceilings import measurable, reliability
from memscope.analysis.statistics.correlation import rank_correlation
from memscope.analysis.statistics.crossed import CrossedInterval, units_of
from memscope.analysis.statistics.within import FEWEST, within_classes
from memscope.counting.outcomes import SizeCounts
from memscope.reports.memorability import (
    Beside,
    ProxyAtSizeBeside,
    ProxyBeside,
    SizeBeside,
    TypeBeside,
)
from memscope.reports.ranged import Ranged
from memscope.store.examples import Examples


@dataclass(frozen=True, eq=False)
class People:
    """What is held against the models; [examples] each."""

    memorability: np.ndarray
    """float64, NaN where it is not known"""
    classes: np.ndarray
    """int64, what the images show: true labels where some were flipped"""
    units: np.ndarray
    """int64, nearly equal images in one"""


def people_of(memorability: np.ndarray, examples: Examples) -> People:
    return People(memorability, examples.shown_classes.astype(np.int64), units_of(examples.near_group))


def classes_of(people: People) -> int:
    """Classes that have enough examples of known memorability for a correlation."""
    known = ~np.isnan(people.memorability)
    return int((np.bincount(people.classes[known]) >= FEWEST).sum()) if known.any() else 0


def by_block(one: SizeCounts, blocks: Sequence[int]) -> Counts:
    """Counts [blocks, examples]; a block whose models all diverged counts nothing."""
    return stack_blocks([one.hard_of([block]) for block in blocks])


def beside_sizes(
    people: People, sizes: Sequence[int], blocks: Sequence[int], of_sizes: Sequence[SizeCounts], sums: PopulationSums
) -> tuple[SizeBeside, ...]:
    """Memorability beside the models of some blocks, at every size; `sums` are of the same blocks."""
    counts = [by_block(one, blocks) for one in of_sizes]
    most = ceilings(people, counts, sums)
    rows = []
    for position, (size, one) in enumerate(zip(sizes, counts, strict=True)):
        score, out = beside_models(people.memorability, one, people.classes, people.units)
        known = ~np.isnan(people.memorability + one.total().score)
        rows.append(
            SizeBeside(
                size=size,
                models=int((one.total().n_in + one.total().n_out).max(initial=0)),
                examples=int(known.sum()),
                score=beside(score, most[0, :, position]),
                accuracy_out=beside(out, most[1, :, position]),
            )
        )
    return tuple(rows)


def ceilings(people: People, counts: Sequence[Counts], sums: PopulationSums) -> np.ndarray:
    """Of score and accuracy out, over all and within classes, [2, 2, sizes]; NaN where noise leaves too little."""
    found = np.full((2, 2, len(counts)), nan)

    def tell(one: Counts, name: str) -> bool:
        return measurable(reliability(lambda kept: getattr(one.only(kept), name), len(one.n_in)))

    told = np.array([[tell(one, name) for one in counts] for name in ("score", "accuracy_out")])
    models = sums.models.astype(np.int64)
    if (models > 0).all() and told.any():
        both = ceilings_of_both(sums, models, (rank_correlation, within_classes(people.classes)))
        found = np.where(told[:, np.newaxis], both, nan)
    return found


def beside(found: Related, most: np.ndarray) -> Beside:
    return Beside(
        overall=ranged(found.overall),
        within=ranged(found.within),
        ceiling=float(most[0]),
        within_ceiling=float(most[1]),
    )


def by_types(
    people: People, blocks: Sequence[int], of_sizes: Sequence[SizeCounts], epsilon: float
) -> tuple[TypeBeside, ...]:
    """Where the examples of each raw type stand; none with one size."""
    if len(of_sizes) < 2:
        return ()
    counts = [by_block(one, blocks) for one in of_sizes]
    together = stack_blocks([stack_blocks([one.only([block]) for one in counts]) for block in range(len(blocks))])
    return tuple(
        TypeBeside(
            type=one.type, examples=one.examples, overall=ranged(one.rank.overall), within=ranged(one.rank.within)
        )
        for one in ranks_by_type(people.memorability, together, people.classes, people.units, epsilon)
    )


def beside_proxies(
    people: People, names: Sequence[str], values: np.ndarray, ceilings: np.ndarray, sizes: Sequence[int]
) -> tuple[ProxyBeside, ...]:
    """Memorability with stored proxies that lead; values [proxies, sizes, examples], ceilings [proxies, 2, sizes]."""
    rows = []
    for name, of_sizes, most in zip(names, values, ceilings, strict=True):
        proxy = PROXIES.get(name)
        if proxy is None or proxy.variant_of in names:
            continue
        found = [
            (size, beside_values(people.memorability, one.astype(np.float64), people.classes, people.units))
            for size, one in zip(sizes, of_sizes, strict=True)
        ]
        at = tuple(
            ProxyAtSizeBeside(
                size=size,
                overall=ranged(one.overall),
                within=ranged(one.within),
                ceiling=float(most[0, column]),
                within_ceiling=float(most[1, column]),
            )
            for column, (size, one) in enumerate(found)
        )
        rows.append(ProxyBeside(name=name, title=proxy.title, sign=proxy.sign, sizes=at))
    return tuple(rows)


def ranged(found: CrossedInterval) -> Ranged:
    return Ranged(value=found.value, low=found.low, high=found.high, error=found.error, degrees=found.degrees)
