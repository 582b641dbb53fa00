"""Residual memory: what a model got wrong on its training examples, added to its predictions on examples like them.

A ResMem predictor is a trained model and a soft k-nearest-neighbour regressor of its residuals (Yang et al. 2023,
'ResMem: Learn what you can and memorize the rest', arXiv 2302.01576). Features, logits and labels of training
examples come in, features and logits of any examples, and predictions go out:

    memory = ResidualMemory(k=10, sigma=0.5).fit(features, logits, labels)
    predictions = memory.predict(test_features, test_logits)    # [n, classes]

To try many values of sigma and temperature, one search for neighbours is enough, at the largest k: `neighbours` gives
them, and `residuals`, `probabilities` and `neighbour_weights` are the formulas.
"""

from dataclasses import dataclass
from math import isfinite
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from memscope.analysis.neighbours.approximate import build_index, nearest_found, require_faiss
from memscope.analysis.neighbours.exact import BLOCK_SIZE, Memory, nearest, prepare
from memscope.analysis.neighbours.feature_space import (
    METRICS,
    NORMALISATIONS,
    Array,
    FeatureSpace,
    fit_feature_space,
    labels_of,
    like,
    tensor_of,
)
from memscope.errors import OptionError

INDEXES = ("exact", "faiss")


@dataclass(frozen=True)
class Fitted:
    """What a memory holds: the space of its vectors, the vectors, faiss's index of them, residuals [N, classes]."""

    space: FeatureSpace
    memory: Memory
    index: Any
    residuals: Tensor


def probabilities(logits: Array, temperature: float = 1.0) -> Any:
    """softmax(logits / temperature), float64 [n, classes], an array of the kind given.

    OptionError for logits that are not finite [n, classes] or a temperature that is not positive.
    """
    check_positive("temperature", temperature)
    return like(_probabilities(tensor_of(logits, "logits", "n, classes"), temperature), logits)


def residuals(logits: Array, labels: Array, temperature: float = 1.0) -> Any:
    """onehot(labels) - softmax(logits / temperature), float64 [n, classes], an array of the kind of the logits.

    OptionError for logits that are not finite [n, classes], labels that are not classes [n], or a temperature that is
    not positive.
    """
    check_positive("temperature", temperature)
    rows = tensor_of(logits, "logits", "n, classes")
    return like(_residuals(rows, labels_of(labels, rows), temperature), logits)


def neighbour_weights(distances: Array, sigma: float) -> Any:
    """Weights exp(-d / sigma), divided by their sum, of each row of distances [n, k]: float64 of the kind given.

    The smallest distance of a row is subtracted first, so that a weight is 1 however small sigma is. OptionError for
    distances that are not finite [n, k] or a sigma that is not positive.
    """
    check_positive("sigma", sigma)
    return like(_weights(tensor_of(distances, "distances", "n, k"), sigma), distances)


