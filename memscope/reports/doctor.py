"""What `memscope doctor` finds: what is installed, what this machine has, and how fast it trains."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Extra:
    """An extra of the package, of which something is not installed."""

    name: str
    """As pip knows it"""
    needed_for: str
    """What cannot be done without it"""
    missing: tuple[str, ...]
    """Packages"""
    command: str
    """What installs it"""


@dataclass(frozen=True, kw_only=True)
class Speed:
    """How fast one worker trains a small network: a cnn of width 4 on images of 28 x 28."""

    backend: str
    """`lanes` or `torch`"""
    images_per_second: float
    """Training examples, forward and backward"""
    models_per_minute: float
    """Of 20 epochs of 700 examples"""
    seconds: float
    """How long was measured"""


@dataclass(frozen=True, kw_only=True)
class DoctorReport:
    """What memscope finds on this machine."""

    memscope: str
    """Version"""
    python: str
    """Version"""
    system: str
    """Operating system and kind of processor"""
    packages: dict[str, str]
    """Versions of what memscope rests on"""
    devices: tuple[str, ...]
    """`cpu` and what else torch can compute on here"""
    cores: int
    """Cores that this process may use"""
    cores_of_machine: int
    """Cores of the machine"""
    cores_by_cgroup: float | None
    """Cores' worth of time that a container's limit (cgroup) allows; `null` without a limit"""
    threads: int
    """Threads that torch takes in this process; a worker takes one"""
    compiler: str | None
    """The C compiler"""
    lanes: int | None
    """Models that lanes train at once; `null` if there are none"""
    no_lanes: str | None
    """Why there are none"""
    bfloat16: bool
    """Whether the processor computes bfloat16 natively"""
    directory: str
    """The working directory"""
    free_bytes: int
    """Room on its disk"""
    missing_extras: tuple[Extra, ...]
    """Extras that are not installed"""
    speeds: tuple[Speed, ...]
    """Measured, on one worker; none with `--no-speed`"""
    advice: tuple[str, ...]
    """What would make it faster or keep it from failing, a sentence each"""
