"""What `memscope resmem` finds.

Residuals are norms of label less probabilities at temperature 1, of the models without their memory.
"""

import math
from dataclasses import dataclass

from memscope.reports.keys import left_out, merged, no_key
from memscope.reports.labels import LabelScores
from memscope.reports.stored import SIZE_EXAMPLE, Field, Results
from memscope.reports.training import FailedTask


@dataclass(frozen=True, kw_only=True)
class HyperparameterGrid:
    """The values of k, sigma and temperature that are compared, each increasing."""

    k: tuple[int, ...]
    """Numbers of neighbours"""
    sigma: tuple[float, ...]
    """Scales of the weights, in units of the features"""
    temperature: tuple[float, ...]
    """Temperatures of the softmax"""


@dataclass(frozen=True, kw_only=True)
class MemorySelection:
    """The choice on the reserved block, on training examples outside the models' subsets."""

    models: int
    """Models of the reserved block"""
    queries: int
    """Examples that were asked of all of them together"""
    base_accuracy: float
    """Mean accuracy of the models without a memory"""
    accuracy: float
    """With the memory that is chosen: the best of the grid, and so a little too good"""


@dataclass(frozen=True, kw_only=True)
class ModelsOnSubsets:
    """The models on subsets, without or with the memory of their own subset; means are over examples with a score."""

    mean_score: float
    """Mean memorisation score, raw: with the memory of a subset a model is a learning algorithm of its own"""
    mean_accuracy_in: float
    """Mean accuracy of the models trained with the example"""
    mean_accuracy_out: float
    """Mean accuracy of the models trained without it"""
    test_accuracy: float
    """Mean over models"""
    test_accuracy_sd: float
    """Standard deviation over models; null below two"""
    by_label: LabelScores | None = merged()


@dataclass(frozen=True, kw_only=True)
class LabelResiduals:
    """Residuals by label; only with label noise."""

    mean_residual_flipped: float
    """Mean norm of the residual of the flipped labels, of models trained with the example"""
    mean_residual_clean: float
    """The same of the others"""


@dataclass(frozen=True, kw_only=True)
class MemoryChange:
    """What the memory does to the models on subsets; only where a model did not diverge."""

    test_change: float
    """Mean change of the test accuracy"""
    test_change_sd: float
    """Its standard deviation over models; null below two"""
    test_change_error: float
    """Its jackknife standard error"""
    mean_change: float
    """Mean change of the score"""
    mean_change_error: float
    """Its jackknife standard error"""
    mean_residual_in: float
    """Mean norm of the residual, of models trained with the example"""
    mean_residual_out: float
    """The same of models trained without it"""
    by_label: LabelResiduals | None = merged()
    flip_in: float
    """Share of the predictions that are turned from wrong to right, of models trained with the example"""
    flip_out: float
    """The same of models trained without it"""
    harm_in: float
    """Share of the predictions that are turned from right to wrong, of models trained with the example"""
    harm_out: float
    """The same of models trained without it"""
    mean_change_out_error: float = no_key(default=math.nan)
    """Jackknife standard error of the change of the accuracy out"""


@dataclass(frozen=True, kw_only=True)
class SizeMemory:
    """The memories of one size, and the models on subsets without and with them."""

    size: int
    """Width or depth"""
    models: int
    """Models that are measured: those of the reserved block are not"""
    blocks: int
    """Blocks of models that they are from"""
    diverged: int
    """Models that diverged, and are left out"""
    k: int
    """Neighbours of the memory that is chosen"""
    sigma: float
    """Scale of its weights"""
    temperature: float
    """Its temperature"""
    at_edge: tuple[str, ...]
    """Those of `k`, `sigma` and `temperature` that lie at the edge of what was tried: a wider grid might do better"""
    selection: MemorySelection | None
    """How it was chosen; null where nothing was to be chosen"""
    base: ModelsOnSubsets | None
    """The models without their memory; null where all diverged"""
    resmem: ModelsOnSubsets | None
    """The models with it; null where all diverged"""
    change: MemoryChange | None = merged()


