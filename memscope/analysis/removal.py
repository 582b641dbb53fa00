"""What happens when the memorised are gone: which examples are removed, and what that is compared with.

In comes one number an example, its memorisation, and what is known of it; out come the sets of examples that are
removed, each from the data of an arm of its own: the n most memorised, the n least, and random ones. All sets have as
many examples of every class, and the random ones as many flipped ones of every class, where flips are known and that is
asked for. Copies of an image go together: what is left of a group would stand in for what went.

The numbers by which examples are chosen and anything that is afterwards reported of the chosen must be from different
blocks of models: what stands out in a measurement stands out by its noise, too, and is nearer to the rest in another.

`removal_effect` compares the arms. A set's models are one draw with it: the mean of an arm varies by which set was
drawn, by its models' subsets and by their training, all in one, and its spread over the random sets shows all of it. If
the chosen set were like the random ones, its mean x would be one more draw beside theirs, y_1 to y_S, and

    t = (x - mean(y)) / (s sqrt(1 + 1/S)),    s^2 = sum (y_i - mean(y))^2 / (S - 1)

would have Student's t with S - 1 degrees of freedom (if arms are normal; means over dozens of models are nearly so).
That holds too where all arms share draws, such as the initial weights of models of one seed: what they have in common
makes them equally correlated, and drops out of both the difference and s.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from memscope.analysis.statistics.intervals import t_quantile
from memscope.errors import OptionError
from memscope.streams import permutation, stream

FEWEST_SETS = 5
"""Random sets. The t interval of 5 is 1.4 times as wide as the normal one, that of 3 already 2.2 times."""
TRIES = 100
"""Orders in which a set is tried to be filled; the last places may want one example where only pairs are left."""


@dataclass(frozen=True, eq=False)
class Removal:
    """The sets of examples that arms are trained without, over N training examples."""

    most: NDArray[np.bool_]
    """[N], the most memorised"""
    least: NDArray[np.bool_]
    """[N], the least memorised, as many of every class as there are among the most, and none of those"""
    random: NDArray[np.bool_]
    """[sets, N]; drawn from all, so that they may share examples with each other and with the others"""

    @property
    def shared(self) -> NDArray[np.float64]:
        """[sets], the share of each random set that is among the most memorised: it makes the difference smaller."""
        return (self.random & self.most).sum(1) / self.most.sum()


def choose_removal(
    scores: ArrayLike,
    labels: ArrayLike,
    units: ArrayLike,
    count: int,
    *,
    flipped: ArrayLike | None = None,
    sets: int = FEWEST_SETS,
    seed: int = 0,
) -> Removal:
    """The sets to remove, of `count` examples each.

    `scores` float [N], NaN where there is none: such an example is never among the most or the least; `labels` int [N]
    are those that models are given; those of one of `units`, int [N], are copies of one image; `flipped` bool [N], or
    None to match the random sets on class alone. Equal scores are taken in an order drawn from the seed. OptionError
    where there are not so many examples, or sets of them cannot be filled by whole units.
    """
    values = np.asarray(scores, dtype=np.float64)
    classes = np.unique(np.asarray(labels), return_inverse=True)[1]
    unit = np.unique(np.asarray(units), return_inverse=True)[1]
    known = int(np.isfinite(values).sum())
    if sets < FEWEST_SETS:
        raise OptionError(f"there are {sets} random sets; the comparison needs at least {FEWEST_SETS}")
    if not 1 <= count <= known // 2:
        raise OptionError(
            f"{count} examples are to be removed, of {known} with a score; it must be 1 to {known // 2}, half of them"
        )
    mean = np.bincount(unit, weights=values) / np.bincount(unit)  # NaN where that of a copy is
    # a drawn order first, and then by score with a stable sort: so ties are broken by chance
    drawn = permutation(stream("removal ties", seed), len(mean))
    rising = drawn[np.argsort(mean[drawn], kind="stable")]
    rising = rising[np.isfinite(mean[rising])]
    falling = drawn[np.argsort(-mean[drawn], kind="stable")]
    falling = falling[np.isfinite(mean[falling])]
    most = filled(falling, unit, np.zeros_like(classes), np.array([count]))
    if most is None:
        raise OptionError(
            f"no whole groups of copies make up {count} of the most memorised examples; take another number"
        )
    rising = rising[~np.isin(rising, unit[most])]  # of a class that is mostly memorised few others are left
    least = filled(rising, unit, classes, np.bincount(classes[most], minlength=classes.max() + 1))
    if least is None:
        raise OptionError(
            f"there are not {count} examples with low scores of the classes of the {count} most memorised, copies "
            "together; take fewer"
        )
    # the least are matched on class alone: where nearly all that are flipped are memorised, they would be the same
    strata = classes if flipped is None else 2 * classes + np.asarray(flipped, dtype=np.int64)
    wanted = np.bincount(strata[most], minlength=strata.max() + 1)
    return Removal(most, least, np.stack([random_set(unit, strata, wanted, seed, number) for number in range(sets)]))


def filled(
    order: NDArray[np.int64], unit: NDArray[np.int64], strata: NDArray[np.int64], wanted: NDArray[np.int64]
) -> NDArray[np.bool_] | None:
    """bool [N]: the examples of whole units, taken in this order, that have exactly what is wanted of every stratum.

    `unit` and `strata` int [N] are those of each example, `wanted` int [strata]. A unit that has more than is still
    wanted of a stratum is passed over. None where something is left to want.
    """
    by_unit = np.argsort(unit, kind="stable")
    ends = np.cumsum(np.bincount(unit))
    starts = ends - np.bincount(unit)
    left, missing, taken = wanted.copy(), int(wanted.sum()), np.zeros(len(unit), dtype=bool)
    for one in order:
        if not missing:
            break
        members = by_unit[starts[one] : ends[one]]
        kinds, numbers = np.unique(strata[members], return_counts=True)
        if (left[kinds] >= numbers).all():
            left[kinds] -= numbers
            missing -= len(members)
            taken[members] = True
    return None if missing else taken


def random_set(
    unit: NDArray[np.int64], strata: NDArray[np.int64], wanted: NDArray[np.int64], seed: int, number: int
) -> NDArray[np.bool_]:
    """bool [N]: whole units that have together exactly what is `wanted` of every stratum, taken in a drawn order."""
    source = stream("removal set", seed, number)
    for _ in range(TRIES):
        found = filled(permutation(source, int(unit.max()) + 1), unit, strata, wanted)
        if found is not None:
            return found
    raise OptionError(
        f"{TRIES} orders gave no random set of {int(wanted.sum())} examples of the same classes as the most memorised, "
        "copies together; take another number"
    )


@dataclass(frozen=True)
class RemovalEffect:
    """How what models do without a chosen set differs from what they do without random ones, at one size."""

    chosen: float
    """Mean over the models of the chosen arm"""
    random: float
    """Mean over the random sets of the means over their models"""
    difference: float
    """chosen - random"""
    error: float
    """Standard error of the difference: sets and models together"""
    low: float
    """End of the 95 % interval by Student's t"""
    high: float
    degrees: int
    """Of freedom: the number of random sets - 1"""

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out no difference."""
        return self.low > 0 or self.high < 0


def removal_effect(chosen: ArrayLike, random: Sequence[ArrayLike], confidence: float = 0.95) -> RemovalEffect:
    """Compare the models of an arm, float [models], with those of every random set, [sets][models of it].

    A value is what one model did: its test accuracy, that on some test examples, or how that differs between two of its
    sizes. NaN, of a model that diverged, is left out. OptionError for fewer than five sets, or an arm without models.
    """
    arms = [np.asarray(one, dtype=np.float64) for one in (chosen, *random)]
    arms = [one[~np.isnan(one)] for one in arms]
    if not all(len(one) for one in arms):
        raise OptionError("an arm has no models that did not diverge; train more models of it")
    first, *others = (float(one.mean()) for one in arms)
    return paired_effect(np.full(len(others), first), others, confidence)


def paired_effect(chosen: ArrayLike, random: ArrayLike, confidence: float = 0.95) -> RemovalEffect:
    """The same of means of arms, float [sets] both, where the chosen arm is looked at anew beside every random set.

    So it is where both are asked about the examples that neither of them is trained without: those are others beside
    every set, and what they have of their own drops out of the difference x_i - y_i. The chosen arm's models stay the
    same, so that differences share x as before, and t is that of above with s the spread of the differences.
    OptionError for fewer than five sets.
    """
    first, others = (np.asarray(one, dtype=np.float64) for one in (chosen, random))
    if len(others) < FEWEST_SETS:
        raise OptionError(f"there are {len(others)} random sets; the comparison needs at least {FEWEST_SETS}")
    differences = first - others
    difference = float(differences.mean())
    error = float(np.std(differences, ddof=1)) * (1 + 1 / len(differences)) ** 0.5
    reach = t_quantile(0.5 + confidence / 2, len(differences) - 1) * error
    return RemovalEffect(
        chosen=float(first.mean()),
        random=float(others.mean()),
        difference=difference,
        error=error,
        low=difference - reach,
        high=difference + reach,
        degrees=len(differences) - 1,
    )
