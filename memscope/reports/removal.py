"""What `memscope influence RUN --remove N` finds: what models do without the most memorised, and without others."""

import math
from dataclasses import dataclass

from memscope.reports import keys
from memscope.reports.ranged import UNKNOWN, Ranged
from memscope.reports.stored import Field, Results
from memscope.reports.training import FailedTask


@dataclass(frozen=True, kw_only=True)
class ArmFound:
    """One arm: a derived run, trained without a set of examples."""

    name: str
    """`all` (nothing removed), `most`, `least`, `pairs`, `random-1` and on (matched on class), `matched-1` and on
    (matched on class and flips)"""
    run: str
    """Its directory"""
    removed: int
    """Examples that it is trained without"""
    flipped: int | None
    """Flipped labels among them; null without label noise"""
    shared: float
    """Share of them that is among the most memorised too"""
    of_pairs: int | None
    """How many of them are training examples of listed helpful pairs; null where none were searched"""


@dataclass(frozen=True, kw_only=True)
class ArmAccuracy:
    """What the models of one arm get right at one size."""

    arm: str
    """Its name"""
    accuracy: float
    """Mean over its models of the share of the test examples that they get right"""
    influenced: float
    """The same of the test examples that the most memorised carry; null where there are none"""
    influenced_by_pairs: float
    """The same of those that the arm `pairs` is trained without the carriers of; null where there are none"""
    diverged: int
    """Models that were left out"""


@dataclass(frozen=True, kw_only=True)
class ArmDifference:
    """How the models of one arm differ from those of the random sets; intervals are over sets and models together."""

    arm: str
    """`most`, `least` or `pairs`"""
    beside: str
    """`random`, or `matched`: the random sets that are matched on flips too"""
    accuracy: Ranged
    """Accuracy on all test examples, less that in the arms of the random sets"""


@dataclass(frozen=True, kw_only=True)
class InfluencedDifference:
    """The same on the test examples that an arm is trained without the carriers of."""

    arm: str
    """`most` or `pairs`"""
    beside: str
    """`random` or `matched`"""
    examples: int
    """Test examples of listed helpful pairs whose training example is removed in the arm"""
    accuracy: Ranged
    """Accuracy on them, less that in the arms of the random sets; null where there are none"""
    expected: float
    """What the influence of these pairs would lead one to expect, if it added up"""


@dataclass(frozen=True, kw_only=True)
class SizeRemoval:
    """What the arms show at one size."""

    size: int
    """Width or depth"""
    arms: tuple[ArmAccuracy, ...]
    """Every arm"""
    differences: tuple[ArmDifference, ...]
    """Of accuracy on all test examples"""
    influenced: tuple[InfluencedDifference, ...]
    """Of accuracy on those that removed examples carry; none where no pairs are listed at this size"""
    listed: int | None
    """Helpful pairs that were listed at this size when sets were chosen; null where none had been searched"""


@dataclass(frozen=True, kw_only=True)
class RemovalReport:
    """What happens when the most memorised are gone."""

    run: str
    """The run's directory"""
    axis: str
    """`width` or `depth`"""
    data: str
    """The data set, as `--data` has it"""
    family: str
    """The family of networks"""
    examples: int
    """Training examples"""
    targets: int
    """Test examples"""
    flipped: int | None
    """Flipped labels; null without label noise"""
    removed: int
    """Examples that each arm is trained without, but for `all`"""
    by_size: int
    """The width or depth by whose scores they were chosen"""
    seed: int
    """Of the models and the random sets"""
    models: int
    """Of each size in every arm"""
    sets: int
    """Random sets"""
    equal_steps: bool
    """Whether models take as many steps in every arm; not known where the training is the user's own"""
    arms: tuple[ArmFound, ...]
    """What each is trained without"""
    sizes: tuple[SizeRemoval, ...]
    """By size, the smallest first; none while models are missing"""
    pairs_threshold: float = math.nan
    """Influence that counted when the pairs were listed that sets were chosen with; null without such"""
    pairs_memorised: float = math.nan
    """Memorisation that counted then; null likewise"""
    pairs_all_classes: bool | None = None
    """Whether pairs of different classes counted; null likewise"""
    missing: int = 0
    """Models that are still to be trained"""
    failed: tuple[FailedTask, ...] | None = keys.left_out()
    """Tasks that failed twice; the command exits with 1 then"""
    failed_in: str | None = keys.left_out()
    """The run of the arm that they are in"""
    trainer: str = keys.no_key(default="memscope")
    """Who trains"""
    block: int = keys.no_key(default=0)
    """Models of a block"""
    options: tuple[str, ...] = keys.no_key(default=())
    """Those that say which arms these are, as they were given"""


