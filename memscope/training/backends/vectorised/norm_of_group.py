"""Batch normalisation of many models at once: under `vmap`, one call over the channels of all of them.

Each channel is normalised by itself, so G models of C channels are like one model of G C channels. vmap's own rule
multiplies by the scale and adds the shift in separate passes. And if autocast gives it bfloat16, as on a GPU, its
backward pass raises (pytorch issue 192617 is about others that do).
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
    """`batch_norm` with a rule for `vmap`. Without `vmap`, and for the gradients, torch's own function is called."""

    @staticmethod
    def forward(*given: Any) -> Tensor:
        return batch_norm(*given)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        pass

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], maps: Tensor, *given: Any) -> tuple[Tensor, int]:
        def stacked(tensor: Tensor, where: int | None, axis: int) -> Tensor:
            """The tensor with the models along this axis."""
            if where is None:  # the same for all models
                return tensor.unsqueeze(axis).expand(*tensor.shape[:axis], info.batch_size, *tensor.shape[axis:])
            return tensor.movedim(where, axis)

        of_all = stacked(maps, in_dims[0], 1)  # [B, G, C, ...]
        vectors: list[Any] = [
            None if one is None else stacked(one, where, 0) for one, where in zip(given[:4], in_dims[1:5], strict=True)
        ]  # [G, C] each
        # [G C]: a view of running statistics, which are changed in place; scale and shift may be copied
        flat: list[Any] = [
            one if one is None else one.view(-1) if at < 2 else one.reshape(-1) for at, one in enumerate(vectors)
        ]
        found = batch_norm(of_all.flatten(1, 2), *flat, *given[4:])
        return found.unflatten(1, of_all.shape[1:3]), 1
