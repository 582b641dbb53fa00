"""What `memscope distill` finds."""

from dataclasses import dataclass
from math import nan

from memscope.reports.keys import left_out, merged, no_key
from memscope.reports.labels import LabelScores
from memscope.reports.stored import Field, Results
from memscope.reports.training import DivergedModel, FailedTask


@dataclass(frozen=True, kw_only=True)
class StudentKind:
    """The one-hot or the distilled models of one size; means are over examples with a score."""

    mean_score: float
    """Mean memorisation score, raw"""
    mean_accuracy_in: float
    """Mean accuracy of the models trained with the example"""
    mean_accuracy_out: float
    """Mean accuracy of the models trained without it"""
    test_accuracy: float
    """Mean over models"""
    test_accuracy_sd: float
    """Standard deviation over models"""
    own_accuracy: float
    """Median over models of the share of its own subset that a model fits"""
    by_label: LabelScores | None = merged()


@dataclass(frozen=True, kw_only=True)
class LabelErrors:
    """Errors of the changes by label; only with label noise."""

    mean_change_flipped_error: float
    """Jackknife standard error of the change of the flipped labels"""
    mean_change_clean_error: float
    """Jackknife standard error of that of the others"""


@dataclass(frozen=True, kw_only=True)
class SizeOfStudents:
    """Students of one size beside the one-hot models of the same numbers; changes are distilled less one-hot."""

    size: int
    """Width or depth"""
    models: int
    """Pairs of models, one of each kind on the same subset"""
    blocks: int
    """Blocks of models that they are from"""
    left_out: int
    """Pairs of which one diverged"""
    onehot: StudentKind
    """The models trained on the labels alone"""
    distilled: StudentKind
    """The students"""
    inhibited_if_same: float
    """Share of the examples that noise alone would show as inhibited at these numbers of models; an upper bound"""
    raised_if_same: float
    """The same of raised"""
    seconds_onehot: float
    """Median time of training and evaluating a one-hot model"""
    seconds: float
    """The same of a student"""
    teacher_seconds: float
    """Median time of the teacher's forward passes within that"""
    time_ratio: float
    """`seconds` over `seconds_onehot`"""
    mean_change_flipped: float
    """Mean change of the score of the flipped labels; null without label noise"""
    mean_change_clean: float
    """Mean change of the score of the others; null without label noise"""
    mean_change: float
    """Mean change of the score"""
    mean_change_error: float
    """Its jackknife standard error"""
    mean_change_in: float
    """Mean change of the accuracy in"""
    mean_change_in_error: float
    """Its jackknife standard error"""
    mean_change_out: float
    """Mean change of the accuracy out"""
    mean_change_out_error: float
    """Its jackknife standard error"""
    by_label_errors: LabelErrors | None = merged()
    inhibited: float
    """Share of the examples whose score falls by more than epsilon"""
    inhibited_error: float
    """Its jackknife standard error"""
    raised: float
    """Share of the examples whose score rises by more than epsilon"""
    raised_error: float
    """Its jackknife standard error"""
    undefined: int = 0
    """Examples without a change: one of the two scores is not defined"""
    test_change: float
    """Mean change of the test accuracy, paired per subset"""
    test_change_error: float
    """Its jackknife standard error"""


@dataclass(frozen=True, kw_only=True)
class TypeChange:
    """The change of the score of one type at one size of students."""

    size: int
    """Width or depth"""
    onehot: float
    """Mean one-hot score"""
    change: float
    """Mean change of the score, distilled less one-hot"""
    error: float = nan
    """Its jackknife standard error"""
    low: float
    """Lower end of its 95 % interval over blocks of models"""
    high: float
    """Upper end of the interval"""


@dataclass(frozen=True, kw_only=True)
class ChangeOfType:
    """The examples of one type of the one-hot trajectory; types and changes are from different blocks of models."""

    type: str
    """Type of trajectory, by the raw rule"""
    examples: float
    """How many are of it: a mean over the two halves of the blocks"""
    changes: tuple[TypeChange, ...]
    """By size of students"""


@dataclass(frozen=True, kw_only=True)
class StudentTrajectories:
    """Shares of the types of trajectory over the students' sizes, of the one-hot and of the distilled models."""

    sizes: tuple[int, ...]
    """Sizes of the students"""
    raw_onehot: dict[str, float]
    """Of the one-hot models, by the raw rule"""
    raw_onehot_error: dict[str, float]
    """Their jackknife standard errors"""
    called_onehot: dict[str, float]
    """Of the one-hot models, as called"""
    called_onehot_error: dict[str, float]
    """Their jackknife standard errors"""
    raw_distilled: dict[str, float]
    """Of the students, by the raw rule"""
    raw_distilled_error: dict[str, float]
    """Their jackknife standard errors"""
    called_distilled: dict[str, float]
    """Of the students, as called"""
    called_distilled_error: dict[str, float]
    """Their jackknife standard errors"""


