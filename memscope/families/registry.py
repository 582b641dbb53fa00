"""`Family`, and the register of memscope's own architectures.

An architecture is a function `(image_shape, num_classes, width) -> nn.Module`, perhaps with a `depth` too,
under `@register_family`. A family is such a function with all but one of its sizes fixed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from torch import nn

from memscope.errors import OptionError

ImageShape = tuple[int, int, int]
"""Height, width and channels of an image."""

AXES = ("width", "depth")

Architecture = TypeVar("Architecture", bound=Callable[..., nn.Module])


def at_least_one(size: int) -> str | None:
    """What is wrong with a width or depth that is not positive."""
    return None if size >= 1 else "a size is at least 1"


@dataclass(frozen=True)
class Family:
    """Networks of one architecture along one axis of size.

    `build(size, image_shape, num_classes)` makes a model that maps float images [B, C, H, W], in either memory
    format, to logits [B, num_classes]. Its initial weights come from torch's global generator
    and from nothing else.
    """

    name: str
    axis: str
    """`width` or `depth`: what the sizes are"""
    fixed: int | None
    """The other of width and depth, if the architecture has both"""
    build: Callable[[int, ImageShape, int], nn.Module]
    fault: Callable[[int], str | None] = at_least_one
    """Why this family has no member of a size, and which sizes it has; None for a size that it has"""
    learning_rate: float = 0.1
    """Peak rate at which all its widths train well, used if the user gives none; see benchmarks/learning_rate.py"""


@dataclass(frozen=True)
class Registered:
    """An architecture with its axes, and the depths in which it can be built."""

    architecture: Callable[..., nn.Module]
    axes: tuple[str, ...]
    default_depth: int | None
    depth_fault: Callable[[int], str | None]
    learning_rate: float


REGISTER: dict[str, Registered] = {}


def register_family(
    name: str,
    *,
    axes: tuple[str, ...],
    default_depth: int | None = None,
    depth_fault: Callable[[int], str | None] = at_least_one,
    learning_rate: float = 0.1,
) -> Callable[[Architecture], Architecture]:
    """Register a function `(image_shape, num_classes, *, width)`, with `depth` if that is an axis, under a name.

    `default_depth` is the depth along width if the user names none; without a default, the user must name one.
    `depth_fault` says why a depth is not possible, and is None for one that is. `learning_rate` is as in `Family`.
    """

    def enter(architecture: Architecture) -> Architecture:
        REGISTER[name] = Registered(architecture, axes, default_depth, depth_fault, learning_rate)
        return architecture

    return enter


def checked_size(what: str, size: int, fault: Callable[[int], str | None]) -> int:
    """The size itself; OptionError, which says `what` the size is of, if there is a fault."""
    reason = fault(size)
    if reason is not None:
        raise OptionError(f"{what} {size} cannot be built: {reason}")
    return size