@dataclass(frozen=True, kw_only=True)
class SizePeel:
    """What is memorised of the remaining examples at one size, without the most memorised and without random ones.

    Means over the random sets; beside each set those examples count that are in neither.
    """

    size: int
    """Width or depth"""
    remaining: float
    """Examples that are in neither of the two sets"""
    whole: float
    """Share of them that is memorised where nothing is removed"""
    most: float
    """Share that is memorised without the most memorised"""
    random: float
    """Share that is memorised without a random set"""
    share: Ranged
    """The difference of the last two; intervals are over sets and models together"""
    number: Ranged
    """The same in numbers of examples"""
    score_most: float
    """Mean score without the most memorised"""
    score_random: float
    """Mean score without a random set"""
    score: Ranged = UNKNOWN
    """The difference of the two"""
    share_matched: Ranged = UNKNOWN
    """The difference of the shares beside random sets that are matched on flips too; null where flips are not known"""
    score_matched: Ranged = UNKNOWN
    """The same of the mean scores"""
    error: float
    """Root mean squared standard error of one score, without the most memorised"""
    diverged: int
    """Models of all arms that were left out"""


@dataclass(frozen=True, kw_only=True)
class PeelReport:
    """Whether other examples are memorised in the place of the most memorised when those are gone."""

    run: str
    """The run's directory"""
    axis: str
    """`width` or `depth`"""
    data: str
    """The data set, as `--data` has it"""
    family: str
    """The family of networks"""
    examples: int
    """Training examples"""
    removed: int
    """Examples that each arm is trained without, but for `all`"""
    by_size: int
    """The width or depth by whose scores they were chosen"""
    threshold: float
    """Score from which on an example counts as memorised"""
    seed: int
    """Of the models and the random sets"""
    models: int
    """Of each size in every arm"""
    sets: int
    """Random sets"""
    equal_steps: bool
    """Whether models take as many steps in every arm; not known where the training is the user's own"""
    arms: tuple[ArmFound, ...]
    """What each is trained without"""
    sizes: tuple[SizePeel, ...]
    """By size, the smallest first; none while models are missing"""
    missing: int = 0
    """Models that are still to be trained"""
    failed: tuple[FailedTask, ...] | None = keys.left_out()
    """Tasks that failed twice; the command exits with 1 then"""
    failed_in: str | None = keys.left_out()
    """The run of the arm that they are in"""
    trainer: str = keys.no_key(default="memscope")
    """Who trains"""
    block: int = keys.no_key(default=0)
    """Models of a block"""
    options: tuple[str, ...] = keys.no_key(default=())
    """Those that say which arms these are, as they were given"""


@dataclass(frozen=True, kw_only=True)
class ArmsAtSize:
    """What is still to be trained at one size."""

    size: int
    """Width or depth"""
    models: int
    """In all arms"""
    seconds_per_model: float
    """As long as a model of the run took; null where that is not known"""


@dataclass(frozen=True, kw_only=True)
class ArmsForecast:
    """What `--remove` or `--peel` would train, with `--dry-run`."""

    run: str
    """The run's directory"""
    axis: str
    """`width` or `depth`"""
    removed: int
    """Examples that each arm is trained without, but for `all`"""
    by_size: int
    """The width or depth by whose scores they were chosen"""
    models: int
    """Of each size in every arm"""
    seed: int
    """Of the models and the random sets"""
    arms: tuple[ArmFound, ...]
    """What each is trained without"""
    sizes: tuple[ArmsAtSize, ...]
    """By size, the smallest first"""
    workers: int
    """Workers that would train"""
    seconds: float
    """Time of all models with these workers; null where not known"""
    outcome_bytes: int
    """Disk that the outcomes would take, before compression"""
    image_bytes: int
    """Disk that the images of the arms would take; they may be deleted"""


ARMS = {
    "size": Field(("size",), "1", "width or depth of the models"),
    "arm": Field(("arm",), "1", "name of the arm: all, most, least, pairs, random-1, matched-1 and so on"),
    "example": Field(("example",), "1", "position of the training example in the run, from 0"),
    "removed": Field(("arm", "example"), "1", "1 where the arm is trained without the example"),
}
"""What both keep"""

RESULTS = Results(
    ARMS
    | {
        "test_accuracy": Field(("arm", "size", "model"), "1", "accuracy on the test examples; NaN of what diverged"),
        "influenced": Field(
            ("size", "test"), "1", "1 for test examples of listed helpful pairs whose training example most removes"
        ),
        "influenced_accuracy": Field(("arm", "size", "model"), "1", "accuracy on those; NaN where there are none"),
    },
    made_by="influence RUN --remove N",
    derived=True,
)
PEEL_RESULTS = Results(
    ARMS
    | {
        "score": Field(("arm", "size", "example"), "1", "memorisation in the arm; NaN of what it is trained without"),
    },
    made_by="influence RUN --peel N",
    derived=True,
)
