"""Whether a family's members can be trained at all: each is built and run once, in both modes, before any task.

Better once here than in every task. Most of what is refused are users' own functions: a network that gives features
beside its logits, as Inception does in training alone, or probabilities in place of logits.
"""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from memscope.errors import OptionError
from memscope.families.penultimate import classifier_of
from memscope.families.registry import Family, ImageShape

MODES = {"evaluation": (2, 1), "training": (2,)}
"""Images at once in each mode. The last batch of an evaluation may be a single image."""

PROBABILITIES = "gives probabilities"
UNBATCHED_VIEW = "view size is not compatible"
"""What torch says where memory is not in the order of the dimensions"""


def check_members(
    family: Family, sizes: Sequence[int], image_shape: ImageShape, num_classes: int, probabilities: bool = False
) -> None:
    """OptionError where the family cannot be trained on such images and classes; `probabilities` may be allowed.

    What a size means in a family of the user's own is not known here: there each is tried, elsewhere the first alone.
    """
    for size in sizes if ":" in family.name else sizes[:1]:
        check_member(family, size, image_shape, num_classes, probabilities)


def check_member(
    family: Family, size: int, image_shape: ImageShape, num_classes: int, probabilities: bool = False
) -> None:
    """Build one member and run it in evaluation and in training mode; OptionError where it gives no logits.

    What the user's code draws leaves no trace in the generators of torch, NumPy and Python.
    """
    height, width, channels = image_shape
    what = f"the family {family.name} at {family.axis} {size}"
    # in channels_last memory, as all images are that networks are given
    images = torch.from_numpy(np.random.Generator(np.random.Philox(0)).standard_normal((2, height, width, channels)))
    images = images.float().permute(0, 3, 1, 2)
    with random_states_kept():
        try:
            model = family.build(size, image_shape, num_classes)
            classifier_of(model)
            again = family.build(size, image_shape, num_classes) if ":" in family.name else None
        except OptionError:
            raise
        except (Exception, SystemExit) as error:
            own = "its function is called with (size, image_shape as (H, W, C), num_classes)"
            advice = own if ":" in family.name else "use larger images or another family"
            raise OptionError(
                f"the family {family.name} cannot be built at {family.axis} {size} for {height}x{width}x{channels} "
                f"images ({reason_of(error)}); {advice}"
            ) from error
        check_weights(what, model)
        if again is not None and shares_weights(model, again):
            raise OptionError(
                f"the family {family.name} gives the same weights each time it is called, so that each model would go "
                "on where the one before it stopped, expected new ones; build the network inside its function"
            )
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # as in training
        for mode, counts in MODES.items():
            model.train(mode == "training")
            for count in counts:
                fault = fault_of(model, images[:count], num_classes, training=mode == "training")
                if fault and not (probabilities and fault.startswith(PROBABILITIES)):
                    raise OptionError(f"{what} in {mode} mode {fault}")


def shares_weights(one: nn.Module, other: nn.Module) -> bool:
    """Whether any trainable weights of two networks are the same object, as of a network that is kept outside."""
    there = {id(weights) for weights in one.parameters() if weights.requires_grad}
    return any(id(weights) in there for weights in other.parameters())


def check_weights(what: str, model: nn.Module) -> None:
    """OptionError for weights that are not there yet, or not on the CPU, or that no file of ours can hold."""
    for name, weights in [*model.named_parameters(), *model.named_buffers()]:
        if torch.nn.parameter.is_lazy(weights):
            raise OptionError(
                f"{what} has the weights {name} without a shape, expected ones that are there when it is built; "
                "give lazy layers their sizes"
            )
        if weights.device.type != "cpu":
            raise OptionError(
                f"{what} has the weights {name} on the device {weights.device}, expected all on cpu; "
                "build it there, memscope moves it to --device"
            )
        if weights.dtype == torch.bfloat16:
            raise OptionError(
                f"{what} has the weights {name} in bfloat16, expected float32; "
                "build it in float32, and give --precision bfloat16 for products in bfloat16"
            )


def fault_of(model: nn.Module, images: torch.Tensor, num_classes: int, *, training: bool) -> str | None:
    """What is wrong with what a network gives for images [B, C, H, W], and what to do; None if nothing is."""
    try:
        if training:
            given = model(images)
        else:
            with torch.inference_mode():
                given = model(images)
    except (Exception, SystemExit) as error:
        advice = "it is called with the images alone, float32 [batch, channels, height, width], and must return logits"
        if UNBATCHED_VIEW in str(error):
            advice = "images are in channels_last memory: use reshape or flatten in place of view"
        height, width = images.shape[2:]
        return (
            f"cannot be run on {len(images)} {height}x{width}x{images.shape[1]} images ({reason_of(error)}); {advice}"
        )
    expected = f"expected logits [batch, classes], here {(len(images), num_classes)}"
    if not isinstance(given, torch.Tensor) or given.layout is not torch.strided:
        return f"gives {described(given)}, {expected}; {what_to_return(given)}"
    if tuple(given.shape) != (len(images), num_classes):
        count = f"{len(images)} image{'s' * (len(images) > 1)}"
        return f"gives outputs {tuple(given.shape)} for {count}, {expected}; return one logit for each class"
    if not given.is_floating_point():
        return f"gives {str(given.dtype).removeprefix('torch.')}, {expected} as float32; return them before any argmax"
    values = given.detach().float()
    if not values.isfinite().all():
        return f"gives NaN or infinite outputs for images of mean 0 and variance 1, {expected}; see what makes them so"
    if num_classes > 1 and (values >= 0).all() and (values.sum(1) - 1).abs().max() < 1e-3:
        return f"{PROBABILITIES} (each row sums to 1), {expected}; leave out the softmax"
    if training:
        return fault_of_gradient(given, expected)
    return None


def fault_of_gradient(logits: torch.Tensor, expected: str) -> str | None:
    """What is wrong with the way back from logits [B, K]."""
    if not logits.requires_grad:
        return f"gives outputs without a gradient, {expected} with one; leave out detach, no_grad and .data"
    try:
        torch.nn.functional.cross_entropy(logits.float(), torch.zeros(len(logits), dtype=torch.int64)).backward()
    except (Exception, SystemExit) as error:
        return f"gives logits whose gradient cannot be taken ({reason_of(error)}); change what prevents it"
    return None


def described(given: Any) -> str:
    """What a network gave that is no tensor: its type, and of what is in it the types."""
    if given is None:
        return "None"
    name = str(given.layout).removeprefix("torch.") if isinstance(given, torch.Tensor) else type(given).__name__
    article = "an" if name[:1].lower() in "aeiou" else "a"
    if isinstance(given, tuple | list):
        return f"{article} {name} of {len(given)}"
    return f"{article} {name}"


def what_to_return(given: Any) -> str:
    if given is None:
        return "return them"
    return "return only the logits, its .logits" if hasattr(given, "logits") else "return only the logits"


def reason_of(error: BaseException) -> str:
    return next(iter(f"{type(error).__name__}: {error}".splitlines()))


@contextmanager
def random_states_kept() -> Iterator[None]:
    """The generators of torch, NumPy and Python are after it as they were before."""
    of_python, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    try:
        with torch.random.fork_rng(devices=devices):
            yield
    finally:
        random.setstate(of_python)
        np.random.set_state(of_numpy)  # noqa: NPY002
