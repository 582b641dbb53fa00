"""How noisy measured vectors are in a component of the population, and what is left of a covariance without the noise.

The noise belongs to the component, not to the example: then it does not depend on the example's own error.
"""

import numpy as np

from memscope.analysis.population.moments import Moments, Patterns, weighted_moments
from memscope.analysis.statistics.intervals import Floats

CORRELATION_EXAMPLES = 20.0
"""Its noise correlations are drawn to the pooled ones as if by so many examples."""
LEAST_VARIANCE = 2.5e-5
"""Of a probability, from one model."""
SOFT_EXAMPLES = 0.5
"""A component's variance of probabilities is drawn to the pooled one as if by so many examples."""
UNMEASURED = 1e3
"""The noise variance of what was not measured."""


def component_noise(
    data: Moments, patterns: Patterns, member: Floats, means: Floats, total: Floats, least_correct: float
) -> tuple[Floats, Floats]:
    """Noise covariances [components, d, d]: of one model, and of the measured, averaged over a component's examples."""
    half = data.scatter.shape[2]
    size = member.sum(axis=0)
    in_pattern = member.T @ np.eye(len(patterns.models))[data.pattern] / size[:, None]  # [components, patterns]
    models = np.maximum(patterns.models, 1)
    one_over = in_pattern @ (1 / models)  # [components, d]
    scale = 1 / np.sqrt(models)
    averaged = np.tensordot(in_pattern, scale[:, :, None] * scale[:, None, :], 1)

    flat = (len(member), 2 * half * half)
    scatter, degrees = (
        (member.T @ part.reshape(flat)).reshape(-1, 2, half, half) for part in (data.scatter, data.degrees)
    )
    pooled = scatter.sum(axis=0) / np.maximum(degrees.sum(axis=0), 1e-12)
    own = scatter / np.maximum(degrees, 1e-12)

    # One model's variance. Right and wrong: what the component's own spread leaves, not what its examples show.
    mean = np.clip(means, 0, 1)
    least = least_correct * one_over / (1 + 2 * least_correct * one_over)
    bernoulli = mean * (1 - mean)
    diagonal = np.einsum("kdd->kd", total)
    true_variance = (diagonal - bernoulli * one_over) / np.maximum(1 - one_over, 1e-12)
    right_or_wrong = np.maximum(
        bernoulli - np.where(one_over < 1, np.maximum(true_variance, 0), 0), least * (1 - least)
    )
    own_variance, pooled_variance = np.einsum("ksdd->ksd", own), np.einsum("sdd->sd", pooled)
    soft = (size[:, None, None] * own_variance + SOFT_EXAMPLES * pooled_variance) / (
        size[:, None, None] + SOFT_EXAMPLES
    )
    measured = np.einsum("sdd->sd", degrees.sum(axis=0)).ravel() > 0
    soft_variance = np.maximum(np.where(measured, soft.reshape(len(size), -1), bernoulli), LEAST_VARIANCE)
    deviation = np.sqrt(np.where(data.binary, right_or_wrong, soft_variance))

    weighed = size[:, None, None, None] * own + CORRELATION_EXAMPLES * pooled
    weighed += 1e-9 * size[:, None, None, None] * np.eye(half)
    root = np.sqrt(np.einsum("ksdd->ksd", weighed))
    correlation = np.zeros((len(size), 2 * half, 2 * half))
    for side in (0, 1):
        here = slice(side * half, (side + 1) * half)
        correlation[:, here, here] = weighed[:, side] / root[:, side, :, None] / root[:, side, None, :]
    values, vectors = np.linalg.eigh(correlation)
    correlation = (vectors * np.maximum(values, 1e-4)[:, None, :]) @ vectors.transpose(0, 2, 1)
    unit = correlation * data.overlap * deviation[:, :, None] * deviation[:, None, :]
    return unit, unit * averaged


def noise_of_means(noise: Floats, models: Floats) -> Floats:
    """Noise covariances [..., d, d] of means over so many models [d], from those of one model."""
    scale = np.where(models > 0, 1 / np.sqrt(np.maximum(models, 1)), 0)
    return noise * scale[:, None] * scale + np.diag(np.where(models > 0, 0, UNMEASURED))


def mean_error(without: Floats, member: Floats, noise: Floats) -> Floats:
    """Covariance [d, d] of the error of a component's mean, from the means [groups, examples, d] without each group.

    By the delete-one-group jackknife, and no less than what independent examples would give.
    """
    least = noise / member.sum()
    groups = len(without)
    if groups < 2:
        return least
    left_out = np.stack([weighted_moments(values, member[:, None])[0][0] for values in without])
    deviation = left_out - left_out.mean(axis=0)
    jackknife = (groups - 1) / groups * deviation.T @ deviation
    return deconvolved(jackknife, least) + least


def deconvolved(total: Floats, noise: Floats, edge: float = 0.0) -> Floats:
    """The covariance G >= 0 that with the noise makes `total`.

    With the eigenvalues l of noise^-1/2 total noise^-1/2, G has (l - 1)+ in their directions, the maximum of the
    likelihood. An `edge` above 0, dimensions over examples, takes only eigenvalues above (1 + sqrt(edge))^2 and
    undoes their inflation: (b + sqrt(b^2 - 4 l)) / 2 - 1 with b = l + 1 - edge. Source: Donoho, Gavish & Johnstone
    2018, 'Optimal shrinkage of eigenvalues in the spiked covariance model', section 2.
    """
    root, inverse = roots(noise)
    values, vectors = np.linalg.eigh(inverse @ total @ inverse)
    b = values + 1 - edge
    undone = (b + np.sqrt(np.maximum(b * b - 4 * values, 0))) / 2
    signal = np.where(values > (1 + np.sqrt(edge)) ** 2, undone - 1, 0)
    half = root @ (vectors * np.sqrt(np.maximum(signal, 0)))
    return half @ half.T


def roots(covariance: Floats) -> tuple[Floats, Floats]:
    """The symmetric square root and its inverse."""
    values, vectors = np.linalg.eigh(covariance)
    deviation = np.sqrt(np.maximum(values, 1e-12))
    return (vectors * deviation) @ vectors.T, (vectors / deviation) @ vectors.T
