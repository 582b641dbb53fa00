"""Scores and types that borrow strength: each example's measured means, and what all the other examples are like.

Thousands of examples share a few kinds of trajectory, and scores of one example at neighbouring sizes are nearly the
same. The true vectors of all examples are a population; fitted with the sampling noise taken out, it is the prior of
each example. The estimate is given beside the raw score, never instead of it: the raw score is unbiased, the estimate
is not unbiased for each example, and its gain shrinks as models are added.

    sums      what is added up over models
    moments   from sums to measured means and their noise
    noise     how noisy they are in a component of the population
    prior     the population: a mixture of normals, deconvolved
    posterior what it makes of each example
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from memscope.analysis.population.moments import (
    Moments,
    Patterns,
    dimensions,
    measured_means,
    model_patterns,
    moments,
)
from memscope.analysis.population.posterior import CHUNK, TypeDraws, posteriors
from memscope.analysis.population.prior import COARSE, FINE, Prior, fit_prior, memberships
from memscope.analysis.population.sums import PopulationSums, population_sums
from memscope.analysis.statistics.intervals import Floats
from memscope.analysis.statistics.jackknife import FEWEST_FOR_HALVES, jackknife_error
from memscope.analysis.trajectories import TYPES, UNDEFINED, UNDETERMINED, check_options
from memscope.errors import OptionError

REFIT_ROUNDS = 10
"""From the fit to all blocks of models, when one is left out."""
REFIT_EXAMPLES = 2000
"""Of the sample, whose types are drawn again then."""
REFIT_DRAWS = 64
LOW, HIGH = 0.1, 0.9
"""Scores below and above which an example counts as hardly and as fully memorised, for bimodality."""


@dataclass(frozen=True)
class Population:
    """Posterior scores and types of examples, and the population that was fitted."""

    score: Floats
    """[sizes, examples], NaN where no model was trained with, or none without, the example"""
    score_sd: Floats
    """[sizes, examples]: posterior standard deviations"""
    accuracy_in: Floats
    """[sizes, examples]"""
    accuracy_out: Floats
    """[sizes, examples]"""
    type_probabilities: Floats
    """[examples, 6] in the order of TYPES, NaN where the type is undefined"""
    called: NDArray[np.str_]
    """[examples]: one of TYPES, `undetermined` or `undefined`"""
    shares: Floats
    """[6]: the share of each type in the population"""
    shares_sd: Floats
    """[6]: their delete-one-block jackknife standard errors; NaN below four blocks of models"""
    share_low: Floats
    """[sizes]: the share of the population with a score below LOW, of the examples that have a score"""
    share_high: Floats
    """[sizes]: the same above HIGH"""
    prior: Prior | None
    """What was fitted for the scores; None where nothing could be"""
    type_prior: Prior | None
    """What was fitted for types and shares, in finer detail"""
    fitted_examples: int
    undefined: NDArray[np.int64]
    """[sizes]: how many scores are NaN"""
    without_probability: NDArray[np.int64]
    """[sizes]: at how many examples the probabilities were not all known, so that counts alone were used"""


def population(
    in_subset: ArrayLike,
    correct: ArrayLike,
    probability: ArrayLike | None = None,
    epsilon: float = 0.2,
    confidence: float = 0.8,
    seed: int = 0,
) -> Population:
    """Scores, their standard deviations and types of trajectories, by empirical Bayes over all the examples.

    `in_subset` is bool [models, examples], true where the model was trained on the example; `correct` bool [sizes,
    models, examples]; `probability`, float of the same shape, is what the model gives to the example's label, NaN where
    not known: with it the error is much smaller. Diverged models must be left out. Blocks of balanced subsets are
    detected; the errors that all examples share are taken from differences between blocks, or between models if there
    are no blocks. See `population_from_sums` for what is computed; OptionError for other shapes, types or values.
    """
    mask, right = np.asarray(in_subset), np.asarray(correct)
    soft = None if probability is None else np.asarray(probability)
    if mask.ndim != 2 or right.ndim != 3 or right.shape[1:] != mask.shape or len(right) < 1:
        raise OptionError(
            f"in_subset {mask.shape} and correct {right.shape}, expected [models, examples] and [sizes, models, "
            "examples]: give one row per model, the same models at every size"
        )
    if soft is not None and soft.shape != right.shape:
        raise OptionError(f"probability {soft.shape}, expected the shape of correct, {right.shape}")
    sums = population_sums(len(right), mask.shape[1], seed)
    models = np.arange(len(mask))
    block = models // models_per_block(mask)
    for size in range(len(right)):
        sums.add(size, models.tolist(), mask, right[size], None if soft is None else soft[size], block.tolist())
    return population_from_sums(sums, epsilon, confidence, seed)


def population_from_sums(
    sums: PopulationSums,
    epsilon: float = 0.2,
    confidence: float = 0.8,
    seed: int = 0,
    types: bool = True,
    shares: bool = True,
) -> Population:
    """`population`, from sums over models.

    Types and their shares take most of the time, and may be left undefined; so may, without `shares`, the shares of
    extreme scores, and the errors of the shares of types.

    The measured vector of an example is F = (mean correct, mean probability) of the models trained with it and of
    those trained without it, at all sizes. With the prior of `fit_prior`, a mixture of normals N(mu_k, G_k) with
    weights w_k, and the noise Sigma_k of such measurements in component k, the true vector's posterior is the mixture
    of

        N(mu_k + G_k (G_k + Sigma_k)^-1 (F - mu_k),  G_k - G_k (G_k + Sigma_k)^-1 G_k + error of mu_k)

    weighted by the probabilities of the components given F. Accuracies and scores are its means. Probabilities of
    types, from a finer mixture, are shares of draws classified by the raw rule; the most frequent type is called if it
    has `confidence`. The share of a type in the population is the mean of its probability over all the examples: the
    fitted prior, updated once by the examples, which takes out most of what normal components do not fit. Their
    standard errors leave out each block of models (each of 20 groups of them) and fit again. `share_low` and
    `share_high` are such means too, of the probabilities of an extreme score.
    """
    check_options(epsilon, confidence)
    shape = (sums.sizes, sums.examples)
    missing = sums.models.min(axis=0) == 0  # [sizes, examples]
    kept = dimensions(sums)
    known_sizes = np.flatnonzero(kept[0, 0])
    score, score_sd, accuracy_in, accuracy_out, low, high = (np.full(shape, np.nan) for _ in range(6))
    probabilities = np.full((sums.examples, len(TYPES)), np.nan)
    type_shares, shares_sd = np.full((2, len(TYPES)), np.nan)
    prior = type_prior = None
    if len(known_sizes):
        patterns = model_patterns(sums, kept)
        data = moments(sums, kept, patterns)
        prior = fit_prior(data, patterns, COARSE)
        type_prior = fit_prior(data, patterns, FINE) if types or shares else None
        accuracies = accuracy_positions(kept)
        draws = TypeDraws(sums.sizes, seed) if types and len(known_sizes) == sums.sizes > 1 else None
        for first in range(0, sums.examples, CHUNK):
            chunk = slice(first, first + CHUNK)
            means = measured_means(sums, kept, chunk)
            pattern = patterns.of_example[chunk]
            for some, posterior in posteriors(prior, means, pattern, patterns, accuracies):
                place = np.ix_(known_sizes, first + some)
                inside, outside = np.split(posterior.accuracies.T, 2)
                accuracy_in[place], accuracy_out[place], score[place] = inside, outside, inside - outside
                score_sd[place] = posterior.score_sd.T
            if type_prior is None:
                continue
            for some, posterior in posteriors(type_prior, means, pattern, patterns, accuracies):
                place = np.ix_(known_sizes, first + some)
                low[place], high[place] = posterior.score_below(LOW).T, 1 - posterior.score_below(HIGH).T
                if draws is not None:
                    probabilities[first + some] = draws.probabilities(posterior, epsilon)
        for values in (score, score_sd, accuracy_in, accuracy_out, low, high):
            values[missing] = np.nan
        probabilities[missing.any(axis=0)] = np.nan
        if type_prior is not None and draws is not None and not np.isnan(probabilities).all():
            type_shares = np.nanmean(probabilities, axis=0)
            if shares:
                defined = ~np.isnan(probabilities[sums.sample, 0])
                shares_sd = shares_error(type_prior, data, patterns, accuracies, defined, epsilon, seed)
    return Population(
        score=score,
        score_sd=score_sd,
        accuracy_in=accuracy_in,
        accuracy_out=accuracy_out,
        type_probabilities=probabilities,
        called=called_types(probabilities, confidence),
        shares=type_shares,
        shares_sd=shares_sd,
        share_low=mean_of_known(low),
        share_high=mean_of_known(high),
        prior=prior,
        type_prior=type_prior,
        fitted_examples=len(sums.sample),
        undefined=missing.sum(axis=1),
        without_probability=np.isnan(sums.probability).any(axis=0).sum(axis=1),
    )


def mean_of_known(values: Floats) -> Floats:
    """Means [sizes] of values [sizes, examples] without NaN; NaN where there are none."""
    count = (~np.isnan(values)).sum(axis=1)
    return np.where(count > 0, np.nansum(values, axis=1) / np.maximum(count, 1), np.nan)


def called_types(probabilities: Floats, confidence: float) -> NDArray[np.str_]:
    """The most frequent type [examples] where it has `confidence`, else `undetermined`; `undefined` for NaN."""
    undefined = np.isnan(probabilities[:, 0])
    known = np.where(undefined[:, None], 0, probabilities)
    best = np.where(known.max(axis=1) >= confidence, known.argmax(axis=1), len(TYPES))
    return np.array([*TYPES, UNDETERMINED, UNDEFINED])[np.where(undefined, len(TYPES) + 1, best)]


def accuracy_positions(kept: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Where accuracies in, then out, stand among the measured dimensions."""
    sizes = int(kept[0, 0].sum())
    return np.concatenate([np.arange(sizes), kept[0].sum() + np.arange(sizes)])


