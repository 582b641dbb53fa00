"""What `memscope privacy` finds: how well attacks tell the training examples of a model from others, at every size."""

from dataclasses import dataclass

from memscope.reports import keys
from memscope.reports.ranged import Ranged
from memscope.reports.stored import SIZE_EXAMPLE, Field, Results


@dataclass(frozen=True, kw_only=True)
class RateFound:
    """True positives of an attack at a false-positive rate that was asked for."""

    asked: float
    """The false-positive rate for which thresholds are chosen, on the non-members of other blocks"""
    true_positive: Ranged
    """Share of the members that are beyond the threshold; null where it is not told"""
    false_positive: float
    """Share of the non-members beyond it, of blocks that had no part in choosing it; mean over blocks"""
    lowest_block: float
    """The same of the block where it is lowest"""
    highest_block: float
    """And where it is highest"""
    left_out: str | None
    """Why the rates are not told; null where they are"""


@dataclass(frozen=True, kw_only=True)
class AttackFound:
    """What one attack finds at one size."""

    attack: str
    """`lira`, `lira-offline`, `rmia`, `rmia-offline` or `loss`"""
    area: Ranged
    """Area under the ROC curve, mean over models; .5 is what guessing gives"""
    balanced_accuracy: Ranged
    """Mean of true-positive and true-negative rate, at the threshold that is best in other blocks"""
    rates: tuple[RateFound, ...]
    """By false-positive rate, the smallest first"""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Whether log-odds of held-out models are distributed as their references say: then both shares are .05."""

    member: bool
    """Whether the models were trained on the examples"""
    third: int
    """0, 1 or 2: of the examples by the spread that is believed, the narrow first"""
    pairs: int
    """Pairs of a model and an example that were drawn"""
    below: float
    """Share of the transforms below .05"""
    above: float
    """Share above .95"""


@dataclass(frozen=True, kw_only=True)
class TypeFound:
    """What an attack finds of the examples of one type of trajectory."""

    attack: str
    """As of `attacks`"""
    type: str
    """Type by the raw rule, named by other models than those that are attacked; `all`: all examples"""
    examples: float
    """How many there are, mean over the two halves of the blocks"""
    true_positive: Ranged
    """Share of their members that are found, at the threshold of all examples"""
    false_positive: Ranged
    """Share of their non-members beyond the same threshold"""


@dataclass(frozen=True, kw_only=True)
class SizePrivacy:
    """What attacks find at one size."""

    size: int
    """Width or depth"""
    models: int
    """That are attacked, each with those of other blocks as references"""
    blocks: int
    """Whole blocks that they are"""
    left_out: int
    """Models of blocks that are not whole at every size, or hold models that diverged"""
    members: int
    """Pairs of a model and an example that it was trained on"""
    non_members: int
    """Pairs of a model and a training example that was held out of it"""
    attacks: tuple[AttackFound, ...]
    """By attack"""
    calibration: tuple[Calibration, ...]
    """By side and third"""
    flagged_at: float
    """The false-positive rate of the flags of single examples: the smallest that is told of LiRA; null where none is"""
    type_rate: float
    """The false-positive rate of the thresholds of `types`: the smallest that LiRA on half of the blocks tells at every
    size, or else at this one; null without"""
    types: tuple[TypeFound, ...]
    """By attack that tells this rate, and by type, then of all; empty without four blocks and two sizes"""
    infinite: float = 0.0
    """Share of the log-odds that are infinite, as of a probability that was rounded to 1; they count as the largest
    that are not"""

    def types_of(self, attack: str) -> tuple[TypeFound, ...]:
        """What one attack finds by type, and of all."""
        return tuple(one for one in self.types if one.attack == attack)


@dataclass(frozen=True, kw_only=True)
class PrivacyChangeOfType:
    """How much more online LiRA finds of the examples of one type at the largest size than at the smallest."""

    type: str
    """Type by the raw rule, or `all`"""
    true_positive: Ranged
    """Difference of the true-positive rates, paired by blocks"""


@dataclass(frozen=True, kw_only=True)
class PrivacyChange:
    """How much more is found at a larger size than at a smaller one, by online LiRA; paired by blocks."""

    smaller: int
    """The smaller size"""
    larger: int
    """The larger size"""
    asked: float
    """The false-positive rate of `true_positive`: the smallest that both sizes tell; null where none is"""
    true_positive: Ranged
    """Difference of the true-positive rates at the larger and the smaller size"""
    area: Ranged
    """Difference of the areas"""


@dataclass(frozen=True, kw_only=True)
class MemorisedFound:
    """Whether what rises in memorisation rises in vulnerability, from the smallest to the largest size."""

    correlation: Ranged
    """Rank correlation over examples of the change of the score with the change of how far the mean log likelihood
    ratio of members is above that of non-members, in other models; interval over blocks"""
    by_chance: float
    """Within how much of 0 it would be in 95 of 100 cases if examples had their changes of vulnerability by lot"""


@dataclass(frozen=True, kw_only=True)
class StudentsFound:
    """Distilled models, attacked for their own subsets, beside the one-hot models of the same size and blocks."""

    setting: str
    """The setting of distillation"""
    size: int
    """Width or depth of the students"""
    models: int
    """Of either kind"""
    blocks: int
    """Whole blocks of either kind"""
    teacher_on: str
    """`subset`, or `full`: the teacher has seen what was held out of its students"""
    students: tuple[AttackFound, ...]
    """What attacks find of the students, by attack"""
    onehot: tuple[AttackFound, ...]
    """The same of the one-hot models"""
    asked: float
    """The false-positive rate of `true_positive`; null where none is told of both"""
    true_positive: Ranged
    """True-positive rate of online LiRA of the students less that of the one-hot models, paired by blocks"""
    area: Ranged
    """The same of the areas"""


@dataclass(frozen=True, kw_only=True)
class PrivacyReport:
    """How well attacks tell the training examples of a model from others, at every size."""

    run: str
    """The run's directory"""
    axis: str
    """`width` or `depth`"""
    data: str
    """The data set, as `--data` has it"""
    family: str
    """The family of networks"""
    fraction: float
    """The share of the examples that each model was trained on"""
    examples: int
    """Training examples"""
    flipped: int | None
    """Flipped labels among them; null without label noise"""
    population: int
    """Test examples without near-duplicates in training, with which RMIA compares"""
    epsilon: float
    """A change of the score that counts, for the types"""
    sizes: tuple[SizePrivacy, ...]
    """By size, the smallest first"""
    changes: tuple[PrivacyChange, ...]
    """From each size to the next, and from the first to the last"""
    type_changes: tuple[PrivacyChangeOfType, ...]
    """By type, from the first size to the last, at one false-positive rate; empty where not both tell one"""
    memorised: MemorisedFound | None
    """From the first size to the last; null without four blocks and two sizes"""
    students: tuple[StudentsFound, ...] | None = keys.left_out()
    """With `--students`"""
    students_left_out: tuple[str, ...] | None = keys.left_out()
    """Settings and sizes of students that are not attacked, and why; with `--students`, where there are any"""
    figures: tuple[str, ...] | None = keys.left_out()
    """The figures that were drawn, with `--plot`"""
    written: tuple[str, ...] | None = keys.left_out()
    """The files that were written, with `--csv`"""
    trainer: str = keys.no_key(default="")
    """What trained the models"""
    block: int = keys.no_key(default=0)
    """Models of a block"""


