"""Can the population's types be told from these models? Each half of the blocks foretells what the other half measured.

The types that `population` finds are right if its prior is, and no example shows that. Other models do: the posterior
of one half of the blocks of models foretells the raw types that the other half measures (predictive.py), and the other
way round. For a group g of examples and an outcome t of theirs,

    D = mean over g of (measured - foretold), of both ways,    error^2 = v phi

v is the variance that independent examples give the mean D: from the deviations themselves, or from the foretold
probabilities, p (1 - p), whichever is larger, for a rare type may not have shown at all. phi is for the models that all
examples share: how much more the raw tables of two halves differ, over up to 40 ways of halving the blocks as in the
delete-half jackknife, than independent examples would make it, pooled over a family of cells, at least 1. Errors of the
models shift what they measure and what they foretell alike, and D less, so that is on the safe side.

    types     the raw types of all examples
    classes   the same within each class
    bins      whether the likeliest type is measured as often as foretold, where its probability lies in a bin
    spread    how much the true score changes over the sizes, of all and of each class: the halves' scores have
              independent noise, so products of the one with the other measure it without any
    settled   the shares of the types themselves, from either half and from all models
    threshold the same shares at thresholds somewhat below and above epsilon (threshold.py)

The first three are what is asked of a posterior, and see little: raw types of 20 models are mostly noise, and where a
flat class lies among examples that are not, its raw types are foretold well by a posterior that has its shares wrong by
.4. `spread` sees that. It is the sum over sizes s, t of W_st x_s y_t, of the halves' scores x and y less their means
over the sizes: W is the mean over all examples of what is foretold of x_s y_t, so that it looks where these scores are
said to change most. W is scaled so that the variance over the sizes is what is foretold of all.

Nor do the first three see a share that follows from the prior's form near the threshold epsilon. Signs of it are a
share that still moves as models are added, more than MOVED between halves and all, and one that hangs on the threshold.

A cell of the first four is off where |D| exceeds a tolerance and `limit` errors: 2 for one cell; with several as many
as keep the chance of any off in a right estimate at that of one cell beyond 2, 4.55 %, the same part of it for each
family and each cell there (Bonferroni). The tolerance is for the mixture's form: no population is normal, and with
enough examples all would be off. It foretells a share of trajectories with steps wrong by .027 (4.8 errors) and has
their true shares right within .025.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isnan
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from memscope.analysis.population.halves import Halves
from memscope.analysis.statistics.intervals import Floats
from memscope.analysis.trajectories import TYPES

FEWEST_EXAMPLES = 500
FEWEST_IN_CELL = 20
"""Examples of a class or a bin; of fewer nothing could be seen."""
BINS = (0.0, 0.5, 0.65, 0.8, 0.9, 0.97, 1.0)
"""Of the probability of the likeliest type."""
TOLERANCE = 0.02
"""Of raw shares."""
SPREAD_TOLERANCE = 0.1
"""Of the spread, in parts of what was foretold."""
FLAT = 0.25
"""The spread's tolerance is at least the square of this part of epsilon: such scores are constant either way."""
HANGS = 0.1
"""That a share may differ by from that at a threshold somewhat lower or higher. In simulations it was at most .09 where
shares were right within .09, and at least .11 where they were off by more (docs/science.md)."""
MOVED = 0.05
"""That a share may differ by between the halves' mean and all models, and each half from that mean."""
CHANCE = 2 * NormalDist().cdf(-2)
"""Of a single cell beyond 2 standard errors."""


@dataclass(frozen=True)
class Cell:
    """Some examples, and something that was foretold of them and measured."""

    family: str
    """`types`, `classes`, `bins`, `spread`, `settled` or `threshold`"""
    group: str
    """`all`, the name of a class, or a bin; of `settled` and `threshold` what is compared"""
    what: str
    """A type; `likeliest`, the share whose raw type is the likeliest; `spread`, of the score over sizes"""
    examples: int
    measured: float
    foretold: float
    error: float
    """Standard error of the difference; NaN of `settled` and `threshold`"""
    tolerance: float
    """A difference that is let pass in any case"""

    def excess(self, limit: float) -> float:
        """By how much the difference exceeds what is let pass; not positive where it does not."""
        allowed = self.tolerance + (0.0 if isnan(self.error) else limit * self.error)
        return abs(self.measured - self.foretold) - allowed