def shares_error(
    prior: Prior,
    data: Moments,
    patterns: Patterns,
    accuracies: NDArray[np.int64],
    defined: NDArray[np.bool_],
    epsilon: float,
    seed: int,
) -> Floats:
    """Standard errors [6] of shares: the jackknife over groups of blocks, the prior fitted again without each."""
    groups = len(data.without)
    if groups < FEWEST_FOR_HALVES:  # as of every share, though these, means of probabilities, are smooth
        return np.full(len(TYPES), np.nan)
    start, _ = memberships(prior.membership, data.means, data.pattern, patterns)
    fewer = Patterns(patterns.of_example, patterns.models * (groups - 1) / groups)
    draws = TypeDraws(len(accuracies) // 2, seed, REFIT_DRAWS)
    chosen = np.flatnonzero(defined)
    chosen = chosen[:: max(1, -(-len(chosen) // REFIT_EXAMPLES))]
    left_out = []
    for group in range(groups):
        means = data.without[group]
        others = replace(data, means=means, without=data.without[:0])
        again = fit_prior(others, fewer, FINE, start, REFIT_ROUNDS)
        total = np.zeros(len(TYPES))
        for _, posterior in posteriors(again, means[chosen], data.pattern[chosen], fewer, accuracies):
            total += draws.probabilities(posterior, epsilon).sum(axis=0)
        left_out.append(total / len(chosen))
    return jackknife_error(left_out)


def models_per_block(in_subset: NDArray[np.bool_]) -> int:
    """The size of the blocks in which every example is in equally many subsets [models, examples]; 1 if there are none.

    A last block may be incomplete.
    """
    models = len(in_subset)
    counts = np.cumsum(in_subset, axis=0, dtype=np.int32)
    balanced = (counts == counts[:, :1]).all(axis=1)  # after so many models every example was in equally many
    for size in range(2, models // 2 + 1):
        if balanced[size - 1 :: size].all():
            return size
    return 1
