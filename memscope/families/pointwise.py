"""1x1 convolutions with a stride that are safe on CPUs.

oneDNN's gradient of a strided 1x1 convolution of channels_last maps writes past its workspace if the layer
has fewer input channels than a vector register has floats: 8 with AVX2, more with AVX-512 (oneDNN issue
6035, open with version 3.12 in torch 2.13). Of 80 such layers with fewer than 8 channels, on AVX2 in float32, 43 ended
the process and 2 gave a wrong gradient; none of 86 with 8 or more did, nor any with a stride of 1. Narrow ResNets
have these layers in their shortcuts. Taking every second pixel first is the same convolution.

Reference: https://github.com/uxlfoundation/oneDNN/issues/6035
"""

import torch
from torch import nn
from torch.nn import functional


class StridedPointwise(nn.Conv2d):
    """A 1x1 convolution without padding that takes every stride-th pixel and then convolves with stride 1."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        down, across = self.stride
        return functional.conv2d(maps[:, :, ::down, ::across], self.weight, self.bias, groups=self.groups)


def with_safe_strides(model: nn.Module) -> nn.Module:
    """The same model, with its strided 1x1 convolutions replaced in place by `StridedPointwise` on the same weights."""
    for parent in list(model.modules()):
        for name, layer in list(parent.named_children()):
            # Subclasses of Conv2d may compute something else, and stay.
            if type(layer) is nn.Conv2d and is_strided_pointwise(layer):
                # On the meta device a layer draws no weights, so the random state stays as it is.
                safe = StridedPointwise(
                    layer.in_channels,
                    layer.out_channels,
                    1,
                    stride=(layer.stride[0], layer.stride[1]),
                    groups=layer.groups,
                    bias=layer.bias is not None,
                    device="meta",
                )
                safe.weight, safe.bias = layer.weight, layer.bias
                safe.train(layer.training)
                setattr(parent, name, safe)
    return model


def is_strided_pointwise(layer: nn.Conv2d) -> bool:
    """Whether each output pixel is a linear map of one input pixel, and some input pixels are left out."""
    return layer.kernel_size == (1, 1) and layer.stride != (1, 1) and layer.padding in ((0, 0), "valid")
