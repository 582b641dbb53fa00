"""The networks that are fitted to one number an image: a plain one of AlexNet's kind, and those of timm.

- `plain`: five convolutions and three poolings, without a shortcut: the proportions of AlexNet's channels, with batch
  normalisation, so that depth and shortcuts alone part it from a residual network. Its width is set so that its body
  has as many parameters as the residual one beside it.
- a ResNet of timm for images with a side under 64: timm's blocks, with a 3x3 stem of stride 1, without pooling after
  it, and a quarter of the channels (16, 32, 64, 128). timm's own stem leaves a quarter of such an image's side to the
  first stage; a quarter of the channels at four times the side takes as many multiplications (35 million for resnet18
  at 32 x 32).
- any other network of timm, larger images, and pretrained weights: timm's network as it is. For pretrained weights
  images are scaled up to the side that the network was made for.

A network ends in a head of one hidden layer, which gives one number. With labels, that of the image is joined to the
features as one-hot.

References: Krizhevsky, Sutskever, Hinton 2012 (AlexNet; its channels here are those of its version of 2014, 'One weird
trick'); He, Zhang, Ren, Sun 2016.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from memscope.errors import OptionError
from memscope.families.layers import convolution, initialise
from memscope.families.registry import ImageShape
from memscope.torchvision_import import mend_torchvision

PLAIN = "plain"
BESIDE = "resnet18"
"""Whose size a plain network has if no residual one stands beside it"""
SMALL = 64
"""The side below which a ResNet has a stem for small images, and a plain network begins without a stride"""
QUARTER = 16
"""Channels of the first stage of a ResNet for small images; timm's have 64.

Fitted to 600 images of Fashion-MNIST (28 x 28) in 20 epochs, ResNet-18 so made foretold the score of 200 others by .46
and took 53 s of a core; with stride 2 and half of the channels .49 and 67 s; with timm's own stem and channels .48 and
103 s. Two seeds and 200 images show no difference there: that leaves the cost, and that of a plain network of its size.
"""
LEAST_SIDE = 4
HIDDEN = 128
"""Units of the head's hidden layer: label and image must meet in one, for whether they agree is no sum of both"""
PROPORTIONS = (1, 3, 6, 4, 4)
"""Of the channels of AlexNet's convolutions: 64, 192, 384, 256, 256"""


@dataclass(frozen=True)
class Backbone:
    """Which network. Plain data."""

    name: str
    """`plain`, or timm's name"""
    width: int | None = None
    """Of a plain one: channels of its first convolution"""
    pretrained: bool = False
    """Whether it begins with weights from a file"""


class Regressor(nn.Module):
    """A body that gives features [B, F] of images [B, C, H, W], and a head that gives one number [B]."""

    def __init__(self, body: nn.Module, features: int, classes: int, inputs: int) -> None:
        super().__init__()
        self.body, self.classes = body, classes
        self.inputs = inputs
        """Numbers of an image that the body works on"""
        self.hidden = nn.Linear(features + classes, HIDDEN)
        self.last = nn.Linear(HIDDEN, 1)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """`labels` int64 [B] are looked at where the network was made for so many classes."""
        features = self.body(images)
        if self.classes:
            given = functional.one_hot(labels, self.classes).to(features.dtype)
            features = torch.cat([features, given], dim=1)
        found: Tensor = self.last(functional.relu(self.hidden(features))).squeeze(1)
        return found


class ScaledUp(nn.Module):
    """Images [B, C, H, W] in three colours and, unless they are larger, with sides of so many pixels."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, images: Tensor) -> Tensor:
        if images.shape[1] == 1:
            images = images.expand(-1, 3, -1, -1)
        if min(images.shape[2:]) < self.side:
            images = functional.interpolate(images, (self.side, self.side), mode="bilinear", align_corners=False)
        return images


def chosen_backbones(names: Sequence[str], image_shape: ImageShape, pretrained: bool) -> list[Backbone]:
    """The backbones of these names (`check_names`), the plain one of the size of the first residual one.

    OptionError for images that are too small, and where a network takes no such images.
    """
    if min(image_shape[:2]) < LEAST_SIDE:
        raise OptionError(
            f"the images are {image_shape[0]} x {image_shape[1]}, and predictors need sides of at least {LEAST_SIDE}: "
            "make the run with larger images (--image-size)"
        )
    residual = [name for name in names if name != PLAIN]
    tried = [Backbone(name, pretrained=pretrained) for name in residual] or [Backbone(BESIDE)]
    sizes = [parameters(timm_body(one, image_shape)[0]) for one in tried]
    width = width_for(sizes[0], image_shape) if PLAIN in names else None
    return [Backbone(name, width) if name == PLAIN else Backbone(name, pretrained=pretrained) for name in names]


def check_names(names: Sequence[str], pretrained: Path | None) -> None:
    """OptionError for names that timm does not have, repeated ones, and a file of weights that none of them takes."""
    for name in names:
        if names.count(name) > 1:
            raise OptionError(f"the backbone {name} is named {names.count(name)} times; name it once")
        if name != PLAIN:
            check_name(name)
    if pretrained is not None and all(name == PLAIN for name in names):
        raise OptionError("--pretrained FILE is for backbones of timm, and only plain is named; name one of them")
    if pretrained is not None and not pretrained.is_file():
        raise OptionError(f"--pretrained {pretrained} is not there; expected a file of weights for timm's network")


def is_resnet(name: str) -> bool:
    """Whether timm's name is of a ResNet, or one of its kind (wide_resnet50_2, resnext50_32x4d)."""
    return "resne" in name


