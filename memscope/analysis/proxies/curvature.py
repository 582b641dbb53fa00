"""Input curvature: how much the gradient of an example's loss by its input changes after a small step.

    (1/n) sum_v ||grad_x L(x + h v) - grad_x L(x)||_2        v of independent -1 and 1, n = 10, h = 1e-3

with the cross-entropy L and inputs x as the network takes them, normalised. To first order this is h times the mean of
||H v||, H the Hessian by the input. Source: Garg, Ravikumar & Roy 2023, 'Memorization through the lens of curvature of
loss function around samples', arXiv 2307.05831, and Ravikumar et al. 2024, 'Unveiling privacy, memorization, and input
curvature links', arXiv 2402.18726.

The formula is that of their code, which neither squares the norms nor divides by h. Squared norms, divided by h^2,
estimate the trace of H^2, which is what the papers reason about. Copies of the code in circulation take the mean of the
losses of a batch, so that curvature is divided by the batch's size, and comes out larger in a last, smaller batch; here
each example has its own loss. They also add 1e-7 to v, which changes nothing that could be seen.
"""

from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from memscope.analysis.proxies.gradients import gradient_by_input, loss_of_label
from memscope.analysis.proxies.networks import chunks, evaluated, norms

Floats = NDArray[np.float64]
Words = NDArray[np.uint64]

STEP = 1e-3
"""h, in units of the normalised inputs."""

DIRECTIONS = 10
"""n, the number of directions v for each example."""


def curvature_words(source: np.random.Philox, examples: int, shape: tuple[int, ...], n: int = DIRECTIONS) -> Words:
    """Random words uint64 [examples, W] for n directions of inputs of this shape; W = ceil(n * size / 64).

    A bit a pixel and direction: 192 MB for 50,000 images of CIFAR-10. The words of an example are the same however many
    come after it; callers give examples theirs by position in the data, so that a subset does not change them.
    """
    width = -(-n * prod(shape) // 64)
    return np.asarray(source.random_raw(examples * width), dtype=np.uint64).reshape(examples, width)


def directions(words: Words, shape: tuple[int, ...], n: int) -> NDArray[np.int8]:
    """n directions for each example, int8 [B, n, ...] of -1 and 1, from the bits of its words [B, W], lowest first."""
    octets = np.ascontiguousarray(words.astype("<u8")).view(np.uint8)
    bits = np.unpackbits(octets, axis=1, count=n * prod(shape), bitorder="little").astype(np.int8)
    return (2 * bits - 1).reshape(len(words), n, *shape)


def gradient_changes(
    network: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    words: Words,
    n: int = DIRECTIONS,
    step: float = STEP,
    rows: int | None = None,
) -> Floats:
    """||grad_x L(x + h v) - grad_x L(x)||_2 of each example and direction, float64 [N, n]; h is `step`.

    Network, inputs [N, ...], labels [N] and `rows` as in `gradients`; `words` uint64 [N, W] from `curvature_words`.
    """
    found = []
    with evaluated(network, "input curvature"):
        by_input = gradient_by_input(network, loss_of_label)
        for some in chunks(network, inputs, rows):
            here, own = inputs[some], labels[some]
            v = torch.from_numpy(directions(words[some], tuple(here.shape[1:]), n)).to(here.device)
            before = by_input(here, own)
            after = (by_input(here + step * v[:, number].to(here.dtype), own) for number in range(n))
            found.append(torch.stack([norms(gradient - before) for gradient in after], dim=1))
    return torch.cat(found).numpy()


def input_curvature(changes: Floats) -> Floats:
    """The mean [N] over directions of changes [N, n]."""
    return changes.mean(axis=1)


def squared_curvature(changes: Floats) -> Floats:
    """The mean [N] over directions of squared changes [N, n] ("curvature-squared")."""
    return np.square(changes).mean(axis=1)


def curvature_over_step(changes: Floats, step: float = STEP) -> Floats:
    """The mean [N] over directions of changes [N, n], divided by h ("curvature-over-h"): the same in another unit."""
    return changes.mean(axis=1) / step
