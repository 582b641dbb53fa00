"""L networks of one size in lanes: a ctypes handle of what network.h describes."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from memscope.errors import MemscopeError
from memscope.store.predictions import LARGEST
from memscope.training.backends.lanes.description import Description
from memscope.training.backends.lanes.library import Batch, Rates, Targets, lanes_for, library

GET, SET, GET_GRADIENT = 0, 1, 2

BATCH = 4096
"""Pictures that are asked about at once"""


@dataclass(frozen=True, eq=False)
class Pictures:
    """The images of a data set as lanes read them."""

    images: np.ndarray
    """uint8 [N, H, W, C], contiguous"""
    labels: np.ndarray
    """int64 [N]"""
    mean: np.ndarray
    """float32 [C]"""
    scale: np.ndarray
    """float32 [C]"""


@dataclass(frozen=True, eq=False)
class Shifts:
    """How the images of a batch are shifted and mirrored: int32, int32, uint8 [L, B], and the border's pixels."""

    rows: np.ndarray
    columns: np.ndarray
    mirror: np.ndarray
    padding: int


class LaneNetworks:
    """Up to L networks of one description. Lanes that are left over repeat the first network, and nobody reads them."""

    def __init__(self, networks: Sequence[nn.Module], description: Description, pictures: Pictures, batch: int) -> None:
        """`batch` images a step for networks that are trained, 0 for those that are only asked.

        MemscopeError where memory is short.
        """
        self.lanes = lanes_for(len(networks))
        self.c = library(self.lanes)
        self.description, self.pictures = description, pictures
        self.batch = batch
        height, width, channels = pictures.images.shape[1:]
        self.classes = dict(networks[0].named_parameters())[f"{description.classifier}.bias"].numel()
        rows = np.array(
            [
                (one.source, one.added, one.activation, one.outputs, one.kernel, one.stride)
                for one in description.layers
            ],
            dtype=np.int32,
        )
        self.handle = self.c.lanes_make(
            height, width, channels, self.classes, batch, description.mean_pool, description.flat, len(rows),
            rows.ctypes.data,
        )  # fmt: skip
        if not self.handle:
            raise MemscopeError(
                f"there is no memory for {self.lanes} networks of this size at once; train fewer at the same time "
                "(--workers), or smaller ones"
            )
        for lane in range(self.lanes):
            self.put(lane, networks[lane] if lane < len(networks) else networks[0])

    def __del__(self) -> None:
        if getattr(self, "handle", None):
            self.c.lanes_drop(self.handle)
            self.handle = None

    def put(self, lane: int, network: nn.Module) -> None:
        """Give a lane the weights and running statistics of a network."""
        state = network.state_dict()
        for layer, which, name in self.description.tensors():
            values = np.ascontiguousarray(self.pixels_last(layer, which, state[name].contiguous().numpy()))
            self.c.lanes_copy(self.handle, layer, which, lane, values.ctypes.data, SET)

    def take(self, lane: int, network: nn.Module, how: int = GET) -> dict[str, np.ndarray]:
        """The weights and running statistics, or gradients, of a lane by their names in the network's state."""
        state, found = network.state_dict(), {}
        for layer, which, name in self.description.tensors():
            shape = self.pixels_last(layer, which, state[name].contiguous().numpy()).shape
            values = np.empty(shape, dtype=np.float32)
            self.c.lanes_copy(self.handle, layer, which, lane, values.ctypes.data, how)
            found[name] = self.pixels_first(layer, which, values).reshape(tuple(state[name].shape))
        return found

    def give_back(self, lane: int, network: nn.Module, steps: int) -> None:
        """Put the trained weights of a lane into the module that they began in."""
        state = network.state_dict()
        for name, values in self.take(lane, network).items():
            state[name].copy_(torch.from_numpy(values))
        for layer in self.description.layers:
            state[f"{layer.norm}.num_batches_tracked"].fill_(steps)

    def pixels_last(self, layer: int, which: int, values: np.ndarray) -> np.ndarray:
        """The first weights of a perceptron [units, C * H * W], as torch flattens, with their inputs as pixels lie."""
        if not self.description.flat or (layer, which) != (1, 0):
            return values
        height, width, channels = self.pictures.images.shape[1:]
        turned = values.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
        return np.ascontiguousarray(turned).reshape(values.shape)

    def pixels_first(self, layer: int, which: int, values: np.ndarray) -> np.ndarray:
        if not self.description.flat or (layer, which) != (1, 0):
            return values
        height, width, channels = self.pictures.images.shape[1:]
        turned = values.reshape(-1, height, width, channels).transpose(0, 3, 1, 2)
        return np.ascontiguousarray(turned).reshape(values.shape)

    def batch_of(self, index: np.ndarray, shifts: Shifts | None) -> Batch:
        """The argument for a batch of `index` int64 [L, n], or [n] for all lanes; the caller keeps the arrays alive."""
        about = self.pictures
        return Batch(
            about.images.ctypes.data,
            about.labels.ctypes.data,
            index.ctypes.data,
            None if shifts is None else shifts.rows.ctypes.data,
            None if shifts is None else shifts.columns.ctypes.data,
            None if shifts is None else shifts.mirror.ctypes.data,
            about.mean.ctypes.data,
            about.scale.ctypes.data,
            0 if shifts is None else shifts.padding,
            0 if index.ndim == 1 else index.shape[1],
        )

    def step(
        self,
        index: np.ndarray,
        rates: tuple[float, float, float, float],
        smoothing: float = 0.0,
        shifts: Shifts | None = None,
        told: np.ndarray | None = None,
        temperature: float = 1.0,
        soft_weight: float = 0.0,
    ) -> np.ndarray:
        """One step of every lane on examples `index` int64 [L, B]; the losses, float32 [L].

        `rates` are those of the network and of the classifier, momentum and weight decay; `told` float32
        [L, B, classes] are a teacher's logits.
        """
        loss = np.empty(self.lanes, dtype=np.float32)
        batch = self.batch_of(index, shifts)
        targets = Targets(smoothing, soft_weight, temperature, None if told is None else told.ctypes.data)
        self.c.lanes_step(
            self.handle, ctypes.byref(batch), ctypes.byref(targets), ctypes.byref(Rates(*rates)), loss.ctypes.data
        )
        return loss

    def ask(
        self, index: np.ndarray, shifts: Shifts | None = None, features: bool = False
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Logits float32 [L, n, classes] and perhaps penultimate features float32 [L, n, F], by running statistics.

        `index` is int64 [n], of the same examples for all lanes, or [L, n].
        """
        count = index.shape[-1]
        logits = np.empty((self.lanes, count, self.classes), dtype=np.float32)
        found = np.empty((self.lanes, count, self.description.features), dtype=np.float32) if features else None
        batch = self.batch_of(index, shifts)
        self.c.lanes_ask(
            self.handle, ctypes.byref(batch), count, logits.ctypes.data, None if found is None else found.ctypes.data
        )
        return logits, found

    def evaluate(self, count: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Predicted class int64 [L, N] and log-odds float16 [L, N] of the label of every picture, or the first `count`.

        It changes nothing of the networks, which may be trained on.
        """
        predicted, odds = [], []
        end = len(self.pictures.images) if count is None else count
        for first in range(0, end, BATCH):
            index = np.arange(first, min(first + BATCH, end))
            logits, _ = self.ask(index)
            predicted.append(logits.argmax(2))
            odds.append(log_odds_of(logits, self.pictures.labels[index]))
        return np.concatenate(predicted, axis=1), np.concatenate(odds, axis=1)


def log_odds_of(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """float16 [L, n]: the label's logit less the log-sum-exp of the others', from float32 logits [L, n, classes].

    In float64, so that another version of exp and log, which may differ in a last bit, changes no float16.
    """
    others = logits.astype(np.float64)
    rows = np.arange(len(labels))
    own = others[:, rows, labels]
    others[:, rows, labels] = -np.inf
    top = others.max(axis=2)
    with np.errstate(invalid="ignore"):  # of a model that diverged
        others -= top[:, :, None]
        odds = own - top - np.log(np.exp(others, out=others).sum(axis=2))
    return np.clip(odds, -LARGEST, LARGEST).astype(np.float16)
