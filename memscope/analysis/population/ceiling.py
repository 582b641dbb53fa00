"""The most that noise in the score lets anything reach in Spearman's correlation with it.

Where many truths are nearly 0 or nearly 1 their scores tie, in both halves of the models alike, and no formula of how
halves agree knows what of the order of the truths is lost. So truths are drawn from the fitted population, and counts
anew from these, and the correlation of truth and score is what it is.

Scores do not tell truths of exactly 0 from some of nearly 0, and the population has the latter: truths that hardly ever
tie. A proxy that ties exactly where the truth does can come out above this ceiling, where it says .7 and not .98.
"""

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.population.predictive import redrawn
from memscope.analysis.population.sums import PopulationSums
from memscope.analysis.statistics.correlation import rank_correlation
from memscope.analysis.statistics.intervals import Floats

DRAWS = 16
"""Of all examples; the correlation over a thousand of them differs by .01 from draw to draw."""


def spearman_ceilings(sums: PopulationSums, models: NDArray[np.int64], seed: int = 0) -> Floats:
    """Mean rank correlations [sizes] of truths and scores of so many models, integers [2, sizes, examples].

    `sums` are of the models that the score rests on, and at least one was trained with and one without each example at
    every size (`sums.of_blocks` of few blocks may have others). With the number of models in the sums, these are the
    ceilings of the score itself.
    """
    sizes = sums.sizes
    truth, score = np.empty((2, sizes, DRAWS, sums.examples))
    for some, _, truths, counts in redrawn(sums, models, DRAWS, seed):
        numbers = models[:, :, some].transpose(0, 2, 1)[:, :, np.newaxis]  # [2, examples, 1, sizes]
        measured = counts[..., :sizes] / numbers[0] - counts[..., sizes:] / numbers[1]
        score[:, :, some] = measured.transpose(2, 1, 0)
        truth[:, :, some] = (truths[..., :sizes] - truths[..., sizes:]).transpose(2, 1, 0)
    return np.array(
        [
            np.mean([rank_correlation(truth[size, draw], score[size, draw]) for draw in range(DRAWS)])
            for size in range(sizes)
        ]
    )
