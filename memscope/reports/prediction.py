"""What `memscope memorability predict` finds: what a fitted predictor expects of each image of a data set."""

import math
from dataclasses import dataclass

from memscope.reports.ranged import Ranged


@dataclass(frozen=True, kw_only=True)
class ImagePredicted:
    """One image, by a predictor."""

    index: int
    """Position in its part of the source"""
    part: str
    """`train` or `test`, as the source has it"""
    name: str | None
    """File name; null where the source has no files"""
    label: str
    """Its class"""
    predicted: float
    """Mean over the seeds, in the target's units"""
    spread: float
    """Standard deviation over the seeds; null with one"""
    known: bool
    """Whether the predictor was fitted to, or stopped by, this very image"""


@dataclass(frozen=True, kw_only=True)
class PredictionReport:
    """Images, and what a fitted predictor expects of them: a memorisation score, or whatever it was fitted to."""

    model: str
    """The predictor's file"""
    target: str
    """What it predicts: `score@SIZE`, `residual@SIZE`, or the name of a table"""
    target_kind: str
    """`score` (a memorisation score), `residual` (the norm of a residual) or `table` (the numbers of a table)"""
    axis: str
    """`width` or `depth`: of the models whose score or residual it is"""
    backbone: str
    """Its network"""
    fitted_on: str
    """The data set that it was fitted on"""
    fitted: int
    """How many of its images"""
    seeds: int
    """Fits whose mean is taken"""
    with_label: bool
    """Whether it was given labels; if not, what it says is for an image with a typical label"""
    spearman: Ranged
    """Of a fit with the target on images of that data set that were held out, as it was fitted"""
    within: Ranged
    """The same within classes"""
    ceiling: float
    """The most that noise in the target lets the first be; null where it is not measurable"""
    data: str
    """The data set that is predicted"""
    examples: int
    """Its images"""
    known: int
    """Of these, images that the predictor was fitted to, or stopped by"""
    resized: str | None = None
    """How images were brought to the size and the colours of the predictor's; null where they were so"""
    mean: float = math.nan
    """Of the predictions"""
    highest: tuple[ImagePredicted, ...] = ()
    """The images with the highest predictions"""
    lowest: tuple[ImagePredicted, ...] = ()
    """Those with the lowest"""
    csv: str | None = None
    """The file with all images; null where none was asked for"""
