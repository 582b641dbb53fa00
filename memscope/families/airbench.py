"""`airbench`: a convolutional network after one that reaches 93 to 94 % on CIFAR-10 in seconds, along width.

What ours reaches, and how it differs from the original, which is of width 64: docs/results.md, "On a GPU".

References
----------
Jordan (2024), 94% on CIFAR-10 in 3.29 seconds on a single GPU. Page (2019), How to train your ResNet, part 8, for the
fixed first layer and the fast shifts. Ahmed, Natarajan, Rao (1974), Discrete cosine transform, for its likeness to the
principal components of images.
"""

import math

import torch
from torch import nn
from torch.nn import functional

from memscope.families.registry import ImageShape, register_family

PATCH = 2
"""Rows and columns of the patches that the first layer takes"""
SHIFT_UNIT = 8.0
"""Shifts are this many times their parameter, so at one learning rate they move 64 times as fast as without it"""
LOGIT_SCALE = 4 / 9
"""Of the features before the classifier. We lower the classifier's learning rate (optimiser.py), the paper does not: so
a step of the classifier changes the logits as much as with the paper's 1/9, at width 64."""


class Patches(nn.Module):
    """[B, C, H, W] -> [B, 8C, H - 1, W - 1]: every patch in coordinates that hardly correlate, and their negatives.

    The paper takes the principal components of the training set's patches. Of photographs these are close to a cosine
    transform (of 3 channels: their sum, red less blue, green less both), which needs no data. Nothing here is trained;
    batch normalisation, which follows, brings each coordinate to variance 1.
    """

    directions: torch.Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        places, colours = cosines(PATCH), cosines(channels)
        waves = torch.einsum("kc,ly,mx->klmcyx", colours, places, places).flatten(0, 2)
        self.register_buffer("directions", torch.cat([waves, -waves]), persistent=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return functional.conv2d(images, self.directions)


def cosines(size: int) -> torch.Tensor:
    """[size, size]: the orthonormal discrete cosine transform, a wave in each row."""
    wave, place = torch.arange(size)[:, None], torch.arange(size)
    found = torch.cos(math.pi / size * (place + 0.5) * wave) * math.sqrt(2 / size)
    found[0] /= math.sqrt(2)
    return found


class Shifted(nn.BatchNorm2d):
    """Batch normalisation that is shifted and not scaled, and a GELU."""

    ones: torch.Tensor

    def __init__(self, channels: int) -> None:
        super().__init__(channels, affine=False)
        self.register_buffer("ones", torch.ones(channels), persistent=False)
        self.shift = nn.Parameter(torch.zeros(channels))

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        found = functional.batch_norm(
            maps,
            self.running_mean,
            self.running_var,
            self.ones,
            SHIFT_UNIT * self.shift,
            self.training,
            self.momentum or 0.0,
            self.eps,
        )
        return functional.gelu(found)


def block(channels_in: int, channels: int) -> nn.Sequential:
    """[B, channels_in, H, W] -> [B, channels, H // 2, W // 2], by two convolutions."""
    return nn.Sequential(
        identity_first(nn.Conv2d(channels_in, channels, 3, padding=1, bias=False)),
        nn.MaxPool2d(2),
        Shifted(channels),
        identity_first(nn.Conv2d(channels, channels, 3, padding=1, bias=False)),
        Shifted(channels),
    )


def identity_first(layer: nn.Conv2d) -> nn.Conv2d:
    """The layer, whose first outputs are its inputs to begin with; the others keep torch's initial weights.

    If it has no more outputs than inputs, there are no others, and it begins the same whatever the seed.
    """
    nn.init.dirac_(layer.weight.data[: layer.in_channels])
    return layer


class Scale(nn.Module):
    """Features times a constant."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features * LOGIT_SCALE


@register_family("airbench", axes=("width",))
def airbench(image_shape: ImageShape, num_classes: int, *, width: int) -> nn.Module:
    """Three blocks of two 3x3 convolutions to w, 4w and 4w channels, each halving the maps, on 2x2 patches."""
    patches = Patches(image_shape[2])
    coordinates = len(patches.directions)
    return nn.Sequential(
        patches,
        Shifted(coordinates),
        block(coordinates, width),
        block(width, 4 * width),
        block(4 * width, 4 * width),
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
        Scale(),
        nn.Linear(4 * width, num_classes),
    )
