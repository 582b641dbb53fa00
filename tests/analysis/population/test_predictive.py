"""What is foretold of other models: counts that are drawn anew have the distribution that is asked for."""

from math import comb

import numpy as np
import pytest

from memscope.analysis.population.predictive import (
    CHANCES,
    LEVELS,
    binomial_quantiles,
    correlation,
    drawn_counts,
    foretell,
)
from memscope.analysis.population.sums import population_sums
from memscope.analysis.trajectories import TYPES, raw_types, type_shares
from tests.analysis.population.test_estimate import MIXTURE, SIZES, SMOOTH, outcomes, simulated, truth


@pytest.mark.parametrize("models", [1, 6, 14, 280])
def test_quantiles_of_counts_are_those_of_the_binomial_distribution(models):
    table = binomial_quantiles(models)
    for place in (0, 1, 40, CHANCES // 2, CHANCES - 2, CHANCES - 1):
        p = float(np.sin(place / (CHANCES - 1) * np.pi / 2) ** 2)
        below = np.cumsum([comb(models, k) * p**k * (1 - p) ** (models - k) for k in range(models + 1)])
        for level in (0, 17, LEVELS // 2, LEVELS - 1):
            k, chance = int(table[place, level]), (level + 0.5) / LEVELS
            assert below[k] >= chance - 1e-9
            assert k == 0 or below[k - 1] < chance + 1e-9


def test_drawn_counts_have_the_binomial_mean_and_variance_and_go_together_as_the_noise_does():
    examples, draws, models = 50, 1000, 14
    asked = np.array([[1, 0.6], [0.6, 1]])
    values, vectors = np.linalg.eigh(asked)
    root = (vectors * np.sqrt(values)) @ vectors.T
    words = np.random.default_rng(0).integers(0, 65536, (examples, draws, 2), dtype=np.uint16)
    truths = np.broadcast_to(np.float32([0.5, 0.9]), (examples, draws, 2))
    numbers = np.full((2, 1, examples), models)
    counts = drawn_counts(truths, np.zeros((examples, draws), int), root[np.newaxis], numbers, words).reshape(-1, 2)
    # .053 too low in the middle on an AMD processor, less than .05 on Intel ones
    assert counts.mean(axis=0) == pytest.approx([7, 12.6], abs=0.07)
    assert counts.var(axis=0) == pytest.approx([14 / 4, 14 * 0.09], rel=0.03)
    assert np.corrcoef(counts.T)[0, 1] == pytest.approx(0.6, abs=0.05)


def test_a_correlation_has_ones_on_its_diagonal():
    assert correlation(np.array([[4.0, 1.0], [1.0, 9.0]])) == pytest.approx(np.array([[1, 1 / 6], [1 / 6, 1]]))


@pytest.mark.parametrize("kind", [SMOOTH, MIXTURE])
def test_raw_types_of_other_models_are_foretold(kind):
    """Against models that were not in the fit, at their numbers, and at numbers that no fit ever saw."""
    here = simulated(kind)
    sums = population_sums(SIZES, 1200)
    for size in range(SIZES):
        given = (values[:20] for values in (here.in_subset, here.correct[size], here.probability[size]))
        sums.add(size, range(20), *given, np.repeat([0, 1], 10))
    inside, outside = truth(kind, 1200)
    for models in (20, 40):
        in_subset, correct, _ = outcomes(inside, outside, models, 17)
        numbers = np.stack([np.broadcast_to(side.sum(axis=0), (SIZES, 1200)) for side in (in_subset, ~in_subset)])
        right = [(correct & side).sum(axis=1) for side in (in_subset, ~in_subset)]
        measured = type_shares(raw_types(right[0], numbers[0], right[1], numbers[1]))
        found = foretell(sums, numbers, 0.2)
        assert found.raw.sum(axis=1) == pytest.approx(1)
        assert found.raw.mean(axis=0) == pytest.approx(measured, abs=0.04), models
        # one type for all would be off by far
        assert np.abs(measured - np.eye(len(TYPES))[measured.argmax()]).max() > 0.4


def test_how_much_scores_change_is_foretold():
    here = simulated(MIXTURE)
    sums = population_sums(SIZES, 1200)
    for size in range(SIZES):
        sums.add(size, range(100), here.in_subset, here.correct[size], here.probability[size], np.arange(100) // 10)
    found = foretell(sums, np.full((2, SIZES, 1200), 14), 0.2).products
    centred = here.score - here.score.mean(axis=0)
    true = np.einsum("sn,tn->nst", centred, centred)
    assert found.mean(axis=0) == pytest.approx(true.mean(axis=0), abs=0.1 * true.mean(axis=0).max())
    spread, true_spread = (np.trace(each, axis1=1, axis2=2) for each in (found, true))
    assert np.corrcoef(spread, true_spread)[0, 1] > 0.9


def test_sums_of_some_blocks_are_those_of_their_models():
    here = simulated(MIXTURE)
    whole, some = population_sums(SIZES, 1200), population_sums(SIZES, 1200)
    for size in range(SIZES):
        models = range(40 if size else 30)  # the last block lacks a size
        for sums, kept in ((whole, [*models]), (some, [model for model in models if model // 10 in (0, 2)])):
            given = (values[kept] for values in (here.in_subset, here.correct[size], here.probability[size]))
            sums.add(size, kept, *given, np.array(kept) // 10)
    assert whole.blocks == [0, 1, 2]
    found = whole.of_blocks([0, 2])
    assert found.seen == some.seen
    assert np.array_equal(found.models, some.models)
    assert np.array_equal(found.correct, some.correct)
    assert found.probability == pytest.approx(some.probability, abs=0.02)
