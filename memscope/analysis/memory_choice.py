"""Choosing k, sigma and temperature of a residual memory by grid search on examples that the model was not fitted to.

One search for the neighbours at the largest k serves the whole grid: smaller k take the first of them, and sigma and
temperature only weigh what was found.
"""

from dataclasses import asdict, dataclass
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.residual_memory import ResidualMemory
from memscope.analysis.residuals import probabilities, residuals
from memscope.errors import OptionError
from memscope.text import shortest

ROWS_TIMES_NEIGHBOURS = 2**22
"""Numbers [queries, neighbours, classes and sigmas] held at once: 32 MiB of float64."""


@dataclass(frozen=True)
class MemoryChoice:
    """All that decides a residual memory."""

    k: int
    sigma: float
    temperature: float
    normalise: str = "none"
    metric: str = "euclidean"
    index: str = "exact"

    @property
    def name(self) -> str:
        """A name for files, from which nothing is lost."""
        numbers = f"k{self.k}-s{shortest(self.sigma)}-t{shortest(self.temperature)}"
        return f"{numbers}-{self.normalise}-{self.metric}-{self.index}"

    def memory(self) -> ResidualMemory:
        """The estimator, not yet fitted."""
        return ResidualMemory(**asdict(self))


@dataclass(frozen=True)
class MemoryGrid:
    """The values of k, sigma and temperature that are tried, each increasing."""

    k: tuple[int, ...] = (1, 3, 10, 30, 100)
    sigma: tuple[float, ...] = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
    temperature: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
    normalise: str = "none"
    metric: str = "euclidean"
    index: str = "exact"

    def __post_init__(self) -> None:
        for name in ("k", "sigma", "temperature"):
            values = getattr(self, name)
            if not values or any(b <= a for a, b in pairwise(values)):
                given = ", ".join(map(str, values))
                raise OptionError(f"{name} is {given or 'empty'}; expected one value or several that increase")
        for choice in self.choices():
            choice.memory()  # raises OptionError for what cannot be

    def choices(self) -> list[MemoryChoice]:
        """Every combination, k outermost."""
        options = (self.normalise, self.metric, self.index)
        return [MemoryChoice(*values, *options) for values in product(self.k, self.sigma, self.temperature)]

    @property
    def single(self) -> bool:
        """Whether there is nothing to choose."""
        return len(self.k) == len(self.sigma) == len(self.temperature) == 1

    @property
    def name(self) -> str:
        """A name for files, from which nothing is lost."""
        lists = [
            mark + "+".join(map(shortest, values))
            for mark, values in (("k", self.k), ("s", self.sigma), ("t", self.temperature))
        ]
        return f"grid-{'-'.join(lists)}-{self.normalise}-{self.metric}-{self.index}"


def grid_accuracy(
    grid: MemoryGrid,
    memory_features: NDArray[np.floating],
    memory_logits: NDArray[np.floating],
    memory_labels: NDArray[np.int64],
    features: NDArray[np.floating],
    logits: NDArray[np.floating],
    labels: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Accuracy [k, sigma, temperature] of ResMem on queries with each combination of the grid.

    The memory is fitted to `memory_features` [m, F], `memory_logits` [m, classes] and `memory_labels` [m] and asked
    of `features` [n, F], `logits` [n, classes], whose labels are `labels` [n]. OptionError for a k above m.
    """
    widest = MemoryChoice(grid.k[-1], grid.sigma[0], grid.temperature[0], grid.normalise, grid.metric, grid.index)
    memory = widest.memory().fit(memory_features, memory_logits, memory_labels)
    positions, distances = memory.neighbours(features)  # [n, largest k]
    correct = np.zeros((len(grid.k), len(grid.sigma), len(grid.temperature)))
    rows = max(1, ROWS_TIMES_NEIGHBOURS // (grid.k[-1] * (logits.shape[1] + len(grid.sigma))))
    sigmas = np.array(grid.sigma)[:, np.newaxis]
    for t, temperature in enumerate(grid.temperature):
        remembered = residuals(memory_logits, memory_labels, temperature)
        for first in range(0, len(labels), rows):
            here = slice(first, first + rows)
            said = probabilities(logits[here], temperature)[:, np.newaxis]
            held = remembered[positions[here]]  # [rows, largest k, classes]
            beyond_nearest = distances[here] - distances[here, :1]
            weights = np.exp(-beyond_nearest[:, np.newaxis] / sigmas)  # [rows, sigma, largest k]
            totals = np.cumsum(weights, axis=2)
            summed = np.zeros((len(said), len(grid.sigma), logits.shape[1]))
            for position, (before, k) in enumerate(pairwise((0, *grid.k))):
                # the first k neighbours are those of the smaller k and these
                summed += weights[:, :, before:k] @ held[:, before:k]
                predicted = predicted_class(said + summed / totals[:, :, k - 1, np.newaxis])  # [rows, sigma]
                correct[position, :, t] += (predicted == labels[here, np.newaxis]).sum(axis=0)
    return correct / len(labels)


def predicted_class(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """The class of the highest score [..., classes], the first among those equal to nine decimals.

    Where features are identical, as where all units of a narrow network are dead, neighbours of several classes put
    the same weight on theirs, and rounding would decide.
    """
    return scores.round(9).argmax(axis=-1)


def best_choice(grid: MemoryGrid, accuracy: NDArray[np.float64]) -> tuple[MemoryChoice, list[str], float]:
    """The combination of the highest accuracy [k, sigma, temperature], the first among equals.

    Also the names of those of k, sigma and temperature that lie at the edge of what was tried (and where more than
    one value was), and the accuracy itself.
    """
    place = np.unravel_index(int(np.argmax(np.round(accuracy, 9))), accuracy.shape)
    axes = (grid.k, grid.sigma, grid.temperature)
    values = [axis[at] for axis, at in zip(axes, place, strict=True)]
    edge = [
        name
        for name, axis, at in zip(("k", "sigma", "temperature"), axes, place, strict=True)
        if len(axis) > 1 and at in (0, len(axis) - 1) and not (name == "k" and axis[at] == 1)
    ]
    choice = MemoryChoice(int(values[0]), float(values[1]), float(values[2]), grid.normalise, grid.metric, grid.index)
    return choice, edge, float(accuracy[place])
