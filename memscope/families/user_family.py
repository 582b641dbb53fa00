"""`package.module:function`: a family of the user's own."""

from torch import nn

from memscope.errors import OptionError
from memscope.families.pointwise import with_safe_strides
from memscope.families.registry import Family, ImageShape
from memscope.imports import import_function


def open_own_family(name: str, axis: str) -> Family:
    """The family whose members `function(size, image_shape, num_classes)` builds; image_shape is (H, W, C).

    What a size means, and which sizes there are, is up to the function. Its strided 1x1 convolutions are made safe on
    CPUs, which changes no result.
    """
    function = import_function(name, "family", "size, image_shape, num_classes")

    def build(size: int, image_shape: ImageShape, num_classes: int) -> nn.Module:
        model = function(size, image_shape, num_classes)
        if not isinstance(model, nn.Module):
            raise OptionError(
                f"the family {name} gave a {type(model).__name__} for size {size}; "
                "its function must return a torch.nn.Module"
            )
        return with_safe_strides(model)

    return Family(name, axis, None, build)
