"""The nearest vectors against a few lines of NumPy in float64 that measure every pair."""

import numpy as np
import pytest
import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode

from memscope.analysis.neighbours import exact as neighbours
from memscope.analysis.neighbours import float64
from memscope.analysis.neighbours.exact import BLOCK_SIZE, nearest, prepare
from memscope.analysis.neighbours.lowest import SPARE, kth_lowest, minima_of, scores_up_to

BLOCK_SIZES = (1, 5_000, 60_000, 400_000, BLOCK_SIZE)


def measure_all(vectors: np.ndarray, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions and squared distances [n, k], by (squared distance, position)."""
    squared = np.stack(
        [((vectors.astype(np.float64) - query) ** 2).sum(axis=1) for query in queries.astype(np.float64)]
    )
    order = np.argsort(squared, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(squared, order, axis=1)


def search(vectors: np.ndarray, queries: np.ndarray, k: int, block_size: int = BLOCK_SIZE):
    memory = prepare(torch.from_numpy(vectors), k)
    return [found.numpy() for found in nearest(memory, torch.from_numpy(queries), block_size)]


def assert_exact(vectors: np.ndarray, queries: np.ndarray, k: int, block_size: int = BLOCK_SIZE) -> None:
    positions, squared = search(vectors, queries, k, block_size)
    expected_positions, expected = measure_all(vectors, queries, k)
    np.testing.assert_allclose(squared, expected, rtol=1e-13)
    np.testing.assert_array_equal(positions, expected_positions)


@pytest.fixture
def measured(monkeypatch):
    """Calls and pairs that measured in float64: k + k // 8 + 8 candidates of each query, then what was left."""
    counts = {"pairs": 0, "calls": 0}
    inner = neighbours.measured

    def count(vectors, queries, places):
        counts["pairs"] += places.numel()
        counts["calls"] += 1
        return inner(vectors, queries, places)

    monkeypatch.setattr(neighbours, "measured", count)
    return counts


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("size", "features", "k"),
    [
        (1, 3, 1),
        (50, 4, 50),
        (399, 16, 100),
        (401, 16, 100),
        (2500, 1, 3),
        (2500, 2, 40),
        (1025, 513, 7),
        (9000, 20, 9),
        (40, 40_000, 3),  # rows longer than torch.sum adds up in one order
    ],
)
def test_the_nearest_are_exact(size, features, k, dtype):
    random = np.random.default_rng(size)
    vectors, queries = random.normal(size=(size, features)), random.normal(size=(30, features))
    assert_exact(vectors.astype(dtype), queries.astype(dtype), k)


def test_clustered_features_with_many_zeros_are_searched_exactly():
    random = np.random.default_rng(0)
    centres = random.gamma(1, 2, size=(10, 60))
    vectors, queries = (
        np.maximum(centres[random.integers(0, 10, n)] + random.normal(0, 0.5, (n, 60)) - 1, 0).astype(np.float32)
        for n in (4000, 100)
    )
    assert (vectors == 0).mean() > 0.3
    assert_exact(vectors, queries, 20)
    assert_exact(vectors, vectors[:50], 20)


