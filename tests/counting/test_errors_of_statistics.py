"""Standard errors of what is told of a run are as wide as what they stand for varies when models are trained anew.

Families are simulated: examples with accuracies of their own at three sizes and for students, models that share their
luck over examples, balanced subsets. How far a statistic goes apart between families of fresh models is its true error.
"""

from collections.abc import Callable

import numpy as np
import pytest

from memscope.analysis.memorisation import Counts, count_outcomes, stack_blocks
from memscope.analysis.statistics.correlation import correlation_over_blocks, rank_correlation
from memscope.analysis.statistics.jackknife import delete_half, delete_one_block
from memscope.analysis.statistics.roc import area_under_roc
from memscope.analysis.student_change import changed_shares
from memscope.analysis.trajectories import TYPES, raw_types, type_shares
from memscope.analysis.trajectory_types import trajectory_types
from memscope.counting.outcomes import SizeCounts
from memscope.counting.type_errors import called_shares_error, raw_shares_error, stacked
from memscope.plan.subsets import block_subsets

EXAMPLES = 800
FAMILIES = {4: (200, 80), 10: (120, 30), 40: (100, 12)}
"""By number of blocks: families whose spread is the truth, and those of them whose errors are computed"""
LUCK = 0.5
"""With it the mean score of 800 examples varies 7 times as much as that of independent ones; in runs it was 4 to 17."""
LARGEST = 0.1
"""Smaller shares are partly made by noise, which half of the models make more of: their errors may be too wide."""


random = np.random.default_rng(3)
FLIPPED = random.random(EXAMPLES) < 0.15
EASE, DEPTH = random.normal(1.2, 1.6, EXAMPLES), random.normal(-1.8, 1.2, EXAMPLES)
OWN = random.normal(0, 1.5, EXAMPLES)
KIND = np.where(FLIPPED, 5, random.integers(0, 10, EXAMPLES) % 9)
"""Clean labels: 0 memorised in full by the larger models, 1 less and less, 2 most and 3 least by the middle one; others
much alike"""
OF_KIND = {0: (-4.0, -4.0, -4.0), 1: (-2.5, -0.5, 2.0), 2: (2.5, -2.0, 2.0), 3: (-2.5, 2.0, -2.5)}
"""Log-odds of models without the example, at each size"""


def log_odds_of_kinds() -> tuple[list[np.ndarray], list[np.ndarray]]:
    outside, inside = [], []
    for size in range(3):
        out = np.where(FLIPPED, DEPTH, 0.8 * EASE + 0.25 * size)
        within = np.where(FLIPPED, DEPTH + 0.5 + 1.8 * size, 0.8 * EASE + 0.3 + 1.5 * size)
        for kind, levels in OF_KIND.items():
            out = np.where(kind == KIND, levels[size] + OWN, out)
            within = np.where(kind == KIND, (4 * size - 1 if kind == 0 else 3) + OWN, within)
        outside.append(out)
        inside.append(within)
    return outside, inside


LOG_ODDS_OUT, LOG_ODDS_IN = log_odds_of_kinds()
STUDENTS = random.integers(0, 3, EXAMPLES)
"""Students memorise 0 less, 1 as much, 2 more"""


def family(blocks: int, number: int) -> list[Counts]:
    """Counts [blocks, examples] at three sizes, of students of the last size, and of residuals at the first."""
    random = np.random.default_rng([blocks, number])
    masks = [block_subsets(EXAMPLES, block, 0.7, number) for block in range(blocks)]
    counts = []
    for size, taught in ((0, False), (1, False), (2, False), (2, True)):
        inside, outside = LOG_ODDS_IN[size], LOG_ODDS_OUT[size]
        if taught:
            inside, outside = inside - 3.5 * (STUDENTS == 0), outside - 3.5 * (STUDENTS == 2)
        found = []
        for mask in masks:
            luck = random.normal(0, LUCK, (2, 10, 1))
            log_odds = np.where(mask, inside, outside) + luck[0] + luck[1] * EASE / 2
            found.append(count_outcomes(mask, random.random(mask.shape) < 1 / (1 + np.exp(-log_odds))))
        counts.append(stack_blocks(found))
    residuals = []
    for mask in masks:
        luck = random.normal(0, LUCK, (2, 10, 1))
        log_odds = np.where(mask, LOG_ODDS_IN[0], LOG_ODDS_OUT[0]) + OWN + luck[0] + luck[1] * EASE / 2
        residuals.append(count_outcomes(mask, 1 / (1 + np.exp(log_odds + random.normal(0, 1, mask.shape)))))
    return [*counts, stack_blocks(residuals)]


