"""Logits of examples, a few rows at a time, and the residuals of those rows.

With 200,000 examples and 32,000 classes, nothing of size [examples, classes] can be held. Memory maps, functions of
positions, and arrays whose residuals would be larger than `HELD`, are read where they are, when a few of their rows are
asked for; smaller arrays become residuals once. No bit of a row depends on which.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from memscope.analysis.neighbours.feature_space import Array, tensor_of
from memscope.analysis.residuals import residuals_of
from memscope.errors import OptionError

Logits = Array | Callable[[NDArray[np.int64]], Array]
"""An array [n, classes], or a function of positions, int64 [some], ascending and each once, that gives their rows."""

HELD = 2**30
"""Bytes of residuals, float64 [examples, classes], that are held at most: of 50,000 examples those of 2,600 classes."""

BYTES = 40
"""Of working space for each class of a row that is read: logits, three float64 copies, and the sum of residuals."""


@dataclass(frozen=True, eq=False)
class LogitRows:
    """Logits [count, classes] that stay where they are; `device` is where rows that are read are put."""

    given: Any
    count: int
    classes: int
    device: torch.device

    def read(self, positions: Tensor) -> Tensor:
        """Logits [some, classes] at positions int64 [some], ascending, each once; OptionError if not finite."""
        asked = positions.cpu().numpy()
        if callable(self.given):
            rows = self.given(asked)
        else:
            rows = self.given[positions.to(self.given.device) if isinstance(self.given, Tensor) else asked]
        if len(rows) != len(asked):
            raise OptionError(
                f"logits of {len(asked)} positions were asked for and {len(rows)} rows given, expected one row of "
                "each: give a function of an array of positions"
            )
        return tensor_of(rows, "logits", "n, classes", self.classes, asked).to(self.device)


def logit_rows(logits: Logits, count: int, classes: int | None, device: torch.device) -> Tensor | LogitRows:
    """The logits of `count` examples, of so many `classes` if that is known: a tensor, or rows to be read to a device.

    OptionError for other shapes and numbers that are not finite; in rows that are to be read those are found later.
    """
    if not (callable(logits) or isinstance(logits, np.memmap) or too_large(logits)):
        rows = tensor_of(logits, "logits", "n, classes", classes)
        check_same_length(count, len(rows))
        return rows
    if callable(logits):
        first = logits(np.arange(min(count, 1)))
    else:
        first = logits[:1] if logits.ndim == 2 else logits
        check_same_length(count, len(logits))
    return LogitRows(logits, count, tensor_of(first, "logits", "n, classes", classes).shape[1], device)


def too_large(logits: Any) -> bool:
    """Whether an array has more numbers than are to be held as residuals."""
    return isinstance(logits, np.ndarray | Tensor) and 8 * np.prod(logits.shape, dtype=float) > HELD


def check_same_length(features: int, logits: int) -> None:
    """OptionError unless both have one row for each example."""
    if features != logits:
        raise OptionError(
            f"features of {features} examples and logits of {logits}, expected as many: give both of the same "
            "examples, in the same order"
        )


@dataclass(frozen=True, eq=False)
class HeldResiduals:
    """Residuals that were made once."""

    residuals: Tensor
    """float64 [examples, classes]"""

    @property
    def classes(self) -> int:
        return self.residuals.shape[1]

    def at(self, positions: Tensor) -> Tensor:
        """New residuals [n, classes] at positions [n]."""
        return self.residuals.index_select(0, positions)

    def of_labels(self, positions: Tensor, labels: Tensor, block_size: int) -> Tensor:
        """Residuals [n, k, m] at positions [n, k], of each query's own labels [n, m]."""
        return self.residuals[positions[:, :, None], labels[:, None, :]]


@dataclass(frozen=True, eq=False)
class ReadResiduals:
    """Residuals that are made of the logits of the rows that are asked for, whenever they are."""

    logits: LogitRows
    labels: Tensor
    temperature: float

    @property
    def classes(self) -> int:
        return self.logits.classes

    def at(self, positions: Tensor) -> Tensor:
        """New residuals [n, classes] at positions [n]; those asked for more than once are made once."""
        asked, place = torch.unique(positions, return_inverse=True)
        made = self._made(asked)
        return made if len(asked) == len(positions) and bool((asked == positions).all()) else made[place]

    def of_labels(self, positions: Tensor, labels: Tensor, block_size: int) -> Tensor:
        """Residuals [n, k, m] at positions [n, k], of each query's own labels [n, m]. Each row is read once."""
        (queries, k), m = positions.shape, labels.shape[1]
        asked, place = torch.unique(positions.flatten(), return_inverse=True)
        found = torch.empty((queries * k, m), dtype=torch.float64, device=positions.device)
        order = place.argsort()
        pairs_up_to = torch.cat([place.new_zeros(1), torch.bincount(place, minlength=len(asked)).cumsum(0)])
        for here in blocks(len(asked), block_size // (2 * BYTES * self.classes)):
            made = self._made(asked[here])
            pairs = order[int(pairs_up_to[here.start]) : int(pairs_up_to[here.stop])]
            found[pairs] = made[(place[pairs] - here.start)[:, None], labels[pairs // k]]
        return found.view(queries, k, m)

    def _made(self, asked: Tensor) -> Tensor:
        return residuals_of(self.logits.read(asked), self.labels[asked], self.temperature)


def blocks(count: int, rows: int) -> Iterator[slice]:
    """Slices of `count`, of so many rows each, or of one."""
    rows = max(1, rows)
    yield from (slice(first, min(first + rows, count)) for first in range(0, count, rows))
