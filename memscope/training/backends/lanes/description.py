"""A network as the list of layers that lanes know, read off the built torch module."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from memscope.families.cnn import AddedConvolution
from memscope.families.pointwise import StridedPointwise
from memscope.families.resnet import ResidualBlock

LINEAR, RELU, RELU_LAST = 0, 1, 2
"""What follows normalisation; RELU_LAST: after the addition. As in convolution.c."""


@dataclass(frozen=True)
class Convolution:
    """A convolution with batch normalisation."""

    source: int
    """The layer whose map it reads: 0 is the input, 1 the first convolution"""
    added: int
    """The layer whose map is added to its own; -1 for none"""
    activation: int
    outputs: int
    kernel: int
    stride: int
    name: str
    """Of the weights in the module; the normalisation is beside it"""
    norm: str


@dataclass(frozen=True)
class Description:
    """A network that lanes know."""

    layers: tuple[Convolution, ...]
    classifier: str
    features: int
    mean_pool: bool
    flat: bool
    """The pixels are the channels of a single position"""

    def tensors(self) -> Iterator[tuple[int, int, str]]:
        """Every tensor as (layer, which of its tensors, its name in the module's state)."""
        for number, layer in enumerate(self.layers, 1):
            yield number, 0, f"{layer.name}.weight"
            for which, name in enumerate(("weight", "bias", "running_mean", "running_var"), 1):
                yield number, which, f"{layer.norm}.{name}"
        yield len(self.layers) + 2, 0, f"{self.classifier}.weight"
        yield len(self.layers) + 2, 2, f"{self.classifier}.bias"


def describe(model: nn.Module) -> Description | None:
    """What a network consists of; None where a part of it is not known to lanes."""
    if type(model) is not nn.Sequential:
        return None
    parts = list(model.named_children())
    name, classifier = parts.pop() if parts else ("", model)
    if not isinstance(classifier, nn.Linear) or classifier.bias is None:
        return None
    if parts and type(parts[0][1]) is nn.Flatten:
        layers: list[Convolution] | None = perceptron(parts[1:])
        mean_pool, flat = True, True
    else:
        pooling = [type(part) for _, part in parts[-2:]]
        if len(parts) < 3 or pooling[1] is not nn.Flatten or not pools_all(parts[-2][1]):
            return None
        layers = convolutions(parts[:-2])
        mean_pool, flat = pooling[0] is nn.AdaptiveAvgPool2d, False
    if not layers or classifier.in_features != layers[-1].outputs:
        return None
    return Description(tuple(layers), name, classifier.in_features, mean_pool, flat)


def pools_all(part: nn.Module) -> bool:
    if type(part) not in (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d):
        return False
    return part.output_size in (1, (1, 1))


def perceptron(parts: list[tuple[str, nn.Module]]) -> list[Convolution] | None:
    """Hidden layers of linear maps, normalisation and ReLU."""
    layers: list[Convolution] = []
    for (name, linear), (norm_name, norm), (_, relu) in zip(parts[::3], parts[1::3], parts[2::3], strict=False):
        if not isinstance(linear, nn.Linear) or linear.bias is not None or type(relu) is not nn.ReLU:
            return None
        if not known_norm(norm, nn.BatchNorm1d):
            return None
        layers.append(Convolution(len(layers), -1, RELU, linear.out_features, 1, 1, name, norm_name))
    return layers if 3 * len(layers) == len(parts) else None


def convolutions(parts: list[tuple[str, nn.Module]]) -> list[Convolution] | None:
    """The convolutions of the blocks that the families consist of, in the order in which they run."""
    layers: list[Convolution] = []

    def append(name: str, part: nn.Module, source: int, added: int, activation: int) -> int | None:
        if type(part) is not nn.Sequential or len(part) != (2 if activation != RELU else 3):
            return None
        conv, norm = part[0], part[1]
        if not known_convolution(conv) or not known_norm(norm, nn.BatchNorm2d):
            return None
        if activation == RELU and type(part[2]) is not nn.ReLU:
            return None
        assert isinstance(conv, nn.Conv2d)
        layer = Convolution(
            source, added, activation, conv.out_channels, conv.kernel_size[0], conv.stride[0], f"{name}.0", f"{name}.1"
        )
        layers.append(layer)
        return len(layers)

    at: int | None = 0
    for name, part in parts:
        if at is None:
            return None
        if type(part) is nn.Sequential:
            at = append(name, part, at, -1, RELU)
        elif type(part) is AddedConvolution:
            at = append(f"{name}.convolution", part.convolution, at, at, RELU)
        elif type(part) is ResidualBlock and type(part.residual) is nn.Sequential and len(part.residual) == 2:
            short: int | None = at
            if type(part.shortcut) is not nn.Identity:
                short = append(f"{name}.shortcut", part.shortcut, at, -1, LINEAR)
            inner = append(f"{name}.residual.0", part.residual[0], at, -1, RELU)
            if short is None or inner is None:
                return None
            at = append(f"{name}.residual.1", part.residual[1], inner, short, RELU_LAST)
        else:
            return None
    return None if at is None else layers


def known_convolution(part: nn.Module) -> bool:
    if type(part) not in (nn.Conv2d, StridedPointwise) or not isinstance(part, nn.Conv2d):
        return False
    kernel, stride = part.kernel_size[0], part.stride[0]
    return (
        part.kernel_size == (kernel, kernel)
        and kernel in (1, 3)
        and part.stride == (stride, stride)
        and stride in (1, 2)
        and part.padding == (kernel // 2, kernel // 2)
        and part.dilation == (1, 1)
        and part.groups == 1
        and part.bias is None
        and part.padding_mode == "zeros"
    )


def known_norm(part: nn.Module, kind: type[nn.Module]) -> bool:
    return (
        type(part) is kind
        and isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d)
        and part.affine
        and part.track_running_stats
        and (part.eps, part.momentum) == (1e-5, 0.1)
    )
