"""Normalisation and pooling of many models at once: under `vmap`, one call over the channels of all of them.

Both treat each channel by itself, so G models of C channels are like one model of G C channels. vmap's own rules do
more: they multiply by the scale and add the shift in passes of their own, and copy maps to pool them. And in bfloat16,
which autocast gives on a GPU, vmap's batch normalisation has a backward pass that raises (pytorch issue 192617 is about
other operations that do).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, adaptive_max_pool2d, batch_norm, max_pool2d
from torch.overrides import TorchFunctionMode

POOLS = (adaptive_avg_pool2d, adaptive_max_pool2d, max_pool2d)


class ChannelsAtOnce(TorchFunctionMode):
    """Inside `vmap`, `batch_norm` and the `POOLS` of maps [B, C, H, W] are done for all the models in one call."""

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = dict(kwargs or {})
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

    The first two vectors are changed in place: running statistics. Without `vmap`, and for the gradients, the function
    itself is called.
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

        of_all = stacked(maps, in_dims[1], 1)  # [B, G, C, ...]
        flat: list[Tensor | None] = []  # [G C]
        for place, (one, where) in enumerate(zip(vectors, in_dims[2:], strict=True)):
            found = None if one is None else stacked(one, where, 0)
            # view raises where it would have to copy, and so what is changed in place would be lost
            flat.append(found if found is None else found.view(-1) if place < 2 else found.reshape(-1))
        result = function(of_all.flatten(1, 2), *flat)
        return Apart.apply(result.unflatten(1, of_all.shape[1:3])), 0


class Apart(torch.autograd.Function):
    """[B, G, C, ...] -> [G, B, C, ...] in the same memory, and not a view as autograd sees it.

    What changes a view in place, as ReLUs do, has autograd copy all of it several times in the backward pass. Nothing
    else may need the values before the change: normalisation and pools keep their inputs for the backward pass, not
    what they return.
    """

    @staticmethod
    def forward(ctx: Any, maps: Tensor) -> Tensor:
        view = maps.movedim(1, 0)
        return maps.new_empty(0).set_(maps.untyped_storage(), view.storage_offset(), view.shape, view.stride())

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient.movedim(0, 1)
