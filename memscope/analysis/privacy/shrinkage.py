"""What few reference models say of an example, drawn towards what all examples say: variances, then means.

The means and the variances that LiRA needs are those of a handful of models, a new pair for every example. Each is
noisy; all together say how such numbers are distributed, and that is a prior for each (empirical Bayes).

**Variances** (Smyth 2004, 'Linear models and empirical Bayes methods for assessing differential expression'): if the
true ones are scaled inverse chi-squared, with d0 degrees of freedom about s0^2, then of sample variances with d degrees

    E log s^2 = log s0^2 + psi(d/2) - psi(d0/2) + log(d0/d),      Var log s^2 = psi'(d/2) + psi'(d0/2)

which give d0 and s0^2, and the shrunk variance is (d0 s0^2 + d s^2) / (d0 + d), with d0 + d degrees of freedom.

**Means**, with and without the example jointly, F = (F_in, F_out): normal about c with covariance G, the covariance of
F over examples less the mean of N = diag(s_in^2 / n_in, s_out^2 / n_out):

    m = c + G (G + N)^-1 (F - c),      posterior covariance C = G - G (G + N)^-1 G.

Offline attacks have no models with the example: `believed_alone` is the same with F_out, G and N as numbers.

There is no number of models at which anything is switched: with many, nothing is drawn anywhere.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.privacy.references import Floats, References, Side
from memscope.analysis.statistics.gamma import digamma, inverse_trigamma, trigamma

SMALLEST = 1e-6
"""Of variances, beside their median: log-odds are stored in half precision, and equal ones have none"""


@dataclass(frozen=True, eq=False)
class Believed:
    """What is believed of a model's log-odds for every example, on one side: Student's t; [N] each."""

    middle: Floats
    variance: Floats
    """Squared scale: of a model about its mean, and of that mean about the truth"""
    degrees: Floats
    """inf: normal"""


def shrunk_variances(side: Side) -> tuple[Floats, Floats]:
    """Shrunk variances [N] and their degrees of freedom [N], of two models an example at least."""
    degrees = (side.n - 1).astype(np.float64)
    middle = float(np.median(side.variance))
    variance = np.maximum(side.variance, SMALLEST * middle if middle > 0 else SMALLEST)
    half = degrees / 2
    logs = np.log(variance) - digamma(half) + np.log(half)
    excess = float(np.var(logs, ddof=1) - trigamma(half).mean()) if len(logs) > 1 else 0.0
    if excess > 0:
        prior_degrees = 2 * inverse_trigamma(excess)
        prior = math.exp(float(logs.mean()) + float(digamma(prior_degrees / 2)) - math.log(prior_degrees / 2))
        shrunk = (prior_degrees * prior + degrees * side.variance) / (prior_degrees + degrees)
        return shrunk, prior_degrees + degrees
    return np.full(len(degrees), math.exp(float(logs.mean()))), np.full(len(degrees), np.inf)


def believed(references: References) -> tuple[Believed, Believed]:
    """With the example, and without it: means and variances shrunk."""
    (s_in, d_in), (s_out, d_out) = shrunk_variances(references.inside), shrunk_variances(references.outside)
    found = np.stack([references.inside.mean, references.outside.mean])
    noise = np.stack([s_in / references.inside.n, s_out / references.outside.n])
    centre = found.mean(1, keepdims=True)
    spread = positive(np.cov(found) - np.diag(noise.mean(1)))
    # (G + N)^-1 of every example, two by two
    a, b, d = spread[0, 0] + noise[0], spread[0, 1], spread[1, 1] + noise[1]
    determinant = a * d - b * b
    away = found - centre
    solved = np.stack([(d * away[0] - b * away[1]) / determinant, (a * away[1] - b * away[0]) / determinant])
    means = centre + spread @ solved
    left = []
    for side in (0, 1):
        g_in, g_out = spread[side]
        explained = (g_in**2 * d - 2 * g_in * g_out * b + g_out**2 * a) / determinant
        left.append(np.maximum(spread[side, side] - explained, 0))
    return Believed(means[0], s_in + left[0], d_in), Believed(means[1], s_out + left[1], d_out)


def believed_alone(side: Side) -> Believed:
    """The same of one side without the other, as for an attack that has no models of the other: G and N are numbers."""
    variance, degrees = shrunk_variances(side)
    noise = variance / side.n
    centre = side.mean.mean()
    spread = max(float(np.var(side.mean, ddof=1) - noise.mean()), 0.0) if len(side.mean) > 1 else 0.0
    share = spread / (spread + noise)
    return Believed(centre + share * (side.mean - centre), variance + spread * (1 - share), degrees)


def positive(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The nearest matrix [2, 2] without negative eigenvalues."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.maximum(values, 0)) @ vectors.T
