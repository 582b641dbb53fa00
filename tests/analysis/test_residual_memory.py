"""ResMem against its formula in a few lines of NumPy, in float64, that measure every pair."""

import sys

import numpy as np
import pytest
import torch

import memscope
from memscope.analysis.neighbours import approximate as approximate_neighbours
from memscope.analysis.residual_memory import ResidualMemory
from memscope.analysis.residuals import neighbour_weights, probabilities, residuals
from memscope.errors import MemscopeError, OptionError

CLASSES = 5


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def normalised(features: np.ndarray, memory: np.ndarray, normalise: str) -> np.ndarray:
    if normalise == "unit":
        norms = np.linalg.norm(features, axis=1, keepdims=True)
        return features / np.where(norms > 0, norms, 1)
    if normalise == "standard":
        deviations = memory.std(axis=0)
        return (features - memory.mean(axis=0)) / np.where(deviations > 0, deviations, 1)
    return features


def all_distances(queries: np.ndarray, memory: np.ndarray, metric: str) -> np.ndarray:
    """[n, N]; the cosine distance by its definition, for vectors that are not zero."""
    if metric == "cosine":
        return 1 - queries @ memory.T / np.outer(np.linalg.norm(queries, axis=1), np.linalg.norm(memory, axis=1))
    squared = ((queries[:, np.newaxis] - memory) ** 2).sum(axis=2)
    return squared if metric == "squared-euclidean" else np.sqrt(squared)


def predicted_by_the_formula(memory, labels, memory_logits, queries, logits, k, sigma, temperature, normalise, metric):
    memory, queries, memory_logits, logits = (a.astype(np.float64) for a in (memory, queries, memory_logits, logits))
    remembered = np.eye(memory_logits.shape[1])[labels] - softmax(memory_logits / temperature)
    here, there = (normalised(features, memory, normalise) for features in (queries, memory))
    predictions = softmax(logits / temperature)
    for row, distances in enumerate(all_distances(here, there, metric)):
        nearest = np.argsort(distances, kind="stable")[:k]
        weights = np.exp(-distances[nearest] / sigma)
        predictions[row] += weights / weights.sum() @ remembered[nearest]
    return predictions


@pytest.fixture(scope="module")
def data():
    """Features, logits and labels of 900 examples in memory and 60 others: clusters, with a constant feature."""
    random = np.random.default_rng(0)
    labels = random.integers(0, CLASSES, 960)
    features = random.normal(size=(CLASSES, 12))[labels] * 2 + random.normal(size=(960, 12))
    features = np.maximum(features + 1, 0) * np.linspace(0.1, 3, 12)
    features[:, 3] = 0.7
    logits = 2 * np.eye(CLASSES)[labels] + random.normal(size=(960, CLASSES))
    arrays = features.astype(np.float32), logits.astype(np.float32), labels
    return tuple(a[:900] for a in arrays), tuple(a[900:] for a in arrays)


@pytest.mark.parametrize("metric", ["euclidean", "squared-euclidean", "cosine"])
@pytest.mark.parametrize("normalise", ["none", "unit", "standard"])
def test_predictions_are_those_of_the_formula(data, normalise, metric):
    (features, logits, labels), (queries, query_logits, _) = data
    k, sigma, temperature = 17, {"cosine": 0.05}.get(metric, 0.8), 1.7
    memory = ResidualMemory(k, sigma, temperature, normalise, metric).fit(features, logits, labels)
    found = memory.predict(queries, query_logits)
    expected = predicted_by_the_formula(
        features, labels, logits, queries, query_logits, k, sigma, temperature, normalise, metric
    )
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-12)
    assert found.min() < 0  # no probability distribution
    # The memory does something, and what it does is right: more of the other examples than the model alone.
    assert np.abs(found - softmax(query_logits / temperature)).max() > 0.5


