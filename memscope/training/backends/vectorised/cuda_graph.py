"""A step, of training or of evaluation, that a GPU records once (a CUDA graph) and repeats without Python in between.

With small networks, a GPU mostly waits for their many kernels to be launched. A step whose inputs, rates and state lie
in tensors that stay where they are can be recorded, and repeating the record launches all the kernels at once. What is
recorded is the ordinary step, and a device that cannot record carries on with that.

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
"""A step reads and writes only tensors that are the same every time"""

WARM_UP = 3
"""Steps on a separate stream before one is recorded there, as the reference advises."""

AGREES = 0.05
"""How far a repeated step may differ in a tensor, as a fraction of the largest change that the step makes in it.
Kernels that sum in no fixed order differ by far less; a step that reads anything but its tensors differs by more."""


ULPS = 4
"""Roundings of its largest value by which a tensor may differ too: early in a warm-up a step hardly changes more."""


def can_record(device: torch.device) -> bool:
    return device.type == "cuda"


def record(step: Step, device: torch.device) -> Step:
    """The step as a CUDA graph. The step is carried out a few times first; recording carries out nothing."""
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
            torch.cuda.set_stream(ours)  # a recording that fails does not do this
    return graph.replay


@cache
def stream_of(device: torch.device) -> torch.cuda.Stream:
    """The stream on which to record: one for all recordings, because every stream keeps a workspace of its own."""
    return torch.cuda.Stream(device)


def steps_to_take(step: Step, state: Callable[[], Sequence[Tensor]], device: torch.device) -> Iterator[Step]:
    """What to call for each step in turn: first the step, from the second on its record.

    `state` returns all tensors that a step changes, once a step has been done. The third step is done both ways. If the
    two differ, or the device cannot record, the step itself is used, and a warning says so.
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
        failed = str(error)  # the text alone: the error keeps the failed step and all its activations alive
    restore(state(), before)
    del before
    if failed:
        warnings.warn(f"steps are not recorded, which is slower: {failed}", RuntimeWarning, stacklevel=2)
        yield from repeat(step)
    yield recorded
    found: list[bool] = []
    yield lambda: found.append(does_the_same(recorded, step, state()))
    if not all(found):
        warnings.warn("recorded steps differ, and are not used", RuntimeWarning, stacklevel=2)
    yield from repeat(recorded if all(found) else step)


def does_the_same(recorded: Step, step: Step, state: Sequence[Tensor]) -> bool:
    """Whether a record does what the step does. Afterwards the step has been done once."""
    before = copies(state)
    recorded()
    found = copies(state)
    restore(state, before)
    step()
    return all(map(alike, before, found, state))


def alike(before: Tensor, found: Tensor, expected: Tensor) -> bool:
    """Whether what was found is as expected, up to a fraction of the change and the rounding of the values."""
    change = (expected.double() - before).nan_to_num().abs().max()
    apart = (expected.double() - found).nan_to_num().abs().max()
    exact = not expected.is_floating_point()
    rounding = 0 if exact else torch.finfo(expected.dtype).eps * expected.nan_to_num().abs().max()
    finite = bool((expected.isfinite() == found.isfinite()).all())
    return finite and bool(apart <= AGREES * change + ULPS * rounding)


def copies(state: Sequence[Tensor]) -> list[Tensor]:
    return [tensor.detach().clone() for tensor in state]


def restore(state: Sequence[Tensor], before: Sequence[Tensor]) -> None:
    """Set the tensors to what they were, and drop gradients, which a step that failed half-way leaves behind."""
    with torch.no_grad():
        for tensor, copy in zip(state, before, strict=True):
            tensor.copy_(copy)
            tensor.grad = None
