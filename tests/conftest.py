"""Small data sets and runs that several tests share."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from memscope.work.options import Choices

for name in [name for name in os.environ if name.startswith("MEMSCOPE_")]:
    if not name.startswith(("MEMSCOPE_THOROUGH", "MEMSCOPE_CASE")):  # which are our own, of tests/reliability
        del os.environ[name]  # it would stand for an option in whatever command a test runs


@pytest.fixture(scope="session")
def tiny_npz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 training and 40 test images of 8x8 pixels in four classes, each a noisy copy of its class's pattern."""
    random = np.random.default_rng(0)
    patterns = random.integers(0, 256, (4, 8, 8, 1))
    arrays = {}
    for part, count in (("train", 120), ("test", 40)):
        labels = np.arange(count) % 4
        noise = random.normal(0, 60, (count, 8, 8, 1))
        arrays[f"{part}_images"] = np.clip(patterns[labels] + noise, 0, 255).astype(np.uint8)
        arrays[f"{part}_labels"] = labels
    path = tmp_path_factory.mktemp("data") / "tiny.npz"
    np.savez(path, **arrays)
    return path


@pytest.fixture(scope="session")
def tiny_choices(tiny_npz: Path) -> Choices:
    """A family of three widths that trains in a second or two."""
    return Choices(
        data=f"npz:{tiny_npz}",
        label_noise=0.1,
        family="mlp",
        widths=(2, 4, 8),
        models=20,
        epochs=3,
        batch_size=16,
        precision="float32",
    )


@pytest.fixture(scope="session")
def tiny_run(tiny_choices: Choices, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of `tiny_choices`, trained in this process. Tests must not change it."""
    from memscope.steps.train_family import train_family
    from memscope.work.carrying_out import WorkOptions

    path = tmp_path_factory.mktemp("runs") / "tiny"
    result = train_family(path, replace(tiny_choices), WorkOptions(device="cpu", engine="inline"))
    assert not result.failed
    return path


@pytest.fixture(scope="session")
def full_run(tiny_run: Path, tiny_choices: Choices, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`tiny_run` with two models of each size on all the data as well. Tests must not change it."""
    import shutil

    from memscope.steps.train_family import train_family
    from memscope.work.carrying_out import WorkOptions

    path = tmp_path_factory.mktemp("runs") / "full"
    shutil.copytree(tiny_run, path)
    train_family(path, Choices(full=2), WorkOptions(device="cpu", engine="inline"))
    return path
