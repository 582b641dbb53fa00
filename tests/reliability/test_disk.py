"""Disks that fill, that cannot be written, that go away: one clear line, nothing half-written, and then it goes on."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from memscope.cli import memscope
from memscope.errors import RunError
from memscope.run import open_run
from memscope.steps.resmem import resmem
from memscope.steps.score import score
from memscope.steps.train_family import train_family
from memscope.steps.trajectories import trajectories
from memscope.store.image_stamp import is_stamped, stamp_of
from memscope.store.results import read_group
from memscope.work.carrying_out import WorkOptions
from memscope.work.data_set import ensure_examples
from memscope.work.options import Choices
from memscope.work.repair import repair

pytestmark = pytest.mark.xdist_group("reliability")  # whole_run takes a while to make
INLINE = WorkOptions(device="cpu", engine="inline")


@pytest.fixture
def disk(tmp_path) -> Iterator[Path]:
    """A small file system of its own, in memory."""
    where = tmp_path / "disk"
    where.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(where)], capture_output=True)
    if mounted.returncode:
        pytest.skip("a file system can be mounted by root only")
    yield where
    subprocess.run(["umount", "-l", str(where)], check=True)


def remount(disk: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(disk)], check=True)


def refused(result: Result) -> str:
    """The message of a command that ended with an error of ours."""
    assert isinstance(result.exception, RunError), (result.output, result.exception)
    message = str(result.exception)
    assert "\n" not in message
    return message


def memscope_does(*arguments: object) -> Result:
    return CliRunner().invoke(memscope, [str(argument) for argument in arguments])


def test_a_disk_that_fills_again_and_again_loses_nothing(disk, whole_run, tiny_choices, tried):
    run, choices = disk / "run", Choices(**{**vars(tiny_choices), "full": 2})
    size, full = 64, 0
    steps = [
        lambda: train_family(run, choices, INLINE),
        lambda: score(run),
        lambda: trajectories(run),
        lambda: resmem(run, tried, INLINE),
    ]
    for step in steps:
        while True:
            try:
                step()
                break
            except RunError as error:
                message = str(error)
            full += 1
            assert "No space left on device" in message
            assert str(run) in message
            assert not [path for path in run.rglob("*") if path.name.endswith(".tmp")]
            if (run / "plan.toml").exists():
                assert repair(run).moved == ()
            size += 320
            remount(disk, f"size={size}k")
    print(f"full {full} times")
    assert full > 5
    for group in ("score", "trajectories", "resmem"):
        ours, theirs = (read_group(path, group, open_run(path).plan) for path in (run, whole_run))
        for name in theirs:
            assert ours[name].tobytes() == theirs[name].tobytes() or ours[name].tolist() == theirs[name].tolist(), name


def test_a_read_only_run_can_be_looked_at_and_says_that_it_cannot_be_written(disk, whole_run):
    remount(disk, "size=50m")
    shutil.copytree(whole_run, disk / "run")
    run = disk / "run"
    (run / "results" / "distill.h5").unlink()
    next((run / "outcomes" / "onehot" / "width-2").glob("*.h5")).unlink()
    remount(disk, "ro")
    assert memscope_does("status", run).exception is None
    assert memscope_does("status", run, "--repair").exception is None
    open_run(run).scores(size=4)
    ensure_examples(open_run(run))  # a copy's images are hashed again, and that it was done is kept nowhere
    assert not is_stamped(run, stamp_of(run, open_run(run).plan.data.fingerprint))
    for command in (
        ("score", run),
        ("trajectories", run, "--plot"),
        ("distill", run),
        ("score", run, "--csv", run / "scores.csv"),
        ("train-family", run, "--device", "cpu", "--engine", "inline"),
        ("train-family", run, "--models", "40", "--device", "cpu", "--engine", "inline"),
    ):
        assert "Read-only file system" in refused(memscope_does(*command)), command
    remount(disk, "rw")
    assert memscope_does("train-family", run, "--device", "cpu", "--engine", "inline").exception is None
    assert memscope_does("score", run).exception is None


@contextmanager
def somebody_else() -> Iterator[None]:
    """Without the rights of root, who may write everywhere."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_without_permission_a_command_says_so_and_changes_nothing(whole_run, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(whole_run, run)
    assert memscope_does("trajectories", run, "--plot").exception is None  # loads all that is to be loaded
    for parent in run.parents[:-1]:
        if parent.stat().st_uid == os.getuid() and parent.is_relative_to(Path(tmp_path.anchor) / "tmp"):
            parent.chmod(0o755)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    for directory in [run, *run.rglob("*/")]:
        directory.chmod(0o555)
    try:
        with somebody_else():
            results = [memscope_does("score", run), memscope_does("trajectories", run, "--plot")]
            shown = memscope_does("status", run)
    finally:
        for directory in [run, *run.rglob("*/")]:
            directory.chmod(0o755)
    for result in results:
        assert "Permission denied" in refused(result)
    assert shown.exception is None
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_a_run_that_goes_away_while_it_is_worked_on_is_not_begun_anew_in_its_place(tiny_choices, tmp_path):
    run, elsewhere = tmp_path / "run", tmp_path / "elsewhere"

    def take_away(ended) -> None:
        if ended.done >= 20 and run.exists():
            run.rename(elsewhere)

    with pytest.raises(RunError, match="has gone while it was worked on"):
        train_family(run, tiny_choices, INLINE, on_end=take_away)
    assert not run.exists()
    elsewhere.rename(run)
    finished = train_family(run, tiny_choices, INLINE)
    assert finished.already >= 20
    assert not finished.failed
