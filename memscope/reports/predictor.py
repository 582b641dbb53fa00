"""What `memscope memorability RUN --train` finds: whether an image shows that models will memorise it."""

import math
from dataclasses import dataclass

from memscope.reports import keys
from memscope.reports.ranged import UNKNOWN, Ranged
from memscope.reports.stored import Field, Results

NAN = math.nan


@dataclass(frozen=True, kw_only=True)
class BackboneFound:
    """One backbone: means over its seeds. Each is held against the target of other models than it was fitted to."""

    name: str
    """`plain`, or timm's name"""
    parameters: int
    """Of its body"""
    epochs: tuple[int, ...]
    """The epoch of each seed that validation chose; 0 where a fit diverged at once"""
    spearman: Ranged
    """Rank correlation with the target on held-out images"""
    within: Ranged
    """The same within classes: the mean of the classes' correlations, each weighted by its images less one"""
    squared_error: Ranged
    """Mean squared difference from the target on held-out images, the target's noise included"""
    together: Ranged
    """Rank correlation of the mean over the seeds that were fitted to the same half of the models"""
    on_fitted: Ranged
    """Rank correlation on the images that it was fitted to"""
    on_fitted_own: Ranged
    """The same with the very numbers that it was fitted to: what the fit seems to reach"""
    lost: Ranged
    """`on_fitted` less `spearman`"""
    lost_own: Ranged
    """`on_fitted_own` less `spearman`"""
    elsewhere: Ranged | None = None
    """Rank correlation with the same target of half of the models of the run of `--evaluate-on`; null without one"""
    elsewhere_within: Ranged | None = None
    """The same within that run's classes"""
    lost_elsewhere: Ranged | None = None
    """What is left of `spearman` less what is left of `elsewhere` when noise is taken out of both: each over the root
    of the correlation of its target's halves; null where they hardly agree"""
    file: str = ""
    """Where the predictor is kept"""
    squared_error_within: Ranged = UNKNOWN
    """`squared_error` within classes: of the differences less their mean in the class"""


