"""What `memscope train-family` does, and with `--dry-run` what it would take."""

from dataclasses import dataclass

from memscope.reports.derived import DerivedData
from memscope.reports.keys import left_out, no_key
from memscope.reports.training import DivergedModel, FailedTask


@dataclass(frozen=True, kw_only=True)
class TrainFamilyReport:
    """What a call of `train-family` has trained; of a shard, the numbers are those of its share."""

    run: str
    """The run's directory"""
    digest: str
    """Of its plan"""
    sizes: tuple[int, ...]
    """Widths or depths, the smallest first"""
    models: int
    """Models that are planned of each size"""
    full_models: int
    """Models of each size on all the data that are planned"""
    trained: int
    """Models that this call has trained"""
    already: int
    """Models that were there"""
    diverged: tuple[DivergedModel, ...]
    """This call's models whose loss became NaN or infinite"""
    failed: tuple[FailedTask, ...]
    """Tasks that failed twice; the command exits with 1 then"""
    data_changed: str = ""
    """What has changed in the data since the run was made, and what to do; empty where nothing has"""
    axis: str = no_key()
    """`width` or `depth`"""
    trainer: str = no_key()
    """Who trains: `memscope`, `record`, or the user's own function"""
    dynamics: int = 0
    """Models of each size whose training is to be recorded; if there are any, so are those on all the data"""
    recorded: int = 0
    """Models whose training this call has recorded"""
    again: int = 0
    """Of `trained`, those that were there and were trained again only to be recorded"""


@dataclass(frozen=True, kw_only=True)
class Pilot:
    """What the models of one size that are there say of the standard errors of its scores."""

    models: int
    """Models that are there"""
    rms_standard_error: float
    """Root mean square standard error of a raw score"""
    expected_rms_standard_error: float
    """The same with the planned models"""
    agreement: float
    """Rank correlation of the scores of the blocks of even and of odd number"""
    expected_agreement: float
    """The same with the planned models"""


@dataclass(frozen=True, kw_only=True)
class SizeForecast:
    """What the training of one size would take."""

    size: int
    """Width or depth"""
    models: int
    """Models that are still to be trained"""
    parameters: int | None
    """Of a model; null where the training is the user's own"""
    seconds_per_model: float
    """On one worker; null where the training is the user's own"""
    pilot: Pilot | None
    """What the models that are there say; null where there are none"""


@dataclass(frozen=True, kw_only=True)
class ForecastReport:
    """What a training would take, from a short measured probe and from the models that are there."""

    sizes: tuple[SizeForecast, ...]
    """By size, the smallest first"""
    workers: int
    """Workers that would train"""
    steps: int
    """Training steps of a model"""
    seconds: float
    """Time of all models with these workers; null where the training is the user's own"""
    outcome_bytes: int
    """Disk that the outcomes would take, before compression"""
    weight_bytes: int
    """Disk that the weights would take"""
    expected_standard_error: float
    """Of one score at p = 0.5 on both sides, with the planned models"""
    models_until: int | None
    """Models of each size that `--until-...` takes; null where not asked or not known"""
    seconds_until: float
    """The time of those that are not there yet; null where not asked or not known"""
    axis: str = no_key()
    """`width` or `depth`"""
    family: str = no_key()
    precision: str = no_key()
    batch_size: int = no_key()
    models: int = no_key()
    """Models that are planned of each size"""
    block: int = no_key()
    """Models of a block"""
    fraction: float = no_key()
    """Share of the training examples that a model is trained on"""
    until_asked: bool = no_key()
    """Whether models are to be added until the scores are precise"""
    dynamics: int = 0
    """Models of each size whose training is to be recorded; if there are any, so are those on all the data"""
    again: int = 0
    """Of the models still to be trained, those that are there and are trained again only to be recorded"""
    dynamics_bytes: int = 0
    """Disk that recording would take, with checkpoints, before compression"""
    dynamics_seconds: float = 0.0
    """Of `seconds`, the time of recording, without that of training models again"""
    derived: DerivedData | None = left_out()
    """Where the data come from, of a run made with `--from`"""
    at_most: bool = no_key()
    """Whether fewer may do: the population estimate needs fewer than the raw scores that this is predicted from"""
