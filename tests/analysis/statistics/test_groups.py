import numpy as np
import pytest

from memscope.analysis.memorisation import Counts, stack_blocks
from memscope.analysis.statistics.groups import means_by_group
from memscope.analysis.trajectories import TYPES, classify_trajectories

N_IN, N_OUT = 7, 3  # models of a block with and without an example


def accuracies(random: np.random.Generator, sizes: int, examples: int) -> tuple[np.ndarray, np.ndarray]:
    """True accuracies in and out [sizes, examples] of a mixed lot: flat ones, rising, falling, cap-shaped."""
    size = np.linspace(0, 1, sizes)[:, None]
    inside = np.clip(random.beta(6, 1, examples) + 0.2 * size, 0, 1)
    kind = random.integers(0, 4, examples)
    level = random.beta(1.2, 1.2, examples)
    slope = random.uniform(0, 0.6, examples)
    bend = slope * (size - 0.5) ** 2
    shape = np.select([kind == 0, kind == 1, kind == 2], [0 * size, -slope * size, slope * size], bend)
    return inside, np.clip(level + shape, 0, 1)


def drawn(random: np.random.Generator, truth: tuple[np.ndarray, np.ndarray], blocks: int) -> list[Counts]:
    """Counts of every size, stacked over blocks, of models with these accuracies."""
    inside, outside = truth
    examples = inside.shape[1]
    n_in, n_out = np.full(examples, N_IN, dtype=np.int32), np.full(examples, N_OUT, dtype=np.int32)
    return [
        stack_blocks(
            [
                Counts(
                    n_in,
                    n_out,
                    random.binomial(N_IN, inside[size]).astype(np.int32),
                    random.binomial(N_OUT, outside[size]).astype(np.int32),
                )
                for _ in range(blocks)
            ]
        )
        for size in range(len(inside))
    ]


def scores(counts: list[Counts], blocks: frozenset[int]) -> np.ndarray:
    return np.stack([one.only(sorted(blocks)).score for one in counts])


def compared(onehot: list[Counts], students: list[Counts], blocks: int):
    return means_by_group(
        lambda some: classify_trajectories(scores(onehot, some), 0.2),
        lambda some: scores(students, some) - scores(onehot, some),
        TYPES,
        range(blocks),
        range(blocks),
    )


@pytest.mark.parametrize(("blocks", "seed"), [(4, 0), (6, 1), (8, 2)])
def test_a_null_student_changes_no_type_of_trajectory(blocks, seed):
    """Other one-hot models in the student's place: regression to the mean must not look like inhibition."""
    random = np.random.default_rng(seed)
    truth = accuracies(random, 5, 3000)
    onehot, null = drawn(random, truth, blocks), drawn(random, truth, blocks)
    found = compared(onehot, null, blocks)
    enough = found.examples >= 30
    assert enough.sum() >= 4
    # of some thirty effects one or two are beyond two standard errors by chance; none may be far beyond
    ratio = np.abs(found.mean / found.standard_error)[enough]
    assert (ratio > 2).mean() <= 0.12
    assert ratio.max() < 4
    # what is measured against the scores that the types came from does find inhibition, out of nothing
    everything = frozenset(range(blocks))
    naive = group_means(
        classify_trajectories(scores(onehot, everything), 0.2),
        scores(null, everything) - scores(onehot, everything),
    )
    for name, size in (("increasing", -1), ("decreasing", 0)):
        row = TYPES.index(name)
        assert naive[row, size] < -2 * found.standard_error[row, size]


