"""What each layer of a network makes of its inputs, a vector an example: where prediction depth looks for neighbours.

Which layers count, of any network that torch runs. The parts of a network are its modules, and those in containers
(nn.Sequential, nn.ModuleList, nn.ModuleDict); a residual or attention block, or whatever else has a forward of its own,
is one part. In the order in which they are run, each part with weight matrices or kernels begins a layer; the parts
without (normalisation, activation, pooling, dropout) that follow belong to it. So a layer ends where the next begins:

- layer 0 is the input itself, as it is;
- the built-in networks have one for each convolution or linear part with its normalisation and ReLU, and for each
  residual block;
- the last one is the output: the logits.

Maps [C, H, W] larger than 4 x 4 are averaged to that (adaptive average pooling), and more than 16 tokens [T, D] to 16:
the time that neighbours take grows with the length of a vector. Baldock et al. take maps as they are.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool1d, adaptive_avg_pool2d

from memscope.analysis.proxies.networks import chunks, evaluated
from memscope.errors import MemscopeError

SIDE = 4
"""Rows and columns of maps at most."""


def layer_features(network: nn.Module, inputs: Tensor, rows: int | None = None) -> Iterator[Tensor]:
    """The features [N, F_l] of inputs [N, ...] after each layer l, one layer at a time, on the device of the inputs.

    The network is run once for each layer, so that no more than one layer of features is held. It is in evaluation
    mode meanwhile, and not changed; `rows` as in `gradients`. MemscopeError where it fails or has no layers.
    """
    with evaluated(network, "prediction depth"):
        count = len(after_layers(network, inputs[:1], None))
    if not count:
        raise MemscopeError(
            f"prediction depth cannot be had of the network {type(network).__name__}: none of its modules has weights "
            "and gives a tensor with a row for each example; leave this proxy out"
        )
    yield inputs.flatten(1)
    for number in range(count):
        with evaluated(network, "prediction depth"):
            pieces = [after_layers(network, inputs[some], number)[number] for some in chunks(network, inputs, rows)]
        yield torch.cat(pieces)


@torch.no_grad()
def after_layers(network: nn.Module, inputs: Tensor, wanted: int | None) -> list[Tensor]:
    """What comes out of each layer from 1 on, for inputs [B, ...]: vectors [B, F] of the `wanted` one, or of all.

    Of the others there is nothing, [B, 0].
    """
    layers: list[Tensor] = []

    def put(output: object, begins: bool) -> None:
        if not isinstance(output, Tensor) or output.ndim < 2 or len(output) != len(inputs):
            return
        if begins:
            layers.append(output)
        if layers:
            here = len(layers) - 1
            layers[here] = pooled(output) if wanted in (None, here) else output.new_empty((len(output), 0))

    def hook(begins: bool) -> Callable[..., None]:
        return lambda part, given, output: put(output, begins)

    handles = [part.register_forward_hook(hook(has_matrix(part))) for part in parts_of(network)]
    try:
        put(network(inputs.clone()), begins=False)
    finally:
        for handle in handles:
            handle.remove()
    return layers


def parts_of(network: nn.Module) -> list[nn.Module]:
    """The modules that make layers, each once; of a network that only wraps one other module, that one's."""
    parts = dict.fromkeys(inside(network))
    while len(parts) == 1 and any(next(iter(parts)).children()):
        parts = dict.fromkeys(inside(next(iter(parts))))
    return list(parts)


def inside(module: nn.Module) -> Iterator[nn.Module]:
    """The modules in a module, without the containers among them."""
    for child in module.children():
        runs_in_turn = isinstance(child, nn.Sequential) and type(child).forward is nn.Sequential.forward
        if runs_in_turn or type(child) in (nn.ModuleList, nn.ModuleDict):
            yield from inside(child)
        else:
            yield child


def has_matrix(module: nn.Module) -> bool:
    """Whether any of its parameters, or of those of the modules in it, is a matrix or a kernel."""
    return any(value.ndim >= 2 for value in module.parameters())


def pooled(output: Tensor) -> Tensor:
    """Vectors [B, F] of maps [B, C, H, W], tokens [B, T, D] or vectors: a copy, as later layers may work in place."""
    if output.ndim == 4 and max(output.shape[2:]) > SIDE:
        output = adaptive_avg_pool2d(output, (min(SIDE, output.shape[2]), min(SIDE, output.shape[3])))
    elif output.ndim == 3 and output.shape[1] > SIDE * SIDE:
        output = adaptive_avg_pool1d(output.transpose(1, 2), SIDE * SIDE)
    return output.flatten(1).clone()
