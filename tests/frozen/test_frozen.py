"""Runs of before are read, grown and scored as they were, and every command prints the same keys and values of them.

Where a change of numbers is meant, `make_frozen.py json` writes what is printed now, and CHANGELOG.md says why.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from memscope.cli import memscope
from memscope.plan.plan_file import read_plan
from memscope.run import open_run
from memscope.steps.resmem import resmem
from memscope.steps.status import status
from memscope.steps.train_family import WorkOptions, train_family
from memscope.store.ledger import Task, outcome_digest, read_outcome
from memscope.store.memories import MemoryFile, read_memory
from memscope.work.options import Choices, choices_from_plan, with_defaults
from memscope.work.repair import repair
from tests.frozen.commands import ARCHIVES, GROWN, HERE, JSON, printed, unpacked
from tests.frozen.make_frozen import recorded

INLINE = WorkOptions(device="cpu", engine="inline")


@pytest.fixture
def directory(request, tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(unpacked(request.param, tmp_path))
    return tmp_path


def files_under(path: Path) -> dict[str, bytes]:
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def differences(found: object, kept: object, place: str = "") -> list[str]:
    """Where two JSON values are not the same: other keys, other lengths, other values, floats beyond rounding."""
    if isinstance(found, dict) and isinstance(kept, dict):
        keys = [f"{place}: {sorted(found.keys() ^ kept.keys())}"] if found.keys() != kept.keys() else []
        return keys + [
            line for key in kept.keys() & found.keys() for line in differences(found[key], kept[key], f"{place}/{key}")
        ]
    if isinstance(found, list) and isinstance(kept, list) and len(found) == len(kept):
        return [
            line
            for at, (one, other) in enumerate(zip(found, kept, strict=True))
            for line in differences(one, other, f"{place}/{at}")
        ]
    # another processor adds in another order
    same = found == pytest.approx(kept, rel=1e-5, abs=1e-5) if type(kept) is float else found == kept
    return [] if same and type(found) is type(kept) else [f"{place}: {found!r}, kept is {kept!r}"]


def test_a_difference_is_seen_wherever_it_is():
    kept = {"a": [1, 0.5, None], "b": {"c": "x"}}
    assert differences(json.loads(json.dumps(kept)), kept) == []
    for other in (
        {"a": [1, 0.5001, None], "b": {"c": "x"}},
        {"a": [1, 0.5], "b": {"c": "x"}},
        {"a": [1, 0.5, 0.0], "b": {"c": "x"}},
        {"a": [True, 0.5, None], "b": {"c": "x"}},
        {"a": [1, 0.5, None], "b": {"c": "x", "d": 1}},
        {"a": [1, 0.5, None]},
    ):
        assert len(differences(other, kept)) == 1


@pytest.mark.parametrize(("directory", "archive"), [(name, name) for name in ARCHIVES], indirect=["directory"])
def test_every_command_prints_what_it_printed(directory, archive):
    for command, text in printed(archive).items():
        kept = json.loads((JSON / archive / f"{command}.json").read_text())
        assert differences(json.loads(text), kept) == [], command


@pytest.mark.parametrize(("directory", "archive"), [(name, name) for name in ARCHIVES], indirect=["directory"])
def test_a_run_of_before_is_grown_by_the_models_that_it_would_have_got(directory, archive):
    before = files_under(directory / "run" / "outcomes")
    trained = train_family("run", Choices(models=30), INLINE)
    run, kept = open_run("run"), np.load(GROWN / f"{archive}.npz")
    assert (trained.trained, trained.failed) == (10 * len(run.plan.sizes), ())
    after = files_under(directory / "run" / "outcomes")
    assert before.items() <= after.items()
    rows = {(size, model): row for row, (size, model) in enumerate(zip(kept["size"], kept["model"], strict=True))}
    for size in run.plan.sizes:
        for task, outcome in run.outcomes(size):
            if task.first < 20:
                continue
            at = [rows.pop((size, model)) for model in task.models]
            assert np.array_equal(outcome.in_subset, kept["in_subset"][at])
            # equal to the bit where processor and torch are; elsewhere training rounds otherwise, but begins alike
            assert outcome.epoch_loss[:, 0] == pytest.approx(kept["first_loss"][at], rel=1e-3)
            predicted = np.hstack([outcome.predicted_train, outcome.predicted_test])
            assert (predicted == kept["predicted"][at]).mean() > 0.95
    assert not rows


@pytest.mark.parametrize("directory", ["dynamics-1.1"], indirect=True)
def test_the_dynamics_of_before_are_read_as_they_were_and_are_whole(directory):
    kept, found = np.load(HERE / "dynamics-1.1.npz"), recorded("run")
    assert found.keys() == set(kept.files)
    for name, values in found.items():
        assert values.dtype == kept[name].dtype, name
        assert values == pytest.approx(kept[name], rel=1e-6) if name.endswith("squares") else True, name
        assert np.array_equal(values, kept[name]) or name.endswith("squares"), name
    assert kept["onehot-2-0-0-epochs"].tolist() == [1, 2, 3, 4, 5, 7, 8, 9, 10]
    assert repair("run").moved == ()
    trained = train_family("run", Choices(), INLINE)
    assert (trained.trained, trained.recorded, trained.dynamics) == (0, 0, 10)
    grown = train_family("run", Choices(models=20, dynamics=20, widths=(3,)), INLINE)
    assert (grown.recorded, grown.again, grown.failed) == (10 + 20 + 1, 0, ())
    assert recorded("run")["onehot-3-0-log_odds"].shape == (10, 10, 61)


@pytest.mark.parametrize("directory", ["everything-1.1"], indirect=True)
def test_a_deleted_cache_is_made_again_from_the_folder_wherever_it_lies_now(directory):
    images = (directory / "run" / "cache" / "images.npy").read_bytes()
    shutil.rmtree(directory / "run" / "cache")
    (directory / "images").rename(directory / "moved")
    assert train_family("run", Choices(data="folder:moved"), INLINE).trained == 0
    assert (directory / "run" / "cache" / "images.npy").read_bytes() == images
    assert "@x.png" in {Path(name).name for name in open_run("run").examples.names}


@pytest.mark.parametrize("directory", ["folder-1.1"], indirect=True)
def test_a_run_of_before_goes_on_by_the_rules_of_reading_that_it_was_made_with(directory):
    """Its folder has what the rules differ in: see `make_folder`."""
    assert open_run("run").plan.data.reading == 1
    assert not (directory / "run" / "cache").exists()
    trained = train_family("run", Choices(data="folder:images", models=20), INLINE)
    assert (trained.trained, trained.already) == (20, 20)
    assert b"reading" not in (directory / "run" / "plan.toml").read_bytes()
    assert open_run("run").dataset().fingerprint == open_run("run").plan.data.fingerprint
    shutil.rmtree(directory / "run" / "cache")
    assert train_family("run", Choices(data="folder:images"), INLINE).trained == 0
    anew = train_family("anew", Choices(data="folder:images", label_noise=0.1, widths=(2,), trainer="record"), INLINE)
    plan = open_run(anew.run).plan
    assert plan.data.reading == 2
    assert plan.data.fingerprint != open_run("run").plan.data.fingerprint


@pytest.mark.parametrize("directory", ["folder-1.1"], indirect=True)
def test_a_plan_of_before_is_replayed_by_its_rules_and_other_data_by_the_newest(directory):
    plan = read_plan(Path("run/plan.toml"))
    assert choices_from_plan(plan, Choices()).reading == 1
    assert choices_from_plan(plan, Choices(data=plan.data.spec)).reading == 1
    assert with_defaults(choices_from_plan(plan, Choices(data="folder:other"))).reading == 2


@pytest.mark.parametrize("directory", ["everything-1.1"], indirect=True)
def test_memories_and_weights_that_were_deleted_are_made_again_alike(directory):
    run = open_run("run")
    (memories,) = {file.parent.parent for file in Path("run/memories/onehot").glob("k*/width-4/00010*")}
    task, what = Task("onehot", 4, 10, 10), MemoryFile("memory", memories.name)
    digest = outcome_digest(read_outcome(run.path, run.plan, task))
    kept = read_memory(run.path, run.plan, task, what, digest)
    before = open_run("run").results("resmem")
    shutil.rmtree(directory / "run" / "memories")
    resmem("run", options=INLINE)
    again = read_memory(run.path, run.plan, task, what, digest)
    assert (again["predicted_train"] == kept["predicted_train"]).mean() > 0.99
    assert again["weight"] == pytest.approx(kept["weight"], abs=0.02)
    for name, values in open_run("run").results("resmem").items():
        if values.dtype.kind == "f":
            assert values == pytest.approx(before[name], abs=0.02, nan_ok=True), name


@pytest.mark.parametrize("directory", ["everything-1.1"], indirect=True)
def test_the_archived_run_holds_all_there_is(directory):
    found = status("run")
    assert {row.variant for row in found.variants} == {
        "full",
        "onehot/replicate-1",
        "distilled/teacher-4-t4-w0.9",
    }
    assert [(row.models, row.missing) for row in found.sizes] == [(20, 0), (20, 0)]
    assert all(row.weight_bytes for row in found.sizes)
    assert len(list(Path("run/outcomes/onehot").glob("*/*-r1.h5"))) == 2
    assert open_run("run").examples.flipped.sum() == 6
    repaired = CliRunner().invoke(memscope, ["status", "run", "--repair", "--json"])
    assert json.loads(repaired.stdout)["repair"]["moved"] == []
