"""Stochastic gradient descent: which parameters move at which rate, and one step of them.

The arithmetic is torch's own, called as the function that `torch.optim.SGD` calls. The class would load torch's
compiler when it is first made (2 seconds and 70 MB of every command that trains), and takes 50 microseconds a step
around that call, which narrow networks feel.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim.sgd import sgd

from memscope.families import classifier_of
from memscope.plan.recipe import Recipe

CLASSIFIER_REFERENCE = 16
"""Classifier inputs up to which its learning rate is the recipe's; see recipe.py."""


@dataclass(frozen=True, eq=False)
class ParameterGroup:
    """Parameters that move alike."""

    parameters: list[Tensor]
    momenta: list[Tensor]
    """Zeros to begin with, from which torch's first step comes out as from none"""
    relative_rate: float
    """Their learning rate over the recipe's"""
    weight_decay: float


def parameter_groups(
    model: nn.Module, recipe: Recipe, parameters: Mapping[str, Tensor] | None = None
) -> list[ParameterGroup]:
    """The model's trainable parameters by how they move, or others of the same names: those of many models in one.

    The classifier's learning rate is divided by (features / 16) where it has more inputs than that. Weight decay
    reaches every parameter with more than one dimension: scales, shifts and biases are not decayed.
    """
    classifier = classifier_of(model)
    relative = min(1.0, CLASSIFIER_REFERENCE / classifier.in_features)
    in_classifier = {id(parameter) for parameter in classifier.parameters()}
    found: dict[tuple[float, float], list[Tensor]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            rate = relative if id(parameter) in in_classifier else 1.0
            decay = recipe.weight_decay if parameter.ndim > 1 else 0.0
            found.setdefault((rate, decay), []).append(parameters[name] if parameters else parameter)
    return [
        ParameterGroup(group, [torch.zeros_like(parameter) for parameter in group], rate, decay)
        for (rate, decay), group in found.items()
    ]


@torch.no_grad()
def descend(group: ParameterGroup, rate: float | Tensor, momentum: float) -> None:
    """Move the parameters by their gradients, with Nesterov momentum, and drop the gradients.

    `rate` is the group's own; a tensor where the step is recorded (cuda_graph.py). One without a gradient stays.
    """
    moving = [
        (parameter, parameter.grad, kept)
        for parameter, kept in zip(group.parameters, group.momenta, strict=True)
        if parameter.grad is not None
    ]
    if not moving:
        return
    parameters, gradients, momenta = (list(column) for column in zip(*moving, strict=True))
    sgd(
        parameters,
        gradients,
        momenta,
        lr=rate,  # type: ignore[arg-type]  # torch's fused step takes a tensor, which its annotation leaves out
        momentum=momentum,
        dampening=0.0,
        nesterov=momentum > 0,
        weight_decay=group.weight_decay,
        maximize=False,
        fused=True,  # one call a group and not five a parameter: Python overhead dominates at narrow widths
    )
    for parameter in parameters:
        parameter.grad = None
