import numpy as np
import pytest
import torch

from memscope.analysis.proxies.depth import prediction_depth
from memscope.analysis.proxies.layer_features import layer_features
from memscope.errors import OptionError
from tests.analysis.proxies.tiny_networks import convolutional, tiny


def brute(features, labels, predictions, k):
    """Depth [N] by sorting all others of every example, by distance and position."""
    depths = []
    for example, prediction in enumerate(predictions):
        agrees = []
        for layer in features:
            distance = [
                (sum((float(a) - float(b)) ** 2 for a, b in zip(row, layer[example], strict=True)), position)
                for position, row in enumerate(layer)
                if position != example
            ]
            voted = [int(labels[position]) for _, position in sorted(distance)[:k]]
            winner = min(set(voted), key=lambda label: (-voted.count(label), label))
            agrees.append(winner == prediction)
        depth = len(features)
        while depth and agrees[depth - 1]:
            depth -= 1
        depths.append(depth)
    return depths


def test_an_example_does_not_vote_for_itself():
    # far from all others, with a label of its own: who finds himself predicts himself, at k = 1 from the input on
    features = [np.array([[0.0], [1], [2], [100]])] * 3
    labels = np.array([0, 0, 0, 1])
    assert prediction_depth(features, labels, labels, k=1).tolist() == [0, 0, 0, 3]


def test_a_copy_of_an_example_does_vote_for_it():
    features = [np.array([[0.0], [1], [2], [100], [100]])] * 3
    labels = np.array([0, 0, 0, 1, 1])
    assert prediction_depth(features, labels, labels, k=1).tolist() == [0] * 5


def test_more_copies_than_neighbours_are_taken_by_position_without_the_example_itself():
    features = [np.zeros((6, 2))]
    labels = np.array([1, 0, 1, 0, 0, 0])
    # at k = 3 the others that come first: of example 0 they are 1, 2, 3; of 1: 0, 2, 3; of 5: 0, 1, 2
    expected = {0: 0, 1: 1, 2: 0, 3: 1, 4: 1, 5: 1}
    for prediction in (0, 1):
        found = prediction_depth(features, labels, np.full(6, prediction), k=3)
        assert found.tolist() == [float(expected[example] != prediction) for example in range(6)]


def test_depth_is_the_first_layer_from_which_on_all_votes_agree():
    near, far = [[0.0], [0.1], [0.2], [9], [9.1], [9.2]], [[0.0], [9], [9.3], [9.1], [0.1], [0.3]]
    labels = np.array([0, 0, 0, 1, 1, 1])
    patterns = {"": 0, "+": 0, "-": 1, "+-": 2, "-+": 1, "+-+": 2, "-++": 1, "+--": 3, "++-": 3, "--+": 2}
    for pattern, depth in patterns.items():
        layers = [np.array(near if sign == "+" else far) for sign in pattern]  # of the first example
        assert prediction_depth(layers, labels, labels, k=2)[0] == depth, pattern


def test_it_asks_for_the_prediction_and_not_for_the_label():
    features = [np.array([[0.0], [1], [2], [3]])]
    labels = np.array([1, 0, 0, 0])  # the first is mislabelled
    assert prediction_depth(features, labels, np.array([0, 0, 0, 0]), k=3).tolist() == [0] * 4
    assert prediction_depth(features, labels, labels, k=3).tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize("k", [1, 4, 30])
def test_depths_are_those_of_sorting_everything(k):
    random = np.random.default_rng(k)
    labels, predictions = random.integers(0, 3, 60), random.integers(0, 3, 60)
    features = [
        random.integers(0, 3, (60, 2)).astype(float),
        random.normal(size=(60, 3)).astype(np.float32),
    ]  # ties, too
    features += [labels[:, None] + random.normal(size=(60, 1)), predictions[:, None] + random.normal(size=(60, 1)) / 9]
    found = prediction_depth(features, labels, predictions, k=k)
    assert found.tolist() == brute(features, labels, predictions, k)
    assert len(set(found)) > 2
    assert found.dtype == np.float64


def test_many_examples_are_counted_some_at_a_time(monkeypatch):
    random = np.random.default_rng(0)
    labels, features = random.integers(0, 4, 100), [random.normal(size=(100, 3)) for _ in range(2)]
    whole = prediction_depth(iter(features), labels, labels, k=5)
    monkeypatch.setattr("memscope.analysis.proxies.depth.ROWS", 7)
    assert np.array_equal(prediction_depth(iter(features), labels, labels, k=5), whole)


def test_a_network_from_its_layers_on():
    network, inputs, _ = tiny(convolutional, examples=60)
    with torch.no_grad():
        predictions = network.eval()(inputs).argmax(1).numpy()
    labels = predictions.copy()
    labels[:6] = (labels[:6] + 1) % 4
    layers = list(layer_features(network, inputs))
    found = prediction_depth(layers, labels, predictions, k=5)
    assert found.tolist() == brute(layers, labels, predictions, 5)
    for rows in (1, 7):
        assert np.array_equal(prediction_depth(layer_features(network, inputs, rows), labels, predictions, k=5), found)


def test_too_few_examples_and_features_that_are_not_finite_are_told():
    labels = np.zeros(30, int)
    with pytest.raises(
        OptionError, match="prediction depth asks 30 neighbours of each of 30 examples, expected more than that"
    ):
        prediction_depth([np.zeros((30, 2))], labels, labels)
    with pytest.raises(OptionError, match="features for prediction depth hold NaN or infinity, first in row 4"):
        prediction_depth([np.where(np.arange(30)[:, None] == 4, np.nan, 1.0)], labels, labels, k=3)
