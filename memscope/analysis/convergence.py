"""What fewer models would have said: disjoint sets of blocks of models, each judged by the blocks that are not in it.

The raw scores of the other blocks are unbiased, and their noise is known from how the blocks differ; so the squared
error of what a set says is the mean squared difference, less that noise. Two sets share no model, and how far they name
the same types is how far another run of as many models would.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.memorisation import Counts, memorisation_from_counts
from memscope.analysis.population.check import Half, block_noise, one_way
from memscope.analysis.statistics.correlation import agreement_of_halves
from memscope.analysis.statistics.intervals import Floats
from memscope.analysis.statistics.means import rms

MOST_SETS = 5
"""Of so many models: each takes an estimate of the population"""
FEWEST_BLOCKS = 2
"""Of which fewer can be looked at"""
FEWEST_OTHERS = 2
"""Blocks that judge a set: their differences are the noise"""
Set = list[int]
"""Positions of the blocks of models in it"""


@dataclass(frozen=True, eq=False)
class ByBlock:
    """What each block of models did; arrays [blocks, 2, sizes, examples], models trained with the example first."""

    models: NDArray[np.int32]
    correct: NDArray[np.int32]
    probability: Floats
    """Sums of the probability of the label; NaN where it is not known"""

    @property
    def blocks(self) -> int:
        return len(self.models)

    @cached_property
    def raw(self) -> Floats:
        """Raw scores [blocks, sizes, examples] of each block alone."""
        return np.stack([self.counts([block]).score for block in range(self.blocks)])

    def counts(self, chosen: Set) -> Counts:
        """Hard counts [sizes, examples] over the models of some blocks."""
        models, correct = (values[chosen].sum(axis=0, dtype=np.int32) for values in (self.models, self.correct))
        return Counts(n_in=models[0], n_out=models[1], sum_in=correct[0], sum_out=correct[1])

    def soft_score(self, chosen: Set) -> Floats:
        """Soft scores [sizes, examples]."""
        with np.errstate(invalid="ignore", divide="ignore"):
            means = self.probability[chosen].sum(axis=0) / self.models[chosen].sum(axis=0)
        return means[0] - means[1]


@dataclass(frozen=True, eq=False)
class ScoresOfSet:
    """How good the scores of one set of models are; arrays [sizes]."""

    squared_error: Floats
    """Of the raw score, as the other blocks judge it; NaN where fewer than FEWEST_OTHERS are left"""
    population_squared_error: Floats
    """The same of the population estimate from this set alone"""
    standard_error: Floats
    """Root mean square of what the raw scores say themselves"""
    population_sd: Floats
    """The same of the population estimate"""
    agreement: Floats
    """Rank correlation of the scores of the set's halves; NaN of a single block"""
    soft_agreement: Floats
    """The same of the soft score"""


def numbers_of_blocks(blocks: int) -> list[int]:
    """1, 2, 5, 10, 20, ... of so many blocks; also half of them, and all."""
    steps = {lead * 10**power for power in range(len(str(blocks))) for lead in (1, 2, 5)}
    return sorted({number for number in steps if number < blocks} | {max(1, blocks // 2), blocks})


def disjoint_sets(blocks: int, number: int) -> list[Set]:
    """Sets of so many blocks each that share none, at most MOST_SETS of them."""
    return [list(range(first, first + number)) for first in range(0, blocks - number + 1, number)][:MOST_SETS]


def scores_of_set(every: ByBlock, chosen: Set, population_score: Floats, population_sd: Floats) -> ScoresOfSet:
    """Judge the raw scores of a set of blocks, and its population estimate [sizes, examples], by all other blocks.

    E[(m - m')^2] - Var[m'] = E[(m - truth)^2] for raw scores m' of the others, which are unbiased and share no model
    with m; Var[m'] is `block_noise` of their blocks.
    """
    found = memorisation_from_counts(every.counts(chosen))
    sizes = len(found.score)
    errors = np.full((2, sizes), np.nan)
    others = [block for block in range(every.blocks) if block not in chosen]
    if len(others) >= FEWEST_OTHERS:
        by_block = every.raw[others]
        # every block has equally many models with an example: the mean of their scores is the score
        there = Half(found.score, population_sd, by_block.mean(axis=0), block_noise(by_block))
        error, raw_error, *_ = one_way(Half(population_score, population_sd, found.score, found.score), there)
        errors[:] = raw_error, error

    def agreement(soft: bool, size: int) -> float:
        def scores(half: Set) -> Floats:
            return (every.soft_score(half) if soft else every.counts(half).score)[size]

        return agreement_of_halves(scores, chosen)

    return ScoresOfSet(
        squared_error=errors[0],
        population_squared_error=errors[1],
        standard_error=np.array([rms(row) for row in found.standard_error]),
        population_sd=np.array([rms(row) for row in population_sd]),
        agreement=np.array([agreement(False, size) for size in range(sizes)]),
        soft_agreement=np.array([agreement(True, size) for size in range(sizes)]),
    )


def spread_of(every: ByBlock) -> Floats:
    """Variance [sizes] of the true scores over examples: that of the raw ones, less their noise."""
    return np.array(np.nanvar(every.raw.mean(axis=0), axis=1) - np.nanmean(block_noise(every.raw), axis=1))


@dataclass(frozen=True)
class Same:
    """How far two sets of models name the same types, of the examples that both name one of."""

    both: float
    """Share of the examples of which both sets name a type"""
    same: float
    """Share of those of which it is the same"""
    by_chance: float
    """The same, if each set's types were dealt out among these examples"""


def same_types(named: Sequence[NDArray[np.str_]], types: Sequence[str]) -> Same:
    """Means over all pairs of sets of `named` [examples] each; what is none of the `types` counts as not named. NaN of
    a single set, and where no example is named by both."""
    pairs = [one_pair(first, second, types) for first, second in combinations(named, 2)]
    if not pairs:
        return Same(np.nan, np.nan, np.nan)
    both, same, by_chance = np.array(pairs).T
    told = ~np.isnan(same)
    return Same(
        float(both.mean()),
        float(same[told].mean()) if told.any() else np.nan,
        float(by_chance[told].mean()) if told.any() else np.nan,
    )


def one_pair(first: NDArray[np.str_], second: NDArray[np.str_], types: Sequence[str]) -> tuple[float, float, float]:
    here = np.isin(first, types) & np.isin(second, types)
    if not here.any():
        return 0.0, np.nan, np.nan
    shares = [np.array([np.mean(named[here] == name) for name in types]) for named in (first, second)]
    return float(here.mean()), float(np.mean(first[here] == second[here])), float(shares[0] @ shares[1])