def sizes_of(counts: list[Counts]) -> list[SizeCounts]:
    nothing = np.empty(0)
    blocks = tuple(range(len(counts[0].n_in)))
    return [SizeCounts(blocks, one, None, *[nothing] * 5, (), ()) for one in counts]


def mean_score(total: list[Counts]) -> float:
    return float(total[2].score.mean())


def area(total: list[Counts]) -> float:
    return area_under_roc(total[2].score, FLIPPED)


def correlation(total: list[Counts]) -> float:
    return rank_correlation(total[4].accuracy_in, total[2].score)


def low(total: list[Counts]) -> list[float]:
    return [float(one.score_below(0.1).mean()) for one in total[:3]]


def high(total: list[Counts]) -> list[float]:
    return [float(one.score_above(0.9).mean()) for one in total[:3]]


def inhibited(total: list[Counts]) -> float:
    return changed_shares(total[2], total[3], 0.2)[0]


def raised(total: list[Counts]) -> float:
    return changed_shares(total[2], total[3], 0.2)[1]


def raw(total: list[Counts]) -> np.ndarray:
    return type_shares(raw_types(*stacked(total[:3])))


def called(total: list[Counts]) -> np.ndarray:
    found = trajectory_types(*stacked(total[:3]), draws=100).called
    return type_shares(found, (*TYPES, "undetermined"))


def kept(statistic: Callable) -> Callable:
    return lambda counts: lambda positions: statistic([one.only(positions) for one in counts])


ERRORS = {
    mean_score: lambda counts, blocks: delete_one_block(kept(mean_score)(counts), blocks),
    area: lambda counts, blocks: delete_one_block(kept(area)(counts), blocks),
    correlation: lambda counts, blocks: correlation_over_blocks(kept(correlation)(counts), blocks).standard_error,
    low: lambda counts, blocks: delete_half(kept(low)(counts), blocks),
    high: lambda counts, blocks: delete_half(kept(high)(counts), blocks),
    inhibited: lambda counts, blocks: delete_half(kept(inhibited)(counts), blocks),
    raised: lambda counts, blocks: delete_half(kept(raised)(counts), blocks),
    raw: lambda counts, blocks: raw_shares_error(sizes_of(counts[:3]), 0.2),
    called: lambda counts, blocks: called_shares_error(sizes_of(counts[:3]), 0.2, 0.8, 0),
}

EXCEPTIONS = {(low, 4): 0.25, (raw, 4): 0.25, (raised, 10): 0.35, (raised, 40): 0.5}
"""What is known to be further off than a fifth. Of 4 blocks halves are coarse; scores that noise raises tell at 40."""


@pytest.fixture(scope="module", params=[4, 10, pytest.param(40, marks=pytest.mark.thorough)])
def families(request) -> list[list[Counts]]:
    return [family(request.param, number) for number in range(FAMILIES[request.param][0])]


@pytest.mark.parametrize("statistic", ERRORS, ids=lambda statistic: statistic.__name__)
@pytest.mark.xdist_group("errors of statistics")
def test_the_mean_error_is_within_a_fifth_of_the_true_spread(statistic, families):
    blocks = len(families[0][0].n_in)
    many = families[:100] if statistic is called else families  # types are called slowly
    found = np.array([np.atleast_1d(statistic([one.total() for one in counts])) for counts in many])
    spread, mean = found.std(axis=0, ddof=1), found.mean(axis=0)
    some = families[: FAMILIES[blocks][1] // (4 if statistic is called else 1)]
    error = np.mean([np.atleast_1d(ERRORS[statistic](counts, blocks)) for counts in some], axis=0)
    ratio = error[spread > 0] / spread[spread > 0]
    assert (ratio > 0.75).all()  # none is much too narrow
    told = np.abs(mean[spread > 0]) > LARGEST
    assert told.any()
    assert ratio[told] == pytest.approx(np.ones(told.sum()), abs=EXCEPTIONS.get((statistic, blocks), 0.2))
