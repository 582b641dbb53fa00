"""From sums over models to what the prior is fitted to: the measured means of every example, and how noisy they are.

The measured vector of example i is F_i = (mean correct in, mean probability in, mean correct out, mean probability
out) at all sizes: `d` numbers, 4 for each size, 2 without probabilities; the first half is of the models trained
with the example. Its sampling covariance is S_st / n for each side, with S the covariance over models of the joint
vector of one subset at all sizes: what comes from the same subset is not counted twice. From few models S is so
noisy, and so dependent on F (it is 0 where all models agree), that each example's own must not be used: at 20
models a size on outcomes of a random-feature classifier, a linear estimate with each example's own S had 1.04 times
the squared error of the raw score, one with the mean S .32. Hence sums of squares are kept apart from their degrees
of freedom, to be averaged over examples that are alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.population.sums import PopulationSums
from memscope.analysis.statistics.intervals import Floats

MOST_GROUPS = 20
"""Blocks of models are put into at most so many groups, each left out in turn: bounds memory and time."""
MOST_PATTERNS = 64
"""Different numbers of models that are told apart; further ones are rounded more coarsely."""
ROUNDINGS = (0.15, 0.4, 1.0)


@dataclass(frozen=True)
class Patterns:
    """Examples by the numbers of models that measured them; `d` measured dimensions."""

    of_example: NDArray[np.int64]
    """[examples], the pattern of each"""
    models: Floats
    """[patterns, d], 0 where nothing was measured"""


@dataclass(frozen=True)
class Moments:
    """The sample's measured means and their noise; `d` dimensions, D = d / 2 on each side."""

    means: Floats
    """[sample, d], NaN where there is no model"""
    binary: NDArray[np.bool_]
    """[d]: whether it is the mean of right and wrong"""
    pattern: NDArray[np.int64]
    """[sample]"""
    scatter: Floats
    """[sample, 2, D, D]: sums over models of products of deviations from the mean"""
    degrees: Floats
    """[sample, 2, D, D]: their degrees of freedom"""
    overlap: Floats
    """[d, d]: models that two dimensions have in common, over the geometric mean of their numbers; 0 across sides"""
    without: Floats
    """[groups, sample, d]: the means without each group of blocks of models; no group where there is one block"""


def dimensions(sums: PopulationSums) -> NDArray[np.bool_]:
    """bool [2, 2, sizes]: which of the measured dimensions (side; correct, probability; size) any example has."""
    some = (sums.models > 0).any(axis=2)
    known = (~np.isnan(sums.probability) & (sums.models > 0)).any(axis=2)
    both = np.stack([some, known], axis=1)
    return both & both.all(axis=0)  # what one side alone has makes no difference of two


def measured_means(sums: PopulationSums, kept: NDArray[np.bool_], here: slice | NDArray[np.int64]) -> Floats:
    """The measured vectors [examples here, d], NaN where there is no model."""
    n = sums.models[:, :, here]
    with np.errstate(invalid="ignore"):
        both = np.stack([sums.correct[:, :, here] / n, sums.probability[:, :, here] / n], axis=1)
    return both[kept].T


def model_patterns(sums: PopulationSums, kept: NDArray[np.bool_]) -> Patterns:
    """Examples with nearly equal numbers of models, put together: within 15 % where that gives few enough patterns."""
    soft_known = ~np.isnan(sums.probability)
    n = np.stack([sums.models, np.where(soft_known, sums.models, 0)], axis=1)[kept]  # [d, examples]
    if (n == n[:, :1]).all():
        return Patterns(np.zeros(n.shape[1], dtype=np.int64), n[:, :1].T.astype(np.float64))
    reference = n.max(axis=1, keepdims=True)
    with np.errstate(divide="ignore"):
        depth = np.where(n > 0, np.log(reference / np.maximum(n, 1)), 0)
    for step in (*ROUNDINGS, np.inf):
        rounded = np.where(n > 0, 1 + np.rint(depth / step), 0).astype(np.uint8)
        rows = np.ascontiguousarray(rounded.T)
        _, index = np.unique(rows.view(np.dtype((np.void, rows.shape[1]))).ravel(), return_inverse=True)
        if index.max() < MOST_PATTERNS:
            break
    index = index.ravel().astype(np.int64)
    count = np.bincount(index)
    models = np.stack([np.bincount(index, row) / count for row in n], axis=1)
    return Patterns(index, models)


