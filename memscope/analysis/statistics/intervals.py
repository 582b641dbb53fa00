"""Limits of a proportion and of a score: Beta quantiles, Jeffreys limits, the interval of a difference.

Counts come in, limits go out. SciPy is no dependency of memscope, and to import scipy.special would make `score` start
.3 s later (.4 s of a core without it). So the regularised incomplete beta function is evaluated here by its continued
fraction and inverted by Newton's method inside a shrinking bracket.
"""

import math
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def beta_quantile(probability: ArrayLike, a: ArrayLike, b: ArrayLike) -> Floats:
    """The x with P[Beta(a, b) <= x] = probability, for 0 < probability < 1 and a, b > 0; arguments broadcast.

    Newton's method from the quantile of the normal distribution that the logit of x nearly has; steps that
    leave the bracket halve it instead. Four to eight rounds for limits of proportions.
    """
    given = np.broadcast_arrays(*(np.asarray(value, dtype=np.float64) for value in (probability, a, b)))
    target, a, b = (values.ravel() for values in given)
    z = np.array([NormalDist().inv_cdf(value) for value in target])
    x = 1 / (1 + b / a * np.exp(-z * np.sqrt(1 / a + 1 / b)))
    low, high, log_beta = np.zeros(len(x)), np.ones(len(x)), _log_beta(a, b)
    open_ones = np.arange(len(x))
    for _ in range(200):
        k = open_ones
        excess = _incomplete_beta(x[k], a[k], b[k], log_beta[k]) - target[k]
        low[k], high[k] = np.where(excess < 0, x[k], low[k]), np.where(excess < 0, high[k], x[k])
        with np.errstate(all="ignore"):  # a density of 0 or nearly falls back on bisection
            density = np.exp((a[k] - 1) * np.log(x[k]) + (b[k] - 1) * np.log1p(-x[k]) - log_beta[k])
            newton = x[k] - excess / density
        inside = (newton > low[k]) & (newton < high[k])
        moved = np.where(inside, newton, (low[k] + high[k]) / 2)
        open_ones = k[np.abs(moved - x[k]) > 1e-13 * x[k]]
        x[k] = moved
        if not len(open_ones):
            break
    return x.reshape(given[0].shape)


@lru_cache(maxsize=256)  # it takes milliseconds, and whoever compares much asks for the same again and again
def t_quantile(probability: float, degrees: float) -> float:
    """The quantile of Student's t distribution, for 1/2 < probability < 1 and `degrees` >= 1, whole or not.

    t^2 / (t^2 + degrees) has the distribution Beta(1/2, degrees / 2). Source: DLMF 8.17(vi).
    """
    share = float(beta_quantile(2 * probability - 1, 0.5, degrees / 2))
    return math.sqrt(degrees * share / (1 - share))


def t_cumulative(values: ArrayLike, degrees: ArrayLike) -> Floats:
    """P[t <= value] of Student's t [...], which broadcast; degrees above 0, or inf for the normal distribution.

    Half of P[Beta(degrees / 2, 1/2) <= degrees / (degrees + t^2)] is the tail beyond |t|. Source: DLMF 8.17(vi).
    """
    t, d = (each.astype(np.float64) for each in np.broadcast_arrays(np.asarray(values), np.asarray(degrees)))
    tail = np.empty(t.shape)
    normal = np.isinf(d)
    tail[normal] = [math.erfc(abs(one) / math.sqrt(2)) / 2 for one in t[normal].tolist()]
    other, square = d[~normal], t[~normal] ** 2
    different, place = np.unique(other, return_inverse=True)
    log_beta = _log_beta(different / 2, np.full(len(different), 0.5))[place]
    tail[~normal] = _incomplete_beta(other / (other + square), other / 2, np.full(len(other), 0.5), log_beta) / 2
    return np.where(t > 0, 1 - tail, tail)


