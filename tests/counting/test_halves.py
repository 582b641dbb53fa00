"""Sums over blocks of models are taken away from a whole, which is quick, and are the same to the bit."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from memscope.analysis.memorisation import Counts
from memscope.analysis.statistics.groups import Blocks, means_by_group
from memscope.analysis.trajectories import TYPES, raw_types
from memscope.counting.halves import sums_of
from memscope.counting.mean_trajectory import block_means
from memscope.counting.type_scores import scores_elsewhere
from tests.counting.test_type_scores import counts_of

FIELDS = ("n_in", "n_out", "sum_in", "sum_out", "squares_in", "squares_out")


def hard(blocks: int, random: np.random.Generator, examples: int = 30) -> Counts:
    return Counts(*(random.integers(0, 8, (blocks, examples)).astype(np.int32) for _ in range(4)))


def soft(blocks: int, random: np.random.Generator) -> Counts:
    known = hard(blocks, random)
    return Counts(known.n_in, known.n_out, *(random.random((blocks, 30)) for _ in range(4)))


def assert_direct(found: Counts, counts: Counts, positions: list[int]) -> None:
    """The sums are those that adding up gives, in the same type."""
    for name in FIELDS:
        values = getattr(counts, name)
        if values is not None:
            expected = np.zeros(values.shape[1:], values.dtype)
            for at in positions:
                expected = expected + values[at]
            assert getattr(found, name).dtype == values.dtype
            if values.dtype.kind == "i":
                assert np.array_equal(getattr(found, name), expected)
            else:
                assert getattr(found, name) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("make", [hard, soft])
def test_any_blocks_are_added_up(make):
    counts = make(5, np.random.default_rng(0))
    for kept in (list(some) for size in range(6) for some in combinations(range(5), size)):
        assert_direct(counts.only(kept), counts, kept)


@pytest.mark.parametrize("numbers", [(0, 1, 2, 3, 4, 5), (0, 2, 3, 7, 9, 11), (1, 3, 5, 7), (4,)])
@pytest.mark.parametrize("make", [hard, soft])
def test_blocks_are_found_by_their_numbers_whatever_is_missing(make, numbers):
    counts = make(len(numbers), np.random.default_rng(1))
    of = sums_of(counts, numbers)
    for kept in (frozenset(some) for size in range(len(numbers) + 1) for some in combinations(numbers, size)):
        positions = [at for at, number in enumerate(numbers) if number in kept]
        assert_direct(of(kept), counts, positions)
        assert_direct(of(kept | {99, 100}), counts, positions)  # blocks of other sizes


def test_scores_elsewhere_are_those_of_the_whole_procedure_over_blocks_added_up():
    random = np.random.default_rng(2)
    counts = counts_of(random.random((3, 200)), 7, random)

    def total(size: int, blocks: Blocks) -> Counts:
        chosen = sorted(blocks)
        return Counts(*(getattr(counts[size].hard, name)[chosen].sum(axis=0) for name in FIELDS[:4]))

    def types_of(blocks: Blocks) -> np.ndarray:
        sums = [total(size, blocks) for size in range(3)]
        parts = (np.stack([getattr(one, name) for one in sums]) for name in ("sum_in", "n_in", "sum_out", "n_out"))
        return raw_types(*parts, 0.2)

    def scores_of(blocks: Blocks) -> np.ndarray:
        return np.stack([total(size, blocks).score for size in range(3)])

    expected = means_by_group(types_of, scores_of, TYPES, range(7), range(7))
    found = scores_elsewhere(counts, 0.2)
    for name in ("mean", "standard_error", "low", "high", "examples"):
        assert np.array_equal(getattr(found, name), getattr(expected, name), equal_nan=True)


def test_the_mean_without_each_block_is_that_of_the_others_added_up():
    counts = hard(6, np.random.default_rng(3))
    found = block_means(counts, (0, 1, 2, 5, 6, 7))
    for at in range(6):
        others = [other for other in range(6) if other != at]
        sums = [getattr(counts, name)[others].sum(axis=0) for name in FIELDS[:4]]
        assert found.without[at] == np.nanmean(sums[2] / sums[0] - sums[3] / sums[1])


@pytest.mark.parametrize(
    "of", [lambda one: block_means(one.hard, one.blocks), lambda one: scores_elsewhere([one] * 2, 0.2)]
)
def test_twice_as_many_blocks_are_twice_the_work(of):
    work = []
    for blocks in (20, 40):
        (one,) = counts_of(np.full((1, 20), 0.5), blocks, np.random.default_rng(4))
        read: list[int] = []

        class Watched(np.ndarray):
            """Notes how many numbers are taken from it."""

            def __getitem__(self, at):
                found = np.asarray(super().__getitem__(at))
                read.append(found.size)  # noqa: B023
                return found

        watched = Counts(*(getattr(one.hard, name).view(Watched) for name in FIELDS[:4]))
        of(replace(one, hard=watched))
        work.append(sum(read))
    assert 1.5 < work[1] / work[0] < 2.5
