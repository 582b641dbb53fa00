"""The most that noise in the score lets anything reach in Spearman's correlation with it.

Where many truths are nearly 0 or nearly 1 their scores tie, in both halves of the models alike, and no formula of how
halves agree knows what of the order of the truths is lost. So truths are drawn from the fitted population, and counts
anew from these, and the correlation of truth and score is what it is.

Scores do not tell truths of exactly 0 from some of nearly 0, and the population has the latter: truths that hardly ever
tie. A proxy that ties exactly where the truth does can come out above this ceiling, where it says .7 and not .98.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.population.predictive import redrawn
from memscope.analysis.population.sums import PopulationSums
from memscope.analysis.statistics.correlation import rank_correlation
from memscope.analysis.statistics.intervals import Floats

DRAWS = 16
"""Of all examples; the correlation over a thousand of them differs by .01 from draw to draw."""

Agreement = Callable[[Floats, Floats], float]
"""Of truths and measured values, [examples] each"""


def spearman_ceilings(sums: PopulationSums, models: NDArray[np.int64], seed: int = 0) -> Floats:
    """Mean rank correlations [sizes] of truths and scores: `score_ceilings` of one way to correlate."""
    return score_ceilings(sums, models, (rank_correlation,), seed)[0]


def score_ceilings(
    sums: PopulationSums, models: NDArray[np.int64], agreements: Sequence[Agreement], seed: int = 0
) -> Floats:
    """Mean correlations [agreements, sizes] of truths and scores of so many models, integers [2, sizes, examples].

    `sums` are of the models that the score rests on, and at least one was trained with and one without each example at
    every size (`sums.of_blocks` of few blocks may have others). With the number of models in the sums, these are the
    ceilings of the score itself.
    """
    truth, score = drawn_anew(sums, models, seed)[0]
    return np.array([mean_agreement(one, truth, score) for one in agreements])


def ceilings_of_both(
    sums: PopulationSums, models: NDArray[np.int64], agreements: Sequence[Agreement], seed: int = 0
) -> Floats:
    """The same of the score and of accuracy out: [2, agreements, sizes]."""
    return np.array(
        [[mean_agreement(one, *pair) for one in agreements] for pair in drawn_anew(sums, models, seed, out=True)]
    )


def drawn_anew(
    sums: PopulationSums, models: NDArray[np.int64], seed: int, out: bool = False
) -> list[tuple[Floats, Floats]]:
    """Truths and what so many models would measure of them, [sizes, draws, examples]: of the score, of accuracy out."""
    sizes = sums.sizes
    pairs = [(np.empty((sizes, DRAWS, sums.examples)), np.empty((sizes, DRAWS, sums.examples))) for _ in range(1 + out)]
    for some, _, truths, counts in redrawn(sums, models, DRAWS, seed):
        numbers = models[:, :, some].transpose(0, 2, 1)[:, :, np.newaxis]  # [2, examples, 1, sizes]
        outside = counts[..., sizes:] / numbers[1]
        pairs[0][1][:, :, some] = (counts[..., :sizes] / numbers[0] - outside).transpose(2, 1, 0)
        pairs[0][0][:, :, some] = (truths[..., :sizes] - truths[..., sizes:]).transpose(2, 1, 0)
        if out:
            pairs[1][1][:, :, some] = outside.transpose(2, 1, 0)
            pairs[1][0][:, :, some] = truths[..., sizes:].transpose(2, 1, 0)
    return pairs


def mean_agreement(agreement: Agreement, truths: Floats, measured: Floats) -> Floats:
    """The mean over draws, [sizes]."""
    return np.array(
        [
            np.mean([agreement(truth, found) for truth, found in zip(*pair, strict=True)])
            for pair in zip(truths, measured, strict=True)
        ]
    )
