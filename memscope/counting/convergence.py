"""From sums over a run's models to what fewer of them would have said: rows of the report, by number of models."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from memscope.analysis.convergence import (
    ByBlock,
    Same,
    ScoresOfSet,
    Set,
    disjoint_sets,
    same_types,
    scores_of_set,
    spread_of,
)
from memscope.analysis.population.estimate import Population, population_from_sums
from memscope.analysis.population.sums import PopulationSums
from memscope.analysis.statistics.intervals import Floats
from memscope.analysis.statistics.more_models import agreement_with, error_with
from memscope.analysis.trajectories import TYPES, UNDETERMINED, raw_types, type_shares
from memscope.analysis.trajectory_types import flat_shares, trajectory_types
from memscope.reports.convergence import ModelsConvergence, OverSets, SizeConvergence, TypesConvergence

CALLED = (*TYPES, UNDETERMINED)
NOT_KNOWN = OverSets(value=float("nan"))


@dataclass(frozen=True, eq=False)
class TypesOfSet:
    """The types that one set of models names: arrays [examples] of names, and shares."""

    raw: np.ndarray
    called: np.ndarray
    told: np.ndarray
    flat: Floats
    population: Floats


def good_blocks(sums: PopulationSums, block: int) -> list[int]:
    """The blocks of `block` models in which none is missing or diverged at any size."""
    return [
        one
        for one in sums.blocks
        if all((size, one * block + model) in sums.seen for size in range(sums.sizes) for model in range(block))
    ]


def rows_of(
    sums: PopulationSums,
    blocks: Sequence[int],
    block: int,
    sizes: Sequence[int],
    numbers: Sequence[int],
    epsilon: float,
    confidence: float,
    seed: int,
    say: Callable[[str], None],
) -> tuple[ModelsConvergence, ...]:
    """A row for each of the `numbers` of blocks, the last of which is all of them."""
    every = by_block(sums, blocks)
    found: dict[int, tuple[list[ScoresOfSet], list[TypesOfSet]]] = {}
    for number in numbers:
        sets = disjoint_sets(len(blocks), number)
        say(f"{number * block} models: {len(sets)} {'set' if len(sets) == 1 else 'sets'}")
        scores, types = [], []
        for place, chosen in enumerate(sets):
            # draws of its own, as another run would have: common ones would let sets agree by chance
            own_seed = seed + place
            estimate = population_from_sums(
                sums.of_blocks([blocks[position] for position in chosen]),
                epsilon,
                confidence,
                own_seed,
                types=len(sizes) > 1,
                shares=False,
            )
            scores.append(scores_of_set(every, chosen, estimate.score, estimate.score_sd))
            if len(sizes) > 1:
                types.append(types_of_set(every, chosen, estimate, epsilon, confidence, own_seed))
        found[number] = scores, types
    everything, spread = found[numbers[-1]][0][0], spread_of(every)
    return tuple(
        ModelsConvergence(
            models=number * block,
            sets=len(scores),
            sizes=tuple(
                size_row(size, at, number, len(blocks), block, scores, everything, spread)
                for at, size in enumerate(sizes)
            ),
            types=types_row(types) if types else None,
        )
        for number, (scores, types) in found.items()
    )


def by_block(sums: PopulationSums, blocks: Sequence[int]) -> ByBlock:
    """What each block of models did on the examples of the sample."""
    parts = [sums.of_blocks([block]) for block in blocks]
    return ByBlock(
        np.stack([part.models for part in parts]),
        np.stack([part.correct for part in parts]),
        np.stack([part.probability for part in parts]),
    )


def types_of_set(
    every: ByBlock, chosen: Set, estimate: Population, epsilon: float, confidence: float, seed: int
) -> TypesOfSet:
    counts = every.counts(chosen)
    four = counts.sum_in, counts.n_in, counts.sum_out, counts.n_out
    return TypesOfSet(
        raw=raw_types(*four, epsilon),
        called=trajectory_types(*four, epsilon=epsilon, confidence=confidence, seed=seed).called,
        told=estimate.called,
        flat=flat_shares(*four, epsilon=epsilon, seed=seed),
        population=estimate.shares,
    )


def size_row(
    size: int,
    at: int,
    number: int,
    blocks: int,
    block: int,
    sets: Sequence[ScoresOfSet],
    everything: ScoresOfSet,
    spread: Floats,
) -> SizeConvergence:
    """What sets of `number` blocks say of one size, beside what all blocks let expect."""

    def over(name: str) -> OverSets:
        return over_sets([getattr(one, name)[at] for one in sets])

    def mean_square(name: str) -> float:
        return float(np.mean([getattr(one, name)[at] for one in sets]))

    def root(name: str) -> OverSets:
        # the mean of squares has no bias; of single sets it may be below 0 by noise
        squares = [getattr(one, name)[at] for one in sets]
        return OverSets(value=root_of(mean_square(name)), lowest=root_of(min(squares)), highest=root_of(max(squares)))

    def quadratic_mean(name: str) -> float:
        return root_of(np.mean([getattr(one, name)[at] ** 2 for one in sets]))

    ours = mean_square("population_squared_error")
    halved = number > 1
    return SizeConvergence(
        size=size,
        error=root("squared_error"),
        standard_error=quadratic_mean("standard_error"),
        expected=error_with(float(everything.standard_error[at]), blocks, number),
        population_error=root("population_squared_error"),
        population_sd=quadratic_mean("population_sd"),
        as_good_as=number * block * mean_square("squared_error") / ours if ours > 0 else float("nan"),
        spread=root_of(spread[at]),
        agreement=over("agreement"),
        expected_agreement=(
            agreement_with(float(everything.agreement[at]), blocks, number) if halved else float("nan")
        ),
        soft_agreement=over("soft_agreement"),
    )


def types_row(sets: Sequence[TypesOfSet]) -> TypesConvergence:
    raw, called, told = (same_types([getattr(one, name) for one in sets], TYPES) for name in ("raw", "called", "told"))

    def shares(name: str, names: Sequence[str]) -> dict[str, OverSets]:
        return by_type(names, [type_shares(getattr(one, name), tuple(names)) for one in sets])

    return TypesConvergence(
        raw=shares("raw", TYPES),
        if_all_flat=dict(zip(TYPES, map(float, np.mean([one.flat for one in sets], axis=0)), strict=True)),
        called=shares("called", CALLED),
        population=by_type(TYPES, [one.population for one in sets]),
        told=shares("told", CALLED),
        **same_fields("raw", raw),
        **same_fields("called", called),
        **same_fields("told", told),
    )


def same_fields(name: str, found: Same) -> dict[str, float]:
    """As the fields of TypesConvergence; of all examples both sets name a raw type."""
    fields = {f"same_{name}": found.same, f"same_{name}_by_chance": found.by_chance}
    return fields if name == "raw" else {f"both_{name}": found.both, **fields}


def by_type(names: Sequence[str], shares: Sequence[Floats]) -> dict[str, OverSets]:
    return {name: over_sets([one[place] for one in shares]) for place, name in enumerate(names)}


def over_sets(values: Sequence[float]) -> OverSets:
    """Of the sets of which it is defined."""
    known = [float(value) for value in values if not np.isnan(value)]
    return OverSets(value=float(np.mean(known)), lowest=min(known), highest=max(known)) if known else NOT_KNOWN


def root_of(square: float) -> float:
    """NaN stays NaN; an estimate of a square that is below 0 is one of 0."""
    return float(np.sqrt(np.maximum(square, 0)))
