"""The files of dynamics: what they hold survives them; what is not theirs is refused with the line that mends it."""

from dataclasses import replace

import h5py
import numpy as np
import pytest

from memscope.errors import FileError, NewerError, RunError
from memscope.files.atomic import write_atomically
from memscope.plan.plan import DataChoice, Plan
from memscope.plan.recipe import Recipe
from memscope.store.dynamics import (
    Dynamics,
    check_checkpoints,
    checkpoints_path,
    dynamics_path,
    finished_dynamics,
    is_recorded,
    lacking_dynamics,
    pack_checkpoints,
    pack_dynamics,
    read_checkpoints,
    read_dynamics,
    recorded_tasks,
)
from memscope.store.ledger import FULL, Task
from memscope.store.weights import pack_weights, read_weights, weights_path

PLAN = Plan(
    DataChoice("x", "f" * 64), "cnn", "width", None, (2, 16), 20, 0.7, 0, "float32", Recipe(epochs=3), 5, 2, dynamics=10
)
TASK = Task("onehot", 16, 5, 5)


def dynamics(examples: int = 37) -> Dynamics:
    random = np.random.default_rng(0)
    odds = random.normal(0, 5, (5, 3, examples)).astype(np.float16)
    odds[1, 2] = np.nan
    return Dynamics(
        in_subset=random.random((5, examples)) < 0.7,
        correct=random.random((5, 3, examples)) < 0.5,
        log_odds=odds,
        diverged=np.array([False, True, False, False, False]),
        seconds=np.arange(5, dtype=np.float32),
    )


def checkpoints() -> dict[int, dict[int, dict[str, np.ndarray]]]:
    random = np.random.default_rng(1)
    found = {
        model: {
            epoch: {
                "0.weight": random.normal(0, 1, (3, 2)).astype(np.float32),
                "1.num_batches_tracked": np.array(7 * epoch),
                "a/b": random.normal(0, 1, 4).astype(np.float32),
            }
            for epoch in (1, 2, 3)
        }
        for model in TASK.models
    }
    found[6] = {}  # diverged in the first epoch
    return found


@pytest.fixture
def run(tmp_path):
    write_atomically(checkpoints_path(tmp_path, PLAN, TASK), pack_checkpoints(PLAN, TASK, checkpoints()))
    write_atomically(dynamics_path(tmp_path, PLAN, TASK), pack_dynamics(PLAN, TASK, dynamics()))
    return tmp_path


@pytest.mark.parametrize("examples", [37, 40])
def test_dynamics_survive_their_file(tmp_path, examples):
    given = dynamics(examples)
    write_atomically(dynamics_path(tmp_path, PLAN, TASK), pack_dynamics(PLAN, TASK, given))
    found = read_dynamics(tmp_path, PLAN, TASK)
    for name in vars(given):
        expected, values = getattr(given, name), getattr(found, name)
        assert values.dtype == expected.dtype
        assert np.array_equal(values, expected, equal_nan=values.dtype.kind == "f"), name
    write_atomically(dynamics_path(tmp_path, PLAN, TASK), pack_dynamics(PLAN, TASK, replace(given, seconds=None)))
    assert read_dynamics(tmp_path, PLAN, TASK).seconds is None


def test_files_are_where_format_md_says_and_each_field_says_what_it_is(run):
    path = dynamics_path(run, PLAN, TASK)
    assert path.relative_to(run).as_posix() == "dynamics/onehot/width-16/00005-00009-r0.h5"
    assert checkpoints_path(run, PLAN, TASK) == path.with_suffix(".safetensors")
    assert finished_dynamics(run, PLAN, 16) == [TASK]
    assert finished_dynamics(run, PLAN, 2) == []
    assert finished_dynamics(run, PLAN, 16, FULL) == []
    with h5py.File(path) as file:
        assert file.attrs["encoding-type"] == "memscope-dynamics"
        assert all(data.attrs["units"] and data.attrs["long_name"] for data in file.values())
        assert (file["correct"].dtype, file["correct"].shape) == (np.uint8, (5, 3, 5))
        assert file["log_odds"].dtype == np.float16
        # by hand: example 9 is bit 1 of byte 1
        assert bool(file["correct"][4, 2, 1] >> 1 & 1) == dynamics().correct[4, 2, 9]


def test_checkpoints_survive_their_file_and_one_model_is_read_without_the_others(run):
    for model, by_epoch in checkpoints().items():
        found = read_checkpoints(run, PLAN, TASK, model)
        assert list(found) == list(by_epoch)
        for epoch, weights in by_epoch.items():
            assert found[epoch].keys() == weights.keys()
            assert all((found[epoch][name] == values).all() for name, values in weights.items())
            assert all(found[epoch][name].dtype == values.dtype for name, values in weights.items())
    assert list(check_checkpoints(run, PLAN, TASK)) == list(TASK.models)
    assert pack_checkpoints(PLAN, TASK, checkpoints()) == pack_checkpoints(PLAN, TASK, checkpoints())


def test_the_plan_says_who_is_recorded():
    tasks = recorded_tasks(PLAN)
    assert tasks == [
        *(Task("onehot", size, first, 5) for size in (16, 2) for first in (0, 5)),
        *(Task(FULL, size, number, 1) for size in (16, 2) for number in (0, 1)),
    ]
    assert not recorded_tasks(replace(PLAN, dynamics=0))
    assert not is_recorded(PLAN, Task("onehot", 2, 10, 5))
    assert not is_recorded(PLAN, Task("onehot", 2, 0, 5, replicate=1))
    assert not is_recorded(PLAN, Task("distilled/teacher-16-t4-w0.9", 2, 0, 5))


