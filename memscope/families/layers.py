"""The layers and the initialisation that the built-in families share."""

from torch import nn

from memscope.families.pointwise import StridedPointwise


def convolution(
    channels_in: int, channels: int, *, kernel: int = 3, stride: int = 1, relu: bool = True
) -> nn.Sequential:
    """A convolution without bias, batch normalisation and, unless told otherwise, a ReLU.

    [B, channels_in, H, W] -> [B, channels, ceil(H/stride), ceil(W/stride)].
    """
    layer = StridedPointwise if kernel == 1 and stride > 1 else nn.Conv2d
    layers: list[nn.Module] = [
        layer(channels_in, channels, kernel, stride=stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(channels),
    ]
    if relu:
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


def initialise(model: nn.Module) -> nn.Module:
    """The model with initial weights for ReLU layers, drawn from torch's global generator.

    Layers without bias are followed by batch normalisation and get He's normal weights of variance
    2 / fan-out (as in torchvision and timm). The classifier, the one layer with a bias, keeps PyTorch's
    uniform weights within 1/sqrt(fan-in): initial logits then have the same order of magnitude at every width,
    and the layers below have a gradient from the first step, as they would not with zero weights.

    Reference: He, Zhang, Ren, Sun (2015), Delving deep into rectifiers.
    """
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is None:
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return model
