"""`package.module:function`: a family of the user's own."""

import importlib
import os
import sys
from collections.abc import Callable

from torch import nn

from memscope.errors import OptionError
from memscope.families.pointwise import with_safe_strides
from memscope.families.registry import Family, ImageShape


def open_own_family(name: str, axis: str) -> Family:
    """The family whose members `function(size, image_shape, num_classes)` builds; image_shape is (H, W, C).

    What a size means, and which sizes there are, is the function's own affair. Its strided 1x1 convolutions are
    made safe on CPUs, which changes no result. The working directory is
    searched after everything else, so that a module beside the user's data is found.
    """
    function = imported(name)

    def build(size: int, image_shape: ImageShape, num_classes: int) -> nn.Module:
        model = function(size, image_shape, num_classes)
        if not isinstance(model, nn.Module):
            raise OptionError(
                f"the family {name} gave a {type(model).__name__} for size {size}; "
                "its function must return a torch.nn.Module"
            )
        return with_safe_strides(model)

    return Family(name, axis, None, build)


def imported(name: str) -> Callable[..., object]:
    """The function that `package.module:function` names, or OptionError."""
    module_name, _, function_name = name.partition(":")
    if not module_name or not function_name:
        raise OptionError(f"the family {name!r} is not of the form package.module:function")
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # the module is the user's: whatever stops its import is theirs to read
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise OptionError(
            f"the family {name} cannot be imported ({reason}); "
            "name an importable module, in the working directory or installed"
        ) from error
    function = getattr(module, function_name, None)
    if not callable(function):
        found = "has no" if function is None else f"has a {type(function).__name__}, not a function, as"
        raise OptionError(
            f"the family {name} cannot be used: {module_name} {found} {function_name}; "
            "name a function of (size, image_shape, num_classes)"
        )
    return function
