"""`timm/NAME`: the networks of timm that have a knob for their width.

We set only the channels of the images, the number of classes and the sizes that follow from the width, and load
no pretrained weights. The rest is as in timm's NAME.

- ResNet: `channels` w, 2w, 4w, 8w and the stem scaled by w/64. The stem strides by 4 at every image size,
  as in timm: the ResNets made for small images are `resnet20` and its like.
- ViT: `embed_dim` w in heads of 16; `patch_size` the largest divisor of the sides that is at most a 7th of
  them and at most timm's.
- ConvNeXt: `dims` w, 2w, 4w, 8w; patches of 2x2 for sides under 64 and of 1x1 under 16, where the stem is
  made of patches.
- DenseNet: `growth_rate` w, and so a stem of 2w; no pooling after the stem for sides under 32.
- MobileNetV3: the percentage in timm's own names, as 50, 75, 100.
"""

import math
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from memscope.errors import OptionError
from memscope.families.pointwise import with_safe_strides
from memscope.families.registry import Family, ImageShape, at_least_one
from memscope.torchvision_import import mend_torchvision

HEAD_DIM = 16
"""Units per attention head at every width: with ViT-Tiny's heads of 64, no network could be narrower than 64"""

Kind = Callable[[str, str], Family]


def open_timm_family(name: str) -> Family:
    """The family along width of `timm/NAME`; OptionError if there is no such network or it has no width."""
    mend_torchvision()  # timm imports it
    import timm

    architecture = name.removeprefix("timm/")
    # timm's module says which kind it is. A MobileNetV3 may be named without its percentage, which is no model yet.
    variants = mobilenet_variants(architecture)
    known = next(iter(variants.values()), architecture)
    if not timm.is_model(known):
        raise OptionError(f"timm {timm.__version__} has no model {architecture!r}; timm.list_models() lists its models")
    module = timm.models.model_entrypoint(known).__module__.rpartition(".")[2]
    if module not in KINDS or (module == "mobilenetv3" and not variants):
        raise OptionError(
            f"the family {name} has no width that memscope can set; "
            "ResNet, ViT, ConvNeXt, DenseNet and MobileNetV3 (names with a percentage) kinds have one"
        )
    return KINDS[module](name, architecture)


def outline(architecture: str) -> Any:
    """timm's network of this name, without memory for its weights and without touching the random state."""
    import timm

    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        return timm.create_model(architecture)


def created(architecture: str, image_shape: ImageShape, num_classes: int, **sizes: Any) -> Any:
    """The network with initial weights, for images of this shape, with these sizes."""
    import timm

    model = timm.create_model(architecture, num_classes=num_classes, in_chans=image_shape[2], **sizes)
    return with_safe_strides(model)


def multiple_of(step: int, what: str, width: int) -> str | None:
    """What is wrong with a width that is not a positive multiple of `step`."""
    return None if width >= step and width % step == 0 else f"{what} are multiples of {step}"


# ---------------------------------------------------------------------------------------------- ResNet


