"""Second models of a subset are seen: by `status`, by whether scores are current, and in what a call says of itself."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from memscope.cli import memscope
from memscope.errors import OptionError
from memscope.reports.keys import keys_of
from memscope.run import open_run
from memscope.steps.score import score
from memscope.steps.status import status
from memscope.steps.train_family import plan_ahead, train_family
from memscope.steps.trajectories import trajectories
from memscope.store.ledger import Task, failure_path, outcome_path, read_outcome, write_outcome
from memscope.work.carrying_out import WorkOptions
from memscope.work.options import Choices

INLINE = WorkOptions(device="cpu", engine="inline")


@pytest.fixture
def run(tiny_run, tmp_path) -> Path:
    path = tmp_path / "run"
    shutil.copytree(tiny_run, path)
    return path


def second(size: int) -> Task:
    return Task("onehot", size, 0, 10, replicate=1)


def test_scores_are_out_of_date_once_there_are_second_models_and_trajectories_are_not(run):
    score(run)
    trajectories(run)
    assert status(run).results["score"] == "current"
    train_family(run, Choices(), INLINE, replicates=2)
    found = status(run).results
    assert (found["score"], found["trajectories"]) == ("out of date", "current")
    assert keys_of(score(run))["sizes"][0]["noise"]["subsets"] == 10
    assert status(run).results["score"] == "current"


def test_status_shows_how_many_second_models_there_are_and_are_missing(run):
    assert not any("replicate" in row.variant for row in status(run).variants)
    plan = open_run(train_family(run, Choices(), INLINE, replicates=2).run).plan
    outcome_path(run, plan, second(4)).unlink()
    rows = [row for row in status(run).variants if row.variant == "onehot/replicate-1"]
    assert [(row.size, row.models, row.missing) for row in rows] == [(2, 10, 0), (4, 0, 10), (8, 10, 0)]


def test_a_second_model_that_failed_is_told_by_status_until_it_succeeds(run):
    plan = open_run(run).plan
    file = failure_path(run, outcome_path(run, plan, second(8)))
    file.parent.mkdir(parents=True)
    file.write_text("Traceback\nRuntimeError: nothing left\n")
    found = keys_of(status(run))
    assert found["other_failures"] == [str(file)]
    assert [(row["size"], row["missing"]) for row in found["variants"]] == [(2, 10), (4, 10), (8, 10)]
    assert all(not row["failed_tasks"] for row in found["sizes"])
    shown = CliRunner().invoke(memscope, ["status", str(run), "--details"])
    assert str(file) in shown.stdout.replace("\n", "")
    train_family(run, Choices(), INLINE, replicates=2)
    assert status(run).other_failures == ()


def test_a_failed_task_of_the_first_models_is_told_once(run):
    plan = open_run(run).plan
    task = Task("onehot", 4, 10, 10)
    outcome_path(run, plan, task).unlink()
    file = failure_path(run, outcome_path(run, plan, task))
    file.parent.mkdir(parents=True)
    file.write_text("Traceback")
    found = keys_of(status(run))
    assert [row["failed_tasks"] for row in found["sizes"]] == [[], [str(file)], []]
    assert found["other_failures"] == []


def test_a_second_model_that_diverged_is_named_as_such_and_its_subset_left_out(run):
    plan = open_run(train_family(run, Choices(), INLINE, replicates=2).run).plan
    outcome = read_outcome(run, plan, second(4))
    write_outcome(run, plan, second(4), replace(outcome, diverged=np.arange(10) == 3))
    noise = [row["noise"] for row in keys_of(score(run))["sizes"]]
    assert [(row["subsets"], row["left_out"]) for row in noise] == [(10, 0), (9, 1), (10, 0)]
    shown = CliRunner().invoke(memscope, ["score", str(run), "--details"]).stdout
    assert "At width 4, 1 subsets are left out: one of their two models diverged." in " ".join(shown.split())


def test_what_failed_is_named_with_its_replicate(capsys):
    from memscope.plan.recipe import Recipe
    from memscope.steps.train_family import report_of_training
    from memscope.tables.train_family import show_lost
    from memscope.work.training import Trained

    class Run:
        path = Path("runs/x")

        class plan:
            axis, digest, sizes, models, full_models, recipe, dynamics = "width", "0", (4,), 20, 0, Recipe(), 0

    lost = Trained(Run(), failures=[(second(4), "RuntimeError: no")], diverged=[(second(4), 3)])
    report = report_of_training(lost, "")
    show_lost(report.diverged, report.failed, report.axis, report.run)
    said = " ".join(capsys.readouterr().out.split())
    assert "width 4, models 0 to 9 (trained again): RuntimeError: no" in said
    assert "model 3 (trained again) (its loss became NaN or infinite); it is left out of the split of the noise" in said
    summary = json.loads(json.dumps(keys_of(report)))
    assert summary["failed"][0]["replicate"] == summary["diverged"][0]["replicate"] == 1


def test_the_share_of_training_noise_has_an_error_from_three_blocks_on(run):
    train_family(run, Choices(models=30), INLINE, replicates=2, replicate_models=21)
    for row in keys_of(score(run))["sizes"]:
        assert (row["noise"]["subsets"], row["noise"]["blocks"]) == (30, 3)
        assert 0 < row["noise"]["training_share_error"] < 0.5
    shown = CliRunner().invoke(memscope, ["score", str(run), "--details"]).stdout
    assert "needs three blocks" not in " ".join(shown.split())


def test_with_one_block_there_is_no_error_and_it_is_said_how_to_get_one(run):
    train_family(run, Choices(), INLINE, replicates=2)
    assert all(row["noise"]["training_share_error"] is None for row in keys_of(score(run))["sizes"])
    shown = " ".join(CliRunner().invoke(memscope, ["score", str(run), "--details"]).stdout.split())
    assert "needs three blocks of models that are trained twice" in shown


def test_a_dry_run_counts_second_models(run):
    assert [size.models for size in plan_ahead(run, Choices(), INLINE).sizes] == [0, 0, 0]
    ahead = plan_ahead(run, Choices(), INLINE, replicates=2, replicate_models=20)
    assert [size.models for size in ahead.sizes] == [20, 20, 20]


@pytest.mark.parametrize(
    ("replicates", "models", "says"),
    [(1, 10, "add --replicates 2"), (2, 0, "must be at least 1"), (2, 21, "there are 20 models of each width")],
)
def test_models_to_train_twice_must_be_there_and_asked_for(run, replicates, models, says):
    with pytest.raises(OptionError, match=says):
        train_family(run, Choices(), INLINE, replicates=replicates, replicate_models=models)


def test_a_mistake_about_second_models_makes_no_run(tmp_path, tiny_choices):
    with pytest.raises(OptionError, match="add --replicates 2"):
        train_family(tmp_path / "new", tiny_choices, INLINE, replicate_models=10)
    assert not (tmp_path / "new").exists()


def test_missing_weights_and_second_models_are_asked_for_apart(run):
    with pytest.raises(OptionError, match="in another call"):
        train_family(run, Choices(), INLINE, missing_weights=True, replicates=2)


def test_shards_share_the_second_models_too(tiny_choices, tmp_path):
    for share in (1, 2, 3):
        where = replace(INLINE, shard=(share, 3))
        train_family(tmp_path / "run", tiny_choices, where, replicates=2, replicate_models=20)
    rows = [row for row in status(tmp_path / "run").variants if "replicate" in row.variant]
    assert [(row.models, row.missing) for row in rows] == [(20, 0)] * 3
