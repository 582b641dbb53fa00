"""What `memscope trajectories` finds.

Shares are by type: constant, increasing, decreasing, cap-shaped, u-shaped and irregular; where types are called also
undetermined.
"""

import math
from dataclasses import dataclass, field

from memscope.reports.evidence import TrajectoriesEvidence
from memscope.reports.keys import left_out, no_key
from memscope.reports.stored import Field, Results


@dataclass(frozen=True, kw_only=True)
class TypeShares:
    """Shares of the types of trajectory over some of the sizes, by type."""

    sizes: tuple[int, ...]
    """The sizes that the trajectories go over"""
    raw: dict[str, float]
    """By the raw rule: the types of the estimated trajectories"""
    raw_error: dict[str, float] = field(default_factory=dict)
    """Their jackknife standard errors"""
    called: dict[str, float]
    """Of the types that have at least `confidence` of the posterior draws; the others are undetermined"""
    called_error: dict[str, float] = field(default_factory=dict)
    """Their jackknife standard errors"""
    if_all_flat: dict[str, float]
    """What the raw rule would say of trajectories without any change, at these numbers of models"""
    if_all_flat_called: dict[str, float]
    """What would be called of them"""
    undefined: int
    """Examples without a type: a size has no model with, or none without them"""


@dataclass(frozen=True, kw_only=True)
class PopulationTypes:
    """The types by the empirical-Bayes estimate, over all sizes."""

    shares: dict[str, float]
    """By type, in the fitted population"""
    shares_error: dict[str, float]
    """Their jackknife standard errors"""
    called: dict[str, float]
    """Of the types that have at least `confidence` of an example's posterior; the others are undetermined"""
    fitted_examples: int
    """Examples that the population is fitted to"""
    undefined: int
    """Examples without a type"""
    shares_low: dict[str, float] = field(default_factory=dict)
    """The least that each share may be: as with a threshold 15 % lower or higher, less two standard errors"""
    shares_high: dict[str, float] = field(default_factory=dict)
    """The most"""
    commonest: str = ""
    """The type with the largest share in the population; empty where there is none"""
    commonest_right: float = math.nan
    """What calling it for every example would get right under the posterior: to stand beside what is decided"""


NO_POPULATION = PopulationTypes(shares={}, shares_error={}, called={}, fitted_examples=0, undefined=0)


@dataclass(frozen=True, kw_only=True)
class NotForetold:
    """Something that one half of the models did not foretell of the other."""

    family: str
    """`types`, of all examples; `classes`, types within one; `bins` of called probability; `spread` of scores over the
    sizes; `settled`, shares of the population from half and from all of the models; `threshold`, the same shares with a
    threshold 15 % lower or higher"""
    group: str
    """`all`, a class, a bin, or the models that are compared"""
    what: str
    """A type; `likeliest`, that the raw type is the likeliest one; `spread`"""
    examples: int
    """Examples of the group, of those that were looked at"""
    measured: float
    """A share, or the spread, as measured; of `settled` by the first of two, of `threshold` at the other"""
    foretold: float
    """As foretold; of `settled` by the second, of `threshold` at `epsilon`"""
    errors: float
    """The difference in standard errors; null of `settled` and `threshold`, which have none"""


@dataclass(frozen=True, kw_only=True)
class PopulationCheck:
    """Whether the population's types lead: half of the models foretell what the other half measured, and little hangs
    on the threshold.

    In simulations the shares lay then within `shares_low` and `shares_high`, or .02 beyond; within a class they were
    wrong by more (docs/science.md).
    """

    passed: bool
    """At least 4 blocks of models and 500 examples, and all was foretold"""
    reason: str
    """Why not: one sentence; empty where it passed"""
    blocks: int
    """Blocks that have models of every size"""
    examples: int
    """Examples that were looked at, at most 4,000"""
    compared: int
    """How much was compared: shares by type, class and bin, and spreads"""
    off: tuple[NotForetold, ...]
    """What was not foretold, the worst first"""
    subgroups: dict[str, bool]
    """Whether the same holds within flipped and within clean labels; empty without label noise, or where nothing was
    compared; a subgroup is left out where too few of it were looked at"""
    models_that_would_tell: int | None
    """Models a size with which to try again: four blocks, or twice as many as there are; null where examples lack"""


NOT_CHECKED = PopulationCheck(
    passed=False,
    reason="stored by a version that did not check it",
    blocks=0,
    examples=0,
    compared=0,
    off=(),
    subgroups={},
    models_that_would_tell=None,
)


