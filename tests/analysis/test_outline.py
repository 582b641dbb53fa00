"""A search through outlines against a few lines of NumPy in float64 that measure every pair."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from memscope.analysis import candidates, neighbours, outline
from memscope.analysis.neighbour_memory import Memory, prepare
from memscope.analysis.neighbours import BLOCK_SIZE, nearest
from memscope.analysis.outline import leading_axes, length_error, outlined


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Outlines for memories of the size of a test's."""
    monkeypatch.setattr(outline, "SAMPLE", 800)
    monkeypatch.setattr(outline, "QUERIES", 30)
    monkeypatch.setattr(outline, "SMALLEST", (1000, 16))


def near_a_plane(random: np.random.Generator, count: int, features: int = 64, noise: float = 0.01) -> np.ndarray:
    """Like penultimate features: a few dimensions and a little of all the others, far from zero."""
    directions = np.linalg.qr(np.random.default_rng(99).normal(size=(features, 4)))[0]
    spread = random.normal(size=(count, 4)) * [4, 3, 2, 1]
    return spread @ directions.T + noise * random.normal(size=(count, features)) + 3


def assert_exact(memory: Memory, vectors: np.ndarray, queries: np.ndarray, block_size: int = BLOCK_SIZE) -> None:
    positions, squared = nearest(memory, torch.from_numpy(queries), block_size)
    every = np.stack([((vectors.astype(np.float64) - query) ** 2).sum(axis=1) for query in queries.astype(np.float64)])
    order = np.argsort(every, axis=1, kind="stable")[:, : memory.k]
    np.testing.assert_allclose(squared, np.take_along_axis(every, order, axis=1), rtol=1e-13, atol=0)
    np.testing.assert_array_equal(positions, order)


@pytest.fixture
def columns(monkeypatch):
    """The numbers of features of all products."""
    widths, multiply = [], candidates.multiply

    def count(left, right, out):
        widths.append(left.shape[1])
        multiply(left, right, out=out)

    monkeypatch.setattr(candidates, "multiply", count)
    return widths


def test_in_outline_nothing_is_farther_and_nothing_has_another_norm():
    random = np.random.default_rng(0)
    vectors = torch.from_numpy(random.normal(size=(300, 40)) * np.geomspace(1, 1e-3, 40))
    for count in (1, 7, 20):
        axes = leading_axes(vectors, count)
        torch.testing.assert_close(axes.T @ axes, torch.eye(count, dtype=torch.float64), rtol=0, atol=1e-13)
        small = outlined(axes, vectors)
        assert small.shape == (300, count + 1)
        torch.testing.assert_close(small.norm(dim=1), vectors.norm(dim=1), rtol=1e-12, atol=0)
        apart, truly = ((rows[:, None] - rows).norm(dim=2) for rows in (small, vectors))
        assert (apart <= truly + 2 * length_error(40, count) * vectors.norm(dim=1).amax()).all()
        flat = vectors @ axes @ axes.T  # of which nothing is left
        assert (outlined(axes, flat)[:, -1] <= length_error(40, count) * flat.norm(dim=1)).all()


def test_the_axes_are_those_of_the_largest_variance():
    random = np.random.default_rng(1)
    turn = np.linalg.qr(random.normal(size=(30, 30)))[0]
    vectors = random.normal(size=(2000, 30)) * [9, 7, 5, *([0.1] * 27)] @ turn.T
    axes = leading_axes(torch.from_numpy(vectors), 3).numpy()
    np.testing.assert_allclose(np.abs(axes.T @ turn[:, :3]), np.eye(3), atol=0.05)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("block_size", [200_000, 2_000_000, BLOCK_SIZE])
