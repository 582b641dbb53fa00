import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from memscope.errors import RunError
from memscope.files.atomic import create_atomically, remove_abandoned, write_atomically
from memscope.plan.plan import DataChoice, Plan
from memscope.plan.recipe import Recipe
from memscope.run import open_run
from memscope.store.claims import claim, claim_path, release, unfinished
from memscope.store.ledger import (
    Outcome,
    Task,
    all_tasks,
    finished_tasks,
    ledger_state,
    missing_tasks,
    outcome_path,
    read_outcome,
    write_outcome,
)

PLAN = Plan(
    data=DataChoice(spec="x", fingerprint="f" * 64),
    family="cnn",
    axis="width",
    fixed=None,
    sizes=(2, 16),
    models=20,
    fraction=0.7,
    seed=0,
    precision="float32",
    recipe=Recipe(epochs=3),
    unit=5,
)
TASK = Task("onehot", 16, 5, 5)


def outcome(num_classes: int = 10) -> Outcome:
    random = np.random.default_rng(0)
    return Outcome(
        in_subset=random.random((5, 37)) < 0.7,
        predicted_train=random.integers(0, num_classes, (5, 37)),
        predicted_test=random.integers(0, num_classes, (5, 11)),
        log_odds_train=random.normal(0, 5, (5, 37)).astype(np.float16),
        log_odds_test=random.normal(0, 5, (5, 11)).astype(np.float16),
        epoch_loss=random.random((5, 3)).astype(np.float32),
        own_accuracy=random.random(5).astype(np.float32),
        diverged=np.array([False, True, False, False, False]),
        seconds=np.ones(5, dtype=np.float32),
        made_by={"device": "cpu", "precision": "float32", "torch_version": "2", "memscope_version": "0"},
    )


@pytest.mark.parametrize("num_classes", [10, 256, 300])
def test_an_outcome_survives_its_file(tmp_path, num_classes):
    given = outcome(num_classes)
    write_outcome(tmp_path, PLAN, TASK, given)
    read = read_outcome(tmp_path, PLAN, TASK)
    for name in vars(given):
        expected, found = getattr(given, name), getattr(read, name)
        assert found == expected if name == "made_by" else np.array_equal(found, expected), name


def test_the_file_is_where_the_design_says_and_holds_no_temporary_beside_it(tmp_path):
    path = write_outcome(tmp_path, PLAN, TASK, outcome())
    assert path.relative_to(tmp_path).as_posix() == "outcomes/onehot/width-16/00005-00009-r0.h5"
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_what_is_missing_is_what_has_no_file_large_sizes_first(tmp_path):
    write_outcome(tmp_path, PLAN, TASK, outcome())
    missing = missing_tasks(tmp_path, PLAN)
    assert [task.size for task in missing] == [16] * 3 + [2] * 4
    assert TASK not in missing
    assert finished_tasks(tmp_path, PLAN, 16) == [TASK]
    assert sorted([*missing, TASK]) == sorted(all_tasks(PLAN))


def test_growth_leaves_the_tasks_that_exist_as_they_are():
    grown = PLAN.grown(sizes=(4,), models=40)
    assert set(all_tasks(PLAN)) < set(all_tasks(grown))


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        (replace(PLAN, seed=1), "has plan digest .*, expected"),
        (replace(PLAN, data=DataChoice(spec="x", fingerprint="e" * 64)), "has plan digest .*, expected"),
    ],
)
def test_an_outcome_of_another_plan_is_refused_with_what_was_expected_and_found(tmp_path, plan, says):
    path = write_outcome(tmp_path, PLAN, TASK, outcome())
    with pytest.raises(RunError, match=says) as refused:
        read_outcome(tmp_path, plan, TASK)
    for part in (str(path), PLAN.digest[:12], plan.digest[:12], "--repair moves it aside"):
        assert part in str(refused.value)