def check_name(name: str) -> None:
    mend_torchvision()  # timm imports it
    import timm

    if not timm.is_model(name):
        raise OptionError(
            f"there is no backbone {name!r}: it must be {PLAIN} or a network of timm {timm.__version__}, such as "
            "resnet18, resnet34 or resnet50; timm.list_models() lists them"
        )


def build_regressor(backbone: Backbone, image_shape: ImageShape, classes: int) -> Regressor:
    """The network with initial weights from torch's generator; `classes` is 0 where no label is given."""
    if backbone.name == PLAIN:
        assert backbone.width is not None
        body, features = plain_body(backbone.width, image_shape)
    else:
        body, features = timm_body(backbone, image_shape)
    height, width, channels = image_shape
    first = next(body.children(), None)
    inputs = 3 * max(first.side**2, height * width) if isinstance(first, ScaledUp) else height * width * channels
    return Regressor(body, features, classes, inputs)


def plain_body(width: int, image_shape: ImageShape) -> tuple[nn.Module, int]:
    """The plain body and its number of features."""
    first, second, third, fourth, fifth = (width * part for part in PROPORTIONS)
    small = min(image_shape[:2]) < SMALL
    body = nn.Sequential(
        convolution(image_shape[2], first, kernel=5 if small else 11, stride=1 if small else 4),
        nn.MaxPool2d(2, ceil_mode=True),
        convolution(first, second),
        nn.MaxPool2d(2, ceil_mode=True),
        convolution(second, third),
        convolution(third, fourth),
        convolution(fourth, fifth),
        nn.MaxPool2d(2, ceil_mode=True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
    return initialise(body), fifth


def timm_body(backbone: Backbone, image_shape: ImageShape) -> tuple[nn.Module, int]:
    """A network of timm without its classifier, and its number of features; OptionError if it takes no such images."""
    name = backbone.name
    check_name(name)  # which may come from a file
    import timm

    from memscope.families.timm_networks import created, open_resnet

    architecture = name.partition(".")[0]  # what follows names weights
    module = timm.models.model_entrypoint(architecture).__module__.rpartition(".")[2]
    try:
        if backbone.pretrained:
            network: Any = created(architecture, (*image_shape[:2], 3), 0)
            scaled = nn.Sequential(ScaledUp(network.default_cfg["input_size"][1]), network)
            check_forward(scaled, image_shape)
            return scaled, network.num_features
        if module == "resnet" and min(image_shape[:2]) < SMALL:
            family = open_resnet(f"timm/{architecture}", architecture)
            if fault := family.fault(QUARTER):
                raise OptionError(f"the backbone {name} has no quarter of its channels ({fault}); use another")
            body: Any = for_small_images(family.build(QUARTER, image_shape, 0), image_shape[2])
        else:
            body = created(architecture, image_shape, 0)
        check_forward(body, image_shape)
    except (RuntimeError, TypeError, ValueError, AssertionError, LookupError, AttributeError) as error:
        if isinstance(error, OptionError):
            raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise OptionError(
            f"the backbone {name} cannot be used for images of {image_shape[0]} x {image_shape[1]}: {reason}; use a "
            "ResNet, such as resnet18"
        ) from error
    return body, body.num_features


def for_small_images(body: Any, channels: int) -> nn.Module:
    """A ResNet of timm with a stem of stride 1, without pooling after it."""
    if isinstance(body.conv1, nn.Sequential):  # a deep stem, of 3x3 convolutions
        first: Any = body.conv1[0]
        first.stride = (1, 1)
    else:
        body.conv1 = nn.Conv2d(channels, body.conv1.out_channels, 3, padding=1, bias=False)
        nn.init.kaiming_normal_(body.conv1.weight, mode="fan_out", nonlinearity="relu")
    body.maxpool = nn.Identity()
    network: nn.Module = body
    return network


@torch.no_grad()
def check_forward(body: nn.Module, image_shape: ImageShape) -> None:
    """RuntimeError, or another of torch's, unless a network takes images of this shape and gives a vector of each."""
    height, width, channels = image_shape
    training = body.training
    found = body.eval()(torch.zeros(1, channels, height, width))
    body.train(training)
    if found.ndim != 2:
        raise RuntimeError(f"it gives {tuple(found.shape)} of one image, expected a vector")


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def width_for(wanted: int, image_shape: ImageShape) -> int:
    """The width at which a plain body's number of parameters is nearest to this one."""

    def number(width: int) -> int:
        with torch.device("meta"):
            return parameters(plain_body(width, image_shape)[0])

    low, high = 1, 2
    while number(high) < wanted:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if number(middle) < wanted else (low, middle)
    return min((low, high), key=lambda width: abs(number(width) - wanted))
