"""Which backend a new plan names, and which sizes of a `lanes` plan are trained in lanes: fixed, so never measured.

Numbers depend on the backend, so a probe would make them depend on the machine and on the moment.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from memscope.errors import OptionError
from memscope.plan.backends import LANES, TORCH
from memscope.plan.plan import Plan
from memscope.plan.recipe import OWN_LOOP
from memscope.training.backends.lanes.library import NoLibraryError, library
from memscope.training.device import resolve_precision

WIDEST = {"cnn": 16, "resnet": 8, "mlp": 64}
"""Width up to which lanes are faster than torch in float32, by benchmarks/lanes.py (docs/results.md); part of the rules
of every plan"""
WIDEST_ALONE = {"cnn": 4, "resnet": 2, "mlp": 4}
"""Width up to which one model, which takes as long as a full set of 8 lanes, is about as fast as by torch; part of the
rules of every plan"""
WIDEST_OVER_BFLOAT16 = {"cnn": 8, "resnet": 4, "mlp": 8}
"""Width up to which they are more than twice as fast, about what bfloat16 may bring torch where it is native; not
measured there"""


def architecture(family: str) -> str:
    """`resnet` of `resnet20`."""
    return re.sub(r"\d+$", "", family)


def widths_of(axis: str, fixed: int | None, sizes: Sequence[int]) -> list[int]:
    """The widths of members of these sizes."""
    return list(sizes) if axis == "width" else [fixed or 0]


def pays(plan: Plan, size: int) -> bool:
    """Whether a size of a `lanes` plan is trained in lanes; if not, by torch."""
    return narrow(plan, size, WIDEST)


def pays_alone(plan: Plan, size: int) -> bool:
    """The same of its models on all the data, of which there are few."""
    return narrow(plan, size, WIDEST_ALONE)


def narrow(plan: Plan, size: int, widest: Mapping[str, int]) -> bool:
    (width,) = widths_of(plan.axis, plan.fixed, [size])
    return width <= widest.get(architecture(plan.family), 0)


def resolve_backend(
    asked: str,
    trainer: str,
    family: str,
    axis: str,
    fixed: int | None,
    sizes: Sequence[int],
    precision: str,
    device: str,
    say: Callable[[str], None],
) -> tuple[str, str]:
    """The backend and precision of a new plan, from `--backend` and `--precision`.

    OptionError if lanes were asked for and cannot be had; what is lost is said if they were not asked for.
    """
    found = resolve_precision(precision, device)
    widths, known = widths_of(axis, fixed, sizes), architecture(family)
    if trainer != OWN_LOOP:
        reason = f"the models are those of --trainer {trainer}"
    elif device != "cpu":
        reason = f"lanes are a CPU's, and the device is {device}"
    elif known not in WIDEST:
        reason = f"lanes know the families {', '.join(WIDEST)}, not {family}"
    elif precision == "bfloat16":
        reason = "lanes compute in float32, and --precision bfloat16 was asked for"
    elif asked == LANES or (asked != TORCH and faster(known, widths, found)):
        try:
            library()
            return LANES, "float32"
        except NoLibraryError as error:
            reason = str(error)
            if asked != LANES:
                say(f"models are not trained in lanes, so narrow ones take up to 20 times as long: {reason}")
    else:
        return TORCH, found
    if asked == LANES:
        raise OptionError(f"--backend lanes cannot be had: {reason}; leave it out")
    return TORCH, found


def faster(known: str, widths: Sequence[int], precision: str) -> bool:
    """Whether lanes are the faster choice for a whole family, where torch would compute in this precision."""
    if precision == "bfloat16":
        return max(widths) <= WIDEST_OVER_BFLOAT16[known]
    return min(widths) <= WIDEST[known]
