"""Families of classifiers: one architecture, built in any size along one axis.

A name opens a family: `mlp`, `cnn`, `resnet20` (or `resnet` along depth), `timm/NAME`, or a user's own function
as `package.module:function`. The sizes, such as `--widths 2,4,8,16,32` or `--depths 8,14,20`, are then checked
before anything is trained.
"""

import re
from collections.abc import Sequence

from torch import nn

from memscope.errors import OptionError
from memscope.families import airbench, cnn, mlp, resnet  # noqa: F401, for their entries in the register
from memscope.families.member_check import check_member, check_members
from memscope.families.penultimate import classifier_of, features_and_logits
from memscope.families.registry import (
    AXES,
    REGISTER,
    Family,
    ImageShape,
    at_least_one,
    checked_size,
    register_family,
)
from memscope.families.user_family import open_own_family

__all__ = [
    "KNOWN_FAMILIES",
    "Family",
    "check_member",
    "check_members",
    "check_sizes",
    "classifier_of",
    "features_and_logits",
    "open_family",
    "register_family",
]

KNOWN_FAMILIES = (
    "cnn, mlp, airbench, resnet8, resnet14, resnet20, resnet32, resnet44, resnet56, resnet110, resnet (along depth), "
    "timm/NAME, package.module:function"
)


def open_family(name: str, *, axis: str = "width", fixed: int | None = None) -> Family:
    """The family of this name along `width` or `depth`.

    Along depth, `fixed` is the width and must be given. Along width it is the depth, for families that have one, if
    the name does not already say it. OptionError for names, axes and fixed sizes that are not possible.
    """
    if axis not in AXES:
        raise OptionError(f"the axis is {axis!r}; the sizes of a family run along width or depth")
    if ":" in name or name.startswith("timm/"):
        if fixed is not None:
            raise OptionError(f"the family {name} takes one size; leave out the fixed {other(axis)} {fixed}")
        if ":" in name:
            return open_own_family(name, axis)
        if axis == "depth":
            raise OptionError(f"the family {name} has no sizes along depth; choose widths")
        from memscope.families.timm_networks import open_timm_family

        return open_timm_family(name)
    return open_registered(name, axis, fixed)


def open_registered(name: str, axis: str, fixed: int | None) -> Family:
    """A family from the register, by its name or by its name and depth together, as in `resnet20`."""
    base, depth_in_name = name, None
    if name not in REGISTER and (match := re.fullmatch(r"(\D+)(\d+)", name)):
        base, depth_in_name = match[1], int(match[2])
    entry = REGISTER.get(base)
    if entry is None or (depth_in_name is not None and "depth" not in entry.axes):
        raise OptionError(f"there is no family {name!r}; there are {KNOWN_FAMILIES}")
    if axis not in entry.axes:
        raise OptionError(f"the family {name} has no sizes along {axis}; choose {other(axis)}s")

    if axis == "depth":
        if depth_in_name is not None:
            raise OptionError(f"the family {name} has one depth; along depth the family is {base}")
        if fixed is None:
            raise OptionError(f"the family {name} along depth needs the one width of its members; give it")
        width = checked_size(f"the family {name} of width", fixed, at_least_one)

        def build_depth(size: int, image_shape: ImageShape, num_classes: int) -> nn.Module:
            return entry.architecture(image_shape, num_classes, width=width, depth=size)

        return Family(name, axis, fixed, build_depth, entry.depth_fault, entry.learning_rate)

    if depth_in_name is not None and fixed not in (None, depth_in_name):
        raise OptionError(f"the family {name} has the depth {depth_in_name}; leave out the fixed depth {fixed}")
    depth = fixed if depth_in_name is None else depth_in_name
    if "depth" not in entry.axes:
        if depth is not None:
            raise OptionError(f"the family {name} has no depth to fix; leave out the fixed depth {depth}")
        sizes = {}
    else:
        depth = entry.default_depth if depth is None else depth
        if depth is None:
            raise OptionError(f"the family {name} along width has no depth; name the depth: {name}20")
        sizes = {"depth": checked_size(f"the family {base} of depth", depth, entry.depth_fault)}

    def build_width(size: int, image_shape: ImageShape, num_classes: int) -> nn.Module:
        return entry.architecture(image_shape, num_classes, width=size, **sizes)

    return Family(name, axis, depth, build_width, learning_rate=entry.learning_rate)


def other(axis: str) -> str:
    """The axis that is not this one."""
    return "depth" if axis == "width" else "width"


def check_sizes(family: Family, sizes: Sequence[int]) -> None:
    """OptionError for the first size that the family does not have; it says which sizes the family has."""
    for size in sizes:
        checked_size(f"the family {family.name} of {family.axis}", size, family.fault)
