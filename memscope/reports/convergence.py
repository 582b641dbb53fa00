"""What `memscope convergence` finds: what fewer of a run's models would have said."""

import math
from dataclasses import dataclass

from memscope.reports.keys import left_out
from memscope.reports.stored import Field, Results


@dataclass(frozen=True, kw_only=True)
class OverSets:
    """A number that each of several sets of models gives; they share no model."""

    value: float
    """Mean over the sets of which it is defined; null where it is of none"""
    lowest: float = math.nan
    """Of the sets"""
    highest: float = math.nan
    """Of the sets"""


@dataclass(frozen=True, kw_only=True)
class SizeConvergence:
    """How good the scores of one size are with so many models."""

    size: int
    """Width or depth"""
    error: OverSets
    """Root mean square error of the raw score, as all other models judge it, their noise taken out; null where fewer
    than two blocks of them are left"""
    standard_error: float
    """What these models say of it themselves: root mean square"""
    expected: float
    """What all models say of it: their standard error, which falls with the square root of their number"""
    population_error: OverSets
    """Root mean square error of the population estimate of these models alone, judged as `error`"""
    population_sd: float
    """What it says of itself"""
    as_good_as: float
    """How many models have raw scores as precise as the population estimate of these; null where errors are not known,
    or the estimate's cannot be told from none"""
    spread: float
    """Root mean square distance of the true scores from their mean: what saying the mean of every example would be off
    by; by all models, their noise taken out"""
    agreement: OverSets
    """Rank correlation of the scores of the halves of these models; null of a single block"""
    expected_agreement: float
    """What all models say of it, by the formula of Spearman and Brown, which holds for correlations of values; null of
    a single block"""
    soft_agreement: OverSets
    """The same of the soft score; null where log-odds are not known"""


@dataclass(frozen=True, kw_only=True)
class TypesConvergence:
    """The types of trajectories over all sizes with so many models, by type."""

    raw: dict[str, OverSets]
    """Shares by the raw rule"""
    if_all_flat: dict[str, float]
    """Shares that the raw rule would give of trajectories without any change, at so many models"""
    called: dict[str, OverSets]
    """Shares called from each example's own models; the others are undetermined"""
    population: dict[str, OverSets]
    """Shares in the population that is fitted to these models alone"""
    told: dict[str, OverSets]
    """Shares called by the population estimate; the others are undetermined"""
    same_raw: float
    """Share of the examples with the same raw type in two sets; null of a single set"""
    same_raw_by_chance: float
    """The same, if each set's types were dealt out among the examples"""
    both_called: float
    """Share of the examples of which both of two sets call a type"""
    same_called: float
    """Share of those of which it is the same"""
    same_called_by_chance: float
    """The same by chance"""
    both_told: float
    """As `both_called`, by the population estimate"""
    same_told: float
    """As `same_called`, by the population estimate"""
    same_told_by_chance: float
    """The same by chance"""


@dataclass(frozen=True, kw_only=True)
class ModelsConvergence:
    """What so many models of each size would have said."""

    models: int
    """Of each size"""
    sets: int
    """Sets of so many models that were looked at; they share none"""
    sizes: tuple[SizeConvergence, ...]
    """By size, the smallest first"""
    types: TypesConvergence | None
    """Null of a single size"""


@dataclass(frozen=True, kw_only=True)
class ConvergenceReport:
    """What fewer of a run's models would have said: errors, agreement, and types of trajectories."""

    run: str
    """The run's directory"""
    axis: str
    """`width` or `depth`"""
    epsilon: float
    """A change of the score that counts"""
    confidence: float
    """Posterior probability from which a type is called"""
    data: str
    """The data set, as `--data` has it"""
    family: str
    """The family of networks"""
    fraction: float
    """The share of the examples that each model was trained on"""
    examples: int
    """Training examples of the run"""
    looked_at: int
    """Those that were looked at: a random sample, if there are more than 4,000"""
    flipped: int | None
    """Labels that were flipped; null without label noise"""
    block: int
    """Models of a block"""
    models: int
    """Models of each size, in blocks that every size has whole"""
    trainer: str
    """What trained them"""
    rows: tuple[ModelsConvergence, ...]
    """By number of models, the fewest first; the last is all of them"""
    figures: tuple[str, ...] | None = left_out()
    """The figures that were drawn, with `--plot`"""

    @property
    def judged(self) -> list[ModelsConvergence]:
        """The rows whose errors the other models can judge."""
        return [row for row in self.rows if not math.isnan(row.sizes[-1].error.value)]


MODELS_SIZE, MODELS_TYPE = ("models", "size"), ("models", "type")
FIELDS = {
    "size": Field(("size",), "1", "width or depth of the models"),
    "models": Field(("models",), "1", "numbers of models of each size that are looked at"),
    "sets": Field(("models",), "1", "sets of so many models, which share none"),
    "type": Field(("type",), "1", "types of trajectory"),
    "error": Field(MODELS_SIZE, "1", "root mean square error of the raw score, as other models judge it"),
    "standard_error": Field(MODELS_SIZE, "1", "what the models say of it themselves"),
    "expected": Field(MODELS_SIZE, "1", "what all models say of it, by the square root"),
    "population_error": Field(MODELS_SIZE, "1", "root mean square error of the population estimate"),
    "population_sd": Field(MODELS_SIZE, "1", "what it says of itself"),
    "as_good_as": Field(MODELS_SIZE, "1", "models whose raw scores are as precise as the population estimate"),
    "spread": Field(MODELS_SIZE, "1", "root mean square distance of the true scores from their mean"),
    "agreement": Field(MODELS_SIZE, "1", "rank correlation of the scores of halves of the models"),
    "expected_agreement": Field(MODELS_SIZE, "1", "what all models say of it, by Spearman and Brown"),
    "soft_agreement": Field(MODELS_SIZE, "1", "rank correlation of the soft scores of halves of the models"),
    "raw_share": Field(MODELS_TYPE, "1", "share of the type by the raw rule"),
    "flat_share": Field(MODELS_TYPE, "1", "share that the raw rule would give of flat trajectories"),
    "called_share": Field(MODELS_TYPE, "1", "share called from the example's own models"),
    "population_share": Field(MODELS_TYPE, "1", "share in the population that is fitted to so many models"),
}
"""What is kept in HDF5"""

RESULTS = Results(FIELDS)
