"""Gradients of one network for each example, by torch.func: GraNd, and the gradients by the input that VoG is made of.

A network, inputs [N, ...] as it takes them and labels int64 [N] come in; NumPy arrays with N first go out. Any network
that torch runs will do, in float32 or float64. It is in evaluation mode for as long as this takes, and nothing of it is
changed. MemscopeError, naming proxy and reason, where it cannot be differentiated in this way.

Inputs are taken some `rows` at a time, by default as many as keep memory bounded; their number changes nothing but how
sums are rounded.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn.functional import cross_entropy

from memscope.analysis.proxies.networks import chunks, evaluated, norms

Floats = NDArray[np.float64]
Output = Callable[[Tensor, Tensor], Tensor]
"""What of logits [B, C] and labels [B] is differentiated, for each example: [B]."""


def gradient_norms(network: nn.Module, inputs: Tensor, labels: Tensor, rows: int | None = None) -> Floats:
    """GraNd = ||grad_w L||_2, float64 [N], of the cross-entropy L of each example by all parameters w.

    Source: Paul, Ganguli & Dziugaite 2021, 'Deep learning on a data diet: finding important examples early in
    training', arXiv 2107.07075: of networks at initialisation or some epochs into training, averaged over ten of them.
    Some code (DeepCore, for one) differentiates by the last layer alone.
    """
    parameters = {name: value.detach() for name, value in network.named_parameters()}
    buffers = dict(network.named_buffers())

    def loss(weights: dict[str, Tensor], example: Tensor, label: Tensor) -> Tensor:
        logits = functional_call(network, {**weights, **buffers}, (example[None],))
        return cross_entropy(logits, label[None])

    of_each = vmap(grad(loss), in_dims=(None, 0, 0))
    found = []
    with evaluated(network, "GraNd"):
        for some in chunks(network, inputs, rows, own_weights=True):
            gradients = of_each(parameters, inputs[some].clone(), labels[some])
            found.append(torch.stack([norms(value) for value in gradients.values()]).square().sum(dim=0).sqrt())
    return torch.cat(found).numpy()


def logit_of_label(logits: Tensor, labels: Tensor) -> Tensor:
    """The logit of each example's label, before softmax."""
    return logits.gather(1, labels[:, None])[:, 0]


def probability_of_label(logits: Tensor, labels: Tensor) -> Tensor:
    """The probability of each example's label."""
    return logits.softmax(dim=1).gather(1, labels[:, None])[:, 0]


def loss_of_label(logits: Tensor, labels: Tensor) -> Tensor:
    """The cross-entropy of each example."""
    return cross_entropy(logits, labels, reduction="none")


def input_gradients(
    network: nn.Module, inputs: Tensor, labels: Tensor, of: Output = logit_of_label, rows: int | None = None
) -> NDArray[np.floating]:
    """Gradients by the input, like the inputs [N, ...], of what `of` says: by default the logit of the label."""
    with evaluated(network, "variance of gradients"):
        by_input = gradient_by_input(network, of)
        found = [by_input(inputs[some], labels[some]).cpu() for some in chunks(network, inputs, rows)]
    return torch.cat(found).numpy()


def gradient_by_input(network: nn.Module, of: Output) -> Callable[[Tensor, Tensor], Tensor]:
    """(inputs [B, ...], labels [B]) -> the gradient of each example's output by its own input, [B, ...].

    In evaluation mode no example has a part in another's output, so the gradient of their sum is that of each.
    """

    def total(inputs: Tensor, labels: Tensor) -> Tensor:
        return of(network(inputs), labels).sum()

    # a network may begin with a layer that works in place
    return lambda inputs, labels: grad(lambda given: total(given.clone(), labels))(inputs).detach()