@pytest.mark.parametrize("elsewhere", [Task("onehot", 2, 5, 5), Task("onehot", 16, 10, 5)])
def test_a_file_under_another_tasks_name_is_refused(tmp_path, elsewhere):
    path = write_outcome(tmp_path, PLAN, TASK, outcome())
    target = outcome_path(tmp_path, PLAN, elsewhere)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(path.read_bytes())
    with pytest.raises(RunError, match=r"has (size|model) .*, expected"):
        read_outcome(tmp_path, PLAN, elsewhere)


def test_files_of_another_unit_are_not_counted(tmp_path):
    path = write_outcome(tmp_path, PLAN, TASK, outcome())
    for name in ("00000-00009-r0.h5", "00006-00010-r0.h5", "notes.h5"):
        path.with_name(name).write_bytes(path.read_bytes())
    assert finished_tasks(tmp_path, PLAN, 16) == [TASK]


def test_the_state_of_the_ledger_tells_additions_and_changes_and_survives_a_copy(tmp_path):
    import shutil

    states = [ledger_state(tmp_path / "a", PLAN)]
    write_outcome(tmp_path / "a", PLAN, TASK, outcome())
    states.append(ledger_state(tmp_path / "a", PLAN))
    shutil.copytree(tmp_path / "a", tmp_path / "b", copy_function=shutil.copyfile)
    assert ledger_state(tmp_path / "b", PLAN) == states[-1]
    write_outcome(tmp_path / "a", PLAN, TASK, outcome(300))
    states.append(ledger_state(tmp_path / "a", PLAN))
    assert len(set(states)) == 3


def test_a_changed_subset_is_noticed(tmp_path):
    path = write_outcome(tmp_path, PLAN, TASK, outcome())
    with h5py.File(path, "r+") as file:
        packed = file["in_subset"][()]
        packed[2, 1] ^= 8
        file["in_subset"][...] = packed
    with pytest.raises(RunError, match="its checksum is missing at its end"):
        read_outcome(tmp_path, PLAN, TASK)


@pytest.mark.parametrize(
    ("name", "other", "says"),
    [
        ("predicted_train", np.zeros(5), "predicted_train has 1 axes, expected model x train"),
        ("log_odds_test", np.zeros((5, 4)), "log_odds_test has 4 along test, expected"),
        ("own_accuracy", np.zeros(6), "own_accuracy has 6 along model, expected 5"),
        ("num_examples", 12, "is of 12 examples, has predictions of"),
    ],
)
def test_arrays_of_other_shapes_are_damage(tmp_path, name, other, says):
    path = write_outcome(tmp_path, PLAN, TASK, outcome())
    with h5py.File(path, "r+") as file:
        del file.attrs["sealed"]  # as files from before seals
        if name in file.attrs:
            file.attrs[name] = other
        else:
            del file[name]
            file[name] = other
    with pytest.raises(RunError, match=says):
        read_outcome(tmp_path, PLAN, TASK)


@pytest.mark.parametrize("length", [0, 100, 2000])
def test_a_truncated_file_is_reported_with_its_name_and_the_remedy(tmp_path, length):
    path = write_outcome(tmp_path, PLAN, TASK, outcome())
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(RunError, match="is damaged") as refused:
        read_outcome(tmp_path, PLAN, TASK)
    assert str(path) in str(refused.value)
    assert "train-family" in str(refused.value)


def flipped_bits(path: Path, read: Callable[[], Outcome]) -> int:
    """How many of 150 flipped bits of a file are found; the others change nothing that numbers are made from."""
    content, given, detected = path.read_bytes(), read(), 0
    random = np.random.default_rng(0)
    for position in random.integers(0, len(content), 150):
        broken = bytearray(content)
        broken[position] ^= 1 << random.integers(8)
        path.write_bytes(bytes(broken))
        try:
            found = read()
        except RunError:
            detected += 1
            continue
        for name in ("in_subset", "predicted_train", "predicted_test", "log_odds_train", "diverged"):
            assert np.array_equal(getattr(found, name), getattr(given, name)), (position, name)
    return detected


def test_every_flipped_bit_of_an_outcome_is_found(tmp_path):
    path = write_outcome(tmp_path, PLAN, TASK, outcome())
    assert flipped_bits(path, lambda: read_outcome(tmp_path, PLAN, TASK)) == 150