@dataclass(frozen=True, kw_only=True)
class ModelsOnAll:
    """The models on all the data, without or with their memory."""

    train_accuracy: float
    """Mean over models; with a memory an example is among its own neighbours"""
    test_accuracy: float
    """Mean over models"""
    test_accuracy_sd: float
    """Standard deviation over models; null below two"""


@dataclass(frozen=True, kw_only=True)
class SizeMemoryOnAll:
    """The models of one size on all the data: only the test examples are held out."""

    size: int
    """Width or depth"""
    models: int
    """Models that are measured"""
    diverged: int
    """Models that diverged, and are left out"""
    base: ModelsOnAll
    """The models without their memory"""
    resmem: ModelsOnAll
    """The models with it"""
    test_change: float
    """Mean change of the test accuracy"""
    test_change_sd: float
    """Its standard deviation over models; null below two"""


@dataclass(frozen=True, kw_only=True)
class TypeMemoryAtSize:
    """Means over the examples of one type at one size; null where types and measures lack blocks of their own."""

    size: int
    """Width or depth"""
    residual: float
    """Norm of the residual, of models trained with the example"""
    flip_in: float
    """Share turned from wrong to right, of models trained with the example"""
    flip_out: float
    """The same of models trained without it"""
    gain_in: float
    """Gain in the accuracy of models trained with the example"""
    gain_out: float
    """Gain in the accuracy of models trained without it"""
    score_change: float
    """Change of the score"""
    residual_error: float
    """Jackknife standard error of `residual`; needs two blocks of models in each half, as all of these do"""
    flip_in_error: float
    """The same of `flip_in`"""
    flip_out_error: float
    """The same of `flip_out`"""
    gain_in_error: float
    """The same of `gain_in`"""
    gain_out_error: float
    """The same of `gain_out`"""
    score_change_error: float
    """The same of `score_change`"""


@dataclass(frozen=True, kw_only=True)
class TypeMemory:
    """The examples of one type of trajectory.

    Types come from one half of the blocks of models, measures from the other, halves swapped.
    """

    type: str
    """Type of the trajectory of the models without memory, by the raw rule"""
    examples: float
    """How many examples are of this type: mean over both swaps of the halves"""
    sizes: tuple[TypeMemoryAtSize, ...]
    """By size"""


@dataclass(frozen=True, kw_only=True)
class ResidualPrediction:
    """How well the residual at one size predicts the scores at a larger one."""

    size: int
    """The size of the residual"""
    larger: int
    """The size of the scores"""
    blocks: int
    """Blocks of models that both have"""
    correlation: float
    """Rank correlation, over the examples, of the score with the norm of the residual of models trained with them"""
    standard_error: float
    """Its jackknife standard error"""
    low: float
    """Lower end of its 95 % interval"""
    high: float
    """Upper end of its 95 % interval"""


@dataclass(frozen=True, kw_only=True)
class ResmemReport:
    """What residual memories do, in summary; where some failed, there is nothing by size or type."""

    run: str
    """The run's directory"""
    axis: str
    """`width` or `depth`"""
    fraction: float
    """Share of the training examples that a model on a subset is trained on"""
    data: str
    """The data set, as `--data` has it"""
    family: str
    """The family of networks"""
    examples: int
    """Training examples"""
    flipped: int | None
    """Flipped labels; null without label noise"""
    epsilon: float
    """A change of the score that counts for the type of a trajectory"""
    normalise: str
    """What is done to the features, as `--normalise` has it"""
    metric: str
    """The distance between features, as `--metric` has it"""
    index: str
    """How neighbours are searched for, as `--index` has it"""
    reserved_block: int | None
    """The block of models on which k, sigma and temperature are chosen; null where nothing was to be chosen"""
    grid: HyperparameterGrid
    """What they are chosen from"""
    sizes: tuple[SizeMemory, ...] = ()
    """By size, the smallest first"""
    full: tuple[SizeMemoryOnAll, ...] | None = None
    """The models on all the data, by size; null without such models"""
    by_type: tuple[TypeMemory, ...] | None = None
    """By type of trajectory; null with one size"""
    foretells: tuple[ResidualPrediction, ...] = ()
    """What the residual at each size predicts of every larger one"""
    figures: tuple[str, ...] | None = left_out()
    """The figures that were drawn, with `--plot`"""
    measured: int | None = left_out()
    """Memories that were measured in this call; not in stored results"""
    failed: tuple[FailedTask, ...] | None = left_out()
    """What could not be measured, where there is any"""
    block: int = no_key(default=0)
    """Models of a block"""


