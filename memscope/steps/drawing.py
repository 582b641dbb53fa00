"""Where a command writes its figures, in which formats and in which style.

Nothing of matplotlib is loaded here, so that the command line can say what there is.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memscope.errors import OptionError

FORMATS = ("png", "svg", "pdf")
STYLES = ("screen", "paper", "talk")


@dataclass(frozen=True)
class Drawing:
    """What to write of a command's figures."""

    directory: str | os.PathLike[str]
    formats: Sequence[str] = ("png",)
    """`png`, `svg`, `pdf`: a file for each, of the same name"""
    style: str = "screen"
    """`screen`; `paper`: one column wide, 8-point type, no title; `talk`: large type"""


def write(plot: Drawing | str | os.PathLike[str], drawn: Iterable[tuple[str, Any]]) -> list[Path]:
    """Write the figures; a path alone is a directory for them. Their paths; OptionError for a format or style unknown.

    `drawn` gives each figure with its name when it is asked for it, and so in the style that was chosen.
    """
    from memscope.plots.common.writing import write_figures  # loads matplotlib

    wanted = plot if isinstance(plot, Drawing) else Drawing(plot)
    for name, given, known in (("format", wanted.formats, FORMATS), ("style", (wanted.style,), STYLES)):
        for each in given:
            if each not in known:
                raise OptionError(f"the {name} of figures is {each!r}; it must be one of {', '.join(known)}")
    return write_figures(Path(wanted.directory), wanted.formats, wanted.style, drawn)
