"""Batch normalisation of many models at once: under `vmap` one call over the channels of all of them.

Channels are normalised each by itself, so those of G models with C channels are G C channels of one. vmap's own rule
multiplies and adds scale and shift in separate passes; and where autocast gives it bfloat16, as on a GPU, its backward
pass raises (pytorch issue 192617 tells of others that do).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import batch_norm
from torch.overrides import TorchFunctionMode


class NormaliseAtOnce(TorchFunctionMode):
    """Inside `vmap`, every `batch_norm` is one over all the models."""

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if function is batch_norm:
            return of_group(*args, **(kwargs or {}))
        return function(*args, **(kwargs or {}))


def of_group(
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
    found: Tensor = OfGroup.apply(maps, running_mean, running_var, weight, bias, training, momentum, eps)
    return found


class OfGroup(torch.autograd.Function):
    """What `vmap` is told to do; without it, and when gradients are taken, it is torch's function that is called."""

    @staticmethod
    def forward(*given: Any) -> Tensor:
        return batch_norm(*given)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        pass

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], maps: Tensor, *given: Any) -> tuple[Tensor, int]:
        def stacked(tensor: Tensor, where: int | None, axis: int) -> Tensor:
            """With the models along this axis."""
            if where is None:  # the same for all
                return tensor.unsqueeze(axis).expand(*tensor.shape[:axis], info.batch_size, *tensor.shape[axis:])
            return tensor.movedim(where, axis)

        of_all = stacked(maps, in_dims[0], 1)  # [B, G, C, ...]
        vectors: list[Any] = [
            None if one is None else stacked(one, where, 0) for one, where in zip(given[:4], in_dims[1:5], strict=True)
        ]  # [G, C] each
        # [G C]: running statistics are changed in place, so a view of them; scale and shift may be copied
        flat: list[Any] = [
            one if one is None else one.view(-1) if at < 2 else one.reshape(-1) for at, one in enumerate(vectors)
        ]
        found = batch_norm(of_all.flatten(1, 2), *flat, *given[4:])
        return found.unflatten(1, of_all.shape[1:3]), 1