def jeffreys_limits(correct: ArrayLike, models: ArrayLike, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Lower and upper Jeffreys limits of the proportion `correct / models`; integers that broadcast.

    The (1 - confidence) / 2 and (1 + confidence) / 2 quantiles of Beta(c + 1/2, n - c + 1/2), except that
    the lower limit is 0 at c = 0 and the upper is 1 at c = n; NaN where there is no model. Source: Brown,
    Cai & DasGupta 2001, 'Interval estimation for a binomial proportion', section 3.1.3.
    """
    c, n = np.broadcast_arrays(np.asarray(correct, dtype=np.int64), np.asarray(models, dtype=np.int64))
    stride = n.max(initial=0) + 1
    # The upper limit mirrors the lower one. Many examples have the same counts: each pair is computed once.
    pairs, place = np.unique(np.stack([c, n - c]) + n * stride, return_inverse=True)
    n_of_pair, c_of_pair = np.divmod(pairs, stride)
    limits = np.where(n_of_pair > 0, 0.0, np.nan)
    some = c_of_pair > 0
    tail = (1 - confidence) / 2
    limits[some] = beta_quantile(tail, c_of_pair[some] + 0.5, n_of_pair[some] - c_of_pair[some] + 0.5)
    lower, mirrored = limits[place.reshape(2, *c.shape)]
    return lower, 1 - mirrored


def wilson_limits(correct: ArrayLike, models: ArrayLike, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Lower and upper Wilson limits of the proportion `correct / models`; NaN where there is no model.

    The proportions that a score test does not reject: with p = c / n and z the normal quantile,
    (p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n). Source: Wilson 1927.
    """
    n = np.asarray(models, dtype=np.float64)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.asarray(correct) / n
        middle = p + z**2 / (2 * n)
        half = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
        lower, upper = (middle - half) / (1 + z**2 / n), (middle + half) / (1 + z**2 / n)
    return np.clip(lower, 0, 1), np.clip(upper, 0, 1)


def proportion_limits(correct: ArrayLike, models: ArrayLike, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Limits of a proportion from which the interval of a score is made: the wider of Jeffreys' and Wilson's.

    Jeffreys' limits are first modified where they are known to be too close (Brown, Cai & DasGupta 2001, section
    4.1.2): at c = n the lower one is (alpha / 2)^(1 / n), at c = 1 it is 0, and the upper ones mirror them.
    """
    c, n = np.broadcast_arrays(np.asarray(correct), np.asarray(models))
    lower, upper = jeffreys_limits(c, n, confidence)
    with np.errstate(divide="ignore", invalid="ignore"):
        extreme = ((1 - confidence) / 2) ** (1 / n)
    lower = np.where(c == n, extreme, np.where(c == 1, 0.0, lower))
    upper = np.where(c == 0, 1 - extreme, np.where(c == n - 1, 1.0, upper))
    wilson_lower, wilson_upper = wilson_limits(c, n, confidence)
    return np.where(n > 0, np.minimum(lower, wilson_lower), np.nan), np.where(
        n > 0, np.maximum(upper, wilson_upper), np.nan
    )


def score_interval(
    correct_in: ArrayLike, n_in: ArrayLike, correct_out: ArrayLike, n_out: ArrayLike, confidence: float = 0.95
) -> tuple[Floats, Floats]:
    """Interval of the score d = p_in - p_out from counts of correct models; integers that broadcast.

    With limits l, u of each proportion: from d - sqrt((p_in - l_in)^2 + (u_out - p_out)^2) to d + sqrt((u_in - p_in)^2
    + (p_out - l_out)^2); within [-1, 1] by construction; NaN where a side has no model. Source: Newcombe 1998,
    'Interval estimation for the difference between independent proportions', method 10, with the limits of
    `proportion_limits`. By exact enumeration over a grid of p_in and p_out, 0 and 1 included, a 95 % interval covers at
    least .931 at every point for n_in / n_out of 28/12, 35/15, 70/30, 140/60 and 280/120; with Jeffreys' limits alone
    it covers .889 at p_in = 1, which interpolating models have, and with Wilson's alone .839.
    """
    lower_in, upper_in = proportion_limits(correct_in, n_in, confidence)
    lower_out, upper_out = proportion_limits(correct_out, n_out, confidence)
    with np.errstate(divide="ignore", invalid="ignore"):  # no model: 0 / 0, NaN as it should be
        p_in = np.asarray(correct_in) / np.asarray(n_in)
        p_out = np.asarray(correct_out) / np.asarray(n_out)
    below = np.hypot(p_in - lower_in, upper_out - p_out)
    above = np.hypot(upper_in - p_in, p_out - lower_out)
    return p_in - p_out - below, p_in - p_out + above


def _incomplete_beta(x: Floats, a: Floats, b: Floats, log_beta: Floats) -> Floats:
    """The regularised incomplete beta function I_x(a, b) = P[Beta(a, b) <= x].

    For 0 <= x <= 1 and a, b > 0. Relative error about 1e-12 at a, b in the thousands. Source: DLMF 8.17.22, the
    continued fraction, evaluated by the modified Lentz method, with I_x(a, b) = 1 - I_{1-x}(b, a) where it converges
    slowly.
    """
    swapped = x > (a + 1) / (a + b + 2)
    x, a, b = np.where(swapped, 1 - x, x), np.where(swapped, b, a), np.where(swapped, a, b)
    with np.errstate(divide="ignore"):  # log 0 at x = 0, where the value is 0
        front = np.exp(a * np.log(x) + b * np.log1p(-x) - log_beta) / a
    value = front / _continued_fraction(x, a, b)
    return np.where(swapped, 1 - value, value)


def _log_beta(a: Floats, b: Floats) -> Floats:
    values = [math.lgamma(p) + math.lgamma(q) - math.lgamma(p + q) for p, q in zip(a.flat, b.flat, strict=True)]
    return np.array(values).reshape(a.shape)


def _continued_fraction(x: Floats, a: Floats, b: Floats) -> Floats:
    """1 + d_1/(1 + d_2/(1 + ...)) of DLMF 8.17.22; of the order of sqrt(max(a, b)) rounds."""
    value, numerator, denominator = np.ones(x.shape), np.ones(x.shape), np.zeros(x.shape)
    for k in range(1, 10_000):
        m = k // 2
        if k % 2:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        denominator = 1 / _off_zero(1 + term * denominator)
        numerator = _off_zero(1 + term / numerator)
        change = numerator * denominator
        value = value * change
        if k > 1 and np.all(np.abs(change - 1) < 1e-15):
            break
    return value


def _off_zero(values: Floats) -> Floats:
    return np.where(np.abs(values) < 1e-300, 1e-300, values)