def test_in_float64_predictions_are_those_of_the_formula_to_the_last_digits(data):
    (features, logits, labels), (queries, query_logits, _) = (
        tuple(np.float64(a) for a in part[:2]) + part[2:] for part in data
    )
    for normalise, metric in (("none", "euclidean"), ("standard", "squared-euclidean"), ("unit", "cosine")):
        memory = ResidualMemory(9, 0.3, 2.0, normalise, metric).fit(features, logits, labels)
        expected = predicted_by_the_formula(
            features, labels, logits, queries, query_logits, 9, 0.3, 2.0, normalise, metric
        )
        np.testing.assert_allclose(memory.predict(queries, query_logits), expected, atol=1e-12)


def test_a_memory_corrects_what_the_model_gets_wrong(data):
    (features, logits, labels), (queries, query_logits, query_labels) = data
    random = np.random.default_rng(1)
    logits, query_logits = (random.normal(size=a.shape) for a in (logits, query_logits))
    memory = ResidualMemory(10, 0.5).fit(features, logits, labels)
    assert np.mean(query_logits.argmax(axis=1) == query_labels) < 0.4
    assert np.mean(memory.predict(queries, query_logits).argmax(axis=1) == query_labels) > 0.7


@pytest.mark.parametrize(("k", "sigma"), [(1, 1.0), (1, 1e-300), (8, 1e-6), (8, 1e-300)])
def test_the_training_labels_are_memorised_by_one_neighbour_or_a_small_sigma(k, sigma):
    random = np.random.default_rng(2)
    features, logits = random.normal(size=(700, 6)), random.normal(size=(700, CLASSES)) * 5
    labels = random.integers(0, CLASSES, 700)
    predictions = ResidualMemory(k, sigma, temperature=0.5).fit(features, logits, labels).predict(features, logits)
    np.testing.assert_allclose(predictions, np.eye(CLASSES)[labels], atol=1e-15)
    np.testing.assert_array_equal(predictions.argmax(axis=1), labels)


def test_neighbours_are_ordered_by_distance_and_then_position(data):
    (features, logits, labels), (queries, *_) = data
    features = np.concatenate([features, features[:300], features[:300]])
    logits, labels = (np.concatenate([a, a[:300], a[:300]]) for a in (logits, labels))
    positions, distances = ResidualMemory(50, 1.0).fit(features, logits, labels).neighbours(queries)
    expected = all_distances(queries.astype(np.float64), features.astype(np.float64), "euclidean")
    order = np.argsort(expected, axis=1, kind="stable")[:, :50]
    np.testing.assert_array_equal(positions, order)
    assert positions.dtype == np.int64
    np.testing.assert_allclose(distances, np.take_along_axis(expected, order, axis=1), rtol=1e-13)
    assert (np.diff(distances) == 0).sum() > 100


def test_identical_features_give_the_mean_of_the_first_residuals():
    random = np.random.default_rng(3)
    features, logits = np.ones((2000, 4), dtype=np.float32), random.normal(size=(2000, CLASSES))
    labels = random.integers(0, CLASSES, 2000)
    memory = ResidualMemory(7, 0.1).fit(features, logits, labels)
    positions, distances = memory.neighbours(features[:3])
    np.testing.assert_array_equal(positions, [range(7)] * 3)
    np.testing.assert_array_equal(distances, 0)
    expected = softmax(logits[:3]) + (np.eye(CLASSES)[labels] - softmax(logits))[:7].mean(axis=0)
    np.testing.assert_allclose(memory.predict(features[:3], logits[:3]), expected, atol=1e-14)


def test_neither_other_rows_nor_the_size_of_a_block_change_a_bit(data):
    (features, logits, labels), (queries, query_logits, _) = data
    for normalise, metric in (("none", "euclidean"), ("standard", "cosine"), ("unit", "squared-euclidean")):
        options = {"k": 6, "sigma": 0.3, "normalise": normalise, "metric": metric}
        memory = ResidualMemory(**options).fit(features, logits, labels)
        positions, distances = memory.neighbours(queries)
        _, weights = memory.retrieve(queries)
        predictions = memory.predict(queries, query_logits)
        for block_size in (3000, 50_000):
            other = ResidualMemory(**options, block_size=block_size).fit(features, logits, labels)
            np.testing.assert_array_equal(other.neighbours(queries), (positions, distances))
            np.testing.assert_array_equal(other.predict(queries, query_logits), predictions)
        for rows in ([0], [31], [5, 4, 3], range(10, 41), range(59, -1, -1)):
            np.testing.assert_array_equal(memory.retrieve(queries[rows]), (positions[rows], weights[rows]))
            np.testing.assert_array_equal(memory.predict(queries[rows], query_logits[rows]), predictions[rows])


