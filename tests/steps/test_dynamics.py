"""`train-family --dynamics`: the same models as without it, recorded once, whatever happens in between."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

from memscope.cli import memscope
from memscope.errors import OptionError, RunError
from memscope.plan.teaching import Teaching
from memscope.run import open_run
from memscope.steps.distill import distill
from memscope.steps.status import status
from memscope.steps.train_family import plan_ahead, train_family
from memscope.store.dynamics import (
    checkpoints_path,
    dynamics_path,
    finished_dynamics,
    read_checkpoints,
    read_dynamics,
)
from memscope.store.ledger import FULL, Task, finished_tasks, outcome_path, read_outcome, write_outcome
from memscope.store.weights import read_weights
from memscope.training.backends.lanes.library import kinds_of_processor
from memscope.training.evaluation import evaluate
from memscope.training.material import open_material
from memscope.work.carrying_out import WorkOptions
from memscope.work.options import Choices

INLINE = WorkOptions(device="cpu", engine="inline")
TWO = WorkOptions(device="cpu", workers=2)
NOTHING = Choices()
BACKENDS = [pytest.param("lanes", marks=pytest.mark.skipif(not kinds_of_processor(), reason="no vectors")), "torch"]
QUICK = "lanes" if kinds_of_processor() else "torch"


@pytest.fixture
def choices(tiny_choices):
    return replace(tiny_choices, family="cnn", widths=(2, 4), epochs=2, augment="crop+flip", full=1, backend="torch")


@pytest.fixture(scope="module")
def made(tiny_choices, tmp_path_factory):
    """By backend, runs of the same choices without and with dynamics. Tests must not change them."""
    found = {}

    def get(backend):
        if backend not in found:
            directory = tmp_path_factory.mktemp(backend)
            given = replace(
                tiny_choices, family="cnn", widths=(2, 4), epochs=2, augment="crop+flip", full=1, backend=backend
            )
            train_family(directory / "plain", given, INLINE)
            train_family(directory / "recorded", replace(given, dynamics=10), INLINE)
            found[backend] = directory
        return found[backend]

    return get


def kept(run: Path, kind: str = "outcomes") -> dict[str, bytes]:
    """By file and name the bytes of what is kept, but how long it took; of weights the bytes of the files."""
    found = {}
    for path in sorted((run / kind).rglob("*.h5")):
        with h5py.File(path) as file:
            for name in file:
                if "seconds" not in name:
                    values = file[name][()]
                    found[f"{path.relative_to(run)}:{name}"] = (
                        repr(values.tolist()).encode() if values.dtype == object else values.tobytes()
                    )
    for path in sorted((run / kind).rglob("*.safetensors")):
        found[str(path.relative_to(run))] = path.read_bytes()
    return found


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_run_with_dynamics_has_the_models_of_one_without_bit_for_bit(made, backend):
    plain, recorded = made(backend) / "plain", made(backend) / "recorded"
    assert kept(recorded) == kept(plain)
    assert kept(recorded, "weights") == kept(plain, "weights")
    assert not (plain / "dynamics").exists()
    run = open_run(recorded)
    assert run.plan.backend == backend
    assert run.plan.digest == open_run(plain).plan.digest
    assert "dynamics" not in (plain / "plan.toml").read_text()
    unit = run.plan.unit
    for size in (2, 4):
        assert finished_dynamics(recorded, run.plan, size) == [
            Task("onehot", size, first, unit) for first in range(0, 10, unit)
        ]
        assert finished_dynamics(recorded, run.plan, size, FULL) == [Task(FULL, size, 0, 1)]
    assert status(recorded).dynamics is not None
    assert [(row.variant, row.models, row.missing) for row in status(recorded).dynamics] == [
        *[("onehot", 10, 0)] * 2,
        *[(FULL, 1, 0)] * 2,
    ]
    assert status(plain).dynamics is None


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_recorded_is_what_the_checkpoints_say_and_ends_as_the_outcome(made, backend):
    run = open_run(made(backend) / "recorded")
    material = open_material(run.path, run.plan, run.examples, evaluating())
    labels = run.examples.labels
    for size in (2, 4):
        for variant in ("onehot", FULL):
            for task in finished_dynamics(run.path, run.plan, size, variant):
                found, outcome = read_dynamics(run.path, run.plan, task), read_outcome(run.path, run.plan, task)
                assert (found.in_subset == outcome.in_subset).all()
                assert found.in_subset.all() == (variant == FULL)
                assert not found.diverged.any()
                assert found.log_odds.shape == (task.count, 2, 120)
                assert found.log_odds[:, -1].tobytes() == outcome.log_odds_train.tobytes()
                assert (found.correct[:, -1] == (outcome.predicted_train == labels)).all()
                weights = read_weights(run.path, run.plan, task)
                for at, model in enumerate(task.models):
                    epochs = read_checkpoints(run.path, run.plan, task, model)
                    assert list(epochs) == [1, 2]
                    assert all((epochs[2][name] == values).all() for name, values in weights[model].items())
                    predicted, log_odds = evaluate(material.trained(size, epochs[1]), material.inputs)
                    close = 1e-6 if backend == "torch" else 5e-3  # lanes add in another order
                    noted = found.log_odds[at, 0].astype(float)
                    assert noted == pytest.approx(log_odds[:120].astype(float), rel=close, abs=close)
                    assert (found.correct[at, 0] == (predicted[:120] == labels)).mean() > 0.98


def evaluating():
    import torch

    return torch.device("cpu")


@pytest.mark.parametrize("backend", BACKENDS)
def test_workers_interruptions_and_growth_change_no_bit_of_what_is_recorded(made, choices, tmp_path, backend):
    whole = made(backend) / "recorded"
    choices = replace(choices, backend=backend)
    train_family(tmp_path / "two", replace(choices, dynamics=10), TWO)
    assert kept(tmp_path / "two") == kept(whole)
    assert kept(tmp_path / "two", "dynamics") == kept(whole, "dynamics")

    class Interruption(Exception):
        pass

    def stop(ended):
        if ended.done >= 11:
            raise Interruption

    path = tmp_path / "stopped"
    with pytest.raises(Interruption):
        train_family(path, replace(choices, dynamics=10), INLINE, on_end=stop)
    assert 0 < len(list((path / "dynamics").rglob("*.h5"))) < len(list((whole / "dynamics").rglob("*.h5")))
    train_family(path, NOTHING, INLINE)
    assert kept(path) == kept(whole)
    assert kept(path, "dynamics") == kept(whole, "dynamics")
    assert kept(path, "weights") == kept(whole, "weights")


@pytest.mark.parametrize("backend", BACKENDS)
def test_models_that_are_there_are_trained_again_and_only_their_dynamics_are_written(made, tmp_path, backend):
    path = tmp_path / "run"
    shutil.copytree(made(backend) / "plain", path)
    before = {file: file.stat().st_mtime_ns for kind in ("outcomes", "weights") for file in (path / kind).rglob("*.*")}
    said = []
    found = train_family(path, replace(NOTHING, dynamics=4), INLINE, say=said.append)
    assert "--dynamics 4: 10 models of each width are recorded, because models come in blocks of 10" in said
    assert (found.dynamics, found.recorded, found.again, found.trained, found.already) == (10, 22, 22, 22, 20)
    assert {file: file.stat().st_mtime_ns for file in before} == before
    assert kept(path, "dynamics") == kept(made(backend) / "recorded", "dynamics")
    assert (path / "plan.toml").read_bytes() == (made(backend) / "recorded" / "plan.toml").read_bytes()
    again = train_family(path, replace(NOTHING, dynamics=10), INLINE)
    assert (again.trained, again.recorded, again.already) == (0, 0, 42)
    first = {file: file.stat().st_mtime_ns for file in (path / "dynamics").rglob("*.*")}
    grown = train_family(path, replace(NOTHING, dynamics=20), INLINE)
    assert (grown.dynamics, grown.recorded, grown.again) == (20, 20, 20)
    assert {file: file.stat().st_mtime_ns for file in first} == first
    fewer = []
    assert train_family(path, replace(NOTHING, dynamics=10), INLINE, say=fewer.append).dynamics == 20
    assert "--dynamics 10: 20 models of each width are recorded, as planned before" in fewer
    # a further size, and further models on all the data, are recorded from the start
    more = train_family(path, replace(NOTHING, widths=(3,), full=2), INLINE)
    assert (more.trained, more.recorded, more.again) == (20 + 2 + 2, 20 + 2 + 2, 0)


def test_shards_share_the_recording(made, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(made(QUICK) / "plain", path)
    found = [
        train_family(path, replace(NOTHING, dynamics=10), replace(INLINE, shard=(share, 3))).recorded
        for share in (1, 2, 3)
    ]
    assert sum(found) == 22
    assert all(found)
    assert kept(path, "dynamics") == kept(made(QUICK) / "recorded", "dynamics")


def test_what_lacks_is_made_again_a_record_or_the_checkpoints_beside_it(made, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(made(QUICK) / "recorded", path)
    run = open_run(path)
    expected = kept(path, "dynamics"), kept(path)
    (one,), (other,) = (finished_dynamics(path, run.plan, size) for size in (2, 4))
    dynamics_path(path, run.plan, one).unlink()
    checkpoints_path(path, run.plan, other).unlink()
    outcome_path(path, run.plan, Task(FULL, 2, 0, 1)).unlink()
    rows = {(row.variant, row.size): (row.models, row.missing) for row in status(path).dynamics}
    assert rows == {("onehot", 2): (0, 10), ("onehot", 4): (0, 10), (FULL, 2): (1, 0), (FULL, 4): (1, 0)}
    with pytest.raises(RunError, match=r"does not exist; expected the dynamics.*; memscope train-family \S+ makes it"):
        read_dynamics(path, run.plan, one)
    with pytest.raises(RunError, match=r"does not exist; expected the checkpoints.*; memscope train-family \S+ makes"):
        read_checkpoints(path, run.plan, other, 0)
    found = train_family(path, NOTHING, INLINE)
    assert (found.trained, found.recorded, found.again) == (21, 20, 20)
    assert (kept(path, "dynamics"), kept(path)) == expected


def test_a_model_that_became_another_is_told_and_nothing_is_recorded_of_its_task(made, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(made(QUICK) / "plain", path)
    run = open_run(path)
    (task, _) = finished_tasks(path, run.plan, 4)
    outcome = read_outcome(path, run.plan, task)
    changed = outcome.log_odds_train.copy()
    changed[3, 7] = np.nextafter(changed[3, 7], np.float16(100))
    write_outcome(path, run.plan, task, replace(outcome, log_odds_train=changed))
    before = kept(path)
    found = train_family(path, replace(NOTHING, dynamics=10), INLINE)
    ((failed),) = found.failed
    assert (failed.variant, failed.size, failed.first) == ("onehot", 4, 0)
    assert "width 4, models 0 to 9 (onehot) were trained again to record them, and became others here" in failed.reason
    assert "nothing was recorded" in failed.reason
    assert found.recorded == 12
    assert kept(path) == before
    assert finished_dynamics(path, run.plan, 4) == []
    state = status(path)
    assert len(state.other_failures) == 1
    assert "became others here" in Path(state.other_failures[0]).read_text()
    shown = CliRunner().invoke(memscope, ["train-family", str(path), "--engine", "inline"])
    assert shown.exit_code == 1
    write_outcome(path, run.plan, task, outcome)
    assert train_family(path, NOTHING, INLINE).recorded == 10
    assert status(path).other_failures == ()


def test_neither_second_models_nor_students_are_recorded(made, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(made(QUICK) / "recorded", path)
    before = kept(path, "dynamics")
    assert train_family(path, NOTHING, INLINE, replicates=2).recorded == 0
    assert distill(path, Teaching(4), options=INLINE).trained == 20
    assert kept(path, "dynamics") == before


def test_weights_that_lack_are_trained_again_without_recording(made, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(made(QUICK) / "plain", path)
    shutil.rmtree(path / "weights")
    found = train_family(path, replace(NOTHING, dynamics=10), INLINE, missing_weights=True)
    assert (found.trained, found.recorded) == (42, 0)
    assert train_family(path, NOTHING, INLINE).recorded == 22
    without = replace(INLINE, keep_weights=False)
    shutil.rmtree(path / "weights")
    shutil.rmtree(path / "dynamics")
    assert train_family(path, NOTHING, without).recorded == 22
    assert not (path / "weights").exists()
    assert kept(path, "dynamics") == kept(made(QUICK) / "recorded", "dynamics")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (
            {"dynamics": 21},
            "--dynamics is 21, and there are 20 models of each width to record; take fewer, or add",
        ),
        ({"dynamics": -1}, "--dynamics is -1; it must be a number of models of each size, at least 0"),
        ({"dynamics": 10, "trainer": "record"}, "--trainer record lets nobody look in between; leave it out, or give"),
        ({"dynamics": 10, "trainer": "own:train"}, "--trainer own:train lets nobody look in between; leave it out"),
    ],
)
def test_what_cannot_be_recorded_is_refused_in_one_line(choices, tmp_path, given, says):
    with pytest.raises(OptionError, match=says):
        train_family(tmp_path / "run", replace(choices, full=None, **given), INLINE)
    assert not (tmp_path / "run").exists()


def test_more_than_there_are_is_refused_for_a_run_that_is_there_and_changes_nothing(made, tmp_path):
    path = made(QUICK) / "plain"
    before = (path / "plan.toml").read_bytes()
    with pytest.raises(OptionError, match="--dynamics is 30, and there are 20 models of each width to record"):
        train_family(path, replace(NOTHING, dynamics=30), INLINE)
    assert (path / "plan.toml").read_bytes() == before


def test_models_that_others_train_are_refused_for_a_run_that_is_there(choices, tmp_path):
    train_family(tmp_path / "run", replace(choices, trainer="record", full=None), INLINE)
    with pytest.raises(OptionError, match="--trainer record lets nobody look in between"):
        train_family(tmp_path / "run", replace(NOTHING, dynamics=10), INLINE)


def test_a_forecast_tells_what_recording_takes(made, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(made(QUICK) / "plain", path)
    before = kept(path), (path / "plan.toml").read_bytes()
    nothing = plan_ahead(path, NOTHING, INLINE)
    assert (nothing.dynamics, nothing.again, nothing.dynamics_bytes, nothing.dynamics_seconds) == (0, 0, 0, 0.0)
    found = plan_ahead(path, replace(NOTHING, dynamics=10), INLINE)
    assert (found.dynamics, found.again) == (10, 22)
    assert [row.models for row in found.sizes] == [11, 11]
    # two epochs of 120 examples: 2.125 bytes each, the subset, and two checkpoints of float32
    each = 2 * 120 * 2 + 2 * 120 // 8 + 120 // 8
    assert found.dynamics_bytes == sum(11 * (each + 2 * 4 * row.parameters) for row in found.sizes)
    assert 0 < found.dynamics_seconds < found.seconds
    assert (found.outcome_bytes, found.weight_bytes) == (0, 0)
    assert (kept(path), (path / "plan.toml").read_bytes()) == before
    shown = CliRunner().invoke(memscope, ["train-family", str(path), "--dynamics", "10", "--dry-run"])
    told = " ".join(shown.stdout.split())
    assert "22 of the models are there and are trained again for it" in told
    details = CliRunner().invoke(memscope, ["train-family", str(path), "--dynamics", "10", "--dry-run", "--details"])
    assert "of dynamics, before compression" in " ".join(details.stdout.split())


def test_the_command_says_what_it_recorded(made, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(made(QUICK) / "plain", path)
    shown = CliRunner().invoke(memscope, ["train-family", str(path), "--dynamics", "10", "--engine", "inline"])
    assert shown.exit_code == 0, shown.output
    assert "22 recorded (22 trained again for it)" in shown.output
    assert "recording 22 of them (22 are there and are trained again for it)" in shown.output
    found = json.loads(CliRunner().invoke(memscope, ["status", str(path), "--json"]).stdout)
    assert [row["missing"] for row in found["dynamics"]] == [0, 0, 0, 0]
    screen = " ".join(CliRunner().invoke(memscope, ["status", str(path)]).stdout.split())
    assert "The training of 22 models is recorded (" in screen
    checkpoints_path(path, open_run(path).plan, Task(FULL, 2, 0, 1)).unlink()
    screen = " ".join(CliRunner().invoke(memscope, ["status", str(path)]).stdout.split())
    assert "The training of 21 models is recorded (" in screen
    assert "still has to be of 1." in screen
    assert f"Next, to record what is missing: memscope train-family {path}" in screen.replace("\\ ", "")


def test_a_replayed_plan_records_as_much(made, tmp_path):
    from memscope.plan.plan_file import read_plan
    from memscope.work.options import choices_from_plan

    given = choices_from_plan(read_plan(made(QUICK) / "recorded" / "plan.toml"), replace(NOTHING, widths=(2,)))
    found = train_family(tmp_path / "run", given, INLINE)
    assert (found.dynamics, found.recorded) == (10, 11)
