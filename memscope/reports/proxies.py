"""What `memscope proxies` finds: cheaper stand-ins for memorisation, held against it."""

import math
from dataclasses import dataclass, field

from memscope.reports import keys
from memscope.reports.stored import Field, Results
from memscope.reports.training import FailedTask

NAN = math.nan


@dataclass(frozen=True, kw_only=True)
class Bounded:
    """A number, and its 95 % interval over the score's blocks of models and the proxy's models together."""

    value: float
    """The number itself; null where it is not defined"""
    low: float = NAN
    """Lower end; null below four blocks of the score's models"""
    high: float = NAN
    """Upper end"""


@dataclass(frozen=True, kw_only=True)
class Bimodality:
    """Hartigan's dip of some values, dithered, against the unimodal distribution with the largest dips."""

    dip: float
    """The distance from the nearest unimodal distribution"""
    if_unimodal: float
    """What one in twenty draws from the null exceeds"""
    p_value: float
    """Share of the draws from the null with at least this dip"""


@dataclass(frozen=True, kw_only=True)
class SizeNoise:
    """What noise in the score leaves to be found at one size."""

    size: int
    """Width or depth"""
    reliability: Bounded
    """The share of the score's variance over examples that is true, from random halvings of the blocks"""
    measurable: bool
    """Whether its lower limit is at least .3; else nothing is divided by a ceiling"""
    pearson_ceiling: float
    """The most that noise lets Pearson's correlation with the score be; null where it is not measurable"""
    spearman_ceiling: float
    """The same of Spearman's, from truths and counts that are drawn anew; null where it is not measurable"""
    bimodality: Bimodality | None = None
    """Of the score; null without the package diptest"""


@dataclass(frozen=True, kw_only=True)
class ProxyAtSize:
    """A proxy and the score, across the examples of one size. Both come from other blocks of models."""

    size: int
    """Width or depth"""
    models: int
    """Of the proxy"""
    examples: int
    """With a proxy and a score"""
    spearman: Bounded
    """Rank correlation with the score"""
    pearson: Bounded
    """Linear correlation"""
    cosine: Bounded
    """Cosine of the angle, near 1 for any two positive numbers: it flatters"""
    top_spearman: Bounded
    """Over the tenth of the examples with the highest scores, chosen on other blocks than those correlated"""
    top_pearson: Bounded
    """The same, linear"""
    top_cosine: Bounded
    """The same, the cosine"""
    spearman_of_ceiling: float
    """Spearman's correlation over its ceiling; null where that is not measurable"""
    pearson_of_ceiling: float
    """Pearson's over its own"""
    half: bool
    """Whether it is compared with the score of half of the blocks, as it comes from the other half"""
    auc_flipped: float = NAN
    """Area under the ROC curve for flipped labels; null without label noise"""
    auc_flipped_error: float = NAN
    """Its standard error over the proxy's models; null below three"""
    precision_flipped: float = NAN
    """Share of flipped labels among as many most suspicious examples as there are flipped labels"""
    bimodality: Bimodality | None = None
    """Of the proxy; null without the package diptest, and where the proxy is infinite"""


@dataclass(frozen=True, kw_only=True)
class SameTypes:
    """How often the proxy names the type that memorisation has."""

    agreement: float
    """Share of the examples"""
    chance: float
    """What it would be of two that have nothing to do with each other"""
    kappa: float
    """Cohen's: 0 by chance, 1 where all agree"""


@dataclass(frozen=True, kw_only=True)
class SameSigns:
    """Of the examples whose score changes one way, by one half of the blocks: the share that goes this way."""

    examples: float
    """Mean number over both halves"""
    proxy: float
    """By the proxy, on the score's scale"""
    score: float
    """By the score of the other half of the blocks"""
    size_means: float
    """By the proxy's mean over all examples alone: its null"""


@dataclass(frozen=True, kw_only=True)
class ProxyTrend:
    """A proxy and the score, over the sizes; the proxy is brought to the score's scale by one monotone function."""

    increasing: bool | None
    """Whether larger values of the proxy mean more memorised; null where that differs"""
    slopes: Bounded
    """Correlation over examples of the slopes over log size, the proxy's and the score's"""
    slopes_of_level: Bounded
    """What the proxy's level alone foretells of it: the null of one number per example"""
    slopes_beyond_level: Bounded
    """The first less the second"""
    ceiling: float
    """The most that noise lets the correlation of slopes be; null where it is not measurable"""
    slopes_of_ceiling: Bounded
    """The correlation over its ceiling"""
    types: SameTypes
    """With the raw types of the score's other half"""
    types_if_additive: SameTypes
    """The same of size mean plus example mean of the proxy"""
    types_if_other: SameTypes
    """The same of the proxy of another example of nearly the same level"""
    types_of_halves: SameTypes
    """Of the score's halves with each other"""
    types_of_population: SameTypes | None
    """Of the proxy with the fitted population"""
    rising: SameSigns
    """Of examples that are named increasing"""
    falling: SameSigns
    """Of examples that are named decreasing"""
    shares: dict[str, float]
    """Of the types that the proxy names"""
    by_type: dict[str, tuple[Bounded, ...]]
    """Mean of the proxy at every size over the examples of each raw type of memorisation, on its own scale"""