def test_the_parts_make_the_whole(data):
    """What a search over sigma and temperature is made of gives the predictions bit for bit."""
    (features, logits, labels), (queries, query_logits, _) = data
    widest = ResidualMemory(40, 1.0).fit(features, logits, labels)
    positions, distances = widest.neighbours(queries)
    memory = ResidualMemory(8, 0.2, 3.0).fit(features, logits, labels)
    found, weights = memory.retrieve(queries)
    np.testing.assert_array_equal(found, positions[:, :8])
    np.testing.assert_array_equal(weights, neighbour_weights(distances[:, :8], 0.2))
    whole = memory.predict(queries, query_logits)
    np.testing.assert_array_equal(memory.combine(query_logits, found, weights), whole)
    summed = np.einsum("nk,nkc->nc", weights, residuals(logits, labels, 3.0)[found])
    np.testing.assert_allclose(probabilities(query_logits, 3.0) + summed, whole, atol=1e-14)


def test_residuals_are_the_one_hot_labels_less_the_probabilities():
    logits = np.array([[1.0, 3.0, 2.0], [0.0, 0.0, 0.0]])
    expected = np.array([[0, 0, 1], [1, 0, 0]]) - softmax(logits / 2)
    np.testing.assert_allclose(residuals(logits, [2, 0], 2.0), expected, atol=1e-15)
    # At a low temperature, or for large logits, nothing overflows.
    np.testing.assert_array_equal(probabilities([[1e300, 0.0, 1e300]], 1e-300), [[0.5, 0, 0.5]])
    np.testing.assert_array_equal(residuals([[5.0, 1.0]], [1], 1e-12), [[-1, 1]])


def test_weights_sum_to_one_for_any_sigma():
    distances = np.array([[1.0, 2.0, 4.0], [1e3, 1e3, 1e9], [0.0, 0.0, 0.0]])
    expected = np.exp(-distances[0] / 2)
    np.testing.assert_allclose(neighbour_weights(distances, 2.0)[0], expected / expected.sum(), rtol=1e-14)
    for sigma in (1e-320, 1e-9, 1.0, 1e300):
        weights = neighbour_weights(distances, sigma)
        np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-14)
        np.testing.assert_allclose(weights[1:], [[0.5, 0.5, 0], [1 / 3] * 3] if sigma < 1e9 else 1 / 3, atol=1e-14)


def test_a_zero_vector_stays_zero_and_is_half_way_from_all_others():
    random = np.random.default_rng(4)
    features = random.normal(size=(40, 5))
    features[[7, 9]] = 0
    logits, labels = np.zeros((40, 2)), np.arange(40) % 2
    queries = np.stack([np.zeros(5), features[3] * 4])
    positions, distances = ResidualMemory(40, 1.0, metric="cosine").fit(features, logits, labels).neighbours(queries)
    np.testing.assert_array_equal(positions[0, :2], [7, 9])
    np.testing.assert_allclose(distances[0], [0, 0] + [0.5] * 38, atol=1e-15)
    assert positions[1, 0] == 3
    assert distances[1, 0] == 0  # four times a vector is in the same direction, exactly
    positions, distances = ResidualMemory(2, 1.0, normalise="unit").fit(features, logits, labels).neighbours(queries)
    np.testing.assert_array_equal(distances[0], 0)


