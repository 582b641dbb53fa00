import numpy as np
import pytest

from memscope.analysis.statistics.correlation import agreement_of_halves, correlation_over_blocks, rank_correlation
from memscope.analysis.statistics.intervals import t_quantile
from memscope.errors import OptionError


def by_definition(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's correlation from ranks found by counting: smaller ones, plus half of the equal ones."""

    def ranks(values):
        return np.array([(values < v).sum() + ((values == v).sum() + 1) / 2 for v in values])

    return float(np.corrcoef(ranks(first), ranks(second))[0, 1])


@pytest.mark.parametrize("seed", range(5))
def test_rank_correlation_is_that_of_ranks_counted_by_hand(seed):
    random = np.random.default_rng(seed)
    first = random.integers(0, 8, 40) / 7
    second = first + random.integers(-3, 4, 40) / 5
    assert rank_correlation(first, second) == pytest.approx(by_definition(first, second))


def test_only_the_order_counts_and_undefined_examples_are_left_out():
    first = np.array([1.0, 2, 3, 4, np.nan, 5])
    assert rank_correlation(first, np.exp(first)) == pytest.approx(1)
    assert rank_correlation(first, -np.exp(first)) == pytest.approx(-1)
    assert np.isnan(rank_correlation(first, np.ones(6)))
    assert np.isnan(rank_correlation([1, 2, np.nan], [1, 2, 3]))
    with pytest.raises(OptionError):
        rank_correlation([1, 2, 3], [1, 2])


def test_values_that_differ_by_rounding_only_tie():
    assert rank_correlation([0.1 + 0.2, 0.3, 1, 2], [1, 2, 3, 4]) == pytest.approx(
        by_definition(np.array([0.3, 0.3, 1, 2]), np.array([1.0, 2, 3, 4]))
    )


def of_blocks(blocks: int, seed: int, examples: int = 400, noise: float = 2.0):
    """A correlation over examples of two means over blocks, as a function of the blocks that are kept."""
    random = np.random.default_rng(seed)
    truth = random.normal(size=(2, examples))
    truth[1] = 0.7 * truth[0] + 0.7 * truth[1]
    measured = truth[:, None] + noise * random.normal(size=(2, blocks, examples))

    def statistic(kept: list[int]) -> float:
        return rank_correlation(measured[0][kept].mean(axis=0), measured[1][kept].mean(axis=0))

    return statistic


@pytest.mark.parametrize(("blocks", "t"), [(3, 4.302653), (5, 2.776445), (20, 2.093024)])
def test_the_interval_is_the_jackknifes_with_students_t(blocks, t):
    statistic = of_blocks(blocks, 0)
    found = correlation_over_blocks(statistic, blocks)
    left_out = np.array([statistic([block for block in range(blocks) if block != out]) for out in range(blocks)])
    error = np.sqrt((blocks - 1) / blocks * ((left_out - left_out.mean()) ** 2).sum())
    assert found.value == statistic(list(range(blocks)))
    assert found.standard_error == pytest.approx(error)
    assert found.low == pytest.approx(max(-1, found.value - t * error), abs=1e-6)
    assert found.high == pytest.approx(min(1, found.value + t * error), abs=1e-6)


@pytest.mark.parametrize("blocks", [6, 12])
def test_the_interval_covers_what_the_estimate_is_on_average(blocks):
    # examples fixed, models drawn anew: what the interval speaks of
    random = np.random.default_rng(5)
    truth = random.normal(size=300)

    def statistic_of(seed):
        draws = np.random.default_rng(seed)
        first = truth + 2 * draws.normal(size=(blocks, 300))
        second = truth + 2 * draws.normal(size=(blocks, 300))
        return lambda kept: rank_correlation(first[kept].mean(axis=0), second[kept].mean(axis=0))

    everything = list(range(blocks))
    expected = np.mean([statistic_of(seed)(everything) for seed in range(1000, 1300)])
    found = [correlation_over_blocks(statistic_of(seed), blocks) for seed in range(60)]
    covered = np.mean([one.low <= expected <= one.high for one in found])
    assert covered >= 0.87


@pytest.mark.parametrize("blocks", [1, 2])
def test_below_three_blocks_there_is_no_interval(blocks):
    found = correlation_over_blocks(of_blocks(blocks, 0), blocks)
    assert np.isnan([found.standard_error, found.low, found.high]).all()
    assert np.isfinite(found.value)


def test_students_t_quantiles_are_those_of_the_tables():
    tables = {1: 12.7062, 2: 4.3027, 5: 2.5706, 10: 2.2281, 30: 2.0423, 120: 1.9799}
    for degrees, expected in tables.items():
        assert t_quantile(0.975, degrees) == pytest.approx(expected, abs=5e-5)
    assert t_quantile(0.95, 8) == pytest.approx(1.8595, abs=5e-5)


def test_halves_are_the_even_and_the_odd_blocks():
    scores = {0: [1, 2, 3, 4], 1: [4, 3, 2, 1], 2: [1, 3, 2, 4], 5: [4, 2, 3, 1]}

    def score_of(half: list[int]) -> np.ndarray:
        return np.sum([scores[block] for block in half], axis=0)

    assert agreement_of_halves(score_of, scores) == pytest.approx(-1)  # ranks of 2, 5, 5, 8 and of 8, 5, 5, 2
    assert np.isnan(agreement_of_halves(score_of, [0, 2]))