@pytest.mark.parametrize("k", [1, 8, 60])
def test_the_size_of_a_block_does_not_change_a_bit(k, measured):
    random = np.random.default_rng(1)
    vectors, queries = (random.normal(size=(n, 24)).astype(np.float32) for n in (3000, 70))
    found = [search(vectors, queries, k, block_size) for block_size in BLOCK_SIZES]
    assert measured["pairs"] < len(BLOCK_SIZES) * 70 * (k + k // 8 + 8 + 5)  # by products, not of all
    for positions, squared in found[:-1]:
        np.testing.assert_array_equal(positions, found[-1][0])
        np.testing.assert_array_equal(squared, found[-1][1])


@pytest.mark.parametrize("features", [1, 3, 7, 64, 333])
def test_the_other_queries_of_a_call_do_not_change_a_bit(features):
    random = np.random.default_rng(features)
    vectors, queries = (random.normal(size=(n, features)) for n in (1500, 40))
    vectors[700:] = vectors[:800]  # ties
    together = search(vectors, queries, 6)
    for rows in (slice(0, 1), slice(7, 8), slice(3, 20), slice(39, None, -1)):
        some = np.ascontiguousarray(queries[rows]) if rows.step is None else queries[::-1].copy()
        alone = search(vectors, some, 6)
        for expected, found in zip(together, alone, strict=True):
            np.testing.assert_array_equal(expected[rows] if rows.step is None else expected[::-1], found)


def test_threads_do_not_change_a_bit():
    random = np.random.default_rng(2)
    vectors, queries = (random.normal(size=(n, 64)).astype(np.float32) for n in (3000, 200))
    threads = torch.get_num_threads()
    found = []
    try:
        for number in (1, 2):
            torch.set_num_threads(number)
            found.append(search(vectors, queries, 5))
    finally:
        torch.set_num_threads(threads)
    np.testing.assert_array_equal(found[0][1], found[1][1])


@pytest.mark.parametrize("block_size", BLOCK_SIZES)
def test_of_identical_vectors_the_first_are_nearest(block_size):
    """Far more ties than k, in three places; and fewer than k, so that two places are needed."""
    random = np.random.default_rng(3)
    places = random.integers(-3, 4, size=(4, 10)).astype(np.float32)
    which = random.choice(4, size=5000, p=[0.5, 0.3, 0.199, 0.001])
    assert 2 < (which == 3).sum() < 12
    queries = np.concatenate([places, places + 1, np.zeros((1, 10), dtype=np.float32)])
    assert_exact(places[which], queries, 12, block_size)
    among_others = np.concatenate([places[which], random.integers(-3, 4, size=(3000, 10)).astype(np.float32)])
    assert_exact(random.permutation(among_others), queries, 12, block_size)


def test_no_more_than_k_copies_of_a_vector_are_searched_among():
    vectors = torch.tensor([[0.0, 1.0], [2.0, 0.0], [1.0, 1.0]])[torch.arange(3000) % 50 % 3]
    assert prepare(vectors, 7).positions.tolist() == list(range(21))


def test_a_memory_of_one_vector_many_times_gives_the_first_positions():
    vectors = np.full((3000, 5), 0.3, dtype=np.float32)
    positions, squared = search(vectors, vectors[:4], 11)
    np.testing.assert_array_equal(positions, np.tile(np.arange(11), (4, 1)))
    np.testing.assert_array_equal(squared, 0)
    zero = np.zeros_like(vectors)
    np.testing.assert_array_equal(search(zero, zero[:4], 11)[0], positions)


def test_negative_zero_is_zero():
    vectors = np.zeros((2000, 3), dtype=np.float32)
    vectors[::3] = -0.0
    np.testing.assert_array_equal(search(vectors, vectors[:2], 4)[0], [[0, 1, 2, 3]] * 2)


def test_ties_of_different_vectors_go_to_the_lowest_position(measured):
    """All corners of a cube are equally far from its middle, and very many from each corner."""
    random = np.random.default_rng(4)
    vectors = random.choice([-1.0, 1.0], size=(4000, 40)).astype(np.float32)
    queries = np.concatenate([np.zeros((2, 40), dtype=np.float32), vectors[:20]])
    assert_exact(vectors, queries, 9)
    assert measured["pairs"] > 2 * 4000  # of the middle all, since scores rule nothing out


def test_ties_are_broken_in_the_same_way_from_piece_to_piece(monkeypatch):
    monkeypatch.setattr(neighbours, "PIECE", 999)
    random = np.random.default_rng(14)
    vectors = random.choice([-1.0, 1.0], size=(1000, 10)).astype(np.float32)
    queries = np.zeros((3, 10), dtype=np.float32)
    for k in (9, 300):
        assert_exact(vectors, queries, k)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_near_ties_far_from_the_centre_are_told_apart(dtype):
    """Two clusters 20,000 apart whose members differ by a few steps of float32: its products see one point each."""
    random = np.random.default_rng(5)
    side = np.where(np.arange(3000) % 3 == 0, 1.0, -1.0)[:, np.newaxis]
    vectors = (side * 10_000 / np.sqrt(32) + random.integers(-3, 4, size=(3000, 32)) / 1024).astype(dtype)
    assert_exact(vectors, vectors[:40], 10)


def test_near_ties_that_float32_cannot_represent_are_told_apart(measured):
    random = np.random.default_rng(6)
    vectors = 1e6 + random.normal(size=(2000, 16)) * 1e-4
    assert_exact(vectors, vectors[:30] + 1e-5, 5)
    assert 30 * 5 <= measured["pairs"] <= 30 * 7  # what is common to all does not blur the scores
    vectors[:1000] = vectors[1000] + random.normal(size=(1000, 16)) * 1e-12
    expected, _ = measure_all(vectors, vectors[:30], 5)
    np.testing.assert_array_equal(search(vectors, vectors[:30], 5)[0], expected)


def test_near_ties_in_the_scores_are_told_apart_though_few_pairs_are_measured(measured):
    """Distances from the query differ by less than a float32 score can tell, in a memory that is otherwise ordinary."""
    random = np.random.default_rng(7)
    vectors = random.normal(size=(5000, 100))
    query = random.normal(size=(1, 100))
    direction = random.normal(size=(200, 100))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    near = random.choice(5000, 200, replace=False)
    vectors[near] = query + direction * (5 + random.permutation(200)[:, np.newaxis] * 1e-8)
    assert_exact(vectors, query, 60)
    assert measured["pairs"] == 200


def test_few_pairs_are_measured(measured):
    """Also where one vector of the memory is a thousand times as long as the others."""
    random = np.random.default_rng(8)
    vectors, queries = (random.normal(size=(n, 128)).astype(np.float32) for n in (20_000, 100))
    vectors[77] *= 1000
    search(vectors, queries[:20], 30, block_size=2_000_000)
    assert 20 * 30 <= measured["pairs"] <= 20 * 35
    assert_exact(vectors, queries, 30)
    assert 120 * 30 <= measured["pairs"] <= 120 * 35


@pytest.mark.parametrize("factor", [1e-30, 1e-18, 1e18, 1e30])
def test_tiny_and_huge_numbers_do_not_underflow_or_overflow(factor):
    random = np.random.default_rng(9)
    vectors, queries = (random.normal(size=(n, 12)).astype(np.float32) * np.float32(factor) for n in (1500, 20))
    assert_exact(vectors, queries, 5)
    assert_exact(vectors.astype(np.float64) * factor**3, queries.astype(np.float64) * factor**3, 5)


@pytest.mark.parametrize("distance", [1e3, 1e9, 1e18, 1e30])
def test_queries_far_from_the_memory_are_answered_exactly(distance):
    random = np.random.default_rng(10)
    vectors, queries = (random.normal(size=(n, 12)).astype(np.float32) for n in (1500, 20))
    assert_exact(vectors, queries * np.float32(distance), 5)
    assert_exact(np.concatenate([vectors, vectors * np.float32(distance)]), queries, 5)
    assert_exact(vectors * np.float32(1e-20), queries * np.float32(distance), 5)  # 1e50 times as far


def test_vectors_in_order_of_their_distance_are_searched_exactly(measured):
    """The worst order there is to select in: every vector is nearer than all before it."""
    random = np.random.default_rng(11)
    vectors, queries = (random.normal(size=(n, 8)).astype(np.float32) for n in (6000, 10))
    vectors = vectors[np.argsort(-((vectors - queries[0]) ** 2).sum(axis=1))]
    for block_size in BLOCK_SIZES:
        assert_exact(vectors, queries, 10, block_size)
    assert measured["pairs"] <= len(BLOCK_SIZES) * 10 * 15


def in_chunks(scores, chunk, k):
    """The minima of the chunks, the k-th lowest of these, and where the lowest are."""
    minima = torch.empty(len(scores), scores.shape[1] // chunk)
    minima_of(scores, chunk, out=minima)
    return minima, *kth_lowest(minima, k)


@pytest.mark.parametrize("k", [1, 7, 18, 19, 30])
@pytest.mark.parametrize(("columns", "chunk"), [(40, 1), (1000, 16), (1008, 16), (500, 7)])
def test_k_scores_are_up_to_the_kth_lowest_minimum_and_the_chunks_with_the_lowest_are_named(columns, chunk, k):
    scores = torch.from_numpy(np.random.default_rng(15).integers(-500, 500, (20, columns)).astype(np.float32))
    minima, kth, lowest = in_chunks(scores, chunk, k)
    chunks = columns // chunk
    expected = scores[:, : chunks * chunk].numpy().reshape(20, chunk, chunks).min(axis=1)
    np.testing.assert_array_equal(minima, expected)
    np.testing.assert_array_equal(kth, np.sort(expected, axis=1)[:, k - 1])
    width = min(k + SPARE, chunks)
    np.testing.assert_array_equal(minima.gather(1, lowest).sort(dim=1).values, np.sort(expected, axis=1)[:, :width])
    assert all(len(set(row)) == width for row in lowest.tolist())
    assert ((scores <= kth[:, None]).sum(dim=1) >= k).all()


@pytest.mark.parametrize("space", [1, 100_000, 10**9])
@pytest.mark.parametrize(("columns", "chunk"), [(5, 1), (1000, 16), (1008, 16), (500, 7)])
def test_every_score_up_to_the_limit_of_its_own_row_is_found(columns, chunk, space):
    """Limits of the rows differ, so that one of them has every score below its own and another has only its lowest."""
    random = np.random.default_rng(17)
    scores = torch.from_numpy(random.integers(-500, 500, (40, columns)).astype(np.float32))
    limit = scores.amin(dim=1) + torch.from_numpy(random.permutation(np.linspace(0, 1100, 40).astype(np.float32)))
    minima, _, lowest = in_chunks(scores, chunk, 2)
    # whose k-th lowest minimum is always up to the limit
    limit = torch.maximum(limit, minima.sort(dim=1).values[:, 1])
    seen, alone = [], 0
    for group, places in scores_up_to(limit, scores, minima, lowest, chunk, space):
        alone += len(group) == 1
        for row, near in zip(group.tolist(), places.tolist(), strict=True):
            assert len(set(near)) == len(near)
            assert all(0 <= place < columns for place in near)
            assert set(near) >= set((scores[row] <= limit[row]).nonzero()[:, 0].tolist())
        seen += group.tolist()
    assert sorted(seen) == list(range(40))
    if space == 1 and columns > 5:
        assert alone > 30  # but for those with few chunks


@pytest.mark.parametrize("block_size", BLOCK_SIZES)
def test_queries_that_tie_are_answered_together_each_from_its_own_candidates(block_size, measured):
    """Of zeros and ones nearly every query ties at the k-th, each among as many others; some queries tie not at all."""
    random = np.random.default_rng(18)
    vectors = random.choice([0.0, 1.0], size=(3000, 48)).astype(np.float32)
    queries = random.choice([0.0, 1.0], size=(120, 48)).astype(np.float32)
    queries[::7] += random.normal(size=queries[::7].shape).astype(np.float32)
    queries[1::20] = 0.5  # equally far from all
    positions, squared = search(vectors, queries, 30, block_size)
    expected_positions, expected = measure_all(vectors, queries, 30)
    np.testing.assert_array_equal(positions, expected_positions)
    np.testing.assert_array_equal(squared[1:][::20], 12)
    np.testing.assert_allclose(squared, expected, rtol=1e-13)
    if block_size == BLOCK_SIZE:
        assert 2 < measured["calls"] < 12  # not once a query


# Of each kind the memory, 3,000 vectors of 40 numbers or copies of few, and queries, some of which are in the memory.
HARD = {
    "all zero": lambda random: np.zeros((3000, 40)),
    "10,000 copies": lambda random: np.tile(random.normal(size=(1, 40)), (10_000, 1)),
    "copies of seven": lambda random: random.normal(size=(7, 40))[random.integers(0, 7, 3000)],
    "far from zero": lambda random: 1e4 + random.normal(size=(3000, 40)),
    "half precision": lambda random: (3 + 0.1 * random.normal(size=(3000, 40))).astype(np.float16).astype(np.float64),
    "a coarse grid": lambda random: np.round(random.normal(size=(3000, 40))),
    "a class within 1e-3 of its mean": lambda random: np.eye(40)[0] + 1e-3 * random.normal(size=(3000, 40)),
}


@pytest.mark.parametrize("k", [1, 50, 2990, 3000])
@pytest.mark.parametrize("kind", HARD)
def test_hard_cases_are_measured_to_the_bit(kind, k):
    """Distances are the very sums of float64, so that equal ones are ties; one query gets what many get."""
    random = np.random.default_rng(16)
    vectors = HARD[kind](random).astype(np.float32)
    queries = np.concatenate([vectors[::500][:5], vectors[:3] + random.normal(size=(3, 40)).astype(np.float32)])
    given = torch.from_numpy(vectors).double()
    squared = torch.stack([(given - query).square().sum(dim=1) for query in torch.from_numpy(queries).double()])
    expected, order = squared.sort(dim=1, stable=True)
    for found in (search(vectors, queries, k), search(vectors, queries, k, 50_000)):
        np.testing.assert_array_equal(found[0], order[:, :k])
        np.testing.assert_array_equal(found[1], expected[:, :k])
    alone = search(vectors, queries[6:7], k)
    np.testing.assert_array_equal(alone[0], order[6:7, :k])


def test_no_queries_have_no_neighbours():
    positions, squared = search(np.ones((5000, 3)), np.empty((0, 3)), 2)
    assert positions.shape == squared.shape == (0, 2)


def test_products_are_taken_in_full_float32_whatever_else_is_allowed(monkeypatch):
    random = np.random.default_rng(12)
    vectors, queries = (random.normal(size=(n, 30)).astype(np.float32) for n in (3000, 20))
    product, seen = torch.mm, []

    def watched(*arguments, **more):
        seen.append((torch.backends.mkldnn.matmul.fp32_precision, torch.backends.cuda.matmul.fp32_precision))
        return product(*arguments, **more)

    monkeypatch.setattr(torch, "mm", watched)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    torch.set_float32_matmul_precision("medium")
    try:
        with torch.autocast("cpu", torch.bfloat16):
            assert_exact(vectors, queries, 5)
        assert set(seen) == {("ieee", "ieee")}
        assert torch.backends.mkldnn.matmul.fp32_precision == "bf16"  # what was allowed is allowed again
    finally:
        torch.set_float32_matmul_precision("highest")


class LiveMemory(TorchDispatchMode):
    """`peak` is the largest sum, in bytes, of the storages that were made in it and still in use."""

    def __init__(self, arguments: list[torch.Tensor]) -> None:
        super().__init__()
        self.arguments = {tensor.untyped_storage()._cdata for tensor in arguments}
        self.storages: dict[int, tuple[StorageWeakRef, int]] = {}
        self.peak = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(tensor, torch.Tensor):
                storage = tensor.untyped_storage()
                if storage._cdata in self.arguments:
                    continue
                self.storages[storage._cdata] = (StorageWeakRef(storage), storage.nbytes())
        self.storages = {key: held for key, held in self.storages.items() if not held[0].expired()}
        self.peak = max(self.peak, sum(size for _, size in self.storages.values()))
        return result


@pytest.mark.parametrize("block_size", [2**20, 2**22])
@pytest.mark.parametrize("kind", ["normal", "crowded"])
def test_working_space_is_bounded_by_the_size_of_a_block(kind, block_size, monkeypatch):
    random = np.random.default_rng(13)
    vectors, queries = (torch.from_numpy(random.normal(size=(n, 32)).astype(np.float32)) for n in (4000, 100))
    if kind == "crowded":  # float32 scores tell nothing apart
        vectors, queries = vectors.sign() + vectors / 2**20, queries / 1e9
    memory = prepare(vectors, 10)
    for module in (neighbours, float64):
        monkeypatch.setattr(module, "PIECE", 2**14)
    arguments = [queries, *(value for value in vars(memory).values() if isinstance(value, torch.Tensor))]
    with LiveMemory(arguments) as live:
        found = nearest(memory, queries, block_size)
    space = live.peak - sum(tensor.nbytes for tensor in found)
    assert block_size / 4 < space < 1.2 * block_size + 3 * 8 * neighbours.PIECE