class ResidualMemory:
    """A soft k-nearest-neighbour regressor of a model's residuals, added to the model's predictions.

    For training examples (x_i, y_i), logits f and features phi, in a memory:

        r_i           = onehot(y_i) - softmax(f(x_i) / temperature)
        w_i(x)        proportional to exp(-d(phi(x), phi(x_i)) / sigma) over the k nearest, summing to 1
        prediction(x) = softmax(f(x) / temperature) + sum_i w_i(x) r_i

    `normalise`: "none"; "unit", each feature vector divided by its Euclidean norm; or "standard", each feature
    centred and divided by its standard deviation over the memory, or by 1 where it is constant. `metric`:
    "euclidean", "squared-euclidean", or "cosine", which is 1 - cos. A zero vector stays zero: its cosine distance is
    taken to be 1/2 from any other and 0 from itself.

    `index`: "exact" or "faiss", which is approximate (see `approximate_neighbours`) and an extra to install.
    `block_size` is the working space in bytes beside arguments, results and the memory, which holds a copy of the
    features, another in float32, and 8 bytes for each example and class.

    Arrays are NumPy's or tensors. Tensors stay on their device, except for mps, which has no float64: there the work
    is done, and results are, on the CPU.

    OptionError for what cannot be; MemscopeError where faiss is asked for and not installed. Source: Yang et al.
    2023, arXiv 2302.01576; normalisation, metric and index are ours.
    """

    def __init__(
        self,
        k: int,
        sigma: float,
        temperature: float = 1.0,
        normalise: str = "none",
        metric: str = "euclidean",
        index: str = "exact",
        block_size: int = BLOCK_SIZE,
    ) -> None:
        for name, whole in (("k", k), ("block_size", block_size)):
            if not isinstance(whole, int | np.integer) or isinstance(whole, bool) or whole < 1:
                raise OptionError(f"{name} is {whole!r}; it must be a whole number of at least 1")
        check_positive("sigma", sigma)
        check_positive("temperature", temperature)
        named = (("normalise", normalise, NORMALISATIONS), ("metric", metric, METRICS), ("index", index, INDEXES))
        for name, value, known in named:
            if value not in known:
                raise OptionError(f"{name} is {value!r}; it must be one of {', '.join(known)}")
        if index == "faiss":
            require_faiss()
        self.k, self.sigma, self.temperature = int(k), float(sigma), float(temperature)
        self.normalise, self.metric, self.index, self.block_size = normalise, metric, index, int(block_size)
        self._fitted: Fitted | None = None

    def fit(self, features: Array, logits: Array, labels: Array) -> Self:
        """Fill the memory with features [N, F], logits [N, classes] and labels int [N] of training examples.

        NumPy arrays, or tensors, on whose device the memory then is. Features are searched among as float64 if they
        are, else as float32. OptionError for other shapes, numbers that are not finite, labels that are no classes, or
        fewer than k examples.
        """
        given = tensor_of(features, "features", "N, F")
        rows = tensor_of(logits, "logits", "N, classes")
        check_same_length(given, rows)
        known = labels_of(labels, rows)
        if len(given) < self.k:
            raise OptionError(
                f"k is {self.k} and the memory has {len(given)} examples, expected at least k: give more examples "
                "or a smaller k"
            )
        if self.index == "faiss":
            given = given.cpu()
        space = fit_feature_space(given, self.normalise, self.metric)
        memory = prepare(space.vectors(given), self.k)
        index = build_index(memory) if self.index == "faiss" else None
        self._fitted = Fitted(space, memory, index, _residuals(rows, known, self.temperature).to(given.device))
        return self

    def predict(self, features: Array, logits: Array) -> Any:
        """Predictions float64 [n, classes] for features [n, F] and logits [n, classes], of the kind of the features.

        Each row sums to 1 but need not be a probability distribution: numbers below 0 and above 1 occur.
        OptionError before `fit`, or for other shapes or numbers that are not finite.
        """
        given, rows = self._features(features), self._logits(logits)
        check_same_length(given, rows)
        positions, distances = self._nearest(given)
        return like(self._combine(rows, positions, _weights(distances, self.sigma)), features)

    def neighbours(self, features: Array) -> tuple[Any, Any]:
        """Positions in the memory int64 [n, k] and distances float64 [n, k] of the k nearest to features [n, F].

        In order of (distance, position), arrays of the kind of the features. Neither the other rows nor `block_size`
        can change a bit of a row. OptionError as in `predict`.
        """
        positions, distances = self._nearest(self._features(features))
        return like(positions, features), like(distances, features)

    def retrieve(self, features: Array) -> tuple[Any, Any]:
        """Positions int64 [n, k] as in `neighbours`, and the neighbours' weights float64 [n, k], which sum to 1."""
        positions, distances = self._nearest(self._features(features))
        return like(positions, features), like(_weights(distances, self.sigma), features)

    def combine(self, logits: Array, positions: Array, weights: Array) -> Any:
        """Predictions as in `predict`, of the kind of the logits [n, classes], from what `retrieve` gave."""
        rows = self._logits(logits)
        place, weight = (torch.as_tensor(array).to(rows.device) for array in (positions, weights))
        check_same_length(place, rows)
        return like(self._combine(rows, place, weight), logits)

    def _features(self, features: Array) -> Tensor:
        vectors = self._after_fit().memory.vectors
        return tensor_of(features, "features", "n, F", vectors.shape[1]).to(vectors.device)

    def _logits(self, logits: Array) -> Tensor:
        residual = self._after_fit().residuals
        return tensor_of(logits, "logits", "n, classes", residual.shape[1]).to(residual.device)

    def _nearest(self, features: Tensor) -> tuple[Tensor, Tensor]:
        fitted = self._after_fit()
        vectors = fitted.space.vectors(features)
        if fitted.index is None:
            positions, squared = nearest(fitted.memory, vectors, self.block_size)
        else:
            positions, squared = nearest_found(fitted.index, fitted.memory, vectors)
        if self.metric == "euclidean":
            return positions, squared.sqrt()
        return positions, squared / 2 if self.metric == "cosine" else squared

    def _combine(self, logits: Tensor, positions: Tensor, weights: Tensor) -> Tensor:
        residual = self._after_fit().residuals
        predictions = _probabilities(logits, self.temperature)
        rows = max(1, self.block_size // (24 * residual.shape[1]))
        for first in range(0, len(logits), rows):
            here = slice(first, first + rows)
            for number in range(positions.shape[1]):  # neighbour by neighbour: no block changes the order of the sum
                found = residual.index_select(0, positions[here, number])
                predictions[here] += found.mul_(weights[here, number, None])
        return predictions

    def _after_fit(self) -> Fitted:
        if self._fitted is None:
            raise OptionError("the memory is empty, expected examples in it: call fit first")
        return self._fitted


def check_positive(name: str, value: Any) -> None:
    """OptionError unless the value is a positive finite number."""
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not number or not (isfinite(value) and value > 0):
        raise OptionError(f"{name} is {value!r}; it must be a number above 0")


def check_same_length(features: Tensor, logits: Tensor) -> None:
    """OptionError unless both have one row for each example."""
    if len(features) != len(logits):
        raise OptionError(
            f"features of {len(features)} examples and logits of {len(logits)}, expected as many: give both of the "
            "same examples, in the same order"
        )


def _probabilities(logits: Tensor, temperature: float) -> Tensor:
    logits = logits.double()
    # torch subtracts the largest too, but logits / temperature could be infinite before it does
    return torch.softmax((logits - logits.amax(dim=1, keepdim=True)) / temperature, dim=1)


def _residuals(logits: Tensor, labels: Tensor, temperature: float) -> Tensor:
    residual = -_probabilities(logits, temperature)
    residual[torch.arange(len(labels), device=labels.device), labels] += 1
    return residual


def _weights(distances: Tensor, sigma: float) -> Tensor:
    distances = distances.double()
    return torch.softmax((distances.amin(dim=1, keepdim=True) - distances) / sigma, dim=1)
