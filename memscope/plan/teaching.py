"""`Teaching`: how a student is distilled, and the variant of the ledger that stands for it.

Hinton, Vinyals & Dean 2015, arXiv 1503.02531. The teacher is the family's larger model that was trained on the *same
subset*. A teacher that saw the held-out examples would pass their labels on in its soft targets (Behrens & Zdeborova,
arXiv 2506.14457); only the ablation `on="full"` has such a teacher.
"""

import math
import re
from dataclasses import dataclass

from memscope.errors import OptionError
from memscope.text import shortest

ON = ("subset", "full")
VARIANT = re.compile(r"^distilled/teacher-(?P<size>\d+)-t(?P<t>[^-]+(?:-\d+)?)-w(?P<w>[^-]+(?:-\d+)?)(?P<full>-full)?$")


@dataclass(frozen=True)
class Teaching:
    """One setting of distillation.

    The loss of a student is (1 - soft_weight) * CE(y, student) + soft_weight * temperature^2 *
    KL(softmax(teacher / temperature) || softmax(student / temperature)).
    """

    teacher: int
    """Size of the teacher"""
    temperature: float = 4.0
    soft_weight: float = 0.9
    on: str = "subset"
    """What the teacher was trained on: the student's own `subset`, or the `full` data (model 0 of those)"""

    def __post_init__(self) -> None:
        checks: list[tuple[bool, str, object, str]] = [
            (self.teacher >= 1, "teacher", self.teacher, "one of the family's sizes"),
            (0 < self.temperature < math.inf, "temperature", self.temperature, "a positive number, such as 4"),
            (0 <= self.soft_weight <= 1, "soft weight", self.soft_weight, "in [0, 1], such as 0.9"),
            (self.on in ON, "teacher's data", self.on, "one of " + ", ".join(ON)),
        ]
        for holds, name, found, expected in checks:
            if not holds:
                raise OptionError(f"the {name} is {found}; it must be {expected}")

    @property
    def setting(self) -> str:
        """The name of the setting, from which it can be read again to the last bit."""
        full = "-full" if self.on == "full" else ""
        return f"teacher-{self.teacher}-t{shortest(self.temperature)}-w{shortest(self.soft_weight)}{full}"

    @property
    def variant(self) -> str:
        """The variant of the ledger under which its students are kept."""
        return f"distilled/{self.setting}"


def teaching_of(variant: str) -> Teaching | None:
    """The setting that a variant of the ledger stands for; None for a variant without a teacher."""
    found = VARIANT.match(variant)
    if found is None:
        return None
    try:
        on = "full" if found["full"] else "subset"
        teaching = Teaching(int(found["size"]), float(found["t"]), float(found["w"]), on)
    except ValueError:
        return None
    return teaching if teaching.variant == variant else None  # of another spelling it would be kept twice
