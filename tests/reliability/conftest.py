"""A run that has a file of every kind, and how thoroughly to test."""

import os
import shutil
from pathlib import Path

import pytest

from memscope.analysis.proxies.catalogue import GROUPS
from memscope.plan.teaching import Teaching
from memscope.run import open_run
from memscope.steps.distill import distill
from memscope.steps.resmem import MemoryOptions, resmem
from memscope.steps.score import score
from memscope.steps.train_family import train_family
from memscope.steps.trajectories import trajectories
from memscope.store.ledger import FULL
from memscope.work.carrying_out import WorkOptions, silent, unseen
from memscope.work.measuring_proxies import measurable, measure
from memscope.work.options import Choices

INLINE = WorkOptions(device="cpu", engine="inline")


@pytest.fixture(scope="session")
def thorough() -> bool:
    """Whether this is `make reliability`: minutes to an hour instead of seconds."""
    return bool(os.environ.get("MEMSCOPE_THOROUGH"))


@pytest.fixture(scope="session")
def tried() -> MemoryOptions:
    """What `whole_run` chose its residual memories from."""
    return MemoryOptions(k=(1, 5), sigma=(0.5,), temperature=(1.0,))


@pytest.fixture(scope="session")
def whole_run(full_run: Path, tried: MemoryOptions, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`full_run` with dynamics, proxies, students, residual memories and all results. Tests must not change it."""
    path = tmp_path_factory.mktemp("whole") / "run"
    shutil.copytree(full_run, path)
    assert not train_family(path, Choices(dynamics=10), INLINE).failed
    measure_proxies(path)
    score(path)
    trajectories(path)
    distill(path, Teaching(8), options=INLINE)
    assert not resmem(path, tried, INLINE).failed
    return path


def measure_proxies(path: Path, groups: tuple[str, ...] = tuple(GROUPS)) -> None:
    """Of every model that was recorded."""
    run = open_run(path)
    tasks = {size: [*measurable(run, size), *measurable(run, size, FULL)] for size in run.plan.sizes}
    assert not measure(run, tasks, groups, INLINE, "cpu", silent, unseen).failures
