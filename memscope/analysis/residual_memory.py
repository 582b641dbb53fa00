"""Residual memory: what a model got wrong on its training examples, added to its predictions on examples like them.

A ResMem predictor is a trained model and a soft k-nearest-neighbour regressor of its residuals (Yang et al. 2023,
'ResMem: Learn what you can and memorize the rest', arXiv 2302.01576). Features, logits and labels of training
examples come in, features and logits of any examples, and predictions go out:

    memory = ResidualMemory(k=10, sigma=0.5).fit(features, logits, labels)
    predictions = memory.predict(test_features, test_logits)    # [n, classes]

Where there are many classes, as the words of a language, logits may be a `numpy.memmap` or a function of positions, and
`predict` may give the numbers of a few classes alone:

    memory.fit(hidden, lambda positions: hidden[positions] @ output, next_words)
    memory.predict(test_hidden, lambda positions: test_hidden[positions] @ output, labels=test_next_words)    # [n]

A function must give the same numbers for a position whatever others are asked for beside it, for results to be the same
to the last bit; a matrix product of few rows may differ from that of many in the last ones.

To try many values of sigma and temperature, one search for neighbours is enough, at the largest k: `neighbours` gives
them, and `residuals`, `probabilities` and `neighbour_weights` of `residuals.py` are the formulas.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from memscope.analysis.logit_rows import (
    BYTES,
    HeldResiduals,
    LogitRows,
    Logits,
    ReadResiduals,
    blocks,
    logit_rows,
)
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
from memscope.analysis.residuals import check_positive, probabilities_of, residuals_of, weights_of
from memscope.errors import OptionError

INDEXES = ("exact", "faiss")


@dataclass(frozen=True)
class Fitted:
    """What a memory holds: the space of its vectors, the vectors, faiss's index of them, and their residuals."""

    space: FeatureSpace
    memory: Memory
    index: Any
    residuals: HeldResiduals | ReadResiduals


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

    def fit(self, features: Array, logits: Logits, labels: Array) -> Self:
        """Fill the memory with features [N, F], logits [N, classes] and labels int [N] of training examples.

        NumPy arrays, or tensors, on whose device the memory then is. Features are searched among as float64 if they
        are, else as float32. Logits may also be a function of positions, int64 [some], that gives their rows, each
        the same whichever others are asked for with it. Of a function, a `numpy.memmap`, and an array of which the
        residuals would take more than 1 GiB, the memory keeps hold, and reads the rows of neighbours whenever they are
        needed; of everything else it has copies. OptionError for other shapes, numbers that are not finite (in rows
        that are read later: when they are), labels that are no classes, or fewer than k examples.
        """
        given = tensor_of(features, "features", "N, F")
        rows = logit_rows(logits, len(given), None, given.device)
        classes = rows.classes if isinstance(rows, LogitRows) else rows.shape[1]
        known = labels_of(labels, len(given), classes, rows.device)
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
        held: HeldResiduals | ReadResiduals
        if isinstance(rows, LogitRows):
            at_hand = LogitRows(rows.given, rows.count, rows.classes, given.device)
            held = ReadResiduals(at_hand, known.to(given.device, copy=True), self.temperature)
        else:
            held = HeldResiduals(residuals_of(rows, known, self.temperature).to(given.device))
        self._fitted = Fitted(space, memory, index, held)
        return self

    def predict(self, features: Array, logits: Logits, labels: Array | None = None, top: int | None = None) -> Any:
        """Predictions float64 [n, classes] for features [n, F] and logits [n, classes], of the kind of the features.

        With `labels`, int [n] or [n, m], those of these classes alone, of the shape of the labels. With `top`, the
        classes int64 [n, top] of the highest and their predictions float64 [n, top], the highest first, of equal ones
        the lowest class first. They are the same numbers, bit for bit. Logits may be a function, or remain where they
        are, as in `fit`; then nothing of size [n, classes] is held, but for a result that is.

        Each row sums to 1 but need not be a probability distribution: numbers below 0 and above 1 occur.
        OptionError before `fit`, for other shapes or numbers that are not finite, or for labels that are no classes.
        """
        given = self._features(features)
        rows, wanted = self._logits(logits, len(given)), self._wanted(labels, top, len(given))
        positions, distances = self._nearest(given)
        found = self._combine(rows, positions, weights_of(distances, self.sigma), wanted)
        return tuple(like(each, features) for each in found) if top is not None else like(found[0], features)

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
        return like(positions, features), like(weights_of(distances, self.sigma), features)

    def combine(
        self, logits: Logits, positions: Array, weights: Array, labels: Array | None = None, top: int | None = None
    ) -> Any:
        """What `predict` gives, from positions [n, k] and weights [n, k] as of `retrieve`, of any k.

        Of the kind of the logits, or, where these are a function, of the weights.
        """
        rows, kind = self._logits(logits, len(positions)), weights if callable(logits) else logits
        place, weight = (torch.as_tensor(array).to(self._device) for array in (positions, weights))
        found = self._combine(rows, place, weight, self._wanted(labels, top, len(place)))
        return tuple(like(each, kind) for each in found) if top is not None else like(found[0], kind)

    def _features(self, features: Array) -> Tensor:
        vectors = self._after_fit().memory.vectors
        return tensor_of(features, "features", "n, F", vectors.shape[1]).to(vectors.device)

    def _logits(self, logits: Logits, count: int) -> Tensor | LogitRows:
        rows = logit_rows(logits, count, self._after_fit().residuals.classes, self._device)
        return rows if isinstance(rows, LogitRows) else rows.to(self._device)

    def _wanted(self, labels: Array | None, top: int | None, count: int) -> Tensor | int | None:
        """What is wanted of each of so many queries: all; the classes of labels [n] or [n, m]; or a number of them."""
        classes = self._after_fit().residuals.classes
        if labels is not None and top is not None:
            raise OptionError("labels and top are both given, expected one of them at most")
        if labels is not None:
            return labels_of(labels, count, classes, self._device, several=True)
        whole = isinstance(top, int | np.integer) and not isinstance(top, bool)
        if top is not None and not (whole and 1 <= top <= classes):
            raise OptionError(f"top is {top!r}; it must be a whole number from 1 to {classes}, the number of classes")
        return None if top is None else int(top)

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

    def _combine(
        self, logits: Tensor | LogitRows, positions: Tensor, weights: Tensor, wanted: Tensor | int | None
    ) -> tuple[Tensor, ...]:
        if isinstance(wanted, Tensor):
            columns = wanted if wanted.ndim == 2 else wanted[:, None]
            return (self._of_labels(logits, positions, weights, columns).view(wanted.shape),)
        count, classes = len(positions), self._after_fit().residuals.classes
        values = torch.empty((count, wanted or classes), dtype=torch.float64, device=positions.device)
        if wanted is None:
            for here, whole in self._whole(logits, positions, weights):
                values[here] = whole
            return (values,)
        named = torch.empty((count, wanted), dtype=torch.int64, device=positions.device)
        for here, whole in self._whole(logits, positions, weights):
            named[here], values[here] = highest(whole, wanted)
        return named, values

    def _whole(self, logits: Tensor | LogitRows, positions: Tensor, weights: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """Predictions [some, classes] of one block of queries after another."""
        residual = self._after_fit().residuals
        for here in blocks(len(positions), self.block_size // (BYTES * residual.classes)):
            predictions = probabilities_of(rows_of(logits, here), self.temperature)
            for number in range(positions.shape[1]):  # neighbour by neighbour: no block changes the order of the sum
                predictions += residual.at(positions[here, number]).mul_(weights[here, number, None])
            yield here, predictions

    def _of_labels(self, logits: Tensor | LogitRows, positions: Tensor, weights: Tensor, labels: Tensor) -> Tensor:
        """Predictions [n, m] of the classes of labels [n, m], summed in the same order."""
        residual, k = self._after_fit().residuals, positions.shape[1]
        predictions = torch.empty(labels.shape, dtype=torch.float64, device=positions.device)
        for here in blocks(len(positions), self.block_size // (2 * BYTES * residual.classes)):
            predictions[here] = probabilities_of(rows_of(logits, here), self.temperature).gather(1, labels[here])
        for here in blocks(len(positions), self.block_size // (2 * k * (8 * labels.shape[1] + BYTES))):
            found = residual.of_labels(positions[here], labels[here], self.block_size)
            for number in range(k):
                predictions[here] += found[:, number].mul_(weights[here, number, None])
        return predictions

    @property
    def _device(self) -> torch.device:
        return self._after_fit().memory.vectors.device

    def _after_fit(self) -> Fitted:
        if self._fitted is None:
            raise OptionError("the memory is empty, expected examples in it: call fit first")
        return self._fitted


def rows_of(logits: Tensor | LogitRows, here: slice) -> Tensor:
    """The rows of a slice."""
    if isinstance(logits, Tensor):
        return logits[here]
    return logits.read(torch.arange(here.start, here.stop))


def highest(predictions: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Classes [n, count] of the highest predictions [n, classes], and these: downwards, equal ones by the lowest class.

    `topk` names any of those that are equal, hence the second look at rows where there are more than are wanted.
    """
    among = predictions >= predictions.topk(count, dim=1).values[:, -1:]
    more = among.sum(dim=1) > count
    named = torch.empty((len(predictions), count), dtype=torch.int64, device=predictions.device)
    named[~more] = among[~more].nonzero()[:, 1].view(-1, count)
    named[more] = predictions[more].sort(dim=1, descending=True, stable=True).indices[:, :count].sort(dim=1).values
    values, order = predictions.gather(1, named).sort(dim=1, descending=True, stable=True)
    return named.gather(1, order), values
