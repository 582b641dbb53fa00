"""What people remember of a run's training images: predicted by a network, or read from a table of measured scores.

*Memorability* is people's; *memorisation* is the models', and nothing here has to do with it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from memscope.datasets.score_table import CORRECTED, read_score_table
from memscope.errors import OptionError
from memscope.files.places import at_home
from memscope.run import Run
from memscope.work.carrying_out import Say, silent

Progress = Callable[[int, int], None]
"""Takes the images that are done and how many there are"""


@dataclass(frozen=True)
class Source:
    """Where memorability comes from, as a user says it; neither predictor nor scores: what the run has already."""

    predictor: str | None = None
    """`resmem` or `vitmem`"""
    weights: Path | None = None
    """The file of weights that `vitmem` needs"""
    scores: Path | None = None
    """A table of scores that people have measured"""


@dataclass(frozen=True, eq=False)
class Memorability:
    """What people remember of N training examples."""

    values: np.ndarray
    """float64 [N]; NaN where nothing is known. An order: only ranks are to be compared"""
    source: str
    """`resmem 1.1.6`, `vitmem`, or the name of the table"""
    licence: str | None
    """One line, where there is something that a user must know of it"""
    caveats: tuple[str, ...]
    """Sentences about what these numbers cannot say"""
    kind: str
    """`resmem`, `vitmem` or `scores`"""


def unheard(done: int, total: int) -> None:
    """For those who want no progress."""


def memorability_of(
    run: Run, source: Source, device: str = "auto", say: Say = silent, progress: Progress = unheard
) -> Memorability:
    """Memorability of the run's training examples; MemscopeError, in a line, where it cannot be had."""
    check_source(source)
    if source.scores is not None:
        return measured_by_people(run, source.scores, say)
    raise OptionError(THREE_WAYS)


THREE_WAYS = (
    "no source of memorability was given; take --predictor resmem (pip install 'memscope-ml[memorability]'; for "
    "noncommercial purposes only), --predictor vitmem --weights FILE, or --scores FILE with people's own measurements"
)


def check_source(source: Source) -> None:
    """OptionError for what does not go together."""
    if source.scores is not None and source.predictor is not None:
        raise OptionError(
            f"both --scores and --predictor {source.predictor} were given, expected one source of memorability; "
            "leave one out"
        )
    if source.predictor not in (None, "resmem", "vitmem"):
        raise OptionError(f"the predictor is {source.predictor!r}; it must be resmem or vitmem")
    if source.weights is not None and source.predictor != "vitmem":
        raise OptionError("--weights is for --predictor vitmem alone; leave it out, or add --predictor vitmem")


def measured_by_people(run: Run, file: Path, say: Say) -> Memorability:
    """The scores of a table."""
    table = read_score_table(at_home(file), run.examples.index, run.examples.names)
    count = len(table.values)
    say(f"{file.name} has a score for {table.known:,} of the run's {count:,} training examples")
    caveats = []
    if table.title == CORRECTED:
        caveats.append(
            f"Of MemCat's two columns the scores are {CORRECTED}: the share of people who recognised the image, "
            "corrected for those who took it for seen before it was."
        )
    if table.known < count:
        caveats.append(f"Only {table.known:,} of {count:,} training examples have a score; all else is about these.")
    return Memorability(table.values, file.name, None, tuple(caveats), "scores")