def test_the_nearest_are_exact_and_their_products_short(columns, dtype, block_size):
    random = np.random.default_rng(2)
    vectors, queries = (near_a_plane(random, count).astype(dtype) for count in (3000, 60))
    memory = prepare(torch.from_numpy(vectors), 10)
    assert memory.outline is not None
    assert_exact(memory, vectors, queries, block_size)
    short = memory.outline.axes.shape[1] + 2
    assert short < 65 / 2
    assert columns.count(short) > 0.9 * len(columns)


@pytest.mark.parametrize("ratio", [1e-6, 0.5, 1.0, 1.01, 100.0])
def test_they_are_exact_whatever_the_ratio(ratio, monkeypatch):
    """One that is too small misses queries, which are then searched for with all features."""
    monkeypatch.setattr(outline, "MEASURED", 0)  # an outline, although it is a bad one
    random = np.random.default_rng(3)
    vectors, queries = near_a_plane(random, 3000, noise=0.4), near_a_plane(random, 60, noise=0.4)
    memory = prepare(torch.from_numpy(vectors), 10)
    assert_exact(replace(memory, outline=replace(memory.outline, ratio=ratio)), vectors, queries)


def test_queries_unlike_the_memory_are_exact_and_after_some_no_more_tried_in_outline(columns):
    random = np.random.default_rng(4)
    vectors = near_a_plane(random, 3000)
    memory = prepare(torch.from_numpy(vectors), 10)
    queries = random.normal(size=(300, 64)) * 5
    for some in (queries, queries * 1e6, queries * 0, vectors[:50], vectors[:50] + 1e-9):
        assert_exact(memory, vectors, some)
    columns.clear()
    assert_exact(memory, vectors, queries, 200_000)
    short = memory.outline.axes.shape[1] + 2
    assert 0 < columns.count(short) < len(columns) / 4


def test_distances_that_float32_cannot_tell_apart_are_measured():
    """The nearest 200 differ by less than the rounding of a score, where the tenth is to be told from the eleventh."""
    random = np.random.default_rng(5)
    vectors, query = near_a_plane(random, 3000, noise=0.01), near_a_plane(random, 1, noise=0.01)
    direction = near_a_plane(random, 200, noise=0) - 3
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    near = random.choice(3000, 200, replace=False)
    vectors[near] = query + direction * (0.1 + random.permutation(200)[:, None] * 1e-9)
    memory = prepare(torch.from_numpy(vectors), 10)
    assert memory.outline is not None
    assert_exact(memory, vectors, query)


def test_many_copies_are_exact():
    random = np.random.default_rng(6)
    vectors = near_a_plane(random, 50)[random.integers(0, 50, 3000)]
    memory = prepare(torch.from_numpy(vectors), 70)
    assert_exact(memory, vectors, near_a_plane(random, 20))
    assert_exact(memory, vectors, vectors[:20])


def test_few_pairs_are_measured(monkeypatch):
    counts, pairs = [], neighbours.squared_distances

    def count(queries, rows, *others):
        counts.append(len(rows))
        return pairs(queries, rows, *others)

    monkeypatch.setattr(neighbours, "squared_distances", count)
    random = np.random.default_rng(7)
    vectors, queries = near_a_plane(random, 20_000), near_a_plane(random, 100)
    assert_exact(prepare(torch.from_numpy(vectors), 20), vectors, queries)
    assert sum(counts) < 100 * 20 * 4


@pytest.mark.parametrize("kind", ["noise", "constant", "two places", "few features", "few vectors"])
def test_no_outline_is_made_where_it_saves_nothing(kind):
    random = np.random.default_rng(8)
    vectors = {
        "noise": random.normal(size=(3000, 64)),
        "constant": np.ones((3000, 64)),
        "two places": np.repeat(random.normal(size=(2, 64)), 1500, axis=0),
        "few features": near_a_plane(random, 3000, 15),
        "few vectors": near_a_plane(random, 900),
    }[kind]
    memory = prepare(torch.from_numpy(vectors), 10)
    assert memory.outline is None
    assert_exact(memory, vectors, vectors[:5] + 0.1)
