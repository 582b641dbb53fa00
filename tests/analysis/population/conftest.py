"""Outcomes for the tests of the population estimate."""

import numpy as np
import pytest

from memscope.plan.subsets import balanced_subsets


@pytest.fixture(scope="module")
def outcomes(request):
    """in_subset, correct and probability of so many SIZES, MODELS and EXAMPLES as the module says."""
    sizes, models, examples = (getattr(request.module, name) for name in ("SIZES", "MODELS", "EXAMPLES"))
    random = np.random.default_rng(0)
    in_subset = balanced_subsets(examples, models, 0.7, 0)
    limit = (
        in_subset + random.normal(size=examples) + 0.4 * np.arange(sizes)[:, None, None] * random.normal(size=examples)
    )
    drawn = random.normal(size=(sizes, models, examples)) + 0.5 * random.normal(size=(models, examples))
    return in_subset, drawn < limit, (1 / (1 + np.exp(drawn - limit))).astype(np.float32)
