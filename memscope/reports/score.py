"""What `memscope score` finds."""

from dataclasses import dataclass, field
from math import nan

from memscope.reports.evidence import ScoreEvidence
from memscope.reports.keys import left_out, merged, no_key
from memscope.reports.stored import SIZE_EXAMPLE, Field, Results


@dataclass(frozen=True, kw_only=True)
class Duplicates:
    """Images that occur more than once."""

    exact: int
    """Training examples with an identical image"""
    near: int
    """Training examples with a nearly identical image"""
    near_in_test: int
    """Those of them with one in the test set"""
    near_searched: bool
    """Whether nearly identical images were looked for: not in very large data sets"""


@dataclass(frozen=True, kw_only=True)
class TrainingNoise:
    """How much of the variance of a model's outcomes is training noise, from subsets that were trained twice."""

    subsets: int
    """Subsets that were trained twice"""
    variance: float
    """Variance of an outcome, mean over examples"""
    training: float
    """The part of it that another training on the same subset makes"""
    training_share: float
    """That part as a share"""
    training_share_error: float
    """Its jackknife standard error over blocks of models"""
    blocks: int = 0
    """Blocks of models that the subsets are from"""
    left_out: int = 0
    """Subsets one of whose two models diverged"""


@dataclass(frozen=True, kw_only=True)
class PopulationRow:
    """The empirical-Bayes estimate at one size."""

    mean_score: float
    """Mean score of the fitted population"""
    rms_sd: float
    """Root mean square of the posterior standard deviations of the scores"""
    share_low: float
    """Share of scores below .1 in the fitted population"""
    share_high: float
    """Share of scores above .9 in the fitted population"""


NOT_ESTIMATED = PopulationRow(mean_score=nan, rms_sd=nan, share_low=nan, share_high=nan)


@dataclass(frozen=True, kw_only=True)
class FlippedLabels:
    """What the flipped labels show; only with label noise."""

    auc_score: float
    """Area under the ROC curve for finding the flipped labels by the score"""
    auc_score_error: float
    """Its jackknife standard error"""
    auc_one_minus_accuracy_out: float
    """The same by one minus the accuracy out"""
    mean_score_flipped: float
    """Mean score of the flipped labels"""
    mean_score_clean: float
    """Mean score of the others"""
    clean_accuracy_out_minus_test: float
    """Accuracy out of clean labels less test accuracy: near 0 where held-out examples with true labels are like test
    examples, which the long-tail theory takes for granted"""


@dataclass(frozen=True, kw_only=True)
class SizeScore:
    """One size; means are over examples with a score."""

    size: int
    """Width or depth"""
    models: int
    """Models that are used"""
    blocks: int
    """Blocks of models that they are from"""
    diverged: int
    """Models that diverged, and are left out"""
    diverged_models: tuple[int, ...]
    """Their numbers"""
    undefined: int
    """Examples without a score: no model with, or none without them"""
    mean_score: float
    """Mean memorisation score"""
    mean_score_error: float
    """Its jackknife standard error"""
    mean_soft_score: float
    """Mean of the scores made of probabilities"""
    mean_accuracy_in: float
    """Mean accuracy of the models trained with the example"""
    mean_accuracy_in_error: float
    """Its jackknife standard error"""
    mean_accuracy_out: float
    """Mean accuracy of the models trained without it"""
    mean_accuracy_out_error: float
    """Its jackknife standard error"""
    test_accuracy: float
    """Mean over models"""
    test_accuracy_sd: float
    """Standard deviation over models"""
    mean_standard_error: float
    """Mean standard error of one score"""
    rms_standard_error: float = nan
    """Root mean square standard error of one score"""
    agreement: float = nan
    """Rank correlation of the scores of the blocks of even and of odd number"""
    seconds: float = nan
    """Median time of training and evaluating a model"""
    share_low: float
    """Share of raw scores below .1"""
    share_low_error: float
    """Its jackknife standard error"""
    share_high: float
    """Share of raw scores above .9"""
    share_high_error: float
    """Its jackknife standard error"""
    own_accuracy: float
    """Median over models of the share of its own subset that a model fits"""
    interpolates: bool
    """Whether that is at least .99"""
    stuck_models: int
    """Models that fit less than half of what the median model fits"""
    fit_warning: str | None = None
    """What speaks for bad optimisation; null where nothing does"""
    population: PopulationRow = NOT_ESTIMATED
    """The empirical-Bayes estimate"""
    noise: TrainingNoise | None = None
    """Where the noise comes from; null unless subsets were trained twice"""
    flipped: FlippedLabels | None = merged()


@dataclass(frozen=True, kw_only=True)
class MemorisedExample:
    """One of the examples with the highest scores at the largest size."""

    example: int
    """Its position among the training examples of the run"""
    index: int
    """Its position in the data set"""
    name: str | None
    """Its file, where the data set has names"""
    label: str
    """The class that it is labelled as"""
    true_label: str | None
    """The class before its label was flipped; null without label noise"""
    suggested_label: str | None
    """The most frequent prediction of the models trained without it"""
    suggested_share: float
    """The share of those models that predict it"""
    score: float
    """Memorisation score"""
    standard_error: float
    """Standard error of the score"""
    interval_low: float
    """Lower end of the 95 % interval"""
    interval_high: float
    """Upper end of the 95 % interval"""
    accuracy_in: float
    """Accuracy of the models trained with it"""
    accuracy_out: float
    """Accuracy of the models trained without it"""