@dataclass(frozen=True)
class Told:
    """Whether all of some cells were foretold."""

    cells: tuple[Cell, ...]
    off: tuple[Cell, ...]
    """Those that were not, the worst first"""
    limits: Mapping[str, float]
    """Standard errors that are let pass beyond the tolerance, by family"""

    @property
    def passed(self) -> bool:
        return not self.off


def commonest(shares: Floats) -> tuple[str, float]:
    """The commonest type, and the share of examples for which calling it would be right under the posterior: its own.

    `shares` [6] are means of the posterior's probabilities; NaN, and no type, where they are not known. A method that
    decides for some examples must be right more often than this to have told anything.
    """
    if np.isnan(shares).any():
        return "", float("nan")
    return TYPES[int(shares.argmax())], float(shares.max())


def told(halves: Halves, classes: Mapping[str, ArrayLike], near: Floats) -> Told:
    """Look at all families of cells.

    `classes` are bool [examples of the run], by name; `near` [3, 6] the shares of the posterior of all models, at
    thresholds below epsilon, at it, and above (threshold.py).
    """
    everyone = np.ones((1, len(halves.examples)), dtype=bool)
    names, members = chosen_groups(halves, classes)
    overall, shared = type_cells("types", halves, ["all"], everyone)
    by_class, shared_in_class = type_cells("classes", halves, names, members)
    spread = [*spread_cells(halves, ["all"], everyone, shared), *spread_cells(halves, names, members, shared_in_class)]
    return judged(
        [*overall, *by_class, *bin_cells(halves), *spread, *settled_cells(halves, near[1]), *near_cells(near)]
    )


def told_of(halves: Halves, members: ArrayLike, name: str = "subgroup") -> Told | None:
    """Whether shares of types within a subgroup can be told as means of the posterior; bool [examples of the run].

    It must not be chosen by what these models measured. None where too few of it are in the sample to see anything.
    That the shares of all examples are told is asked for besides.
    """
    names, chosen = chosen_groups(halves, {name: members})
    if not names:
        return None
    types, shared = type_cells("types", halves, names, chosen)
    return judged([*types, *spread_cells(halves, names, chosen, shared)])


def judged(cells: Sequence[Cell]) -> Told:
    """Every family with errors gets the same part of CHANCE, and every cell of it the same part of that."""
    sizes = Counter(cell.family for cell in cells if not isnan(cell.error))
    limits = {family: NormalDist().inv_cdf(1 - CHANCE / 2 / len(sizes) / size) for family, size in sizes.items()}
    excess = [(cell.excess(limits.get(cell.family, 0.0)), cell) for cell in cells]
    off = sorted((pair for pair in excess if pair[0] > 0), key=lambda pair: -pair[0])
    return Told(tuple(cells), tuple(cell for _, cell in off), limits)


def chosen_groups(halves: Halves, groups: Mapping[str, ArrayLike]) -> tuple[list[str], NDArray[np.bool_]]:
    """The groups of which enough examples can be looked at: their names, and bool [groups, n]."""
    here = {name: np.asarray(members, dtype=bool)[halves.examples] for name, members in groups.items()}
    enough = {name: members for name, members in here.items() if members.sum() >= FEWEST_IN_CELL}
    return list(enough), np.array([*enough.values()], dtype=bool).reshape(len(enough), len(halves.examples))


def type_cells(
    family: str, halves: Halves, names: Sequence[str], members: NDArray[np.bool_]
) -> tuple[list[Cell], float]:
    """The raw types of groups, bool [groups, n]; and phi of these cells."""
    foretold = np.stack([half.raw for half in halves.foretold])
    measured, apart = (codes[..., np.newaxis] == np.arange(len(TYPES)) for codes in (halves.raw, halves.apart))
    return cells(family, names, TYPES, np.stack([members, members]), measured, foretold, apart)


def bin_cells(halves: Halves) -> list[Cell]:
    """Whether the likeliest type of either half's posterior is the raw one as often as foretold, by its probability."""
    likeliest = np.stack([half.types.argmax(axis=1) for half in halves.foretold])
    probability = np.stack([half.types.max(axis=1) for half in halves.foretold])
    foretold = np.stack([half.raw for half in halves.foretold])
    names = [f"{low:g} to {high:g}" for low, high in pairwise(BINS)]
    place = np.minimum(np.digitize(probability, BINS) - 1, len(names) - 1)
    members = place[:, np.newaxis] == np.arange(len(names))[:, np.newaxis]  # [2, bins, n]
    enough = members.sum(axis=(0, 2)) >= 2 * FEWEST_IN_CELL
    return cells(
        "bins",
        [name for name, kept in zip(names, enough, strict=True) if kept],
        ["likeliest"],
        members[:, enough],
        (halves.raw == likeliest)[..., np.newaxis],
        np.take_along_axis(foretold, likeliest[..., np.newaxis], axis=2),
        (halves.apart == likeliest[0])[..., np.newaxis],
    )[0]


