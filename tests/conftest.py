"""Small data sets and runs that several tests share, and which tests `make slow` and `make reliability` alone do."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock  # torch needs it as well

from memscope.work.options import Choices

for name in [name for name in os.environ if name.startswith("MEMSCOPE_")]:
    if not name.startswith(("MEMSCOPE_THOROUGH", "MEMSCOPE_CASE")):  # which are our own, of tests/reliability
        del os.environ[name]  # it would stand for an option in whatever command a test runs


def slow_tests() -> dict[str, bool]:
    """The tests of slow.txt, as `tests/file.py::test`, and whether the first case of each is left out of it."""
    found, file = {}, ""
    for line in (Path(__file__).parent / "slow.txt").read_text().splitlines():
        name, _, but = line.partition("#")[0].strip().partition(", ")
        if name and line[0] != " ":
            file = name
        elif name:
            assert but in ("", "but its first case"), line
            found[f"{file}::{name}"] = bool(but)
    return found


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what slow.txt lists. Long forms of what is held once already are left to `make reliability`."""
    slow, seen = slow_tests(), set()
    for item in items:
        name = item.nodeid.partition("[")[0].partition("@")[0]  # xdist writes a test's group after an @
        if name in slow and (name in seen or not slow[name]):
            item.add_marker(pytest.mark.slow)
        seen.add(name)
    if os.environ.get("MEMSCOPE_THOROUGH"):
        return
    for item in items:
        if item.get_closest_marker("thorough"):
            item.add_marker(pytest.mark.skip(reason="a long form: make reliability"))


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Gives what is made at a path by the first process that asks for it, under a name; others may look at it then."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared"
    shared.mkdir(exist_ok=True)

    def get(name: str, make: Callable[[Path], object]) -> Path:
        path = shared / name
        with FileLock(shared / f"{name}.lock"):
            if not path.exists():
                making = shared / "making" / name  # under the same name, which may be an extension
                making.parent.mkdir(exist_ok=True)
                make(making)
                making.rename(path)
        return path

    return get


@pytest.fixture(scope="session")
def run_made_once(made_once, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A run that `made_once` gives, copied for this process: commands that change nothing lay claims for a while."""

    def get(name: str, make: Callable[[Path], object]) -> Path:
        path = tmp_path_factory.mktemp("runs") / name
        shutil.copytree(made_once(name, make), path)
        return path

    return get


@pytest.fixture(scope="session")
def tiny_npz(made_once) -> Path:
    """120 training and 40 test images of 8x8 pixels in four classes, each a noisy copy of its class's pattern."""
    random = np.random.default_rng(0)
    patterns = random.integers(0, 256, (4, 8, 8, 1))
    arrays = {}
    for part, count in (("train", 120), ("test", 40)):
        labels = np.arange(count) % 4
        noise = random.normal(0, 60, (count, 8, 8, 1))
        arrays[f"{part}_images"] = np.clip(patterns[labels] + noise, 0, 255).astype(np.uint8)
        arrays[f"{part}_labels"] = labels
    return made_once("tiny.npz", lambda path: np.savez(path, **arrays))


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
def tiny_run(tiny_choices: Choices, run_made_once) -> Path:
    """A finished run of `tiny_choices`, trained in this process or in one beside it. Tests must not change it."""
    from memscope.steps.train_family import train_family
    from memscope.work.carrying_out import WorkOptions

    def make(path: Path) -> None:
        assert not train_family(path, replace(tiny_choices), WorkOptions(device="cpu", engine="inline")).failed

    return run_made_once("tiny", make)


@pytest.fixture(scope="session")
def full_run(tiny_run: Path, run_made_once) -> Path:
    """`tiny_run` with two models of each size on all the data as well. Tests must not change it."""
    from memscope.steps.train_family import train_family
    from memscope.work.carrying_out import WorkOptions

    def make(path: Path) -> None:
        shutil.copytree(tiny_run, path)
        train_family(path, Choices(full=2), WorkOptions(device="cpu", engine="inline"))

    return run_made_once("full", make)


@pytest.fixture(scope="session")
def forty_run(tiny_run: Path, run_made_once) -> Path:
    """`tiny_run` with 40 models of each width: four blocks. Tests must not change it."""
    from memscope.steps.train_family import train_family
    from memscope.work.carrying_out import WorkOptions

    def make(path: Path) -> None:
        shutil.copytree(tiny_run, path)
        train_family(path, Choices(models=40), WorkOptions(device="cpu", engine="inline"))

    return run_made_once("forty", make)


STAND_IN = Path(__file__).parent / "predictors" / "stand_in"


@pytest.fixture
def stand_in(monkeypatch) -> Iterator[None]:
    """Until the test ends, `import resmem` gives a stand-in for that package, of its interface, as version 1.1.6."""
    from memscope.torchvision_import import mend_torchvision

    mend_torchvision()
    monkeypatch.delitem(sys.modules, "resmem", raising=False)
    monkeypatch.syspath_prepend(str(STAND_IN))
    yield
    sys.modules.pop("resmem", None)
