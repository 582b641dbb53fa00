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
from functools import cache
from itertools import repeat

import torch
from torch import Tensor

from memscope.training.device import no_room

Step = Callable[[], None]
"""Reads and writes nothing but tensors that are the same every time"""

WARM_UP = 3
"""Steps on a stream of their own before one is recorded there, as the reference has it."""

AGREES = 0.05
"""The largest difference that a repeated step may make, of the largest change that the step makes in a tensor.
Kernels that add up in no fixed order differ by far less, a step that reads what is not in its tensors by more."""


ULPS = 4
"""Roundings of its largest value by which a tensor may differ as well: early in a warm-up a step hardly does more."""


def can_record(device: torch.device) -> bool:
    return device.type == "cuda"


def record(step: Step, device: torch.device) -> Step:
    """The step as a CUDA graph. Does the step a few times; to record it does nothing."""
    with torch.cuda.device(device):
        ours, own = torch.cuda.current_stream(), stream_of(device)
        own.wait_stream(ours)
        with torch.cuda.stream(own):
            for _ in range(WARM_UP):
                step()
        ours.wait_stream(own)
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, stream=own):
                step()
        finally:
            torch.cuda.set_stream(ours)  # which a recording that fails does not do
    return graph.replay


@cache
def stream_of(device: torch.device) -> torch.cuda.Stream:
    """The stream to record on: one for all, since each keeps a workspace of its own."""
    return torch.cuda.Stream(device)


def steps_to_take(step: Step, state: Callable[[], Sequence[Tensor]], device: torch.device) -> Iterator[Step]:
    """What to call for every step of a training, in turn: the step, and from the second one on its record.

    `state` gives all tensors that a step changes, once it has been done. The third step is done both ways, and where
    the two differ, or the device cannot record it, the step itself goes on; a warning says so.
    """
    yield step
    if not can_record(device):
        yield from repeat(step)
    before = copies(state())
    recorded, failed = step, ""
    try:
        recorded = record(step, device)
    except RuntimeError as error:
        if no_room(error):
            raise
        failed = str(error)  # alone: the error holds the step that failed, and all its activations
    restore(state(), before)
    del before
    if failed:
        warnings.warn(f"training steps are not recorded, which is slower: {failed}", RuntimeWarning, stacklevel=2)
        yield from repeat(step)
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
    """Whether what was found is as expected, up to some of the change and to the rounding of the values."""
    change = (expected.double() - before).nan_to_num().abs().max()
    apart = (expected.double() - found).nan_to_num().abs().max()
    exact = not expected.is_floating_point()
    rounding = 0 if exact else torch.finfo(expected.dtype).eps * expected.nan_to_num().abs().max()
    finite = bool((expected.isfinite() == found.isfinite()).all())
    return finite and bool(apart <= AGREES * change + ULPS * rounding)


def copies(state: Sequence[Tensor]) -> list[Tensor]:
    return [tensor.detach().clone() for tensor in state]


def restore(state: Sequence[Tensor], before: Sequence[Tensor]) -> None:
    """The tensors as they were, without gradients, which a step that failed half-way leaves behind."""
    with torch.no_grad():
        for tensor, copy in zip(state, before, strict=True):
            tensor.copy_(copy)
            tensor.grad = None
