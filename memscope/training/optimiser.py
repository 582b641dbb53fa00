"""Stochastic gradient descent: which parameters move at which rate, and one step of them.

The arithmetic is torch's own: we call the function that `torch.optim.SGD` calls. The first object of that class would
load torch's compiler (2 seconds and 70 MB in every command that trains), and the class adds 50 microseconds to every
step, which matters for narrow networks.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim.sgd import sgd

from memscope.families import classifier_of
from memscope.plan.recipe import Recipe

CLASSIFIER_REFERENCE = 16
"""Number of classifier inputs up to which the classifier's learning rate is the recipe's; see recipe.py."""


@dataclass(frozen=True, eq=False)
class ParameterGroup:
    """Parameters that move alike."""

    parameters: list[Tensor]
    momenta: list[Tensor]
    """Zeros at first, with which torch's first step is the same as without momenta"""
    relative_rate: float
    """Their learning rate over the recipe's"""
    weight_decay: float


def parameter_groups(
    model: nn.Module, recipe: Recipe, parameters: Mapping[str, Tensor] | None = None
) -> list[ParameterGroup]:
    """The model's trainable parameters by how they move, or `parameters` of the same names, stacked over many models.

    The classifier's learning rate is divided by (features / 16) if it has more inputs than 16. Weight decay
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

    `rate` is the group's own; a tensor if the step is recorded (cuda_graph.py). Parameters without a gradient stay.
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
        fused=True,  # one call per group, not five per parameter: Python's overhead dominates at narrow widths
    )
    for parameter in parameters:
        parameter.grad = None