@dataclass(frozen=True, kw_only=True)
class RawTypeChange:
    """Where the change of the score comes from: means over the examples of one raw type; null where it has none."""

    type: str
    """The type"""
    raw: int
    """Examples of this type by the raw rule"""
    called: int
    """Examples that are called this type"""
    rise: float
    """Largest rise of the score from a size to a larger one"""
    rise_from_in: float
    """The part of it that is a rise of the accuracy of models trained with the example"""
    rise_from_out: float
    """The part of it that is a fall of the accuracy of models trained without it"""
    fall: float
    """Largest fall of the score from a size to a larger one; negative where it never falls"""
    fall_from_in: float
    """The part of it that is a fall of the accuracy of models trained with the example"""
    fall_from_out: float
    """The part of it that is a rise of the accuracy of models trained without it"""
    mean_score: tuple[float, ...] | None
    """Mean score at each size, on the models that named the type: noise gives it the shape of the name"""
    score_elsewhere: tuple[float, ...] | None = None
    """Mean score at each size on the half of the blocks that did not name the type; null below two blocks"""
    low_elsewhere: tuple[float, ...] | None = None
    """Lower end of its 95 % interval; null below four blocks"""
    high_elsewhere: tuple[float, ...] | None = None
    """Upper end of its 95 % interval; null below four blocks"""


@dataclass(frozen=True, kw_only=True)
class TypeMarks:
    """How many examples of one raw type have something that may be why they are memorised; hold it against all."""

    type: str
    """The type, or `all`"""
    examples: int
    """Examples of this type"""
    flipped: int | None
    """Those whose label was flipped; null without label noise"""
    near_duplicates: int
    """Those with an identical or nearly identical image among the training examples"""
    disputed: int
    """Those whose label the models trained without them dispute: their most frequent prediction is another"""


@dataclass(frozen=True, kw_only=True)
class EpsilonShares:
    """How the raw shares depend on what change counts."""

    epsilon: float
    """A change of the score that counts"""
    shares: tuple[float, ...]
    """Raw shares, in the order constant, increasing, decreasing, cap-shaped, u-shaped, irregular"""


@dataclass(frozen=True, kw_only=True)
class TypesOfLabels:
    """Shares of the types among some of the examples, by type."""

    raw: dict[str, float]
    """By the raw rule"""
    called: dict[str, float]
    """Of the types that are called, and undetermined"""


@dataclass(frozen=True, kw_only=True)
class TypesByLabel:
    """Shares of the types among flipped and among clean labels."""

    flipped: TypesOfLabels
    """Among the examples whose label was flipped"""
    clean: TypesOfLabels
    """Among the others"""


@dataclass(frozen=True, kw_only=True)
class TrajectoriesReport:
    """The types of the trajectories of all examples over size, in summary."""

    run: str
    """The run's directory"""
    axis: str
    """`width` or `depth`"""
    epsilon: float
    """A change of the score that counts"""
    confidence: float
    """Posterior probability from which a type is called"""
    models: tuple[int, ...]
    """Models that are used at each size"""
    all_sizes: TypeShares
    """Over all sizes"""
    interpolating_sizes: TypeShares | None
    """Over the sizes whose median model fits at least 99 % of its own subset; null below two such sizes"""
    population: PopulationTypes = NO_POPULATION
    """The empirical-Bayes estimate"""
    population_check: PopulationCheck = NOT_CHECKED
    """Whether it may lead"""
    by_type: tuple[RawTypeChange, ...]
    """By raw type"""
    marks: tuple[TypeMarks, ...] = ()
    """Flipped labels, near-duplicates and disputed labels, by raw type; not in results of before"""
    disputed_at: int | None = None
    """The size whose models dispute labels: those that are best on the test examples"""
    by_epsilon: tuple[EpsilonShares, ...]
    """At several thresholds"""
    flipped_types: TypesByLabel | None
    """By label; null without label noise"""
    figures: tuple[str, ...] | None = left_out()
    """The figures that were drawn, with `--plot`"""
    evidence: TrajectoriesEvidence | None = no_key(default=None)
    """What the findings rest on"""


FIELDS = {
    "size": Field(("size",), "1", "width or depth of the models"),
    "example": Field(("example",), "1", "position of the training example in the run, from 0"),
    "type": Field(("type",), "1", "types of trajectory, in the order of probability"),
    "raw_type": Field(("example",), "1", "type of the estimated trajectory, by the rule alone"),
    "called_type": Field(("example",), "1", "type called with the stated confidence, undetermined or undefined"),
    "probability": Field(("example", "type"), "1", "posterior probability of each type"),
    "population_type": Field(("example",), "1", "type called by the population estimate, undetermined or undefined"),
    "population_probability": Field(("example", "type"), "1", "probability of each type by the population estimate"),
    "rise": Field(("example",), "1", "largest increase of the score from a smaller to a larger size"),
    "rise_from_in": Field(("example",), "1", "part of rise that comes from accuracy in"),
    "rise_from_out": Field(("example",), "1", "part of rise that comes from accuracy out"),
    "fall": Field(("example",), "1", "largest decrease of the score from a smaller to a larger size"),
    "fall_from_in": Field(("example",), "1", "part of fall that comes from accuracy in"),
    "fall_from_out": Field(("example",), "1", "part of fall that comes from accuracy out"),
}
"""What is kept in HDF5"""

RESULTS = Results(FIELDS)
