"""What chance would show of influence: the exact distribution of a pair's influence where there is none.

In a block of b units a training example is in n of the subsets, and which is drawn at random. If it has no influence on
a target, whether the units are right does not depend on that: the number of its units that are right is then
hypergeometric, and over blocks a sum of such numbers,

    c_ij ~ sum over blocks of Hypergeometric(b, n, T_jb),

which depends on i in nothing. So the number of pairs at or above a threshold that have no influence is known exactly,
V = N sum over j of P_j(influence >= t), by convolution, and V / R bounds the expected share of false ones among the R
that are found. Where a subset has two models, its unit is right by 0, 1/2 or 1, and b units of such values take the
place of the hypergeometric.

**Targets that are training examples** are told apart by their own membership: models that were trained on one are
mostly right on it, whoever else is there. Only the units without it count. Of the b - n such units of a block T_jb are
right; that g of those and h of the others were trained on i has the probability

    C(T, g) C(b - n - T, h) C(n, n - g - h) / C(b, n),

and influence depends on the sums of both over blocks.

**A class as a whole**: more examples of a class in a subset make models answer that class more often. All its examples
have this small influence, which lifts many pairs of a large data set over the threshold, and none of them stands out.
`tilted` is the distribution with weights theta^s, theta such that the mean of s is that of a class (classes.py): the
exponential family through the null (Fisher's noncentral hypergeometric, block by block, with one odds). s is the count
c; where only units without the target count, s = g - T / K (g + h), the part of g that memberships alone do not give.

Convolutions are sums of products of what is not negative, so that small probabilities are as right as large ones: a
Fourier transform would leave 1e-16 where a value is impossible, and theta^s would make that large.

Source: the estimate is Feldman & Zhang's (arXiv 2008.03703); this null is ours.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.influential.units import Design, Positions, Units

Floats = NDArray[np.float64]

NUMBERS_AT_ONCE = 2**21
"""Float64 numbers of a table of distributions: 16 MiB"""
TIE = 1e-9
"""Influences are ratios of whole numbers; what is nearer to a threshold than this ties with it, and reaches it"""
STEPS = 12
"""Of Newton's method for theta; it starts at the null, near which classes are, and ends within rounding"""
FARTHEST = 6.0
"""Of log theta: where a class is on average at the end of the range, theta would be infinite"""


@dataclass(frozen=True, eq=False)
class Null:
    """Of some targets, the values that the influence of an example without influence takes, and their probabilities."""

    targets: Positions
    influence: Floats
    """[targets, values], in no order; NaN where it is undefined"""
    probability: Floats
    """[targets, values]"""
    statistic: Floats
    """[targets, values] or [values], what `tilted` tilts by"""

    def tilted(self, mean: Floats) -> "Null":
        """The same with weights theta^statistic, theta for each target such that its mean is `mean` [targets]."""
        with np.errstate(divide="ignore"):
            logs = np.log(self.probability)
        log_theta, weights = np.zeros(len(mean)), self.probability
        for _ in range(STEPS):
            weights = weighted(logs, log_theta[:, None] * self.statistic)
            middle = (weights * self.statistic).sum(1)
            variance = (weights * self.statistic**2).sum(1) - middle**2
            step = np.divide(mean - middle, variance, out=np.zeros_like(mean), where=variance > TIE)
            log_theta = np.clip(log_theta + np.clip(step, -1, 1), -FARTHEST, FARTHEST)
        return Null(self.targets, self.influence, weighted(logs, log_theta[:, None] * self.statistic), self.statistic)

    def at_least(self, threshold: float) -> Floats:
        """[targets], the probability of this influence or more."""
        return np.where(self.influence >= threshold - TIE, self.probability, 0).sum(1)

    def at_most(self, threshold: float) -> Floats:
        """[targets], the probability of this influence or less."""
        return np.where(self.influence <= threshold + TIE, self.probability, 0).sum(1)


def weighted(logs: Floats, exponent: Floats) -> Floats:
    """[targets, values]: exp(logs + exponent), to a sum of one."""
    total = logs + exponent
    weights: Floats = np.exp(total - total.max(1, keepdims=True))
    return weights / weights.sum(1, keepdims=True)