def test_a_constant_feature_counts_as_it_is_when_others_are_standardised():
    random = np.random.default_rng(5)
    features = random.normal(size=(300, 3)).astype(np.float32) * 100
    features[:, 1] = 0.1  # whose mean over 300, in floating point, is not quite 0.1
    memory = ResidualMemory(3, 1.0, normalise="standard").fit(features, np.zeros((300, 2)), np.zeros(300, dtype=int))
    query = features[:1].copy()
    assert memory.neighbours(query)[1][0, 0] == 0
    query[0, 1] += 2
    np.testing.assert_allclose(memory.neighbours(query)[1][0, 0], 2, rtol=1e-6)


def test_tiny_vectors_have_a_direction():
    features = np.array([[3.0, 4.0], [4.0, 3.0], [-3.0, 4.0]]) * 1e-180
    memory = ResidualMemory(1, 1.0, metric="cosine").fit(features, np.zeros((3, 2)), [0, 1, 0])
    np.testing.assert_array_equal(memory.neighbours(np.array([[30.0, 41.0], [-1e-3, 1e-3]]))[0], [[0], [2]])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_tensors_give_tensors_and_arrays_arrays(data, dtype):
    (features, logits, labels), (queries, query_logits, _) = data
    tensors = [torch.tensor(a).to(dtype) for a in (features, logits, queries, query_logits)]
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    arrays = [tensor.to(wide).numpy() for tensor in tensors]
    memory = ResidualMemory(5, 0.5, normalise="standard").fit(
        tensors[0].requires_grad_(), tensors[1], torch.tensor(labels)
    )
    predictions = memory.predict(tensors[2], tensors[3])
    assert isinstance(predictions, torch.Tensor)
    assert predictions.dtype == torch.float64
    assert not predictions.requires_grad
    assert all(isinstance(a, torch.Tensor) for a in (*memory.neighbours(tensors[2]), *memory.retrieve(tensors[2])))
    other = ResidualMemory(5, 0.5, normalise="standard").fit(arrays[0], arrays[1], labels)
    np.testing.assert_array_equal(predictions.numpy(), other.predict(arrays[2], arrays[3]))
    np.testing.assert_array_equal(predictions.numpy(), memory.predict(arrays[2], arrays[3]))


def test_any_array_of_numbers_will_do(data):
    (features, logits, labels), (queries, query_logits, _) = data
    expected = ResidualMemory(5, 0.5).fit(features, logits, labels).predict(queries, query_logits)
    frozen = features.copy()
    frozen.flags.writeable = False
    memory = ResidualMemory(np.int64(5), np.float64(0.5)).fit(
        np.asfortranarray(frozen), logits.astype(">f4"), labels.astype(np.uint8)
    )
    np.testing.assert_array_equal(memory.predict(queries[::-1][::-1], query_logits.tolist()), expected)
    integers = np.arange(12).reshape(6, 2)
    memory = ResidualMemory(2, 0.5).fit(integers, integers, [0, 1] * 3)
    np.testing.assert_array_equal(memory.neighbours(integers)[0][0], [0, 1])


def test_what_was_fitted_does_not_change_with_the_arrays(data):
    (features, logits, labels), (queries, query_logits, _) = data
    given = features.copy(), logits.copy(), labels.copy()
    memory = ResidualMemory(5, 0.5).fit(*given)
    expected = memory.predict(queries, query_logits)
    for array in given:
        array[:] = 0
    np.testing.assert_array_equal(memory.predict(queries, query_logits), expected)