def test_flipped_bits_of_a_file_from_before_seals_never_give_other_numbers(tmp_path):
    """HDF5's own checksums find them, which such files have and ours no longer."""
    with tarfile.open(Path(__file__).parent / "archive" / "run-1.0.tar.gz") as packed:
        packed.extractall(tmp_path, filter="data")
    run = open_run(tmp_path / "run")
    task = all_tasks(run.plan)[0]
    path = outcome_path(run.path, run.plan, task)
    with h5py.File(path) as file:
        assert file["in_subset"].fletcher32
        assert "sealed" not in file.attrs
    assert flipped_bits(path, lambda: read_outcome(run.path, run.plan, task)) > 10


def test_a_newer_format_says_to_upgrade(tmp_path):
    path = write_outcome(tmp_path, PLAN, TASK, outcome())
    with h5py.File(path, "r+") as file:
        file.attrs["encoding-version"] = "2.0"
        del file.attrs["sealed"]
    with pytest.raises(RunError, match="upgrade memscope"):
        read_outcome(tmp_path, PLAN, TASK)


def test_a_write_that_fails_leaves_the_old_file_and_says_what_to_do(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match="No space left on device") as refused:
        write_atomically(path, b"new")
    assert str(path) in str(refused.value)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_replaced_and_never_written_over(tmp_path):
    path, reader = tmp_path / "file", tmp_path / "what a reader has open"
    write_atomically(path, b"old")
    os.link(path, reader)
    write_atomically(path, b"new")
    assert (path.read_bytes(), reader.read_bytes()) == (b"new", b"old")


def test_of_two_creations_the_first_wins_and_the_second_knows(tmp_path):
    path = tmp_path / "new" / "plan.toml"
    assert create_atomically(path, b"first")
    assert not create_atomically(path, b"second")
    assert path.read_bytes() == b"first"
    assert list(path.parent.iterdir()) == [path]


def test_only_temporaries_of_processes_that_are_gone_are_removed(tmp_path):
    import socket

    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    host = socket.gethostname()
    dead = tmp_path / "outcomes" / f".a.h5~{host}~{gone.pid}.tmp"
    alive = tmp_path / "outcomes" / f".b.h5~{host}~{os.getpid()}.tmp"
    elsewhere = tmp_path / "outcomes" / f".c.h5~{host}x~{gone.pid}.tmp"
    dead.parent.mkdir()
    for file in (dead, alive, elsewhere):
        file.write_bytes(b"")
    remove_abandoned(tmp_path)
    assert sorted(file.name[1] for file in dead.parent.iterdir()) == ["b", "c"]


def test_tasks_claimed_by_a_living_process_come_last_and_finished_ones_never(tmp_path):
    import socket

    def path_of(task):
        return outcome_path(tmp_path, PLAN, task)

    tasks = all_tasks(PLAN)[:6]
    bundles = [*((task,) for task in tasks[:4]), tuple(tasks[4:])]
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        claim(tmp_path, path_of(tasks[0]))
        claim_path(tmp_path, path_of(tasks[0])).write_text(f"{socket.gethostname()} {other.pid}")
        write_outcome(tmp_path, PLAN, tasks[1], outcome())
        write_outcome(tmp_path, PLAN, tasks[4], outcome())
        given = list(unfinished(tmp_path, bundles, path_of))
        # of a bundle only what is not finished is given out
        assert given == [(tasks[2],), (tasks[3],), (tasks[5],), (tasks[0],)]
    finally:
        other.communicate(b"\n")
    # its process is gone now: the claim is worth nothing
    release(tmp_path, path_of(tasks[2]))
    assert next(unfinished(tmp_path, bundles, path_of)) == (tasks[0],)


def test_a_claim_that_is_being_written_is_a_claim(tmp_path):
    path = outcome_path(tmp_path, PLAN, all_tasks(PLAN)[0])
    claim_path(tmp_path, path).parent.mkdir()
    claim_path(tmp_path, path).touch()  # created, and its process not yet written into it
    assert not claim(tmp_path, path)