def nulls(units: Units) -> Iterator[Null]:
    """The nulls of all targets of some units, a few targets at a time."""
    design = units.design
    patterns, codes = patterns_of(units)
    outside = design.size - design.inside
    if units.counted is None:
        shape: tuple[int, ...] = (design.blocks * design.inside * units.scale + 1,)
        tables = np.stack([table_of(one, design.inside, design.inside * units.scale + 1) for one in patterns])
    else:
        shape = (design.blocks * outside + 1,) * 2
        tables = np.stack([table_without(int(one[1]), design) for one in patterns])
    total = units.right_where_counted.sum(0, dtype=np.int64) / units.scale
    values = int(np.prod(shape))
    if units.counted is None:
        count, with_it = np.arange(values) / units.scale, np.full(values, float(design.blocks * design.inside))
        models = float(design.blocks * design.size)
    else:
        count, wrong = (each.reshape(-1).astype(np.float64) for each in np.indices(shape))
        with_it, models = count + wrong, float(design.blocks * outside)
    # the order of blocks does not matter, and many targets have the same patterns: those come one after another
    often = np.stack([(codes == code).sum(0) for code in range(len(patterns))], axis=1)
    order, step = np.lexsort(often.T), max(1, NUMBERS_AT_ONCE // values)
    for first in range(0, len(order), step):
        here = order[first : first + step]
        different, which = np.unique(often[here], axis=0, return_inverse=True)
        probability = convolved(tables, different, shape).reshape(len(different), values)
        influence = influences(count, with_it, total[here, None], models)
        statistic = count if units.counted is None else count - total[here, None] / models * with_it
        yield Null(here, influence, probability[which.reshape(-1)], statistic)


def convolved(tables: Floats, often: NDArray[np.int64], shape: tuple[int, ...]) -> Floats:
    """The distributions [n, *shape] of sums over blocks, whose distributions are `tables` [patterns, ...]; `often` int
    [n, patterns] says how many blocks have which."""
    blocks = int(often[0].sum())
    order = np.stack([np.repeat(np.arange(len(tables)), numbers) for numbers in often])  # [n, blocks]
    found = np.ones((len(often), *[1] * len(shape)))
    grown = tables.shape[1] - 1  # by a block
    for block in range(blocks):
        table, length = tables[order[:, block]], found.shape[1]
        added = np.zeros((len(often), *[length + grown] * len(shape)))
        for step in np.argwhere((tables > 0).any(0)):
            to = tuple(slice(one, one + length) for one in step.tolist())
            weight = table[(slice(None), *step.tolist())].reshape(-1, *[1] * len(shape))
            added[(slice(None), *to)] += weight * found
        found = added
    return found


def influences(right_with: Floats, with_it: Floats | float, right: Floats, models: Floats | float) -> Floats:
    """c / n - (T - c) / (K - n), broadcast; NaN where no unit has the example, or all have it."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(
            np.logical_and(with_it > 0, with_it < models),
            right_with / with_it - (right - right_with) / (models - with_it),
            np.nan,
        )


def patterns_of(units: Units) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many units of a block have each value from 0 to `scale`: the different ones [patterns, scale + 1], and which
    of them each block has at each target [blocks, targets]. Units that do not count have 0."""
    right = units.right_where_counted
    numbers = np.stack(
        [
            np.stack([(right[places] == value).sum(0, dtype=np.int64) for value in range(units.scale + 1)])
            for places in units.by_block()
        ]
    )
    code = np.zeros((numbers.shape[0], numbers.shape[2]), dtype=np.int64)
    for value in range(units.scale + 1):
        code = code * (units.design.size + 1) + numbers[:, value]
    _, first, which = np.unique(code, return_index=True, return_inverse=True)
    block, target = np.unravel_index(first, code.shape)
    return numbers[block, :, target], which.reshape(code.shape)


def table_of(pattern: NDArray[np.int64], inside: int, length: int) -> Floats:
    """The distribution [length] of the sum of the values of `inside` units, drawn of a block with this pattern."""
    ways = [[0] * length for _ in range(inside + 1)]  # by number of units drawn and sum, in whole numbers
    ways[0][0] = 1
    for value, units in enumerate(pattern.tolist()):
        for _ in range(units):
            for drawn in range(inside, 0, -1):
                for total in range(length - 1, value - 1, -1):
                    if ways[drawn - 1][total - value]:
                        ways[drawn][total] += ways[drawn - 1][total - value]
    everything = comb(int(pattern.sum()), inside)
    return np.array([one / everything for one in ways[inside]])


def table_without(right: int, design: Design) -> Floats:
    """The distribution [outside + 1, outside + 1] of g and h: how many of a block's units without the target, of which
    `right` are right and the others wrong on it, are trained on an example."""
    outside = design.size - design.inside
    wrong = outside - right
    found = np.zeros((outside + 1, outside + 1))
    for g in range(right + 1):
        for h in range(wrong + 1):
            if g + h <= design.inside:
                ways = comb(right, g) * comb(wrong, h) * comb(design.inside, design.inside - g - h)
                found[g, h] = ways / comb(design.size, design.inside)
    return found
