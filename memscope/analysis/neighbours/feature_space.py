"""From arrays as they are given to the vectors that neighbours are searched among: kind, checks, normalisation."""

from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from memscope.analysis.neighbours.float64 import float64_pieces, row_sums
from memscope.errors import OptionError

NORMALISATIONS = ("none", "unit", "standard")
METRICS = ("euclidean", "squared-euclidean", "cosine")

Array = NDArray[Any] | Tensor

LARGEST, SMALLEST = 1e150, 1e-130
"""Squares of larger numbers overflow float64; those of differences of smaller ones vanish, so that they count as 0."""


def tensor_of(
    array: Any, name: str, axes: str, columns: int | None = None, positions: NDArray[np.int64] | None = None
) -> Tensor:
    """Float32 or float64 [n, F] of a NumPy array or tensor, on its own device; where that is mps, on the CPU.

    Half precisions become float32, integers float64. OptionError for what is not two-dimensional, has other
    `columns`, or holds NaN or infinity: it names the first such row, by its place in `positions` [n] if they are given.
    """
    tensor = array.detach() if isinstance(array, Tensor) else _from_numpy(np.asarray(array), name)
    if tensor.device.type == "mps":  # has no float64
        tensor = tensor.cpu()
    if tensor.is_complex() or tensor.ndim != 2 or tensor.shape[1] == 0:
        found = f"{tensor.dtype} of shape {tuple(tensor.shape)}".removeprefix("torch.")
        raise OptionError(f"{name} are {found}, expected numbers [{axes}]: give one row per example")
    if columns not in (None, tensor.shape[1]):
        raise OptionError(
            f"{name} have shape {tuple(tensor.shape)}, expected [{axes}] with {columns} columns, as the memory was "
            "fitted with: give the output of the same layer of the same model"
        )
    if not tensor.is_floating_point():
        tensor = tensor.double()
    elif tensor.dtype not in (torch.float32, torch.float64):
        tensor = tensor.float()
    if tensor.numel() and not all(map(isfinite, torch.aminmax(tensor))):  # ten times as fast as isfinite of all
        row = int(torch.isfinite(tensor).all(dim=1).logical_not().nonzero()[0])
        row = row if positions is None else int(positions[row])
        raise OptionError(
            f"{name} hold NaN or infinity, first in row {row}, expected finite numbers: leave out models that diverged"
        )
    return tensor


def labels_of(array: Any, count: int, classes: int, device: torch.device, several: bool = False) -> Tensor:
    """Labels int64 [count] on a device, or, where there may be `several` of each example, [count, m].

    OptionError unless all are from 0 to `classes` - 1.
    """
    labels = array.detach() if isinstance(array, Tensor) else _from_numpy(np.asarray(array), "labels")
    shaped = labels.shape[:1] == (count,) and labels.ndim in ((1, 2) if several else (1,))
    if not shaped or labels.is_floating_point() or labels.is_complex():
        found = f"{labels.dtype} of shape {tuple(labels.shape)}".removeprefix("torch.")
        what = f"[{count}] or [{count}, m]: give classes" if several else f"[{count}]: give the class"
        raise OptionError(f"labels are {found}, expected whole numbers {what} of every example")
    labels = labels.to(device, torch.int64)
    if labels.numel() and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise OptionError(
            f"labels go from {int(labels.min())} to {int(labels.max())}, expected 0 to {classes - 1}, the columns of "
            "the logits: give labels and logits of the same classes"
        )
    return labels


def like(result: Tensor, given: Any) -> Any:
    """The result as an array of the kind of what was given: a tensor on its device, where float64 exists, or NumPy."""
    if isinstance(given, Tensor):
        return result if given.device.type == "mps" else result.to(given.device)
    return result.cpu().numpy()


def _from_numpy(array: NDArray[Any], name: str) -> Tensor:
    if array.dtype.kind not in "fiub":
        raise OptionError(f"{name} are {array.dtype}, expected an array of numbers or a tensor")
    # torch has no big-endian, read-only or wide types
    if array.dtype.kind == "f":
        array = array.astype(np.float32 if array.dtype.itemsize <= 4 else np.float64, copy=not array.flags.writeable)
    else:
        array = array.astype(np.int64)
    return torch.from_numpy(np.ascontiguousarray(array))


@dataclass(frozen=True)
class FeatureSpace:
    """How features become vectors whose Euclidean distances count; what decides it was measured on the memory.

    `mean` and `deviation` [F] float64 are None where features are not standardised; `unit` says whether each vector
    is divided by its norm.
    """

    mean: Tensor | None
    deviation: Tensor | None
    unit: bool
    dtype: torch.dtype

    def vectors(self, features: Tensor) -> Tensor:
        """New vectors [n, F] of features [n, F]: computed in float64, kept in the type of the memory's features.

        OptionError for numbers above 1e150, before normalisation or after it.
        """
        check_magnitude(features, "features are")
        out = torch.empty(features.shape, dtype=self.dtype, device=features.device)
        for here, piece in float64_pieces(features):
            if self.mean is not None and self.deviation is not None:
                piece.sub_(self.mean).div_(self.deviation)
            if self.unit:
                # By the largest first: squares of tiny numbers vanish. A zero vector stays zero.
                largest = piece.abs().amax(dim=1, keepdim=True)
                piece.div_(torch.where(largest > 0, largest, 1))
                norm = row_sums(piece.square())[:, None].sqrt()
                piece.div_(torch.where(norm > 0, norm, 1))
            out[here] = piece.masked_fill_(piece.abs() < SMALLEST, 0)
        check_magnitude(out, "features, normalised, are")
        return out


def fit_feature_space(features: Tensor, normalise: str, metric: str) -> FeatureSpace:
    """The space of these normalisation and metric, for the features [N, F] of a memory.

    "standard" centres each feature and divides it by its standard deviation over the memory (of the population,
    with N in the denominator), or by 1 where it is constant. "unit" and the metric "cosine" divide each vector by its
    norm.
    """
    unit = normalise == "unit" or metric == "cosine"
    if normalise != "standard":
        return FeatureSpace(None, None, unit, features.dtype)
    check_magnitude(features, "features are")
    mean = torch.stack([piece.sum(dim=0) for _, piece in float64_pieces(features)]).sum(dim=0) / len(features)
    squares = [piece.sub_(mean).square_().sum(dim=0) for _, piece in float64_pieces(features)]
    constant = features.amin(dim=0) == features.amax(dim=0)  # tested exactly, since the mean is rounded
    deviation = torch.where(constant, 1.0, (torch.stack(squares).sum(dim=0) / len(features)).sqrt())
    return FeatureSpace(mean, deviation, unit, features.dtype)


def check_magnitude(features: Tensor, subject: str) -> None:
    """OptionError where features are so large, or not finite, that distances would not be finite."""
    largest = float(features.abs().amax()) if features.numel() else 0.0
    if not largest <= LARGEST:
        raise OptionError(
            f"{subject} as large as {largest:.3g}, expected {LARGEST:g} at most, so that distances are finite: scale "
            "them down"
        )
