"""A training step that a GPU has recorded once (a CUDA graph) and repeats without Python in between.

Small networks leave a GPU waiting for the launch of their many kernels. A step whose inputs, rates and state lie in
tensors that stay where they are can be recorded, and repeating the record launches all of it at once. The step that
is recorded is the one that is written; a device that cannot record goes on with that.

References
----------
PyTorch, CUDA semantics, "CUDA Graphs", whole-network capture.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import repeat

import torch
from torch import Tensor

Step = Callable[[], None]
"""Reads and writes nothing but tensors that are the same every time"""

WARM_UP = 3
"""Steps on a stream of their own before one is recorded there, as the reference has it."""

AGREES = 0.05
"""The largest difference that a repeated step may make, of the largest change that the step makes in a tensor.
Kernels that add up in no fixed order differ by far less, a step that reads what is not in its tensors by more."""


def can_record(device: torch.device) -> bool:
    return device.type == "cuda"


def record(step: Step, device: torch.device) -> Step:
    """The step as a CUDA graph. Does the step a few times; to record it does nothing."""
    with torch.cuda.device(device):
        ours, own = torch.cuda.current_stream(), torch.cuda.Stream()
        own.wait_stream(ours)
        with torch.cuda.stream(own):
            for _ in range(WARM_UP):
                step()
        ours.wait_stream(own)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=own):
            step()
    return graph.replay


def steps_to_take(step: Step, state: Callable[[], Sequence[Tensor]], device: torch.device) -> Iterator[Step]:
    """What to call for every step of a training, in turn: the step, and from the second one on its record.

    `state` gives all tensors that a step changes, once it has been done. The third step is done both ways, and where
    the two differ, or the device cannot record it, the step itself goes on; a warning says so.
    """
    yield step
    if not can_record(device):
        yield from repeat(step)
    before = copies(state())
    try:
        recorded = record(step, device)
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        restore(state(), before)
        warnings.warn(f"training steps are not recorded, which is slower: {error}", RuntimeWarning, stacklevel=2)
        yield from repeat(step)
    restore(state(), before)
    yield recorded
    found: list[bool] = []
    yield lambda: found.append(does_the_same(recorded, step, state()))
    if not all(found):
        warnings.warn("recorded training steps differ, and are not used", RuntimeWarning, stacklevel=2)
    yield from repeat(recorded if all(found) else step)


def does_the_same(recorded: Step, step: Step, state: Sequence[Tensor]) -> bool:
    """Whether a record does what the step does, which is done."""
    before = copies(state)
    recorded()
    found = copies(state)
    restore(state, before)
    step()
    return all(map(alike, before, found, state))


def alike(before: Tensor, found: Tensor, expected: Tensor) -> bool:
    change = (expected.double() - before).nan_to_num().abs().max()
    apart = (expected.double() - found).nan_to_num().abs().max()
    finite = bool((expected.isfinite() == found.isfinite()).all())
    return finite and bool(apart <= AGREES * change)


def copies(state: Sequence[Tensor]) -> list[Tensor]:
    return [tensor.detach().clone() for tensor in state]


def restore(state: Sequence[Tensor], before: Sequence[Tensor]) -> None:
    with torch.no_grad():
        for tensor, copy in zip(state, before, strict=True):
            tensor.copy_(copy)