@dataclass(frozen=True, kw_only=True)
class DistillationSetting:
    """One setting of distillation: a teacher, and how its students listen."""

    setting: str
    """Its name, as directories have it"""
    teacher: int
    """Size of the teachers"""
    temperature: float
    """Softens both softmaxes"""
    soft_weight: float
    """Weight of the teacher's part of the loss"""
    teacher_on: str
    """What the teacher was trained on: `subset`, the student's own, or `full`, all the data"""
    students: tuple[SizeOfStudents, ...]
    """By size"""
    by_type: tuple[ChangeOfType, ...] | None
    """The change by type of the one-hot trajectory; null where the run has one size"""
    trajectories: StudentTrajectories | None
    """The students' own trajectories; null below two sizes of students"""


@dataclass(frozen=True, kw_only=True)
class DistillReport:
    """Students of larger teachers beside the models trained on the labels alone."""

    run: str
    """The run's directory"""
    axis: str
    """`width` or `depth`"""
    fraction: float
    """Share of the training examples that a model is trained on"""
    data: str
    """The data set, as `--data` has it"""
    family: str
    """The family of networks"""
    examples: int
    """Training examples"""
    flipped: int | None
    """Flipped labels; null without label noise"""
    epsilon: float
    """The change of a score that counts"""
    augment: str
    """How training images are augmented"""
    settings: tuple[DistillationSetting, ...]
    """Each setting that has students; none where all that this call was to train have failed"""
    figures: tuple[str, ...] | None = left_out()
    """The figures that were drawn, with `--plot`"""
    trained: int | None = left_out()
    """Students that this call has trained; not in stored results, as all that follows"""
    already: int | None = left_out()
    """Students that were there"""
    diverged: tuple[DivergedModel, ...] | None = left_out()
    """This call's students whose loss became NaN or infinite, where there are any"""
    failed: tuple[FailedTask, ...] | None = left_out()
    """Tasks that failed twice, where there are any; the command exits with 1 then"""
    block: int = no_key(default=0)
    """Models of a block"""


SETTING_SIZE = ("setting", "size")
SETTING_SIZE_EXAMPLE = (*SETTING_SIZE, "example")
FIELDS = {
    "setting": Field(("setting",), "1", "setting of distillation: its teacher, temperature and soft weight"),
    "size": Field(("size",), "1", "width or depth of the students"),
    "example": Field(("example",), "1", "position of the training example in the run, from 0"),
    "teacher": Field(("setting",), "1", "width or depth of the teacher"),
    "temperature": Field(("setting",), "1", "temperature of both softmaxes"),
    "soft_weight": Field(("setting",), "1", "weight of the teacher's part of the loss"),
    "teacher_on": Field(("setting",), "1", "subset: the teacher saw the student's subset; full: all the data"),
    "score": Field(SETTING_SIZE_EXAMPLE, "1", "memorisation score of the students"),
    "standard_error": Field(SETTING_SIZE_EXAMPLE, "1", "standard error of score"),
    "accuracy_in": Field(SETTING_SIZE_EXAMPLE, "1", "share of the students trained with the example right on it"),
    "accuracy_out": Field(SETTING_SIZE_EXAMPLE, "1", "share of the students trained without it right on it"),
    "onehot_score": Field(SETTING_SIZE_EXAMPLE, "1", "score of the one-hot models of the same numbers"),
    "onehot_standard_error": Field(SETTING_SIZE_EXAMPLE, "1", "standard error of onehot_score"),
    "onehot_accuracy_in": Field(SETTING_SIZE_EXAMPLE, "1", "accuracy_in of those one-hot models"),
    "onehot_accuracy_out": Field(SETTING_SIZE_EXAMPLE, "1", "accuracy_out of those one-hot models"),
    "test_accuracy": Field(SETTING_SIZE, "1", "mean over the students of the accuracy on the test examples"),
    "onehot_test_accuracy": Field(SETTING_SIZE, "1", "the same of those one-hot models"),
    "models_used": Field(SETTING_SIZE, "1", "pairs of student and one-hot model that the numbers come from"),
    "histogram": Field(
        (*SETTING_SIZE, "onehot_bin", "distilled_bin"), "1", "examples by one-hot score and distilled score"
    ),
    "histogram_edge": Field(("edge",), "1", "edges of the histogram's bins, the same on both axes"),
    "raw_type": Field(("setting", "example"), "1", "type of the students' trajectory by the rule alone, or empty"),
    "called_type": Field(("setting", "example"), "1", "called type of the students' trajectory, or empty"),
}
"""What is kept in HDF5"""

RESULTS = Results(FIELDS, students=True)
