"""Residual memories of logits that are read where they are, against memories of the same logits that are held."""

import numpy as np
import pytest
import torch

from memscope.analysis import logit_rows
from memscope.analysis.residual_memory import ResidualMemory
from memscope.errors import OptionError

EXAMPLES, QUERIES, CLASSES = 240, 50, 37


@pytest.fixture(scope="module")
def data():
    """Features, logits and labels of examples in memory and of others; a few features twice, and equal logits."""
    random = np.random.default_rng(0)
    count = EXAMPLES + QUERIES
    labels = random.integers(0, CLASSES, count)
    features = (random.normal(size=(CLASSES, 8))[labels] + random.normal(size=(count, 8))).astype(np.float32)
    features[20:40] = features[:20]
    logits = (3 * np.eye(CLASSES)[labels] + random.normal(size=(count, CLASSES))).round(1).astype(np.float32)
    arrays = features, logits, labels
    return tuple(a[:EXAMPLES] for a in arrays), tuple(a[EXAMPLES:] for a in arrays)


class Counted:
    """Logits as a function of positions, which remembers what it was asked for."""

    def __init__(self, logits):
        self.logits, self.asked = logits, []

    def __call__(self, positions):
        assert positions.dtype == np.int64
        assert (np.diff(positions) > 0).all()  # ascending, each once: as HDF5 wants them
        self.asked.append(positions)
        return self.logits[positions]


def on_disk(logits, path):
    np.save(path, logits)
    return np.load(path, mmap_mode="r")


@pytest.fixture
def given(data, monkeypatch, tmp_path):
    """By name, what makes of logits something that is read where it is."""

    def large(logits):
        monkeypatch.setattr(logit_rows, "HELD", 0)
        return logits

    return {
        "function": Counted,
        "memmap": lambda logits: on_disk(logits, tmp_path / f"{len(logits)}.npy"),
        "large array": large,
        "large tensor": lambda logits: large(torch.from_numpy(logits)),
        "function of tensors": lambda logits: lambda positions: torch.from_numpy(logits)[torch.from_numpy(positions)],
    }


