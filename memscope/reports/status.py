"""What `memscope status` finds."""

from dataclasses import dataclass

from memscope.reports.derived import DerivedData
from memscope.reports.keys import left_out, no_key


@dataclass(frozen=True, kw_only=True)
class SizeStatus:
    """The models on subsets of one size."""

    size: int
    """Width or depth"""
    models: int
    """Models that are there"""
    missing: int
    """Planned models that are not"""
    failed_tasks: tuple[str, ...]
    """Files with the traceback of those that failed"""
    bytes: int
    """Of their outcomes"""
    weight_bytes: int
    """Of their weights"""


@dataclass(frozen=True, kw_only=True)
class StandardErrorForecast:
    """What another error of the scores would take."""

    error: float
    """Root mean square standard error of a score"""
    models: int
    """Models of the size that it takes, in whole blocks"""
    seconds: float
    """The time of those that are not there yet, of one worker"""


@dataclass(frozen=True, kw_only=True)
class SizeStandardError:
    """How precise the last scores of one size are."""

    size: int
    """Width or depth"""
    models: int
    """Models that the scores are from"""
    rms_standard_error: float
    """Root mean square standard error of a score"""
    rms_sd: float
    """Root mean square posterior standard deviation of the population estimate"""
    agreement: float
    """Rank correlation of the scores of the blocks of even and of odd number"""
    forecast: tuple[StandardErrorForecast, ...]
    """For some other errors"""


@dataclass(frozen=True, kw_only=True)
class VariantStatus:
    """Models of one size beside those on subsets: second models of a subset, models on all the data, students."""

    variant: str
    """`onehot/replicate-1` (second models of a subset), `full` (models on all the data), or the students' setting"""
    size: int
    """Width or depth"""
    models: int
    """Models that are there"""
    missing: int
    """Models that are not; of second models those of the blocks that were begun"""


@dataclass(frozen=True, kw_only=True)
class DynamicsStatus:
    """The models of one variant and size whose training is recorded."""

    variant: str
    """`onehot` for the models on subsets, `full` on all the data"""
    size: int
    """Width or depth"""
    models: int
    """Models whose dynamics and checkpoints are there"""
    missing: int
    """Models whose training is to be recorded, and that lack one or both"""
    bytes: int
    """Of these files"""


@dataclass(frozen=True, kw_only=True)
class MovedFile:
    """A file that was moved aside."""

    file: str
    """Where it was"""
    to: str
    """Where it is"""
    found: str
    """What was wrong with it"""
    again: str
    """The command that makes it again, or where it has come from"""


@dataclass(frozen=True, kw_only=True)
class Repair:
    """What a repair did."""

    files: int
    """Files that were read"""
    moved: tuple[MovedFile, ...]
    """Those that were damaged, or of another run"""


@dataclass(frozen=True, kw_only=True)
class CommandTime:
    """The time of all calls of one command that ended well; seconds of wall clock, from the start of the program."""

    command: str
    """The command, or `all`"""
    calls: int
    """How often it was called"""
    seconds: float
    """Its time; the fields below, without `other`, are its parts"""
    start: float
    """Until the first of the others begins: Python, torch, the data"""
    training: float
    """Of all workers over their number"""
    evaluation: float
    """Of all workers over their number"""
    waiting: float
    """For workers to start, for the last of them, and for their files"""
    memories: float
    """Measuring residual memories and proxies"""
    scoring: float
    """Scores, types and comparisons"""
    drawing: float
    """Figures"""
    rest: float
    """Printing, exports, loading what draws"""
    other: float
    """All but training"""


@dataclass(frozen=True, kw_only=True)
class StatusReport:
    """What a run has done, what is missing, what has failed and what is out of date."""

    run: str
    """The run's directory"""
    digest: str
    """Of its plan"""
    data: str
    """The data set, as `--data` has it"""
    family: str
    """The family of networks, or the user's own trainer"""
    axis: str
    """`width` or `depth`"""
    trainer: str
    """Who trains: `memscope`, `record`, or the user's own function"""
    precision: str
    """Of the training: `float32` or `bfloat16`"""
    models_planned: int
    """Models that are planned of each size"""
    sizes: tuple[SizeStatus, ...]
    """The models on subsets, by size"""
    score_precision: tuple[SizeStandardError, ...] | None
    """How precise the scores are, by size; null before `score`"""
    variants: tuple[VariantStatus, ...]
    """What there is beside the models on subsets"""
    other_failures: tuple[str, ...]
    """Files with the traceback of what else failed"""
    results: dict[str, str]
    """By command (`score`, `trajectories`, `convergence`, `resmem`, `distill`, `proxies`, `memorability`, `predictor`,
    `influence`, `influence-training`, `removal`, `peel`, `privacy`): `current`, `out of date`, `missing`, or what is
    wrong with the file"""
    repair: Repair | None = left_out()
    """What was read and moved aside, with `--repair`"""
    backend: str | None = left_out()
    """What trains on a CPU if it is not PyTorch: `lanes`"""
    dynamics: tuple[DynamicsStatus, ...] | None = left_out()
    """The models whose training is recorded, where any are or are to be"""
    derived: DerivedData | None = left_out()
    """Where the data come from, of a run made with `--from`"""
    timing: tuple[CommandTime, ...] | None = left_out()
    """Where the time went, with `--timing`: by command, and then for `all`"""
    examples_there: bool = no_key(default=True)
    """Whether there is `examples.h5`, without which nothing can be scored"""
    not_yet: dict[str, str] = no_key(default_factory=dict)
    """By command that would fail now: why"""
