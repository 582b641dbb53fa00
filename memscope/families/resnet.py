"""`resnet`: the CIFAR residual networks, along width (`resnet20`) or along depth (`resnet`).

References
----------
He, Zhang, Ren, Sun (2016), Deep residual learning for image recognition, section 4.2. Shortcuts that
change shape are 1x1 projections with batch normalisation: option B of the paper, whose own CIFAR networks pad
with zeros instead.
"""

import torch
from torch import nn
from torch.nn import functional

from memscope.families.layers import convolution, initialise
from memscope.families.registry import ImageShape, register_family


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut: [B, channels_in, H, W] -> [B, channels, H/stride, W/stride]."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            convolution(channels_in, channels, stride=stride),
            convolution(channels, channels, relu=False),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels:
            self.shortcut = convolution(channels_in, channels, kernel=1, stride=stride, relu=False)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return functional.relu(self.shortcut(maps) + self.residual(maps), inplace=True)


def depth_fault(depth: int) -> str | None:
    """Why there is no CIFAR ResNet of this depth; None where there is."""
    if depth >= 8 and depth % 6 == 2:
        return None
    return "the depth of a CIFAR ResNet is 6n+2, as 8, 14, 20, 32, 44, 56 or 110"


@register_family("resnet", axes=("width", "depth"), depth_fault=depth_fault, learning_rate=0.2)
def resnet(image_shape: ImageShape, num_classes: int, *, width: int, depth: int) -> nn.Module:
    """A 3x3 stem of stride 1 and three stages of w, 2w and 4w channels; w = 16 in the paper.

    `depth` = 6n+2 counts the stem, the 6n convolutions of the 3n residual blocks and the classifier.
    """
    blocks_per_stage = (depth - 2) // 6
    layers: list[nn.Module] = [convolution(image_shape[2], width)]
    channels_in = width
    for stage, channels in enumerate((width, 2 * width, 4 * width)):
        for block in range(blocks_per_stage):
            layers.append(ResidualBlock(channels_in, channels, stride=2 if stage > 0 and block == 0 else 1))
            channels_in = channels
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * width, num_classes))
    return initialise(nn.Sequential(*layers, *head))
