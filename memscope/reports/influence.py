"""What `memscope influence` finds: which training examples carry which test examples, and what chance would show."""

from dataclasses import dataclass

from memscope.reports import keys
from memscope.reports.ranged import UNKNOWN, Ranged
from memscope.reports.stored import Field, Results


@dataclass(frozen=True, kw_only=True)
class PairsFound:
    """Pairs of one size that pass both thresholds in one direction, beside those that would without influence."""

    pairs: int
    """How many there are (R)"""
    by_chance: float
    """How many there would be if no example had influence: exact (V), by the distribution of the counts"""
    by_chance_sd: float
    """The standard deviation of that number, from permutations; null where none were made"""
    by_class: float
    """How many there would be if all memorised examples of a class had the same influence on a test example, on average
    what they have. Where a class has few of them their own influences are much of that mean, and this is too many"""
    chance: float
    """The probability of this many pairs or more without any influence, that of a class included"""
    false_share: float
    """Of the pairs, the share that is expected to be there by chance, or by class where that is more: at most 1; null
    without pairs"""
    listed: bool
    """Whether they are listed: only where that share is at most .5"""
    train_examples: int
    """Training examples in these pairs"""
    test_examples: int
    """Test examples in these pairs, where they are listed; else 0"""
    measured_anew: Ranged = UNKNOWN
    """Mean influence of these pairs in models that had no part in choosing them; interval over those models"""


@dataclass(frozen=True, kw_only=True)
class SizeInfluence:
    """What the models of one size show."""

    size: int
    """Width or depth"""
    models: int
    """That pairs are chosen by; a subset that was trained on twice counts once"""
    memorised: int
    """Training examples whose memorisation, in other models, reaches its threshold: only these are paired"""
    helpful: PairsFound
    """Influence at the threshold or above"""
    harmful: PairsFound
    """Influence at minus the threshold or below"""
    left_out: int = 0
    """Models of blocks that are not whole, or hold models that diverged"""


@dataclass(frozen=True, kw_only=True)
class SizeChange:
    """How helpful pairs change from one size to a larger one."""

    smaller: int
    """The smaller size"""
    larger: int
    """The larger size"""
    change: Ranged
    """Pairs beyond those by class at the larger size, less those at the smaller one; the interval is over training
    examples. Also of equal influences more pass a threshold where models are noisier"""
    influence: Ranged = UNKNOWN
    """Mean influence at the larger size of the pairs that both sizes show together, less that at the smaller one, in
    models that had no part in choosing them; the interval is over those models, both sizes together"""
    pairs: int = 0
    """How many these pairs are"""


@dataclass(frozen=True, kw_only=True)
class Carrier:
    """One example that stands with the one that was asked for in a pair."""

    example: int
    """Position in the run: of a training example, or with `--train` of a test example"""
    index: int
    """Position in the source"""
    name: str | None
    """File name; null where the source has none"""
    label: str
    """Class"""
    chosen_by: float
    """Influence in the models that it was chosen by"""
    influence: float
    """Influence in other models"""
    standard_error: float
    """Of that influence"""
    memorised: float
    """Memorisation of the training example, in the models of both"""
    by_chance: float
    """How many of the examples that were looked at would by chance have as much influence as `chosen_by`, or more"""


@dataclass(frozen=True, kw_only=True)
class ShownExample:
    """The example that `--test` or `--train` asked for, at one size."""

    size: int
    """Width or depth"""
    part: str
    """`test` or `train`: where the example is from"""
    example: int
    """Its position in the run"""
    index: int
    """Its position in the source"""
    name: str | None
    """Its file name"""
    label: str
    """Its class"""
    accuracy: float
    """Share of the models that are right on it; of a training example, of those trained without it"""
    looked_at: int
    """How many examples it was paired with"""
    helpful: tuple[Carrier, ...]
    """Those with the most influence, most first; no threshold"""
    harmful: tuple[Carrier, ...]
    """Those with the least, least first"""


@dataclass(frozen=True, kw_only=True)
class Beside:
    """Published pairs beside the same pairs in this run, at one size."""

    file: str
    """Where the published pairs are from"""
    size: int
    """Width or depth"""
    pairs: int
    """In the file"""
    known: int
    """Of these, with both examples in this run"""
    same_class: int
    """Of those, with both of one class here: published pairs are, where the order of the examples is theirs"""
    influence: Ranged
    """Their mean influence in all models of this run; interval over blocks"""
    random: Ranged
    """That of the same test examples with random training examples of the same class"""
    spearman: float
    """Rank correlation of the influence in the file with that in this run"""
    among_found: int
    """How many of them are among the pairs that this run lists"""


@dataclass(frozen=True, kw_only=True)
class InfluenceReport:
    """Which training examples carry which test examples, at every size, and what chance would show."""

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
    among: str
    """`test`, or `train` with `--among-training`: where the second examples of pairs are from"""
    threshold: float
    """Influence that counts"""
    memorised: float
    """Memorisation that counts"""
    all_classes: bool
    """Whether pairs of different classes count"""
    examples: int
    """Training examples"""
    targets: int
    """Second examples: test examples, or training examples again"""
    blocks_memorised: tuple[int, ...]
    """Blocks of models that say what is memorised"""
    blocks_choosing: tuple[int, ...]
    """Those that choose pairs"""
    blocks_telling: tuple[int, ...]
    """Those that the influence of a listed pair is from"""
    sizes: tuple[SizeInfluence, ...]
    """By size, the smallest first"""
    changes: tuple[SizeChange, ...]
    """From each size to the next, and from the first to the last"""
    shown: tuple[ShownExample, ...] | None = keys.left_out()
    """With `--test` or `--train`, by size, the smallest first; with `--size` of that alone"""
    beside: tuple[Beside, ...] | None = keys.left_out()
    """With `--beside`, by size"""
    figures: tuple[str, ...] | None = keys.left_out()
    """The figures that were drawn, with `--plot`"""
    written: tuple[str, ...] | None = keys.left_out()
    """The files that were written, with `--csv` and `--npz`"""
    trainer: str = keys.no_key(default="")
    """What trained the models"""
    block: int = keys.no_key(default=0)
    """Models of a block"""


PAIR = ("pair",)
FIELDS = {
    "size": Field(("size",), "1", "width or depth of the models"),
    "pair_size": Field(PAIR, "1", "width or depth at which a pair was found"),
    "train_example": Field(PAIR, "1", "position of the training example in the run, from 0"),
    "test_example": Field(
        PAIR, "1", "position of the test example (of the second training example with --among-training) in the run"
    ),
    "influence": Field(PAIR, "1", "influence, in models that had no part in choosing the pair"),
    "standard_error": Field(PAIR, "1", "of that influence"),
    "chosen_by": Field(PAIR, "1", "influence in the models that chose the pair; too large, as what was chosen is"),
    "memorisation": Field(PAIR, "1", "memorisation of the training example, in models that did not choose it for that"),
    "false_share": Field(
        PAIR, "1", "share of the pairs of its size and direction that is expected by chance or by class"
    ),
    "example": Field(("example",), "1", "position of the training example in the run, from 0"),
    "memorised": Field(
        ("size", "example"), "1", "whether its memorisation reaches the threshold; only such are paired"
    ),
}
"""What is kept in HDF5: the pairs that are listed, of all sizes one after another"""

RESULTS = Results(FIELDS, second_models=True)
AMONG_TRAINING = Results(FIELDS, second_models=True, made_by="influence RUN --among-training")