def spread_cells(halves: Halves, names: Sequence[str], members: NDArray[np.bool_], shared: float) -> list[Cell]:
    """How much the true score changes over the sizes in groups, bool [groups, n]; `shared` is phi."""
    products = np.mean([half.products for half in halves.foretold], axis=0)
    every = products.mean(axis=0)
    weight = every * (np.trace(every) / max((every**2).sum(), 1e-12) / (len(every) - 1))
    spread, foretold = (np.einsum("nst,st->n", each, weight) for each in (halves.products, products))
    found = []
    for name, group in zip(names, members, strict=True):
        measured, expected = spread[group], foretold[group]
        error = np.sqrt(shared * ((measured - expected) ** 2).sum()) / len(measured)
        mean = float(expected.mean())
        let_pass = max(SPREAD_TOLERANCE * mean, (FLAT * halves.epsilon) ** 2)
        found.append(
            Cell("spread", name, "spread", len(measured), float(measured.mean()), mean, float(error), let_pass)
        )
    return found


def settled_cells(halves: Halves, shares: Floats) -> list[Cell]:
    """Whether the shares [6] from all models are those of the halves' mean, and the halves' their own mean."""
    one, other = (half.types.mean(axis=0) for half in halves.foretold)
    number, nan = len(halves.examples), float("nan")
    pairs = (("all and halves", shares, (one + other) / 2, MOVED), ("one half and the other", one, other, 2 * MOVED))
    return [
        Cell("settled", group, name, number, float(left[place]), float(right[place]), nan, most)
        for group, left, right, most in pairs
        for place, name in enumerate(TYPES)
    ]


def near_cells(near: Floats) -> list[Cell]:
    """Whether the shares [3, 6] at thresholds below and above epsilon are those at epsilon."""
    return [
        Cell("threshold", group, name, 0, float(shares[place]), float(near[1][place]), float("nan"), HANGS)
        for group, shares in (("below", near[0]), ("above", near[2]))
        for place, name in enumerate(TYPES)
    ]


def cells(
    family: str,
    groups: Sequence[str],
    outcomes: Sequence[str],
    members: NDArray[np.bool_],
    measured: NDArray[np.bool_],
    foretold: Floats,
    apart: NDArray[np.bool_],
) -> tuple[list[Cell], float]:
    """A family of cells, a cell for each group and outcome, and its phi, by the formulas above.

    `members` [2, groups, n], for either half; `measured` and `foretold` [2, n, outcomes]; `apart` [ways, 2, n,
    outcomes], what two halves measured in several ways of halving.
    """
    weight = members.astype(np.float64)
    number = weight.sum(axis=(0, 2))[:, np.newaxis] / 2

    def variance(deviation: Floats) -> Floats:
        """Of sums over a group [groups, outcomes], the two ways of an example together."""
        both = weight[0] @ deviation[0] ** 2 + weight[1] @ deviation[1] ** 2
        return both + 2 * (weight[0] * weight[1]) @ (deviation[0] * deviation[1])

    deviation = measured - foretold
    from_chance = np.einsum("wgn,wnt->gt", weight, foretold * (1 - foretold))
    own = np.maximum(variance(deviation), from_chance)
    halves_differ = apart[:, 0].astype(np.float64) - apart[:, 1]  # [ways, n, outcomes]
    summed = np.einsum("gn,hnt->hgt", weight.mean(axis=0), halves_differ)
    alone = np.einsum("gn,hnt->gt", weight.mean(axis=0) ** 2, halves_differ**2) / len(apart)
    shared = max(1.0, float((summed**2).mean(axis=0).sum() / max(alone.sum(), 1e-12)))
    error = np.sqrt(own * shared) / (2 * number)
    means = [np.einsum("wgn,wnt->gt", weight, values) / (2 * number) for values in (measured, foretold)]
    return [
        Cell(
            family,
            group,
            outcome,
            round(float(number[g, 0])),
            float(means[0][g, t]),
            float(means[1][g, t]),
            float(error[g, t]),
            TOLERANCE,
        )
        for g, group in enumerate(groups)
        for t, outcome in enumerate(outcomes)
    ], shared