CURVE = ("size", "attack", "point")
BY_BLOCK = ("size", "attack", "rate", "block")
FIELDS = {
    "size": Field(("size",), "1", "width or depth of the models"),
    "example": Field(("example",), "1", "position of the training example in the run, from 0"),
    "attack": Field(("attack",), "1", "name of the attack"),
    "false_positive_rate": Field(("point",), "1", "grid of the ROC curves"),
    "curve_low": Field(CURVE, "1", "5 % of the models have a smaller true-positive rate"),
    "curve_median": Field(CURVE, "1", "median over models; NaN where fewer than ten non-members would be beyond"),
    "curve_high": Field(CURVE, "1", "95 % of the models have a smaller true-positive rate"),
    "log_odds_in": Field(SIZE_EXAMPLE, "1", "mean log-odds of the label in models trained with the example"),
    "log_odds_out": Field(SIZE_EXAMPLE, "1", "the same in models trained without it"),
    "n_in": Field(SIZE_EXAMPLE, "1", "models trained with it"),
    "n_out": Field(SIZE_EXAMPLE, "1", "models trained without it"),
    "ratio_in": Field(SIZE_EXAMPLE, "1", "mean log likelihood ratio of online LiRA over models trained with it"),
    "ratio_out": Field(SIZE_EXAMPLE, "1", "the same over models trained without it"),
    "flagged_at": Field(("size",), "1", "false-positive rate of the thresholds of flags; NaN where none is told"),
    "flagged_in": Field(SIZE_EXAMPLE, "1", "models trained with it for which LiRA finds it; -1 where no rate is told"),
    "flagged_in_low": Field(SIZE_EXAMPLE, "1", "lower Jeffreys limit (95 %) of flagged_in / n_in"),
    "flagged_in_high": Field(SIZE_EXAMPLE, "1", "upper limit of it"),
    "flagged_out": Field(SIZE_EXAMPLE, "1", "models trained without it for which LiRA takes it for a member, or -1"),
    "flagged_out_low": Field(SIZE_EXAMPLE, "1", "lower Jeffreys limit (95 %) of flagged_out / n_out"),
    "flagged_out_high": Field(SIZE_EXAMPLE, "1", "upper limit of it"),
    "asked": Field(("rate",), "1", "false-positive rates that thresholds are chosen for, on other blocks"),
    "block": Field(("block",), "1", "number of each block of models that is attacked"),
    "block_area": Field(("size", "attack", "block"), "1", "area under the ROC curve, mean over the block's models"),
    "block_true_positive": Field(BY_BLOCK, "1", "share of the block's members beyond the threshold; NaN: not told"),
    "block_false_positive": Field(BY_BLOCK, "1", "share of its non-members beyond it: the realised rate"),
    "transform": Field(
        ("size", "side", "third", "bin"),
        "pairs",
        "probability integral transforms of held-out log-odds in equal bins from 0 to 1; members, then non-members; "
        "thirds of the examples by believed spread, narrow first",
    ),
    "score": Field(SIZE_EXAMPLE, "1", "memorisation score from the same models"),
    "suggested_label": Field(
        SIZE_EXAMPLE,
        "class",
        "most frequent prediction of all models trained without it that did not diverge, or -1",
    ),
    "raw_type": Field(("example",), "1", "type of the trajectory by the raw rule; empty with one size"),
}
"""What is kept in HDF5"""

RESULTS = Results(FIELDS, students=True)