def test_arguments_are_left_as_they_are(data):
    (features, logits, labels), (queries, query_logits, _) = data
    given = [np.float64(a) for a in (features, logits, queries, query_logits)]
    before = [a.copy() for a in given]
    for normalise in ("none", "unit", "standard"):
        memory = ResidualMemory(5, 0.5, normalise=normalise).fit(given[0], given[1], labels)
        memory.predict(given[2], given[3])
    for array, copy in zip(given, before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_no_queries_get_no_predictions(data):
    (features, logits, labels), _ = data
    memory = ResidualMemory(5, 0.5, metric="cosine").fit(features, logits, labels)
    assert memory.predict(np.empty((0, 12)), np.empty((0, CLASSES))).shape == (0, CLASSES)
    assert [found.shape for found in memory.neighbours(features[:0])] == [(0, 5), (0, 5)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 0}, "k is 0; it must be a whole number"),
        ({"k": 2.0}, "k is 2.0"),
        ({"k": True}, "k is True"),
        ({"sigma": 0}, "sigma is 0; it must be a number above 0"),
        ({"sigma": float("inf")}, "sigma is inf"),
        ({"sigma": float("nan")}, "sigma is nan"),
        ({"temperature": -1.0}, "temperature is -1.0"),
        ({"temperature": "1"}, "temperature is '1'"),
        ({"normalise": "l2"}, "normalise is 'l2'; it must be one of none, unit, standard"),
        ({"metric": "dot"}, "metric is 'dot'; it must be one of euclidean, squared-euclidean, cosine"),
        ({"index": "hnsw"}, "index is 'hnsw'; it must be one of exact, faiss"),
        ({"block_size": 0}, "block_size is 0"),
    ],
)
def test_options_that_cannot_be_are_refused(options, message):
    with pytest.raises(OptionError, match=message):
        ResidualMemory(**({"k": 3, "sigma": 1.0} | options))


def test_data_that_cannot_be_are_refused(data):
    (features, logits, labels), (queries, query_logits, _) = data
    memory = ResidualMemory(5, 1.0)

    def refused(message, function, *arguments):
        with pytest.raises(OptionError, match=message):
            function(*arguments)

    refused("call fit first", memory.predict, queries, query_logits)
    refused("call fit first", memory.neighbours, queries)
    refused("k is 5 and the memory has 4", memory.fit, features[:4], logits[:4], labels[:4])
    refused("k is 5 and the memory has 0", memory.fit, features[:0], logits[:0], labels[:0])
    refused(r"float32 of shape \(900,\), expected numbers \[N, F\]", memory.fit, features[:, 0], logits, labels)
    refused(r"shape \(900, 0\)", memory.fit, features[:, :0], logits, labels)
    refused("of 900 examples and logits of 899", memory.fit, features, logits[1:], labels)
    refused(r"labels are int64 of shape \(899,\)", memory.fit, features, logits, labels[1:])
    refused("labels are float64", memory.fit, features, logits, labels.astype(float))
    refused("labels go from 0 to 5, expected 0 to 4", memory.fit, features, logits, labels + (labels == 4))
    refused("labels go from -1 to 4", memory.fit, features, logits, labels - (labels == 0))
    refused("features are <U1", memory.fit, features.astype(str).astype("<U1"), logits, labels)
    for bad in (np.nan, np.inf, -np.inf):
        for which in (0, 1):
            arrays = [features.copy(), logits.copy()]
            arrays[which][7, 2] = bad
            name = ("features", "logits")[which]
            refused(f"{name} hold NaN or infinity, first in row 7", memory.fit, *arrays, labels)
    for options in ({}, {"normalise": "standard"}, {"metric": "cosine"}):
        huge = np.float64(features) * 1e200
        refused(r"expected 1e\+150 at most", ResidualMemory(5, 1.0, **options).fit, huge, logits, labels)
    unlike = features * np.where(np.arange(12) == 0, 1e-140, 1)
    standard = ResidualMemory(5, 1.0, normalise="standard").fit(unlike, logits, labels)
    refused("features, normalised, are as large as", standard.neighbours, queries * 1e20)
    memory.fit(features, logits, labels)
    refused("with 12 columns", memory.neighbours, queries[:, 1:])
    refused("with 5 columns", memory.predict, queries, query_logits[:, 1:])
    refused("of 60 examples and logits of 59", memory.predict, queries, query_logits[1:])
    queries = queries.copy()
    queries[3] = np.nan
    refused("first in row 3", memory.predict, queries, query_logits)
    for function in (residuals, probabilities):
        with pytest.raises(OptionError, match="temperature is 0"):
            function(logits, *([labels] if function is residuals else []), temperature=0)
    refused("sigma is -1", neighbour_weights, np.ones((2, 2)), -1)