FIELDS = {
    "size": Field(("size",), "1", "width or depth of the models"),
    "example": Field(("example",), "1", "position of the training example in the run, from 0"),
    "k": Field(("size",), "1", "neighbours in the residual memory"),
    "sigma": Field(("size",), "distance", "scale of the weights of the neighbours"),
    "temperature": Field(("size",), "1", "temperature of the softmax"),
    "score": Field(SIZE_EXAMPLE, "1", "memorisation score of ResMem: accuracy_in - accuracy_out"),
    "standard_error": Field(SIZE_EXAMPLE, "1", "standard error of score"),
    "accuracy_in": Field(SIZE_EXAMPLE, "1", "share of the memories that hold the example right on it"),
    "accuracy_out": Field(SIZE_EXAMPLE, "1", "share of the memories without it right on it"),
    "base_score": Field(SIZE_EXAMPLE, "1", "score of the models under the memories, the same ones"),
    "base_accuracy_in": Field(SIZE_EXAMPLE, "1", "accuracy_in of those models"),
    "base_accuracy_out": Field(SIZE_EXAMPLE, "1", "accuracy_out of those models"),
    "residual_in": Field(SIZE_EXAMPLE, "1", "mean norm of onehot - softmax(logits), models trained with the example"),
    "residual_out": Field(SIZE_EXAMPLE, "1", "mean norm of onehot - softmax(logits), models trained without it"),
    "retrieved": Field(SIZE_EXAMPLE, "1", "held-out training examples that have it among their k neighbours, mean"),
    "weight": Field(SIZE_EXAMPLE, "1", "sum of the weights that those put on it, mean over the memories that hold it"),
    "weight_own_class": Field(SIZE_EXAMPLE, "1", "share of the weight by examples of its own label"),
    "weight_class": Field(SIZE_EXAMPLE, "class", "label of those that put most weight on it; -1: not known"),
    "weight_class_share": Field(SIZE_EXAMPLE, "1", "share of the weight by examples of label weight_class"),
    "flip_in": Field(SIZE_EXAMPLE, "1", "share of the memories that hold it that turn wrong into right"),
    "flip_out": Field(SIZE_EXAMPLE, "1", "share of the memories without it that turn wrong into right"),
    "harm_in": Field(SIZE_EXAMPLE, "1", "share of the memories that hold it that turn right into wrong"),
    "harm_out": Field(SIZE_EXAMPLE, "1", "share of the memories without it that turn right into wrong"),
    "models_used": Field(("size",), "1", "models whose memories the numbers come from"),
    "test_accuracy": Field(("size",), "1", "mean over the memories of the accuracy on the test examples"),
    "base_test_accuracy": Field(("size",), "1", "the same of the models under them"),
    "grid_k": Field(("k_tried",), "1", "values of k that were tried"),
    "grid_sigma": Field(("sigma_tried",), "distance", "values of sigma that were tried"),
    "grid_temperature": Field(("temperature_tried",), "1", "values of temperature that were tried"),
    "grid_accuracy": Field(
        ("size", "k_tried", "sigma_tried", "temperature_tried"), "1", "mean accuracy on held-out training examples"
    ),
    "foretells": Field(("size", "larger_size"), "1", "rank correlation of residual_in with the score at a larger size"),
    "foretells_low": Field(("size", "larger_size"), "1", "lower end of its 95 % interval"),
    "foretells_high": Field(("size", "larger_size"), "1", "upper end of its 95 % interval"),
}
"""What is kept in HDF5"""

RESULTS = Results(FIELDS, full=True)
