"""Names of classes in the little room that a figure has for them, told apart even where they are cut."""

import re
from collections.abc import Sequence
from functools import lru_cache

from memscope.plots.common.fonts import folded, legible
from memscope.plots.common.style import truncated

NUMBERED = re.compile(r"\d+: ")

NUMBER_NOTE = "Where names of classes would look alike, the number of the class, from 0, and a colon come first."


def class_label(
    number: int, names: Sequence[str], size: float, room: float, weight: str = "normal", before: str = ""
) -> str:
    """The name of class `number` of `names` after the text `before`, on one line of at most `room` inches.

    The number comes first where the name, as it is cut or escaped, could be that of another class.
    """
    full = legible(names[number], weight)
    label = truncated(before + full, size, room, weight)
    whole = label == before + full
    seen = folded(full if whole else label.removeprefix(before).removesuffix("…"))
    others = (form for other, form in enumerate(forms(tuple(names), weight)) if other != number)
    alike = any(form == seen if whole else form.startswith(seen) for form in others)
    if alike or NUMBERED.match(full):  # a class may be called `3: cat`
        return truncated(f"{before}{number}: {full}", size, room, weight)
    return label


@lru_cache(maxsize=2)  # for each weight, once a figure: there may be thousands of classes
def forms(names: tuple[str, ...], weight: str) -> list[str]:
    """What a reader sees of each name, uncut."""
    return [folded(legible(name, weight)) for name in names]
