"""`memscope doctor`: what is installed, what this machine has, how fast it trains, and what would help."""

import os
import platform
import shutil
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from memscope.cores import cgroup_cores, cores
from memscope.reports.doctor import DoctorReport, Extra, Speed
from memscope.version import __version__
from memscope.work.carrying_out import Say, silent

PACKAGES = ("torch", "timm", "numpy", "h5py", "safetensors", "click", "rich", "matplotlib", "pillow", "tomli-w")
EXTRAS = {
    "faiss": (("faiss-cpu",), "resmem --index faiss"),
    "hf": (("pyarrow",), "--data hf:DIR"),
    "proxies": (("diptest",), "whether scores are bimodal, in proxies"),
    "memorability": (("resmem", "torchvision"), "memorability --predictor resmem; noncommercial purposes only"),
    "vision": (("torchvision", "scipy"), "--data torchvision:SVHN and torchvision:STL10"),
    "ray": (("ray",), "--engine ray"),
}
"""Packages of each extra, and what needs it"""

SECONDS = 3.0
"""Of each measurement"""
MODEL = 20 * 700
"""Training examples that a model of the report's measure sees"""
LITTLE = 2e9
"""Bytes: a run of some thousand models takes more"""


def doctor(*, speed: bool = True, say: Say = silent) -> DoctorReport:
    """Look at this machine; with `speed`, measure for some seconds how fast it trains."""
    import torch

    from memscope.training.backends.lanes.library import NoLibraryError, library, most_lanes
    from memscope.training.device import resolve_precision

    lanes, no_lanes = None, None
    try:
        say("looking for lanes, which are compiled once")
        library()
        lanes = most_lanes()
    except NoLibraryError as error:
        no_lanes = str(error)
    directory = Path.cwd()
    devices = ["cpu", *(f"cuda: {torch.cuda.get_device_name(one)}" for one in range(torch.cuda.device_count()))]
    devices += ["mps"] if torch.backends.mps.is_available() else []
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    free, limit = shutil.disk_usage(directory).free, cgroup_cores()
    missing = tuple(missing_extras())
    return DoctorReport(
        memscope=__version__,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        packages={name: found for name in PACKAGES if (found := installed(name))},
        devices=tuple(devices),
        cores=cores(),
        cores_of_machine=os.cpu_count() or 1,
        cores_by_cgroup=limit,
        threads=torch.get_num_threads(),
        compiler=compiler,
        lanes=lanes,
        no_lanes=no_lanes,
        bfloat16=resolve_precision("auto", "cpu") == "bfloat16",
        directory=str(directory),
        free_bytes=free,
        missing_extras=missing,
        speeds=tuple(speeds(lanes is not None, say)) if speed else (),
        advice=tuple(advice(no_lanes, compiler, limit, free)),
    )


def installed(package: str) -> str | None:
    """Its version; None if it is not there."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def missing_extras() -> list[Extra]:
    """The extras of which a package is not installed."""
    found = []
    for name, (packages, needed_for) in EXTRAS.items():
        missing = tuple(package for package in packages if installed(package) is None)
        if missing:
            command = f'pip install "memscope-ml[{name}]"'
            found.append(Extra(name=name, needed_for=needed_for, missing=missing, command=command))
    return found


def speeds(with_lanes: bool, say: Say) -> list[Speed]:
    """What one worker trains, by each backend that there is."""
    from memscope.training.speed import lanes_speed, torch_speed

    ways: dict[str, Callable[[float], float]] = {"lanes": lanes_speed} if with_lanes else {}
    ways["torch"] = torch_speed
    found = []
    for backend, measured in ways.items():
        say(f"measuring the speed of {backend}")
        start = time.perf_counter()
        images = measured(SECONDS)
        found.append(
            Speed(
                backend=backend,
                images_per_second=images,
                models_per_minute=60 * images / MODEL,
                seconds=time.perf_counter() - start,
            )
        )
    return found


def advice(no_lanes: str | None, compiler: str | None, limit: float | None, free: int) -> list[str]:
    """What the user can do about what was found."""
    found = []
    if no_lanes is not None:
        install = "" if compiler else "; install a C compiler (apt install gcc, xcode-select --install)"
        found.append(f"narrow networks train up to 20 times as fast in lanes, and there are none: {no_lanes}{install}")
    if limit is not None and limit < cores():
        workers = max(1, int(limit))
        found.append(f"the container may use {limit:g} of its {cores()} cores: give --workers {workers} when training")
    if free < LITTLE:
        found.append(f"the disk of the working directory has {free / 1e9:.1f} GB left: make runs elsewhere")
    return found
