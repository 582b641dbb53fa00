"""Attacks: from a model's log-odds for the label to a score of every example, large where it looks like a member.

    online LiRA     log p(phi; in) - log p(phi; out), by what is believed of both sides
    offline LiRA    (phi - m_out) / s_out: how unlikely phi is for a model without the example
    RMIA            the share of population examples z with q(x) / q(z) >= gamma
    loss            phi itself: a threshold on the loss, the floor of what needs no references

phi = log p_y - log sum over other labels, as the ledger stores it. Sources: Carlini et al. 2022, 'Membership inference
attacks from first principles', arXiv 2112.03570; Zarifzadeh et al. 2024, 'Low-cost high-power membership inference',
arXiv 2312.03262.
"""

import math
from dataclasses import dataclass

import numpy as np

from memscope.analysis.privacy.references import Floats, References
from memscope.analysis.privacy.shrinkage import Believed

GAMMA = 2.0
"""Of RMIA, as its authors recommend"""
NARROW = 1e-12


def online_lira(phi: Floats, inside: Believed, outside: Believed) -> Floats:
    """[models, N] from the log-odds [models, N] of targets."""
    return log_density(phi, inside) - log_density(phi, outside)


def offline_lira(phi: Floats, outside: Believed) -> Floats:
    """[models, N]"""
    return (phi - outside.middle) / np.sqrt(np.maximum(outside.variance, NARROW))


def log_density(phi: Floats, about: Believed) -> Floats:
    """log of Student's t density [models, N]; normal where its degrees of freedom are infinite."""
    variance = np.maximum(about.variance, NARROW)
    squares = (phi - about.middle) ** 2 / variance
    degrees, place = np.unique(about.degrees, return_inverse=True)
    constants = np.array([constant_of(one) for one in degrees.tolist()])[place]
    of_each = degrees[place]
    normal = np.isinf(of_each)
    safe = np.where(normal, 1.0, of_each)
    tail = np.where(normal, -0.5 * squares, -(safe + 1) / 2 * np.log1p(squares / safe))
    found: Floats = constants - 0.5 * np.log(variance) + tail
    return found


def constant_of(degrees: float) -> float:
    """log of the density of Student's t at 0."""
    if math.isinf(degrees):
        return -0.5 * math.log(2 * math.pi)
    return math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2) - 0.5 * math.log(degrees * math.pi)


@dataclass(frozen=True, eq=False)
class Population:
    """What RMIA compares with: test examples, their probabilities by a target and by its references."""

    target: Floats
    """[models, M], probability of the label by each target model"""
    references: Floats
    """[M], its mean over the reference models, none of which was trained on it"""


def rmia(probability: Floats, average: Floats, population: Population, gamma: float = GAMMA) -> Floats:
    """[models, N]: the share of z with q(x) / q(z) >= gamma, q = p_target / p_average.

    `probability` [models, N] are those of the targets, `average` [N] that over models with and without the example,
    half each. The share is a step function with many ties at its top, which q breaks, scaled into less than a step.
    """
    q = probability / np.maximum(average, NARROW)
    of_population = np.sort(population.target / np.maximum(population.references, NARROW), axis=1)
    number = of_population.shape[1]
    share = np.stack(
        [np.searchsorted(row, each / gamma, side="right") for row, each in zip(of_population, q, strict=True)]
    )
    return (share + q / (1 + q)) / (number + 1)


def average_probability(references: References) -> Floats:
    """(mean_in + mean_out) / 2 [N] of probabilities: as if half of all models had been trained on the example, whatever
    the fraction is."""
    return (references.inside.mean + references.outside.mean) / 2


def average_offline(references: References, a: float) -> Floats:
    """[(1 + a) mean_out + 1 - a] / 2 [N], where no model was trained on the example: its mean in is taken to be
    a mean_out + 1 - a."""
    return ((1 + a) * references.outside.mean + 1 - a) / 2


def offline_slope(references: References) -> float:
    """The a, of 0 to 1, that fits mean_in = a mean_out + 1 - a best over all examples, by least squares.

    It is one number: what a single example adds to it is of no account.
    """
    out, away = 1 - references.outside.mean, 1 - references.inside.mean
    return float(np.clip((out * away).sum() / max(float((out**2).sum()), NARROW), 0, 1))