def moments(sums: PopulationSums, kept: NDArray[np.bool_], patterns: Patterns) -> Moments:
    """The moments of the sample, from the outcomes that were kept of it."""
    count, half = len(sums.sample), int(kept[0].sum())
    means = measured_means(sums, kept, sums.sample)
    numbers = sorted(
        {(int(b), int(m)) for piece in sums.pieces for b, m in zip(piece.blocks, piece.models, strict=True)}
    )
    blocks = sorted({block for block, _ in numbers})
    group_of = {block: place * min(MOST_GROUPS, len(blocks)) // len(blocks) for place, block in enumerate(blocks)}
    groups = min(MOST_GROUPS, len(blocks))
    products = np.zeros((2, count, half, half))
    crossed, common = np.zeros((2, count, half, half)), np.zeros((2, count, half, half))
    group_sums, group_models = np.zeros((groups, count, 2 * half)), np.zeros((groups, count, 2 * half))
    present = np.zeros((len(numbers), 2 * half), dtype=np.float64)
    for block in blocks:
        chosen = [place for place, (other, _) in enumerate(numbers) if other == block]
        values, members = outcomes_of(sums, kept, [numbers[place][1] for place in chosen], block)
        present[chosen] = np.concatenate([m.any(axis=0) for m in members], axis=1)
        for side in (0, 1):
            x, m = values[side], members[side].astype(np.float32)  # [sample, models, D]
            products[side] += x.transpose(0, 2, 1) @ x
            crossed[side] += x.transpose(0, 2, 1) @ m
            common[side] += m.transpose(0, 2, 1) @ m
            here = slice(side * half, (side + 1) * half)
            group_sums[group_of[block], :, here] += x.sum(axis=1)
            group_models[group_of[block], :, here] += m.sum(axis=1)
    scatter = products - crossed * crossed.transpose(0, 1, 3, 2) / np.maximum(common, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        without = (group_sums.sum(axis=0) - group_sums) / (group_models.sum(axis=0) - group_models)
    without = np.where(np.isnan(without), means, without)
    shared = present.T @ present
    scale = np.sqrt(np.maximum(np.diag(shared), 1))
    overlap = shared / scale[:, None] / scale
    overlap[:half, half:] = overlap[half:, :half] = 0
    return Moments(
        means=means,
        binary=np.broadcast_to(np.array([[True], [False]]), kept.shape)[kept],
        pattern=patterns.of_example[sums.sample],
        scatter=scatter.transpose(1, 0, 2, 3),
        degrees=np.maximum(common - 1, 0).transpose(1, 0, 2, 3),
        overlap=overlap,
        without=without if groups > 1 else without[:0],
    )


def outcomes_of(
    sums: PopulationSums, kept: NDArray[np.bool_], models: Sequence[int], block: int
) -> tuple[list[NDArray[np.float32]], list[NDArray[np.bool_]]]:
    """The sample's outcomes of one block's models, and which there are: on each side [sample, models, D], 0 if none."""
    place = {model: row for row, model in enumerate(models)}
    count = len(sums.sample)
    shape = (2, 2, sums.sizes, count, len(models))  # side, kind, size
    values, members = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=bool)
    for piece in sums.pieces:
        rows = np.flatnonzero(piece.blocks == block)
        if not len(rows):
            continue
        columns = [place[int(model)] for model in piece.models[rows]]
        mask, right = (
            np.unpackbits(bits[rows], axis=1, count=count).astype(bool).T for bits in (piece.in_subset, piece.correct)
        )
        soft = None if piece.probability is None else piece.probability[rows].astype(np.float32).T
        for side, inside in enumerate((mask, ~mask)):
            values[side, 0, piece.size][:, columns] = right & inside
            members[side, 0, piece.size][:, columns] = inside
            if soft is not None:
                known = inside & ~np.isnan(soft)
                values[side, 1, piece.size][:, columns] = np.where(known, soft, 0)
                members[side, 1, piece.size][:, columns] = known
    half = [np.moveaxis(values[side][kept[side]], 0, 2) for side in (0, 1)]
    return half, [np.moveaxis(members[side][kept[side]], 0, 2) for side in (0, 1)]


def weighted_moments(values: Floats, member: Floats) -> tuple[Floats, Floats]:
    """Means [components, d] and covariances [components, d, d] of values [examples, d], weighted; NaN is left out."""
    known = ~np.isnan(values)
    filled = np.where(known, values, 0)
    weight = np.maximum(member.T @ known, 1e-12)
    means = member.T @ filled / weight
    covariances = []
    for k, column in enumerate(member.T):
        deviation = np.where(known, values - means[k], 0)
        both = np.maximum((known * column[:, None]).T @ known, 1e-12)
        covariances.append((deviation * column[:, None]).T @ deviation / both)
    return means, np.stack(covariances)
