"""Prediction depth: after which layer of a network an example's neighbours have the label that the network gives it."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.neighbours.exact import nearest, prepare
from memscope.analysis.neighbours.feature_space import Array, fit_feature_space, tensor_of
from memscope.errors import OptionError

NEIGHBOURS = 30
"""k, as in the paper."""

ROWS = 4096
"""Examples whose votes are counted at a time: 32 MB where there are a thousand classes."""


def prediction_depth(
    features: Iterable[Array],
    labels: NDArray[np.integer],
    predictions: NDArray[np.integer],
    k: int = NEIGHBOURS,
) -> NDArray[np.float64]:
    """The first layer from which on the vote of the k nearest always is the network's prediction, float64 [N].

    `features` [N, F_l] of layers l = 0 to L - 1, from `layer_features`: layer 0 is the input, the last one the logits.
    After each, the k nearest other examples (Euclidean; ties to the lower position) vote with their `labels` [N]; of
    classes with as many votes the lowest wins. Depth is the lowest l so that from layer l on every vote is the
    network's prediction [N]: from 0, where the neighbours among the inputs already have it, to L, never, where the last
    vote is another. Only examples that the network was trained on belong here.

    The example itself is left out of its neighbours. Otherwise its label would have a vote of its own, so that a
    memorised example would seem to be predicted earlier. OptionError where there are not more than k examples, or
    features that are not finite.

    Source: Baldock, Maennel & Neyshabur 2021, 'Deep learning through the lens of example difficulty', arXiv
    2106.09647, who put the softmax last. nn_example_difficulty counts the example among its own neighbours, and asks
    for the label in place of the prediction; autrainer counts it, too, and divides by L.
    """
    if len(labels) <= k:
        raise OptionError(
            f"prediction depth asks {k} neighbours of each of {len(labels)} examples, expected more than that: "
            "leave it out, or take fewer neighbours"
        )
    depth = np.zeros(len(labels))
    for number, layer in enumerate(features):
        depth[votes(layer, labels, k) != predictions] = number + 1
    return depth


def votes(features: Array, labels: NDArray[np.integer], k: int) -> NDArray[np.int64]:
    """The class [N] that most of the k nearest others have, of features [N, F] and labels [N]."""
    given = tensor_of(features, "features for prediction depth", "N, F")
    vectors = fit_feature_space(given, "none", "euclidean").vectors(given)
    found = others(nearest(prepare(vectors, k + 1), vectors)[0].cpu().numpy())
    classes, winners = int(labels.max()) + 1, []
    for first in range(0, len(labels), ROWS):
        ballots = labels[found[first : first + ROWS]].astype(np.int64)
        rows = np.arange(len(ballots))[:, np.newaxis]
        counts = np.bincount((rows * classes + ballots).ravel(), minlength=len(ballots) * classes)
        winners.append(counts.reshape(-1, classes).argmax(axis=1))
    return np.concatenate(winners)


def others(positions: NDArray[np.int64]) -> NDArray[np.int64]:
    """The k nearest others [N, k] from the k + 1 nearest [N, k + 1], each row without its own number.

    It may be missing, where more than k others are just as near and stand before it; then the last one is left out.
    """
    own = positions == np.arange(len(positions))[:, np.newaxis]
    own[~own.any(axis=1), -1] = True
    return positions[~own].reshape(len(positions), -1)