def test_a_failed_fit_leaves_what_was_fitted(data):
    (features, logits, labels), (queries, query_logits, _) = data
    memory = ResidualMemory(5, 1.0).fit(features, logits, labels)
    expected = memory.predict(queries, query_logits)
    with pytest.raises(OptionError):
        memory.fit(features[:3], logits[:3], labels[:3])
    np.testing.assert_array_equal(memory.predict(queries, query_logits), expected)


def test_it_is_a_public_name():
    assert memscope.ResidualMemory is ResidualMemory


def test_without_faiss_its_index_is_refused_with_the_way_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(MemscopeError, match=r'pip install "memscope-ml\[faiss\]"'):
        ResidualMemory(3, 1.0, index="faiss")


def test_a_small_memory_is_searched_exactly_with_faiss_too(data):
    pytest.importorskip("faiss")
    (features, logits, labels), (queries, query_logits, _) = data
    exact, approximate = (
        ResidualMemory(9, 0.5, index=name).fit(features, logits, labels) for name in ("exact", "faiss")
    )
    np.testing.assert_array_equal(exact.neighbours(queries), approximate.neighbours(queries))
    np.testing.assert_array_equal(exact.predict(queries, query_logits), approximate.predict(queries, query_logits))


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_faiss_finds_most_neighbours_in_a_large_memory_at_their_exact_distances(monkeypatch, metric):
    pytest.importorskip("faiss")
    monkeypatch.setattr(approximate_neighbours, "APPROXIMATE_FROM", 5000)
    monkeypatch.setattr(approximate_neighbours, "PROBES", 16)
    random = np.random.default_rng(6)
    centres = random.normal(size=(30, 24)) * 0.7
    features = (centres[random.integers(0, 30, 6000)] + random.normal(size=(6000, 24))).astype(np.float32)
    features[100:200] = features[:100]
    logits, labels = np.zeros((6000, 2)), np.zeros(6000, dtype=int)
    exact, approximate = (
        ResidualMemory(10, 0.5, metric=metric, index=name).fit(features, logits, labels).neighbours(features[:300])
        for name in ("exact", "faiss")
    )
    shared = [np.intersect1d(a, b, return_indices=True) for a, b in zip(exact[0], approximate[0], strict=True)]
    recall = sum(len(found) for found, *_ in shared) / 3000
    assert 0.8 < recall < 1  # approximate indeed
    for row, (_, here, there) in enumerate(shared):
        np.testing.assert_array_equal(exact[1][row, here], approximate[1][row, there])
    # A vector finds itself, and where there are two the first comes first.
    np.testing.assert_array_equal(approximate[0][:200, 0], np.tile(np.arange(100), 2))
    assert (np.diff(approximate[1]) >= 0).all()


def test_what_faiss_does_not_find_enough_of_is_searched_exactly(monkeypatch):
    pytest.importorskip("faiss")
    monkeypatch.setattr(approximate_neighbours, "APPROXIMATE_FROM", 500)
    monkeypatch.setattr(approximate_neighbours, "PROBES", 6)
    random = np.random.default_rng(7)
    features = random.normal(size=(600, 4))
    options = features, np.zeros((600, 2)), np.zeros(600, dtype=int)
    exact, approximate = (
        ResidualMemory(200, 0.5, index=name).fit(*options).neighbours(features[:20]) for name in ("exact", "faiss")
    )
    np.testing.assert_array_equal(exact, approximate)


def test_faiss_is_not_asked_for_what_float32_cannot_hold(monkeypatch):
    pytest.importorskip("faiss")
    monkeypatch.setattr(approximate_neighbours, "APPROXIMATE_FROM", 500)
    features = np.random.default_rng(8).normal(size=(600, 4))
    options = features, np.zeros((600, 2)), np.zeros(600, dtype=int)
    exact, approximate = (ResidualMemory(3, 0.5, index=name).fit(*options) for name in ("exact", "faiss"))
    far = np.concatenate([features[:2], features[:2] * 1e60])
    np.testing.assert_array_equal(exact.neighbours(far), approximate.neighbours(far))
    np.testing.assert_array_equal(exact.neighbours(far[2:]), approximate.neighbours(far[2:]))
