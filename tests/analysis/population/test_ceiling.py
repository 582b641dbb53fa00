"""The ceiling of Spearman's correlation, where scores pile up at 0 and 1, against truths that are known."""

import numpy as np
import pytest

from memscope.analysis.population.ceiling import spearman_ceilings
from memscope.analysis.population.sums import population_sums
from memscope.analysis.statistics.correlation import rank_correlation
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
