"""`mlp`: a multilayer perceptron, along width (units per hidden layer) or depth (number of hidden layers)."""

import math

from torch import nn

from memscope.families.layers import initialise
from memscope.families.registry import ImageShape, register_family


@register_family("mlp", axes=("width", "depth"), default_depth=2, learning_rate=0.4)
def mlp(image_shape: ImageShape, num_classes: int, *, width: int, depth: int) -> nn.Module:
    """`depth` hidden layers of `width` units, each with batch normalisation and a ReLU, on the pixels."""
    layers: list[nn.Module] = [nn.Flatten()]
    units_in = math.prod(image_shape)
    for _ in range(depth):
        layers += [nn.Linear(units_in, width, bias=False), nn.BatchNorm1d(width), nn.ReLU(inplace=True)]
        units_in = width
    return initialise(nn.Sequential(*layers, nn.Linear(width, num_classes)))
