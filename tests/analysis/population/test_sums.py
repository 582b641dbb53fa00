"""Sums over models: in any order, from any parts, the same as all at once; what cannot be is refused."""

import tracemalloc

import numpy as np
import pytest

from memscope.analysis.population import moments as population_moments
from memscope.analysis.population import sums as population_sums
from memscope.analysis.population.estimate import population, population_from_sums
from memscope.analysis.population.moments import dimensions, model_patterns, moments
from memscope.errors import OptionError

SIZES, MODELS, EXAMPLES = 3, 40, 90


def part(outcomes, sizes=range(SIZES), models=range(MODELS), each=10, into=None):
    in_subset, correct, probability = outcomes
    sums = into or population_sums.population_sums(SIZES, EXAMPLES)
    for size in sizes:
        for first in range(0, len(models), each):
            rows = list(models[first : first + each])
            sums.add(size, rows, in_subset[rows], correct[size][rows], probability[size][rows], [r // 10 for r in rows])
    return sums


def assert_same(one, other):
    for name in ("score", "score_sd", "accuracy_in", "accuracy_out", "type_probabilities", "shares", "shares_sd"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), abs=1e-6), name
    assert np.array_equal(one.called, other.called)


def test_files_of_few_models_in_any_order_give_what_all_outcomes_at_once_give(outcomes):
    whole = population(*outcomes)
    assert_same(population_from_sums(part(outcomes)), whole)
    random = np.random.default_rng(1)
    shuffled = [int(model) for model in random.permutation(MODELS)]
    assert_same(population_from_sums(part(outcomes, sizes=(2, 0, 1), models=shuffled, each=7)), whole)


def test_sums_of_different_blocks_are_put_together(outcomes):
    halves = part(outcomes, models=range(20)), part(outcomes, models=range(20, 40))
    assert_same(population_from_sums(halves[1] + halves[0]), population(*outcomes))
    for sums, numbers in ((halves[0], {0, 1}), (halves[0] + halves[1], {0, 1, 2, 3})):
        assert {int(block) for piece in sums.pieces for block in piece.blocks} == numbers
    assert (halves[0] + halves[1]).models.sum() == SIZES * MODELS * EXAMPLES


def test_covariances_over_sizes_are_of_models_of_the_same_number(outcomes):
    """Sizes with different models: by hand, from the models that both have and that saw the example."""
    in_subset, correct, _ = outcomes
    sums = part(outcomes, sizes=(0, 2))
    part(outcomes, sizes=(1,), models=[0, 1, 2, 5, 8, 13, 21, 34], into=sums)
    kept = dimensions(sums)
    data = moments(sums, kept, model_patterns(sums, kept))
    i = 7
    both = [model for model in (0, 1, 2, 5, 8, 13, 21, 34) if in_subset[model, i]]
    expected = np.cov(correct[0][both, i].astype(float), correct[1][both, i].astype(float))[0, 1]
    assert data.degrees[i, 0, 0, 1] == len(both) - 1
    assert data.scatter[i, 0, 0, 1] / data.degrees[i, 0, 0, 1] == pytest.approx(expected, abs=1e-6)
    assert data.overlap[0, 1] == pytest.approx(8 / np.sqrt(8 * 40))
    assert data.overlap[0, 2] == pytest.approx(1)
    assert data.overlap[0, 2 * SIZES] == 0  # models with and without an example are not the same
    inside = in_subset[:, i]
    assert data.means[i, 2 * SIZES] == pytest.approx(correct[0][~inside, i].mean())


def test_the_sample_bounds_what_is_kept_and_the_rest_is_only_summed(outcomes, monkeypatch):
    monkeypatch.setattr(population_sums, "FIT_EXAMPLES", 30)
    sums = part(outcomes)
    assert len(sums.sample) == 30
    assert sum(piece.probability.size for piece in sums.pieces) == SIZES * MODELS * 30
    found = population_from_sums(sums)
    assert found.fitted_examples == 30
    assert not np.isnan(found.score).any()
    assert np.corrcoef(found.score[0], population(*outcomes).score[0])[0, 1] > 0.8
    other = population_sums.population_sums(SIZES, EXAMPLES, seed=1)
    with pytest.raises(OptionError, match="expected the same examples, sizes and seed"):
        sums + other


def test_memory_at_a_million_examples_and_eight_sizes_follows_from_that_of_a_slice(monkeypatch):
    """Beyond the sample it grows by what is kept of each example: 1,281,167 of ImageNet fit in 4 GB."""

    def peak(examples):
        random = np.random.default_rng(0)
        tracemalloc.start()
        sums = population_sums.population_sums(8, examples)
        for size in range(8):
            in_subset, right = random.random((2, 10, examples)) < 0.7  # not balanced: all numbers of models occur
            sums.add(size, list(range(10)), in_subset, right, random.random((10, examples), dtype=np.float32))
        population_from_sums(sums)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    few, many = 6000, 12000
    assert few > population_sums.FIT_EXAMPLES
    whole = peak(few)
    monkeypatch.setattr(population_sums, "FIT_EXAMPLES", 300)  # the fit to the sample is what takes the time
    each = (peak(many) - peak(few)) / (many - few)
    assert 0 < each * 1_281_167 + whole < 4e9


def test_unequal_numbers_of_models_are_told_apart_and_rounded_where_there_are_too_many(outcomes, monkeypatch):
    random = np.random.default_rng(2)
    _, correct, probability = outcomes
    in_subset = random.random((MODELS, EXAMPLES)) < 0.7
    sums = part((in_subset, correct, probability))
    patterns = model_patterns(sums, dimensions(sums))
    assert 1 < len(patterns.models) <= population_moments.MOST_PATTERNS
    exact = np.concatenate([np.repeat(sums.models[side, :1], 2 * SIZES, axis=0) for side in (0, 1)]).T
    assert np.abs(patterns.models[patterns.of_example] / exact - 1).max() < 0.2
    monkeypatch.setattr(population_moments, "MOST_PATTERNS", 3)
    coarse = model_patterns(sums, dimensions(sums))
    assert len(coarse.models) <= 3
    assert coarse.models[coarse.of_example].mean(axis=0) == pytest.approx(exact.mean(axis=0))


def test_what_cannot_be_is_refused_with_what_was_found(outcomes):
    in_subset, correct, probability = outcomes
    sums = population_sums.population_sums(SIZES, EXAMPLES)
    rows = in_subset[:2], correct[0][:2], probability[0][:2]
    sums.add(0, [0, 1], *rows)
    for arguments, message in (
        ((0, [1, 2], *rows), r"models \[1\] of size 0 were given twice"),
        ((1, [4, 4], *rows), r"models \[4, 4\] of size 1 were given twice"),
        ((3, [4, 5], *rows), "size 3, expected a position from 0 to 2"),
        ((1, [4], *rows), r"in_subset has shape \(2, 90\), expected \(1, 90\)"),
        ((1, [4, 5], rows[0].astype(int), *rows[1:]), "in_subset is int64, expected bool"),
        ((1, [4, 5], rows[0], rows[1], rows[2] + 1), "expected probabilities in"),
        ((1, [4, 5], rows[0], rows[1], rows[1]), "probability is bool, expected floats"),
    ):
        with pytest.raises(OptionError, match=message):
            sums.add(*arguments)
    with pytest.raises(OptionError, match="are in both sums"):
        sums + sums
    with pytest.raises(OptionError, match="0 sizes and 3 examples"):
        population_sums.population_sums(0, 3)
    with pytest.raises(OptionError, match=r"in_subset \(2, 90\) and correct \(2, 90\)"):
        population(rows[0], rows[1])
    with pytest.raises(OptionError, match=r"probability \(40, 90\), expected the shape of correct"):
        population(in_subset, correct, probability[0])
    with pytest.raises(OptionError, match="epsilon is 0"):
        population(in_subset, correct, epsilon=0)
    with pytest.raises(OptionError, match="confidence is 2"):
        population(in_subset, correct, confidence=2)
