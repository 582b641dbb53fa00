import math

import numpy as np
import pytest

from memscope.analysis.memorisation import count_outcomes, stack_blocks
from memscope.counting.mean_trajectory import block_means, mean_trajectory


def counts_of(random, blocks, memorised):
    """Counts of blocks of 10 models on 50 examples."""
    found = []
    for _ in range(blocks):
        inside = np.argsort(random.random((10, 50)), axis=0) < 7
        found.append(count_outcomes(inside, random.random((10, 50)) < np.where(inside, 0.5 + memorised, 0.5)))
    return stack_blocks(found)


def test_changes_are_differences_of_the_means_with_the_jackknifes_error():
    random = np.random.default_rng(0)
    counts = [counts_of(random, 5, memorised) for memorised in (0.0, 0.2, 0.4)]
    found = mean_trajectory([block_means(one, (0, 1, 2, 3, 4)) for one in counts])
    means = [float(one.total().score.mean()) for one in counts]
    assert found.mean == pytest.approx(means)
    assert found.whole.value == pytest.approx(means[2] - means[0])
    assert [step.value for step in found.steps] == pytest.approx([means[1] - means[0], means[2] - means[1]])
    without = [
        float((counts[2].only(kept).score - counts[0].only(kept).score).mean())
        for kept in ([1, 2, 3, 4], [0, 2, 3, 4], [0, 1, 3, 4], [0, 1, 2, 4], [0, 1, 2, 3])
    ]
    assert found.whole.error == pytest.approx(math.sqrt(4 / 5 * sum((one - np.mean(without)) ** 2 for one in without)))
    assert found.whole.blocks == 5


def test_there_is_no_error_below_three_blocks_or_between_sizes_of_other_blocks():
    random = np.random.default_rng(0)
    three, two = (block_means(counts_of(random, blocks, 0.2), tuple(range(blocks))) for blocks in (3, 2))
    assert math.isnan(mean_trajectory([two, two]).whole.error)
    assert math.isnan(mean_trajectory([three, two]).whole.error)
    assert not math.isnan(mean_trajectory([three, three]).whole.error)
    one = mean_trajectory([three])
    assert (one.steps, one.whole.value) == ((), 0)
