"""The ceiling of Spearman's correlation, where scores pile up at 0 and 1, against truths that are known."""

import numpy as np
import pytest

from memscope.analysis.population.ceiling import ceilings_of_both, spearman_ceilings
from memscope.analysis.population.sums import population_sums
from memscope.analysis.statistics.correlation import rank_correlation
from memscope.analysis.statistics.within import within_correlation
from tests.analysis.population.test_estimate import outcomes

EXAMPLES, MODELS = 1500, 40


@pytest.mark.parametrize(("a", "b"), [(0.05, 1), (0.03, 0.3), (0.1, 0.1), (1, 1)])
def test_the_ceiling_is_that_of_the_truth_where_spearman_brown_is_not(a, b):
    """Accuracies out of Beta(a, b): with a = .05 more than a half are below 1e-6."""
    out = np.random.default_rng(0).beta(a, b, EXAMPLES)
    outside, inside = np.stack([out, out]), np.ones((2, EXAMPLES))
    mask, correct, probability = outcomes(inside, outside, MODELS, 1)

    def score(models):
        with_it, right = mask[models], correct[0, models]
        return (right & with_it).sum(axis=0) / with_it.sum(axis=0) - (right & ~with_it).sum(axis=0) / (~with_it).sum(
            axis=0
        )

    true = rank_correlation(1 - out, score(slice(0, MODELS)))
    half = rank_correlation(score(slice(0, 20)), score(slice(20, 40)))
    spearman_brown = np.sqrt(2 * half / (1 + half))
    for soft, tolerance in ((True, 0.04), (False, 0.08)):
        sums = population_sums(2, EXAMPLES)
        for size in range(2):
            given = probability[size] if soft else None
            sums.add(size, range(MODELS), mask, correct[size], given, np.arange(MODELS) // 10)
        found = spearman_ceilings(sums, sums.models.astype(np.int64))
        assert found == pytest.approx([true, true], abs=tolerance)
        if a < 0.1:
            assert spearman_brown > true + 0.25
            assert np.abs(found - true).max() < 0.3 * (spearman_brown - true)


@pytest.mark.parametrize(("a", "b"), [(1, 1), (0.3, 1)])
def test_the_ceilings_of_accuracy_out_and_within_classes_are_those_of_the_truth(a, b):
    """In classes that differ there is less to be found within each of them than over all."""
    random = np.random.default_rng(0)
    classes = np.arange(EXAMPLES) % 3
    out = (random.beta(a, b, EXAMPLES) + classes) / 3
    outside, inside = np.stack([out, out]), np.full((2, EXAMPLES), 0.95)
    mask, correct, probability = outcomes(inside, outside, MODELS, 1)
    sums = population_sums(2, EXAMPLES)
    for size in range(2):
        sums.add(size, range(MODELS), mask, correct[size], probability[size], np.arange(MODELS) // 10)
    models = sums.models.astype(np.int64)

    def within(one, other):
        return within_correlation(one, other, classes)

    found = ceilings_of_both(sums, models, (rank_correlation, within))
    measured = (correct[0] & ~mask).sum(axis=0) / (~mask).sum(axis=0)
    score = (correct[0] & mask).sum(axis=0) / mask.sum(axis=0) - measured
    for row, truth, value in ((0, 0.95 - out, score), (1, out, measured)):
        assert found[row, 0] == pytest.approx([rank_correlation(truth, value)] * 2, abs=0.04)
        assert found[row, 1] == pytest.approx([within(truth, value)] * 2, abs=0.1)
    assert (found[:, 1] < found[:, 0] - 0.1).all()
    assert spearman_ceilings(sums, models) == pytest.approx(found[0, 0])