def test_what_lacks_is_named(run):
    record, points = dynamics_path(run, PLAN, TASK), checkpoints_path(run, PLAN, TASK)
    assert lacking_dynamics(run, PLAN, TASK) is None
    points.unlink()
    assert lacking_dynamics(run, PLAN, TASK) == points
    record.unlink()
    assert lacking_dynamics(run, PLAN, TASK) == record


@pytest.mark.parametrize("read", [read_dynamics, lambda *given: read_checkpoints(*given, 5)])
def test_without_a_file_the_command_that_makes_it_is_named(tmp_path, read):
    with pytest.raises(RunError, match=r"does not exist; .*; memscope train-family \S+ makes it"):
        read(tmp_path, PLAN, TASK)
    with pytest.raises(RunError, match=r"memscope train-family \S+ --dynamics 10 makes it"):
        read(tmp_path, replace(PLAN, dynamics=0), TASK)


OTHERS = [
    replace(PLAN, seed=1),
    replace(PLAN, data=replace(PLAN.data, fingerprint="e" * 64)),
    replace(PLAN, recipe=Recipe(epochs=4)),
]


@pytest.mark.parametrize("plan", OTHERS)
def test_files_of_another_plan_are_refused(run, plan):
    for read in (read_dynamics, check_checkpoints):
        with pytest.raises(
            FileError, match=r"has plan digest .*, expected .*another plan, data set or task"
        ) as refused:
            read(run, plan, TASK)
        assert "--repair moves it aside, and memscope train-family" in str(refused.value)


@pytest.mark.parametrize(
    "elsewhere", [Task("onehot", 2, 5, 5), Task("onehot", 16, 10, 5), Task("onehot", 16, 5, 5, 1), Task(FULL, 16, 5, 5)]
)
def test_files_under_another_tasks_name_are_refused(run, elsewhere):
    for path_of, read in ((dynamics_path, read_dynamics), (checkpoints_path, check_checkpoints)):
        write_atomically(path_of(run, PLAN, elsewhere), path_of(run, PLAN, TASK).read_bytes())
        with pytest.raises(FileError, match=r"expected|is damaged"):
            read(run, PLAN, elsewhere)


def test_weights_and_checkpoints_are_not_taken_for_each_other(run):
    weights = {f"{model:05d}/a": np.ones(2, np.float32) for model in TASK.models}
    write_atomically(checkpoints_path(run, PLAN, TASK), pack_weights(PLAN, TASK, weights))
    with pytest.raises(FileError):
        check_checkpoints(run, PLAN, TASK)
    write_atomically(weights_path(run, PLAN, TASK), pack_checkpoints(PLAN, TASK, checkpoints()))
    with pytest.raises(FileError):
        read_weights(run, PLAN, TASK)


def test_a_changed_byte_anywhere_is_found(run):
    random = np.random.default_rng(2)
    for path, read in (
        (dynamics_path(run, PLAN, TASK), lambda: read_dynamics(run, PLAN, TASK)),
        (checkpoints_path(run, PLAN, TASK), lambda: check_checkpoints(run, PLAN, TASK)),
    ):
        whole = path.read_bytes()
        for place in random.integers(0, len(whole), 60):
            broken = bytearray(whole)
            broken[place] ^= 1 << random.integers(8)
            path.write_bytes(bytes(broken))
            with pytest.raises(RunError) as found:
                read()
            assert str(path) in str(found.value)
        path.write_bytes(whole)
        read()


def rewritten(run, change) -> None:
    """The record with something changed, and no seal."""
    path = dynamics_path(run, PLAN, TASK)
    with h5py.File(path, "r+") as file:
        del file.attrs["sealed"]
        change(file)


def shorter(name, axis):
    def change(file):
        values = file[name][()]
        del file[name]
        file[name] = np.delete(values, 0, axis)

    return change


@pytest.mark.parametrize(
    "change",
    [
        shorter("log_odds", 2), shorter("log_odds", 1), shorter("log_odds", 0), shorter("correct", 2),
        shorter("correct", 1), shorter("in_subset", 1), shorter("diverged", 0), lambda file: file.pop("diverged"),
        lambda file: file.attrs.modify("num_examples", 30), lambda file: file.attrs.modify("num_examples", 40),
    ],
)  # fmt: skip
def test_arrays_that_do_not_belong_together_are_refused(run, change):
    rewritten(run, change)
    with pytest.raises(FileError, match="is damaged"):
        read_dynamics(run, PLAN, TASK)


def test_other_numbers_of_epochs_are_refused(run):
    def change(file):
        for name in ("log_odds", "correct"):
            shorter(name, 1)(file)

    rewritten(run, change)
    with pytest.raises(FileError, match="has 2 epochs, expected 3"):
        read_dynamics(run, PLAN, TASK)


def test_a_newer_version_says_so(run):
    rewritten(run, lambda file: file.attrs.modify("encoding-version", "2.0"))
    with pytest.raises(NewerError, match="upgrade memscope"):
        read_dynamics(run, PLAN, TASK)
