"""Vectors in outline: in a few dimensions, in which no distance is greater than it is in all of them.

For r orthonormal axes V, the coordinates V'x of a vector and the length l(x) of what is left of it are r + 1 numbers
with the same norm, and by the triangle inequality

    |V'x - V'q|^2 + (l(x) - l(q))^2 <= |x - q|^2

so what is too far in outline is too far. Penultimate features of 512 dimensions of a convolutional network trained on
Fashion-MNIST have 99.8 % of their variance in 64; in outline, 58 of 50,000 of them are near enough to be among
the 50 nearest. In Gaussian noise there is nothing to be gained, and no outline is made.
"""

from dataclasses import dataclass
from math import isfinite, sqrt

import torch
from torch import Tensor

from memscope.analysis.float64 import float64_pieces, row_sums

SAMPLE, QUERIES = 4096, 64
"""Vectors among which, and for which, it is tried whether an outline pays."""

SMALLEST = 4 * SAMPLE, 64
"""Vectors and features with fewer of which an outline would take longer to make than it saves."""

MISSED = (0.0, 0.05, 0.1)
"""Shares of the queries for which it may be missed in outline what is nearest, so as to measure less for the others."""

MEASURED = 80
"""To measure a pair in float64 takes as long as so many products of as many features in float32."""


@dataclass(frozen=True)
class Outline:
    """A memory's vectors in outline."""

    axes: Tensor
    """float64 [F, r], orthonormal"""
    factors: Tensor
    """float32 [tiles * tile, r + 2]: outlines and squared norms, in the order of the memory's own factors"""
    ratio: float
    """The k-th smallest squared distance is seldom more than so many times that in outline"""

    def of(self, centred: Tensor) -> Tensor:
        """Outlines float64 [n, r + 1] of centred and scaled vectors float64 [n, F]."""
        return outlined(self.axes, centred)

    def spare(self, norms: Tensor) -> Tensor:
        """[B]: how much too great a squared distance of outlines can be, for queries of these norms, by rounding."""
        return 3 * length_error(*self.axes.shape) * (norms + 1) ** 2


def outlined(axes: Tensor, centred: Tensor) -> Tensor:
    """Float64 [n, r + 1]: the coordinates of vectors [n, F] along axes [F, r], and the length of what is left.

    The length is a difference of two squares, and off by `length_error` times that of the vector at most, where nothing
    is left. To have it more exactly would take twice the time.
    """
    coordinates = centred @ axes
    left = row_sums(centred.square()) - row_sums(coordinates.square())
    return torch.cat([coordinates, left.clamp_(min=0).sqrt_()[:, None]], dim=1)


def length_error(features: int, count: int) -> float:
    """The square root of the error of |x|^2 - |V'x|^2 in float64, for |x| of 1: sums of so many rounded products."""
    return sqrt(4 * (features + 8) * sqrt(count) * 2.0**-53)


def outline_of(vectors: Tensor, centre: Tensor, scale: float, order: Tensor, factors: Tensor, k: int) -> Outline | None:
    """The outline of a memory in which a search for the k nearest takes the least time; None if it takes less without.

    Arguments as in `neighbours.Memory`. What is chosen decides how long a search takes, never what it finds.
    """
    size, features = vectors.shape
    if size < SMALLEST[0] or features < SMALLEST[1]:
        return None
    sample = (vectors[order[: SAMPLE + QUERIES]].double() - centre) * scale
    axes = leading_axes(sample, features // 2)
    near = squared_distances_between(sample[SAMPLE:], sample[:SAMPLE])
    rank = max(1, round(k * SAMPLE / size))
    nearest = near.kthvalue(rank, dim=1).values
    in_full = size * (features + 1) + MEASURED * features * k
    best, best_cost = None, 0.75 * in_full
    for count in sorted({features // 16, features // 8, features // 4, 3 * features // 8, features // 2}):
        outlines = outlined(axes[:, :count], sample)
        lower = squared_distances_between(outlines[SAMPLE:], outlines[:SAMPLE])
        lowest = lower.kthvalue(rank, dim=1).values
        for missed in MISSED:
            ratio = 1.05 * float((nearest / lowest).quantile(1 - missed))
            candidates = float((lower <= ratio * lowest[:, None]).double().mean()) * size
            cost = size * (count + 2) + MEASURED * features * candidates + missed * in_full
            if isfinite(ratio) and cost < best_cost:  # it is not where the nearest are copies
                best, best_cost = (count, ratio), cost
    if best is None:
        return None
    axes = axes[:, : best[0]].contiguous()
    place = order.argsort()
    outline = factors.new_zeros((len(factors), best[0] + 2))
    for here, piece in float64_pieces(vectors):
        outline[place[here], :-1] = outlined(axes, piece.sub_(centre).mul_(scale)).float()
    outline[:, -1] = factors[:, -1]
    return Outline(axes, outline, best[1])


def leading_axes(vectors: Tensor, count: int) -> Tensor:
    """Orthonormal axes float64 [F, count], near those of the largest variance of vectors [n, F], largest first.

    Two steps of subspace iteration (Halko, Martinsson, Tropp 2011, SIAM Review 53:217): all eigenvectors of 2,048
    dimensions would take seconds, and nothing but time depends on how near these are.
    """
    random = torch.Generator().manual_seed(0)
    start = torch.randn(vectors.shape[1], count, generator=random, dtype=torch.float64).to(vectors.device)
    axes = torch.linalg.qr(vectors.T @ (vectors @ start)).Q
    axes = torch.linalg.qr(vectors.T @ (vectors @ axes)).Q
    along = vectors @ axes
    rotation = torch.linalg.eigh(along.T @ along).eigenvectors.flip(1)
    return torch.linalg.qr(axes @ rotation).Q


def squared_distances_between(left: Tensor, right: Tensor) -> Tensor:
    """[n, m], those between rows of float64 [n, F] and [m, F], by products."""
    squares = row_sums(left.square())[:, None] + row_sums(right.square())
    return (squares - 2 * left @ right.T).clamp_(min=0)