def open_resnet(name: str, architecture: str) -> Family:
    """Stages of w, 2w, 4w, 8w channels and a stem of w; at w = 64, exactly timm's network.

    timm fixes a plain stem at 64 channels and lets only a deep one scale. So the network is built with a deep stem
    of w channels, whose convolutions are then replaced by the plain one if timm's stem is plain.
    """
    reference = outline(architecture)
    deep = isinstance(reference.conv1, nn.Sequential)
    stem_channels = [reference.conv1[0].out_channels, reference.conv1[3].out_channels] if deep else [32]
    first = reference.layer1[0]
    group_channels = [first.conv2.out_channels // first.conv2.groups] if first.expansion > 1 else [64]
    # Every number of channels, w/64 times timm's, must be whole (for ResNeXt also the channels of a group).
    step = math.lcm(*(64 // math.gcd(64, channels) for channels in stem_channels + group_channels))

    def build(width: int, image_shape: ImageShape, num_classes: int) -> nn.Module:
        channels = tuple(width * 2**stage for stage in range(4))
        stem_width = stem_channels[-1] * width // 64
        stem = {} if deep else {"stem_type": "deep"}
        model = created(architecture, image_shape, num_classes, channels=channels, stem_width=stem_width, **stem)
        if not deep:
            model.conv1 = nn.Conv2d(image_shape[2], width, kernel_size=7, stride=2, padding=3, bias=False)
            nn.init.kaiming_normal_(model.conv1.weight, mode="fan_out", nonlinearity="relu")
        return model

    return Family(name, "width", None, build, partial(multiple_of, step, f"the widths of {name}"))


# ------------------------------------------------------------------------------------------------- ViT


def open_vit(name: str, architecture: str) -> Family:
    """Tokens of w units in w/16 heads, from patches fit for small images: 4x4 at side 28 or 32, 8x8 at 64."""
    largest = outline(architecture).patch_embed.patch_size[0]

    def build(width: int, image_shape: ImageShape, num_classes: int) -> nn.Module:
        height, image_width, _ = image_shape
        return created(
            architecture,
            image_shape,
            num_classes,
            embed_dim=width,
            num_heads=width // HEAD_DIM,
            img_size=(height, image_width),
            patch_size=patch_size(height, image_width, largest),
        )

    rule = partial(multiple_of, HEAD_DIM, f"the widths of {name}, in attention heads of {HEAD_DIM} units,")
    return Family(name, "width", None, build, rule)


def patch_size(height: int, width: int, largest: int) -> int:
    """The largest common divisor of the sides that leaves 7 patches or more along the shorter one."""
    at_most = max(1, min(largest, min(height, width) // 7))
    return max(side for side in range(1, at_most + 1) if height % side == 0 and width % side == 0)


# -------------------------------------------------------------------------------- ConvNeXt and DenseNet


def open_convnext(name: str, architecture: str) -> Family:
    """Stages of w, 2w, 4w, 8w units; the stride of a patch stem leaves the last stage one pixel or more."""
    first = outline(architecture).stem[0]
    patches = first.kernel_size == first.stride  # otherwise overlapping convolutions, whose stride is fixed at 4

    def build(width: int, image_shape: ImageShape, num_classes: int) -> nn.Module:
        side = smallest_side(name, image_shape, at_least=8 if patches else 32)
        patch = 4 if side >= 64 else 2 if side >= 16 else 1
        stem = {"patch_size": patch} if patches else {}
        dims = tuple(width * 2**stage for stage in range(4))
        model = created(architecture, image_shape, num_classes, dims=dims, **stem)
        if patches and patch == 2:
            # timm makes up for smaller patches by a stride in the first stage, which leaves nothing of a side of 28.
            model.stages[0].downsample = nn.Identity()
        return model

    return Family(name, "width", None, build, at_least_one)


def open_densenet(name: str, architecture: str) -> Family:
    """Growth rate w. Four halvings after a pooled stem would leave nothing of a side under 32."""

    def build(width: int, image_shape: ImageShape, num_classes: int) -> nn.Module:
        side = smallest_side(name, image_shape, at_least=16)
        model = created(architecture, image_shape, num_classes, growth_rate=width)
        if side < 32:
            model.features.pool0 = nn.Identity()
        return model

    return Family(name, "width", None, build, at_least_one)


def smallest_side(name: str, image_shape: ImageShape, at_least: int) -> int:
    """The shorter side of the images; OptionError if it is too short for the network's strides."""
    side = min(image_shape[:2])
    if side < at_least:
        raise OptionError(
            f"the images are {image_shape[0]}x{image_shape[1]}; {name} needs sides of at least {at_least}: "
            "use another family or larger images"
        )
    return side


# ----------------------------------------------------------------------------------------- MobileNetV3


def mobilenet_variants(architecture: str) -> dict[int, str]:
    """Width in percent -> timm's name, for the models that differ from this one only in their percentage."""
    import timm

    base = re.sub(r"_\d{3}$", "", architecture)
    variants = {
        int(model[-3:]): model
        for model in timm.list_models(f"{base}_*", module="mobilenetv3")
        if re.fullmatch(re.escape(base) + r"_\d{3}", model)
    }
    if variants and timm.is_model(base):
        variants.setdefault(100, base)
    return dict(sorted(variants.items()))


def open_mobilenet(name: str, architecture: str) -> Family:
    """timm's own models of this design; each is named for its percentage of the paper's channels."""
    variants = mobilenet_variants(architecture)

    def build(width: int, image_shape: ImageShape, num_classes: int) -> nn.Module:
        return created(variants[width], image_shape, num_classes)

    def fault(width: int) -> str | None:
        listed = ", ".join(str(percentage) for percentage in variants)
        return None if width in variants else f"the widths of {name} are percentages that timm has: {listed}"

    return Family(name, "width", None, build, fault)


KINDS: dict[str, Kind] = {
    "resnet": open_resnet,
    "vision_transformer": open_vit,
    "convnext": open_convnext,
    "densenet": open_densenet,
    "mobilenetv3": open_mobilenet,
}
"""Functions that open a family, by the module of timm that defines the network"""