def group_means(groups_of_examples: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Plain means [types, sizes] over the examples of each type; NaN where there is none."""
    chosen = [values[:, groups_of_examples == name] for name in TYPES]
    return np.array([one.mean(axis=1) if one.size else np.full(len(values), np.nan) for one in chosen])


def test_a_student_that_memorises_less_is_found_out_with_its_size():
    random = np.random.default_rng(3)
    inside, outside = accuracies(random, 4, 4000)
    taught = inside, np.clip(outside + 0.1 * (1 - outside), 0, 1)
    onehot, students = drawn(random, (inside, outside), 12), drawn(random, taught, 12)
    found = compared(onehot, students, 12)
    # the truth, of the types that half the models would give: estimated with other models altogether
    other = drawn(random, (inside, outside), 6)
    types = classify_trajectories(scores(other, frozenset(range(6))), 0.2)
    expected = group_means(types, outside - taught[1])
    enough = found.examples >= 100
    assert np.abs(found.mean - expected)[enough].max() < 0.025
    assert (found.low[enough] < expected[enough]).mean() > 0.85
    assert (found.high[enough] > expected[enough]).mean() > 0.85


def test_halves_are_swapped_and_put_together_by_hand():
    # two blocks, four examples: groups by block 0 measured on block 1, and the other way round
    groups = {0: np.array(["a", "a", "b", "b"]), 1: np.array(["a", "b", "b", "b"])}
    values = {0: np.array([1.0, 2.0, 3.0, np.nan]), 1: np.array([10.0, 20.0, 30.0, 40.0])}
    found = means_by_group(lambda b: groups[min(b)], lambda b: values[min(b)], ("a", "b", "c"), {0, 1}, {0, 1})
    assert found.mean[0] == pytest.approx((10 + 20 + 1) / 3)
    assert found.mean[1] == pytest.approx((30 + 40 + 2 + 3) / 4)
    assert np.isnan(found.mean[2])
    assert found.examples.tolist() == [1.5, 2.5, 0]
    assert np.isnan(found.standard_error).all()  # a half of one block cannot lose it


def test_a_block_that_only_defines_groups_is_never_measured_on():
    asked = []

    def values(blocks):
        asked.append(blocks)
        return np.zeros(3)

    means_by_group(lambda blocks: np.array(["a", "a", "a"]), values, ("a",), range(6), range(1, 6))
    assert set().union(*asked) == {1, 2, 3, 4, 5}


def test_groups_and_values_never_share_a_block():
    defined, measured = [], []

    def groups(blocks):
        defined.append(blocks)
        return np.array(["a"])

    def values(blocks):
        measured.append(blocks)
        return np.zeros(1)

    means_by_group(groups, values, ("a",), range(8), range(8))
    assert len(defined) == len(measured) == 2 * 9  # the estimate and eight without a block
    assert all(not one & other for one, other in zip(defined, measured, strict=True))


def test_with_one_block_there_is_nothing_to_tell():
    found = means_by_group(lambda b: np.array(["a"]), lambda b: np.zeros((2, 1)), ("a", "b"), {0}, {0})
    assert np.isnan(found.mean).all()
    assert found.mean.shape == (2, 2)


def test_the_jackknife_is_that_of_the_whole_procedure():
    random = np.random.default_rng(0)
    per_block = random.normal(size=(6, 50))
    groups = np.array(["a"] * 25 + ["b"] * 25)

    def mean_of(blocks):
        return per_block[sorted(blocks)].mean(0)

    found = means_by_group(lambda b: groups, mean_of, ("a", "b"), range(6), range(6))

    def by_hand(blocks):
        halves = [[b for b in blocks if b % 2 == part] for part in (0, 1)]
        return np.mean([per_block[half].mean(0)[:25].mean() for half in halves])

    left_out = np.array([by_hand([b for b in range(6) if b != out]) for out in range(6)])
    error = np.sqrt(5 / 6 * ((left_out - left_out.mean()) ** 2).sum())
    assert found.mean[0] == pytest.approx(by_hand(range(6)))
    assert found.standard_error[0] == pytest.approx(error)
    assert found.high[0] - found.mean[0] == pytest.approx(2.570582 * error, rel=1e-6)  # t of 5 degrees of freedom
