"""What treats every channel by itself, of many models at once: under `vmap`, one call over the channels of all of them.

Each channel is normalised and pooled by itself, so G models of C channels are like one model of G C channels. vmap's
own rules are slower: normalisation is followed by separate passes for scale and shift, and pooling copies the maps. If
autocast gives normalisation bfloat16, as on a GPU, its backward pass raises (pytorch issue 192617 is about others that
do). And what is changed in place after such a call is a view, of which torch copies all several times in the backward
pass: so ReLUs are not done in place here.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, adaptive_max_pool2d, batch_norm, max_pool2d, relu
from torch.overrides import TorchFunctionMode

POOLS = (adaptive_avg_pool2d, adaptive_max_pool2d, max_pool2d)


class ChannelsAtOnce(TorchFunctionMode):
    """Inside `vmap`, every `batch_norm` and pooling is one over all the models."""

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = dict(kwargs or {})
        if function is relu:
            return relu(*args[:1], **given | {"inplace": False})
        if function is batch_norm:
            return normalised(*args, **given)
        if function in POOLS and args and args[0].ndim == 4:
            maps, *others = args
            if function is adaptive_max_pool2d and others in ([1], [(1, 1)]):
                # the same maximum by a kernel that knows channels_last memory
                function, others = max_pool2d, [maps.shape[2:]]
            return OfGroup.apply(lambda of_all: function(of_all, *others, **given), maps)
        return function(*args, **given)


def normalised(
    maps: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """`torch.nn.functional.batch_norm`, with its arguments."""

    def of_all(maps: Tensor, *vectors: Tensor | None) -> Tensor:
        mean, var, scale, shift = vectors
        return batch_norm(maps, mean, var, scale, shift, training, momentum, eps)

    found: Tensor = OfGroup.apply(of_all, maps, running_mean, running_var, weight, bias)
    return found


class OfGroup(torch.autograd.Function):
    """A function of maps [B, C, ...] and vectors [C], with a rule for `vmap`: the function of maps [B, G C, ...].

    Without `vmap`, and for the gradients, the function itself is called.
    """

    @staticmethod
    def forward(function: Callable[..., Tensor], maps: Tensor, *vectors: Tensor | None) -> Tensor:
        return function(maps, *vectors)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        pass

    @staticmethod
    def vmap(
        info: Any,
        in_dims: tuple[int | None, ...],
        function: Callable[..., Tensor],
        maps: Tensor,
        *vectors: Tensor | None,
    ) -> tuple[Tensor, int]:
        def stacked(tensor: Tensor, where: int | None, axis: int) -> Tensor:
            """The tensor with the models along this axis."""
            if where is None:  # the same for all models
                return tensor.unsqueeze(axis).expand(*tensor.shape[:axis], info.batch_size, *tensor.shape[axis:])
            return tensor.movedim(where, axis)

        def flat(vector: Tensor, where: int | None) -> Tensor:
            """[G C]. A view where it can be one: running statistics are changed in place."""
            return stacked(vector, where, 0).reshape(-1)

        of_all = stacked(maps, in_dims[1], 1)  # [B, G, C, ...]
        others = [one if one is None else flat(one, where) for one, where in zip(vectors, in_dims[2:], strict=True)]
        found = function(of_all.flatten(1, 2), *others)
        return found.unflatten(1, of_all.shape[1:3]), 1
