"""What `memscope report` has written."""

from dataclasses import dataclass

from memscope.reports.keys import no_key


@dataclass(frozen=True, kw_only=True)
class PageReport:
    """The page that was written of a run, and what is in it."""

    run: str
    """The run's directory"""
    file: str
    """The page; `-` where it went to standard output"""
    bytes: int
    """Of the file"""
    image_bytes: int
    """Those of them that are thumbnails"""
    column_bytes: int
    """Those that say what is known of every example"""
    data: str
    """The data set, as `--data` has it"""
    axis: str
    """`width` or `depth`"""
    sizes: tuple[int, ...]
    """The sizes that it speaks of"""
    examples: int
    """Training examples of the run"""
    shown: int
    """Those of them whose images are in the page"""
    drawn: int
    """Those of the shown ones that were drawn at random: all of them where all examples are shown"""
    extremes: tuple[str, ...]
    """What the others are shown for: `the 1,000 highest scores at width 16`; empty where all examples are shown"""
    sections: tuple[str, ...]
    """The commands whose results are in the page"""
    results: dict[str, str]
    """By command that has results: `current`, `out of date`, `missing`, or what is wrong with the file"""
    neighbours: bool
    """Whether each example has its neighbours in a residual memory: where a model's weights are there"""
    not_yet: dict[str, str] = no_key(default_factory=dict)
    """By command that would fail now: why"""
