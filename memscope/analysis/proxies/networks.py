"""How proxies run a network: in evaluation mode, in full float32, some rows at a time, with errors that name it."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from memscope.analysis.products import full_float32
from memscope.errors import MemscopeError

SPACE = 2**28
"""Bytes that what is kept of the rows taken at a time may occupy: of a network of a million parameters the gradients of
60 examples."""

MOST_ROWS = 512
"""Rows at a time of networks however small: more would gain little."""


@contextmanager
def evaluated(network: nn.Module, proxy: str) -> Iterator[None]:
    """Within it the network is in evaluation mode, and convolutions and products have the precision of their type.

    The modes are put back after it. MemscopeError, which names the proxy, the network and the reason, where the network
    looks at the other examples of a batch even then, or for what torch raises within, unless it is short of memory.
    """
    kind = type(network).__name__
    if any(isinstance(layer, _BatchNorm) and layer.running_mean is None for layer in network.modules()):
        raise MemscopeError(
            f"{proxy} cannot be had of the network {kind}: its batch normalisation keeps no running statistics, so "
            "an example's output depends on the others of its batch; leave this proxy out, or keep running statistics"
        )
    modes = {layer: layer.training for layer in network.modules()}
    network.eval()
    try:
        with full_float32(), warnings.catch_warnings():
            # attention on CPUs is not vectorised; nobody can do anything about it
            warnings.filterwarnings("ignore", message="There is a performance drop because")
            yield
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        if isinstance(error, MemscopeError) or out_of_memory(error):
            raise
        raise MemscopeError(f"{proxy} cannot be had of the network {kind}: {error}; leave this proxy out") from error
    finally:
        for layer, training in modes.items():
            layer.training = training


def out_of_memory(error: Exception) -> bool:
    """Whether torch lacked memory or its GPU failed: elsewhere, or at another time, the same network may do."""
    failed = ("DefaultCPUAllocator", "CUDA error", "CUBLAS_STATUS")
    return isinstance(error, torch.OutOfMemoryError) or any(words in str(error) for words in failed)


def logits_of(network: nn.Module, inputs: Tensor, proxy: str, rows: int | None = None) -> NDArray[np.float32]:
    """The logits [N, C] of inputs [N, ...]; the errors of `evaluated`, which name the proxy."""
    with torch.no_grad(), evaluated(network, proxy):
        return (
            torch.cat([network(inputs[some].clone()) for some in chunks(network, inputs, rows)]).float().cpu().numpy()
        )


def chunks(network: nn.Module, inputs: Tensor, rows: int | None, own_weights: bool = False) -> Iterator[slice]:
    """Which rows of inputs [N, ...] to take at a time: `rows`, or so many that what is kept of them fits in SPACE.

    `own_weights` says that gradients by all weights are kept for each example. The network is run once, on one example.
    """
    if rows is None:
        needed = 2 * bytes_of_outputs(network, inputs[:1])  # outputs, and gradients by them
        if own_weights:
            needed += 2 * sum(value.numel() * value.element_size() for value in network.parameters())
        rows = max(1, min(MOST_ROWS, SPACE // needed))
    for first in range(0, len(inputs), rows):
        yield slice(first, first + rows)


@torch.no_grad()
def bytes_of_outputs(network: nn.Module, example: Tensor) -> int:
    """Bytes of an example and of the outputs of every layer without layers of its own."""
    seen = [example]
    leaves = [layer for layer in network.modules() if not any(layer.children())]
    handles = [layer.register_forward_hook(lambda layer, given, output: seen.append(output)) for layer in leaves]
    try:
        network(example.clone())
    finally:
        for handle in handles:
            handle.remove()
    return sum(output.numel() * output.element_size() for output in seen if isinstance(output, Tensor))


def norms(values: Tensor) -> Tensor:
    """Euclidean norms float64 [B] of values [B, ...]; mps has no float64, so they are summed in float32 there."""
    precision = values.dtype if values.device.type == "mps" else torch.float64
    return torch.linalg.vector_norm(values.flatten(1), dim=1, dtype=precision).cpu().double()