@dataclass(frozen=True, kw_only=True)
class PairFound:
    """One backbone less another, on the same images, halves and seeds."""

    backbone: str
    """The one"""
    less: str
    """The other"""
    spearman: Ranged
    """Difference of rank correlations on held-out images"""
    within: Ranged
    """The same within classes"""
    squared_error: Ranged
    """Difference of squared errors: negative where the one is better"""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A claim about predictors of memorability, asked of these."""

    claim: str
    """What is claimed"""
    answer: str
    """`yes`, `no`, `the other way round` or `cannot be told`"""
    numbers: str
    """What decides"""


@dataclass(frozen=True, kw_only=True)
class FailedFit:
    """A fit that failed twice."""

    backbone: str
    """Of which backbone"""
    seed: int
    """And seed"""
    reason: str
    """The last line of why; the traceback is in `failures/`"""


@dataclass(frozen=True, kw_only=True)
class PredictorReport:
    """Networks that were fitted to what models memorise of an image, or to other numbers, and how well they foretell it
    of others; intervals are over images, seeds and the target's models, of which `over` says which."""

    run: str
    """The run's directory"""
    axis: str
    """`width` or `depth`"""
    data: str
    """The data set, as `--data` has it"""
    family: str
    """The family of networks whose memorisation it is"""
    target: str
    """`score@SIZE`, `residual@SIZE`, or the name of a table"""
    target_models: int
    """Models of that size; 0 where the target rests on none"""
    target_blocks: int
    """Their blocks"""
    with_label: bool
    """Whether the predictors are given the label beside the image"""
    pretrained: str | None
    """The file of weights that networks of timm began with; null where all began from scratch"""
    examples: int
    """Training examples"""
    known: int
    """Those whose target is known"""
    fitted: int
    """Of these: fitted to"""
    validating: int
    """Of these: which decide when a fit is stopped"""
    held_out: int
    """Of these: held out"""
    copies: int
    """Examples that have a copy, which are all on one side"""
    classes: int
    """Classes"""
    flipped: int | None
    """Flipped labels; null without label noise"""
    seeds: int
    """Fits of each backbone"""
    epochs: int
    """Epochs of each fit"""
    over: tuple[str, ...] = ()
    """What the intervals are over: of `images`, `seeds` and `models`"""
    ceiling: float = NAN
    """The most that noise in the target of half of the models lets a rank correlation be; null where it is not
    measurable, or where the target rests on no models"""
    within_ceiling: float = NAN
    """The same within classes"""
    noise: Ranged = UNKNOWN
    """What that noise adds to every squared error"""
    halves: Ranged = UNKNOWN
    """Rank correlation of the targets of the two halves, on held-out images"""
    class_mean: Ranged = UNKNOWN
    """Rank correlation of the mean target of the image's class, which needs no network"""
    class_mean_squared_error: Ranged = UNKNOWN
    """Its squared error"""
    mean_squared_error: Ranged = UNKNOWN
    """Squared error of the mean target"""
    variance_within: Ranged = UNKNOWN
    """The target's variance within classes: the squared error there of what says one number of all images of a class"""
    backbones: tuple[BackboneFound, ...] = ()
    """In the order in which they were named"""
    pairs: tuple[PairFound, ...] = ()
    """Each backbone less the plain one, or the first"""
    claims: tuple[Claim, ...] = ()
    """What Needell & Bainbridge found of predictors of memorability, asked here"""
    elsewhere: str | None = None
    """The run of `--evaluate-on`"""
    elsewhere_images: int = 0
    """Its images with a target, less those that the predictors know"""
    elsewhere_known: int = 0
    """Its images that they know, equal or nearly so to one that they were fitted to or stopped by; left out"""
    elsewhere_ceiling: float = NAN
    """`ceiling` of that run"""
    elsewhere_halves: Ranged = UNKNOWN
    """`halves` of that run"""
    remarks: tuple[str, ...] = ()
    """What was done to images, and what the numbers cannot say"""
    figures: tuple[str, ...] | None = keys.left_out()
    """The figures that were drawn, with `--plot`"""
    failed: tuple[FailedFit, ...] | None = keys.left_out()
    """Fits that failed, where there are any"""


def lacking_for_intervals(report: PredictorReport) -> list[str]:
    """What intervals are too narrow for want of."""
    seeds = [] if "seeds" in report.over else ["three seeds"]
    return seeds + ([] if "models" in report.over or not report.target_blocks else ["four blocks of models"])


BY_BACKBONE = ("backbone",)
FIELDS = {
    "backbone": Field(BY_BACKBONE, "1", "name of the backbone"),
    "example": Field(("example",), "1", "position of the training example in the run, from 0"),
    "seed": Field(("seed",), "1", "number of the fit; even ones are fitted to the target of even blocks of models"),
    "part": Field(("example",), "1", "0: fitted to; 1: decides when a fit is stopped; 2: held out"),
    "target": Field(("example",), "1", "what is predicted, from all models; NaN: not known"),
    "target_even": Field(("example",), "1", "the same of even blocks of models"),
    "target_odd": Field(("example",), "1", "the same of odd blocks of models"),
    "predicted": Field(("backbone", "seed", "example"), "1", "what a fit says of the example"),
    **{
        name + end: Field(BY_BACKBONE, "1", what)
        for name, title in (("spearman", "rank correlation on held-out images"), ("within_spearman", "within classes"))
        for end, what in (
            ("", title),
            ("_low", "lower end of its 95 % interval"),
            ("_high", "upper end of its 95 % interval"),
        )
    },
}
"""What is kept in HDF5"""


def best_of(report: PredictorReport) -> BackboneFound:
    """The backbone with the highest correlation on held-out images."""
    return max(report.backbones, key=lambda one: -2.0 if math.isnan(one.spearman.value) else one.spearman.value)


RESULTS = Results(FIELDS, made_by="memorability RUN --train")