@dataclass(frozen=True, kw_only=True)
class ProxyFound:
    """One proxy, held against memorisation."""

    name: str
    """As `--proxies` has it"""
    title: str
    """What it is"""
    source: str
    """Who proposed this formula"""
    sign: int
    """1 where larger values should mean more memorised, else -1"""
    variant_of: str | None
    """The proxy that goes by the same name elsewhere, with another formula; null for those that lead"""
    cost: float
    """Models of each size that are trained for it; those of which it needs an early epoch count as that part"""
    spearman_with_lead: tuple[float, ...] | None = None
    """Of a variant: its rank correlation with the proxy that leads, by size"""
    sizes: tuple[ProxyAtSize, ...]
    """By size, the smallest first"""
    trend: ProxyTrend | None
    """Over the sizes; null with one size, and where the proxy is of the score's own models"""
    across_examples: str
    """`follows`, `goes against`, `does not follow`, or `cannot be told`"""
    across_sizes: str | None
    """The same, or `only as its level foretells`; null where there is no trend"""
    verdict: str
    """Both, in words, with the numbers that decide"""


@dataclass(frozen=True, kw_only=True)
class ProxiesReport:
    """Cheaper stand-ins for the memorisation score: which follow it, across examples and across sizes."""

    run: str
    """The run's directory"""
    axis: str
    """`width` or `depth`"""
    epsilon: float
    """A change of the score that counts for a type"""
    examples: int
    """Training examples"""
    flipped: int | None
    """Flipped labels; null without label noise"""
    recorded: int
    """Models of each size that the proxies were recorded on"""
    on: str
    """What these were trained on: `subsets`, or `full` for all the data"""
    score_models: int
    """Models of each size that the score is from"""
    score_blocks: int
    """Their blocks"""
    sizes: tuple[SizeNoise, ...] = ()
    """By size, the smallest first"""
    score_by_type: dict[str, tuple[float, ...]] = field(default_factory=dict)
    """Mean score at every size over the examples of each raw type, on other blocks than those that named it"""
    examples_by_type: dict[str, int] = field(default_factory=dict)
    """Examples of each raw type"""
    proxies: tuple[ProxyFound, ...] = ()
    """In the order of the catalogue"""
    left_out: dict[str, str] = field(default_factory=dict)
    """Proxies that could not be had, and why"""
    figures: tuple[str, ...] | None = keys.left_out()
    """The figures that were drawn, with `--plot`"""
    failed: tuple[FailedTask, ...] | None = keys.left_out()
    """What could not be measured, where there is any"""
    block: int = keys.no_key(default=0)
    """Models of a block"""


PROXY_SIZE = ("proxy", "size")
FIELDS = {
    "size": Field(("size",), "1", "width or depth of the models"),
    "example": Field(("example",), "1", "position of the training example in the run, from 0"),
    "proxy": Field(("proxy",), "1", "name of the proxy"),
    "value": Field(("proxy", "size", "example"), "1", "mean of the proxy over its models"),
    "ceiling": Field(PROXY_SIZE, "1", "the most that noise of its models lets a rank correlation with the proxy be"),
    "within_ceiling": Field(PROXY_SIZE, "1", "the same within classes"),
    "spearman": Field(PROXY_SIZE, "1", "rank correlation with the score of other blocks of models"),
    "spearman_low": Field(PROXY_SIZE, "1", "lower end of its 95 % interval"),
    "spearman_high": Field(PROXY_SIZE, "1", "upper end of its 95 % interval"),
    "pearson": Field(PROXY_SIZE, "1", "linear correlation with the score of other blocks of models"),
    "slopes": Field(("proxy",), "1", "correlation of slopes over log size, the proxy's and the score's"),
    "slopes_low": Field(("proxy",), "1", "lower end of its 95 % interval"),
    "slopes_high": Field(("proxy",), "1", "upper end of its 95 % interval"),
}
"""What is kept in HDF5"""

RESULTS = Results(FIELDS, full=True)
