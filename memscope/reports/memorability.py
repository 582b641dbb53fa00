"""What `memscope memorability` finds: what people remember, beside what models memorise."""

import math
from dataclasses import dataclass

from memscope.reports import keys
from memscope.reports.ranged import Ranged
from memscope.reports.stored import SIZE_EXAMPLE, Field, Results


@dataclass(frozen=True, kw_only=True)
class Beside:
    """Rank correlations of memorability with one measure of the models; intervals are over the examples and the blocks
    of models together, below four blocks over the examples alone."""

    overall: Ranged
    """Over all examples"""
    within: Ranged
    """Within classes: the mean of the classes' correlations, each weighted by its examples less one"""
    ceiling: float
    """The most that noise in the measure lets the first be, if memorability were its truth; null where that is not
    measurable"""
    within_ceiling: float
    """The same of the second"""


@dataclass(frozen=True, kw_only=True)
class SizeBeside:
    """Memorability and the models of one size."""

    size: int
    """Width or depth"""
    models: int
    """That the score is from"""
    examples: int
    """With a memorability and a score"""
    score: Beside
    """With the memorisation score"""
    accuracy_out: Beside
    """With the accuracy of the models that were trained without the example"""


@dataclass(frozen=True, kw_only=True)
class ProxyAtSizeBeside:
    """Memorability and a proxy at one size; intervals are over the examples alone."""

    size: int
    """Width or depth"""
    overall: Ranged
    """Rank correlation over all examples"""
    within: Ranged
    """Within classes"""
    ceiling: float = math.nan
    """The most that noise of the proxy's models lets the first be, if memorability were its truth; null where that is
    not measurable, and where `memscope proxies` ran before it measured that"""
    within_ceiling: float = math.nan
    """The same of the second"""


@dataclass(frozen=True, kw_only=True)
class ProxyBeside:
    """Memorability and a proxy of the score, as `memscope proxies` measured it."""

    name: str
    """As `--proxies` has it"""
    title: str
    """What it is"""
    sign: int
    """1 where larger values should mean more memorised, else -1; the correlations are not turned by it"""
    sizes: tuple[ProxyAtSizeBeside, ...]
    """By size, the smallest first"""


@dataclass(frozen=True, kw_only=True)
class TypeBeside:
    """Where the examples of one type of trajectory stand in the order of memorability; intervals as of the
    correlations."""

    type: str
    """The raw type"""
    examples: int
    """That have it, and a memorability"""
    overall: Ranged
    """Mean percentile among all examples, from 0 to 1; .5 where the type has nothing to do with memorability"""
    within: Ranged
    """The same among the examples of the class"""


@dataclass(frozen=True, kw_only=True)
class MemorabilityReport:
    """What people remember (memorability), beside what models memorise."""

    run: str
    """The run's directory"""
    axis: str
    """`width` or `depth`"""
    epsilon: float
    """A change of the score that counts for a type"""
    data: str
    """The data set, as `--data` has it"""
    family: str
    """The family of networks"""
    fraction: float
    """The share of the examples that each model was trained on"""
    kind: str
    """Where memorability comes from: `resmem` or `vitmem`, networks that predict it, or `scores`, a table"""
    source: str
    """The same with its version, or the name of the table"""
    licence: str | None
    """What a user must know of the predictor's licence; null where there is nothing"""
    caveats: tuple[str, ...]
    """What these numbers cannot say"""
    examples: int
    """Training examples"""
    known: int
    """Those whose memorability is known"""
    classes: int
    """Classes with at least three of those, within which the correlations are taken; by true labels where some were
    flipped"""
    flipped: int | None
    """Flipped labels; null without label noise"""
    blocks: int
    """Blocks of models that every size has"""
    sizes: tuple[SizeBeside, ...]
    """By size, the smallest first"""
    by_type: tuple[TypeBeside, ...] = ()
    """By raw type of trajectory; none with one size"""
    proxies: tuple[ProxyBeside, ...] = ()
    """Those that `memscope proxies` has measured"""
    proxies_out_of_date: bool = False
    """Whether the run has other models since"""
    corners_at: int = 0
    """The size whose four corners are drawn"""
    figures: tuple[str, ...] | None = keys.left_out()
    """The figures that were drawn, with `--plot`"""
    block: int = keys.no_key(default=0)
    """Models of a block"""


BY_SIZE, PROXY_SIZE = ("size",), ("proxy", "size")
SCOPES = {"": "over all examples", "within_": "within classes"}


def spearman_fields(prefix: str, what: str) -> dict[str, Field]:
    """Fields for rank correlations of memorability with something, and their intervals."""
    found = {}
    for scope, where in SCOPES.items():
        name = f"{prefix}{scope}spearman"
        found[name] = Field(BY_SIZE, "1", f"rank correlation of memorability with {what}, {where}")
        found[f"{name}_low"] = Field(BY_SIZE, "1", "lower end of its 95 % interval")
        found[f"{name}_high"] = Field(BY_SIZE, "1", "upper end of its 95 % interval")
    return found


FIELDS = {
    "size": Field(BY_SIZE, "1", "width or depth of the models"),
    "example": Field(("example",), "1", "position of the training example in the run, from 0"),
    "memorability": Field(("example",), "1", "memorability of the example; only its order counts; NaN: not known"),
    "score": Field(SIZE_EXAMPLE, "1", "memorisation score of the models that memorability is held against"),
    **spearman_fields("", "the memorisation score"),
    **spearman_fields("accuracy_out_", "accuracy out"),
    "proxy": Field(("proxy",), "1", "name of the proxy"),
    "proxy_spearman": Field(PROXY_SIZE, "1", "rank correlation of memorability with the proxy, over all examples"),
    "proxy_within_spearman": Field(PROXY_SIZE, "1", "the same within classes"),
}
"""What is kept in HDF5; what is of proxies is left out where there are none"""

RESULTS = Results(FIELDS)