KINDS = ["function", "memmap", "large array", "large tensor", "function of tensors"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("block_size", [1, 20_000, 2**26])
def test_a_memory_that_reads_predicts_bit_for_bit_what_one_that_holds_does(data, given, kind, block_size):
    (features, logits, labels), (queries, query_logits, query_labels) = data
    several = np.stack([query_labels, 0 * query_labels, CLASSES - 1 - query_labels], axis=1)
    for dtype in (np.float32, np.float64, np.float16):
        rows, asked = logits.astype(dtype), query_logits.astype(dtype)
        whole = ResidualMemory(7, 0.8, 1.3).fit(features, rows, labels).predict(queries, asked)
        memory = ResidualMemory(7, 0.8, 1.3, block_size=block_size).fit(features, given[kind](rows), labels)
        for these in (asked, given[kind](asked)):
            np.testing.assert_array_equal(memory.predict(queries, these), whole)
            own = memory.predict(queries, these, labels=query_labels)
            np.testing.assert_array_equal(own, whole[range(QUERIES), query_labels])
            np.testing.assert_array_equal(
                memory.predict(queries, these, labels=several), np.take_along_axis(whole, several, axis=1)
            )
            named, values = memory.predict(queries, these, top=5)
            np.testing.assert_array_equal(named, np.argsort(-whole, axis=1, kind="stable")[:, :5])
            np.testing.assert_array_equal(values, np.take_along_axis(whole, named, axis=1))


def test_a_memory_that_holds_gives_labels_and_the_highest_too(data):
    (features, logits, labels), (queries, query_logits, query_labels) = data
    for metric, normalise in (("cosine", "none"), ("squared-euclidean", "standard")):
        memory = ResidualMemory(9, 0.3, metric=metric, normalise=normalise).fit(features, logits, labels)
        whole = memory.predict(queries, query_logits)
        own = memory.predict(queries, query_logits, labels=query_labels)
        np.testing.assert_array_equal(own, whole[range(QUERIES), query_labels])
        for top in (1, np.int64(3), CLASSES):
            named, values = memory.predict(queries, query_logits, top=top)
            np.testing.assert_array_equal(named, np.argsort(-whole, axis=1, kind="stable")[:, :top])
            np.testing.assert_array_equal(values, np.take_along_axis(whole, named, axis=1))


def test_of_equal_predictions_the_lowest_classes_are_named():
    """Where all logits and residuals are alike, or all but the label's."""
    features, logits = np.arange(6.0)[:, np.newaxis], np.zeros((6, 9))
    memory = ResidualMemory(1, 1.0).fit(features, logits, [4] * 6)
    named, values = memory.predict(features, logits, top=3)
    np.testing.assert_array_equal(named, [[4, 0, 1]] * 6)
    np.testing.assert_allclose(values, [[1, 0, 0]] * 6, atol=1e-15)


def test_tensors_give_tensors(data):
    (features, logits, labels), (queries, query_logits, query_labels) = (
        tuple(map(torch.from_numpy, part)) for part in data
    )
    memory = ResidualMemory(7, 0.8).fit(features, lambda positions: logits[torch.from_numpy(positions)], labels)
    named, values = memory.predict(queries, query_logits, top=2)
    own = memory.predict(queries, query_logits, labels=query_labels)
    assert (named.dtype, values.dtype, own.dtype) == (torch.int64, torch.float64, torch.float64)
    positions, weights = memory.retrieve(queries)
    again = memory.combine(lambda positions: query_logits[torch.from_numpy(positions)], positions, weights, top=2)
    assert torch.equal(again[0], named)
    assert torch.equal(again[1], values)
    assert torch.equal(memory.combine(query_logits, positions, weights, labels=query_labels), own)
    fewer = memory.combine(query_logits, positions[:, :3], weights[:, :3], query_labels)  # of any k
    assert not torch.equal(fewer, own)


def test_no_more_rows_are_read_at_once_than_a_block_holds(data):
    (features, logits, labels), (queries, query_logits, query_labels) = data
    for wanted in ({}, {"labels": query_labels}, {"top": 3}):
        known, asked = Counted(logits), Counted(query_logits)
        memory = ResidualMemory(7, 0.8, block_size=5 * logit_rows.BYTES * CLASSES).fit(features, known, labels)
        assert [list(positions) for positions in known.asked] == [[0]]  # to see how many classes there are
        memory.predict(queries, asked, **wanted)
        assert max(map(len, known.asked)) <= 5
        assert max(map(len, asked.asked)) <= 5
        assert sorted(set(np.concatenate(asked.asked))) == list(range(QUERIES))


def test_for_given_labels_every_neighbour_is_read_once(data):
    (features, logits, labels), (queries, query_logits, query_labels) = data
    known = Counted(logits)
    memory = ResidualMemory(20, 0.8).fit(features, known, labels)
    known.asked.clear()
    memory.predict(queries, query_logits, labels=query_labels)
    read = np.concatenate(known.asked)
    np.testing.assert_array_equal(read, np.unique(memory.neighbours(queries)[0]))


def test_what_is_held_is_a_copy_and_what_is_read_is_not(data):
    (features, logits, labels), (queries, query_logits, _) = data
    rows, known = logits.copy(), labels.copy()
    memory = ResidualMemory(7, 0.8).fit(features, lambda positions: rows[positions], known)
    expected = memory.predict(queries, query_logits)
    known[:] = 0
    np.testing.assert_array_equal(memory.predict(queries, query_logits), expected)
    rows[:] = 0
    assert np.abs(memory.predict(queries, query_logits) - expected).max() > 0.1


def test_no_queries_get_no_predictions(data, given):
    (features, logits, labels), (queries, query_logits, query_labels) = data
    memory = ResidualMemory(7, 0.8).fit(features, Counted(logits), labels)
    for none in (query_logits[:0], Counted(query_logits)):
        assert memory.predict(queries[:0], none).shape == (0, CLASSES)
        assert memory.predict(queries[:0], none, labels=query_labels[:0]).shape == (0,)
        assert [found.shape for found in memory.predict(queries[:0], none, top=4)] == [(0, 4), (0, 4)]


def test_what_cannot_be_is_refused_in_a_line(data, tmp_path):
    (features, logits, labels), (queries, query_logits, query_labels) = data
    memory = ResidualMemory(7, 0.8)

    def refused(message, function, *arguments, **more):
        with pytest.raises(OptionError, match=message):
            function(*arguments, **more)

    refused(r"labels go from 0 to 37, expected 0 to 36", memory.fit, features, Counted(logits), labels + (labels == 36))
    refused(r"labels are int64 of shape \(239,\)", memory.fit, features, Counted(logits), labels[1:])
    refused("k is 7 and the memory has 0", memory.fit, features[:0], Counted(logits), labels[:0])
    refused(r"expected numbers \[n, classes\]", memory.fit, features, lambda positions: logits[positions, 0], labels)
    refused(
        r"logits are <U4, expected an array of numbers", memory.fit, features, Counted(logits.astype("<U4")), labels
    )
    flat, short = on_disk(logits[:, 0], tmp_path / "flat.npy"), on_disk(logits[1:], tmp_path / "short.npy")
    refused(r"float32 of shape \(240,\), expected numbers", memory.fit, features, flat, labels)
    refused("of 240 examples and logits of 239", memory.fit, features, short, labels)
    memory.fit(features, lambda positions: logits[: len(positions) // 2 + 1], labels)
    refused(r"positions were asked for and \d+ rows given", memory.predict, queries, query_logits)
    memory.fit(features, lambda positions: np.full_like(logits, np.nan) if len(positions) > 1 else logits[:1], labels)
    refused(r"positions were asked for and 240 rows given", memory.predict, queries, query_logits)
    memory.fit(features, Counted(logits), labels)
    refused("with 37 columns", memory.predict, queries, Counted(query_logits[:, 1:]))
    refused(r"labels are int64 of shape \(49,\), expected whole numbers \[50\] or \[50, m\]", memory.predict, queries,
            query_logits, query_labels[1:])  # fmt: skip
    refused("labels go from -1", memory.predict, queries, query_logits, query_labels * 0 - 1)
    refused("labels are float64", memory.predict, queries, query_logits, query_labels * 1.0)
    refused("labels and top are both given", memory.predict, queries, query_logits, query_labels, 3)
    for top in (0, CLASSES + 1, 2.0, True):
        refused(rf"top is {top}; it must be .* from 1 to 37", memory.predict, queries, query_logits, top=top)
    unfitted = ResidualMemory(7, 0.8)
    refused("call fit first", unfitted.predict, queries, query_logits, top=3)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_logits_that_are_not_finite_are_found_when_they_are_read(data, bad):
    (features, logits, labels), (queries, query_logits, _) = data
    damaged = logits.copy()
    damaged[133, 5] = bad
    memory = ResidualMemory(1, 0.8).fit(features, Counted(damaged), labels)
    far = np.setdiff1d(np.arange(EXAMPLES), [133])
    memory.predict(features[far], logits[far])  # each of which is its own neighbour
    for wanted in ({}, {"labels": labels[130:140]}, {"top": 2}):
        with pytest.raises(OptionError, match="logits hold NaN or infinity, first in row 133"):
            memory.predict(features[130:140], logits[130:140], **wanted)
    damaged = query_logits.copy()
    damaged[41, 0] = bad
    with pytest.raises(OptionError, match="first in row 41"):
        memory.predict(queries, Counted(damaged), top=2)
