"""Scores on models that did not name the types: what is noise is gone there, what is real stays."""

import numpy as np
import pytest

from memscope.analysis.memorisation import Counts
from memscope.analysis.trajectories import TYPES, classify_trajectories
from memscope.counting.outcomes import SizeCounts
from memscope.counting.type_scores import scores_elsewhere


def counts_of(truth: np.ndarray, blocks: int, random: np.random.Generator) -> list[SizeCounts]:
    """What blocks of ten models do, seven with each example: right with `truth` [sizes, examples], else never."""
    found = []
    for chance in truth:
        shape = (blocks, truth.shape[1])
        right = random.binomial(7, np.broadcast_to(chance, shape))
        counts = Counts(np.full(shape, 7), np.full(shape, 3), right, np.zeros(shape, dtype=np.int64))
        nothing = np.zeros(10 * blocks)
        found.append(
            SizeCounts(
                blocks=tuple(range(blocks)),
                hard=counts,
                soft=None,
                models=np.arange(10 * blocks),
                own_accuracy=nothing,
                test_accuracy=nothing,
                seconds=nothing,
                teacher_seconds=nothing,
                diverged=(),
                made_by=frozenset(),
            )
        )
    return found


def test_what_only_noise_has_shaped_is_flat_on_other_models():
    random = np.random.default_rng(0)
    counts = counts_of(np.full((4, 20_000), 0.5), 4, random)
    found = scores_elsewhere(counts, 0.2)
    assert found.mean.shape == (len(TYPES), 4)
    assert np.abs(found.mean - 0.5).max() < 0.02
    named = classify_trajectories(np.stack([one.hard.total().score for one in counts]), 0.2)
    same = np.stack([one.hard.total().score for one in counts])[:, named == "u-shaped"].mean(axis=1)
    assert same[[0, 3]].min() - same[1:3].mean() > 0.15  # on the same models the noise has the shape of its name


def test_what_is_there_stays_and_each_half_is_measured_with_the_types_of_the_other():
    random = np.random.default_rng(1)
    truth = np.concatenate([np.full((3, 60), 0.1), np.outer([0.1, 0.5, 0.9], np.ones(40))], axis=1)
    counts = counts_of(truth, 4, random)
    found = scores_elsewhere(counts, 0.2)
    sums, numbers = np.zeros(3), 0
    for define in (0, 1):
        halves = [
            np.stack([one.hard.sum_in[half::2].sum(axis=0) / (7 * 2) for one in counts])
            for half in (define, 1 - define)
        ]
        members = classify_trajectories(halves[0], 0.2) == "increasing"
        sums += halves[1][:, members].sum(axis=1)
        numbers += members.sum()
    increasing = TYPES.index("increasing")
    assert found.mean[increasing] == pytest.approx(sums / numbers)
    assert found.mean[increasing][2] - found.mean[increasing][0] > 0.5
    assert (found.low[increasing] < found.mean[increasing]).all()


@pytest.mark.parametrize(("blocks", "means", "intervals"), [(1, False, False), (2, True, False), (4, True, True)])
def test_means_need_two_blocks_and_intervals_four(blocks, means, intervals):
    counts = counts_of(np.full((3, 500), 0.5), blocks, np.random.default_rng(2))
    found = scores_elsewhere(counts, 0.2)
    constant = TYPES.index("constant")
    assert np.isfinite(found.mean[constant]).all() == means
    assert np.isfinite(found.low[constant]).all() == intervals
