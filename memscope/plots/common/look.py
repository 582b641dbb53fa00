"""For what a figure is drawn: a screen, one column of a paper, or a talk. Sizes of its type, its panels and its lines.

The style is that of the block `drawn_for`, so that a figure need not hand it to everything that it draws.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Look:
    """Sizes in points and inches, and factors of what was laid out for a screen."""

    title: float
    text: float
    small: float
    tiny: float
    margin: float
    """Inches, left and right of a page"""
    room: float
    """Factor of the distances that hold text"""
    panels: float
    """Factor of panels, where the page may be as wide as they are"""
    smaller: float
    """Points by which the smallest notes are smaller still"""
    panels_with_labels: float
    """The same of panels with labels at their right, several of which stand side by side"""
    lines: float
    """Factor of the widths of lines, and of markers"""
    width: float | None = None
    """Inches of a page; None: what its panels take"""
    widest: float = 20.0
    """Inches of a page that is as wide as its panels, if they can be less wide"""
    most_columns: int = 4
    """Panels side by side"""
    side_by_side: int = 2
    """Panels of different measures side by side"""
    heading: bool = True
    """Whether a page has a title"""
    prose: bool = True
    """Whether it has a subtitle and a caption"""


SCREEN = Look(
    title=13.0,
    text=9.5,
    small=8.5,
    tiny=7.5,
    smaller=0.5,
    margin=0.3,
    room=1.0,
    panels=1.0,
    panels_with_labels=1.0,
    lines=1.0,
)
LOOKS = {
    "screen": SCREEN,
    # a paper's own caption says what ours would
    "paper": replace(
        SCREEN,
        title=8.0,
        text=8.0,
        small=8.0,
        tiny=8.0,
        smaller=0.0,
        margin=0.03,
        room=0.95,
        lines=0.7,
        width=3.3,
        most_columns=2,
        side_by_side=1,
        heading=False,
        prose=False,
    ),
    # pages of at most 13.3 inches, as a slide is wide
    "talk": replace(
        SCREEN,
        title=20.0,
        text=15.0,
        small=14.0,
        tiny=12.0,
        smaller=0.0,
        margin=0.35,
        room=1.5,
        panels=1.3,
        panels_with_labels=0.95,
        lines=1.6,
        widest=13.3,
        most_columns=3,
        prose=False,
    ),
}
LOOK = ContextVar("look of what is drawn", default=LOOKS["screen"])


def look() -> Look:
    """How things are drawn now."""
    return LOOK.get()


def room(inches: float) -> float:
    """A distance that holds text: what it is on a screen, for the type of this style."""
    return inches * look().room


@contextmanager
def drawn_for(style: str) -> Iterator[None]:
    """Inside, figures are drawn in this style."""
    token = LOOK.set(LOOKS[style])
    try:
        yield
    finally:
        LOOK.reset(token)
