"""What every figure says about its run."""

from dataclasses import dataclass

import numpy as np

from memscope.files.places import short_spec
from memscope.plots.common.fonts import enclosed, legible
from memscope.plots.common.look import look
from memscope.plots.common.style import percent, truncated

LONGEST_NAME = 4.0
"""Inches: a data set may be named by a long path, a family by a long import path."""


@dataclass(frozen=True, eq=False)
class Setting:
    """A family of classifiers on a data set, as captions and axes name it."""

    data: str
    family: str
    axis: str
    """`width` or `depth`"""
    sizes: np.ndarray
    """int [sizes]"""
    models: tuple[int, ...]
    """Models used at each size"""
    fraction: float
    examples: int
    flipped: int | None
    """Labels that were flipped; None without label noise"""
    epsilon: float
    confidence: float
    blocks: int = 0
    """Blocks of models that the errors of types are from"""

    @property
    def span(self) -> str:
        """`width 2 to 32`"""
        return f"{self.axis} {self.sizes[0]} to {self.sizes[-1]}"


def caption(setting: Setting, *notes: str, scores: bool = True) -> str:
    """The line under a figure: notes of its own, then data, family and models. `scores`: whether there are any."""
    flipped = "" if setting.flipped is None else f", {setting.flipped:,} of them with a flipped label"
    fewest, most = min(setting.models), max(setting.models)
    models = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    data, family = (
        enclosed(truncated(legible(name), look().small, LONGEST_NAME))
        for name in (short_spec(setting.data), setting.family)
    )
    about = (
        f"Data: {data}, {setting.examples:,} training examples{flipped}. "
        f"Family: {family}, {models} models at each {setting.axis}, "
        f"each trained on {percent(setting.fraction)} of the examples.{' Scores are raw ones.' if scores else ''}"
    )
    return " ".join((*notes, about))


def epsilon_note(setting: Setting) -> str:
    """For the figures that show types."""
    return f"Changes of the score below epsilon\u00a0=\u00a0{setting.epsilon:g} do not count."