@dataclass(frozen=True, kw_only=True)
class SizeValidation:
    """How well each half of the models predicts the raw scores of the other at one size; means over both halves."""

    size: int
    """Width or depth"""
    models: int
    """Models of the smaller half"""
    models_other_half: int
    """Models of the other: a block more where the number of blocks is odd, else as many"""
    squared_error: float
    """Mean squared error of the population estimate, the noise of what is predicted taken out"""
    raw_squared_error: float
    """The same of the raw scores"""
    ratio: float
    """The first over the second"""
    agreement: float
    """Rank correlation of the population estimate with the other half's raw scores"""
    raw_agreement: float
    """Rank correlation of the raw scores with the other half's"""
    calibration: float
    """c: squared error over what the posterior standard deviations promise, 1 where they are right"""
    calibration_spread: float
    """Its standard deviation over ways of halving the models"""
    helps: bool
    """Whether the population estimate is better than the raw scores"""
    calibrated: bool | None
    """Whether c lies within .8 and 1.25; null where its spread leaves that open"""


@dataclass(frozen=True, kw_only=True)
class Validation:
    """Whether the population estimate can be trusted; only with `--validate`."""

    validation: tuple[SizeValidation, ...]
    """By size"""
    calibration_thirds: tuple[float, ...]
    """c over all sizes, in thirds of the examples by posterior standard deviation"""


@dataclass(frozen=True, kw_only=True)
class ScoreReport:
    """Memorisation of every example at every size, in summary."""

    run: str
    """The run's directory"""
    axis: str
    """`width` or `depth`"""
    fraction: float
    """Share of the training examples that a model is trained on"""
    data: str
    """The data set, as `--data` has it"""
    family: str
    """The family of networks, or the user's own trainer"""
    examples: int
    """Training examples"""
    flipped: int | None
    """Flipped labels; null without label noise"""
    duplicates: Duplicates
    """Images that occur more than once"""
    trainer: str
    """Who trains: `memscope`, `record`, or the user's own function"""
    models_planned: int
    """Models that are planned of each size"""
    sizes: tuple[SizeScore, ...]
    """By size, the smallest first"""
    made_by: tuple[str, ...]
    """Device, precision and torch version of the models: more than one entry means that they are mixed"""
    made_from: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """What is known of the code that made the models, by `family_source`, `trainer_source` or `timm_version`: more than
    one entry of a kind means that the code changed"""
    most_memorised: tuple[MemorisedExample, ...] | None = left_out()
    """The examples with the highest scores at the largest size; not in stored results"""
    validated: Validation | None = merged()
    written: tuple[str, ...] | None = left_out()
    """The files that were written, and what is in them, where some were asked for"""
    suspects_written: bool = no_key(default=False)
    """Whether the labels to look at are among them"""
    evidence: ScoreEvidence | None = no_key(default=None)
    """What the findings rest on"""


FIELDS = {
    "size": Field(("size",), "1", "width or depth of the models"),
    "example": Field(("example",), "1", "position of the training example in the run, from 0"),
    "score": Field(SIZE_EXAMPLE, "1", "Feldman memorisation score: accuracy_in - accuracy_out"),
    "standard_error": Field(SIZE_EXAMPLE, "1", "standard error of score"),
    "interval_low": Field(SIZE_EXAMPLE, "1", "lower end of the 95 % interval of score"),
    "interval_high": Field(SIZE_EXAMPLE, "1", "upper end of the 95 % interval of score"),
    "accuracy_in": Field(SIZE_EXAMPLE, "1", "share of the models trained with the example that are right on it"),
    "accuracy_out": Field(SIZE_EXAMPLE, "1", "share of the models trained without it that are right on it"),
    "n_in": Field(SIZE_EXAMPLE, "1", "models trained with the example"),
    "n_out": Field(SIZE_EXAMPLE, "1", "models trained without it"),
    "soft_score": Field(SIZE_EXAMPLE, "1", "the score with the probability of the label in place of 0 or 1"),
    "soft_standard_error": Field(SIZE_EXAMPLE, "1", "standard error of soft_score"),
    "probability_in": Field(SIZE_EXAMPLE, "1", "mean probability of the label, models trained with the example"),
    "probability_out": Field(SIZE_EXAMPLE, "1", "mean probability of the label, models trained without it"),
    "suggested_label": Field(SIZE_EXAMPLE, "class", "most frequent prediction of the models trained without it"),
    "suggested_share": Field(SIZE_EXAMPLE, "1", "share of those models that predict suggested_label"),
    "population_score": Field(SIZE_EXAMPLE, "1", "empirical-Bayes estimate of score, beside it and never instead"),
    "population_score_sd": Field(SIZE_EXAMPLE, "1", "posterior standard deviation of population_score"),
    "population_accuracy_in": Field(SIZE_EXAMPLE, "1", "empirical-Bayes estimate of accuracy_in"),
    "population_accuracy_out": Field(SIZE_EXAMPLE, "1", "empirical-Bayes estimate of accuracy_out"),
    "models_used": Field(("size",), "1", "models that the scores of this size come from"),
    "models_diverged": Field(("size",), "1", "models left out because their loss became NaN or infinite"),
    "own_accuracy": Field(("size",), "1", "median over models of the share of its own subset that a model fits"),
    "test_accuracy": Field(("size",), "1", "mean over models of the accuracy on the test examples"),
}
"""What is kept in HDF5"""

RESULTS = Results(FIELDS, second_models=True)
