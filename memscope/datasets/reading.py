"""`Reading`: how a source is read. Its rules are part of a plan, so that a run of before finds its own pixels again."""

import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass

FIRST_RULES = 1
"""Those of plans that name none. They turn no picture, follow no link to a folder and pass over hidden files only."""

NEWEST_RULES = 2
"""Whatever changes the pixels, the names or the order of what was read before needs a new number here."""


def warn(message: str) -> None:
    """Tell a user of Python what was found on reading, as a warning of the line that asked for the data."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("memscope."):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, UserWarning, stacklevel=level)


@dataclass(frozen=True)
class Reading:
    """What every loader is told about how to read."""

    rules: int = NEWEST_RULES
    image_size: int | None = None
    """Side in pixels that `folder:` and `hf:` resize to"""
    skip_unreadable: bool = False
    """Go on without the files that cannot be read"""
    say: Callable[[str], None] = warn
    """Takes what a user should know of what was read, a line each"""
