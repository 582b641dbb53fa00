"""Runs whose plan says lanes: the same bits whatever the workers, bundles and growth; what is said of them."""

from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from memscope.cli import memscope
from memscope.errors import OptionError
from memscope.plan.teaching import Teaching
from memscope.run import open_run
from memscope.steps.distill import distill
from memscope.steps.resmem import resmem
from memscope.steps.score import score
from memscope.steps.status import status
from memscope.steps.train_family import WorkOptions, plan_ahead, train_family
from memscope.store.ledger import read_outcome, write_outcome
from memscope.store.weights import read_weights
from memscope.training.backends.lanes import choice, models_in_lanes
from memscope.training.backends.lanes.library import NoLibraryError, kinds_of_processor
from memscope.training.backends.lanes.network import LaneNetworks
from memscope.work.options import Choices

pytestmark = pytest.mark.skipif(not kinds_of_processor(), reason="no vectors to train in")
INLINE = WorkOptions(device="cpu", engine="inline")


@pytest.fixture
def choices(tiny_choices):
    return replace(tiny_choices, family="cnn", widths=(2, 4), backend="lanes", augment="crop")


def everything(path):
    """By variant, size and model, the bytes of what was kept."""
    run, found = open_run(path), {}
    for size in run.plan.sizes:
        for task, outcome in run.outcomes(size):
            weights = read_weights(run.path, run.plan, task)
            for at, model in enumerate(task.models):
                kept = [outcome.predicted_train[at], outcome.log_odds_test[at], outcome.epoch_loss[at]]
                kept += [weights[model][name] for name in sorted(weights[model])]
                found[size, model] = b"".join(np.ascontiguousarray(one).tobytes() for one in kept)
    return found


def test_workers_bundles_growth_and_interruptions_change_no_bit(choices, tmp_path):
    train_family(tmp_path / "whole", choices, INLINE)
    whole = everything(tmp_path / "whole")
    assert len(whole) == 40
    train_family(tmp_path / "many", choices, WorkOptions(device="cpu", engine="processes", workers=3))
    assert everything(tmp_path / "many") == whole
    train_family(tmp_path / "grown", replace(choices, models=10, widths=(4,)), INLINE)
    train_family(tmp_path / "grown", Choices(widths=(2,)), INLINE)
    for outcome in list((tmp_path / "grown" / "outcomes").rglob("*.h5"))[:1]:
        outcome.unlink()  # as if it had been interrupted there
    train_family(tmp_path / "grown", Choices(models=20), INLINE)
    assert everything(tmp_path / "grown") == whole


def test_a_run_in_lanes_is_scored_distilled_and_remembered_and_names_its_backend(choices, tmp_path):
    train_family(tmp_path / "run", choices, INLINE)
    run = open_run(tmp_path / "run")
    assert run.plan.backend == "lanes"
    assert all(outcome.made_by["backend"] == "lanes" for _, outcome in run.outcomes(2))
    assert status(run.path).backend == "lanes"
    (how,) = score(run.path).made_by
    assert "lanes" not in how  # all of one size are alike, which is what the plan asks for
    found = distill(run.path, Teaching(4), options=INLINE)
    assert (found.trained, found.failed) == (20, None)
    variant = Teaching(4).variant
    (task, *_) = [task for task, _ in run.outcomes(2)]
    assert read_outcome(run.path, run.plan, replace(task, variant=variant)).made_by["backend"] == "lanes"
    assert resmem(run.path, options=INLINE).measured > 0  # which holds logits against the ledger's
    task, outcome = next(iter(run.outcomes(2)))
    torchs = {key: value for key, value in outcome.made_by.items() if key != "backend"}
    write_outcome(run.path, run.plan, task, replace(outcome, made_by=torchs))  # a file from elsewhere
    assert [one.rpartition(", ")[2] for one in score(run.path).made_by] == ["lanes", "torch"]
    done = CliRunner().invoke(memscope, ["score", str(run.path)])
    assert "Warning: models were made in different ways" in done.output


def test_lanes_are_the_default_and_a_run_keeps_its_backend(tiny_choices, choices, tmp_path):
    train_family(tmp_path / "lanes", replace(tiny_choices, models=10, widths=(2,)), INLINE)
    assert open_run(tmp_path / "lanes").plan.backend == "lanes"
    with pytest.raises(OptionError, match="was made with --backend lanes, now asked for torch"):
        train_family(tmp_path / "lanes", Choices(backend="torch"), INLINE)
    train_family(tmp_path / "torch", replace(tiny_choices, models=10, widths=(2,), backend="torch"), INLINE)
    plan = open_run(tmp_path / "torch").plan
    assert plan.backend == "torch"
    assert b"backend" not in (tmp_path / "torch" / "plan.toml").read_bytes()
    assert status(tmp_path / "torch").backend is None
    with pytest.raises(OptionError, match="was made with --backend torch, now asked for lanes"):
        train_family(tmp_path / "torch", Choices(backend="lanes"), INLINE)
    train_family(tmp_path / "torch", Choices(backend="auto"), INLINE)


def test_a_run_in_lanes_that_goes_on_where_there_are_none_stops_before_any_task(choices, tmp_path, monkeypatch):
    train_family(tmp_path / "run", replace(choices, models=10, widths=(2,)), INLINE)

    def none():
        raise NoLibraryError("there is no C compiler (cc, gcc or clang)")

    monkeypatch.setattr(models_in_lanes, "library", none)
    with pytest.raises(NoLibraryError, match="as its plan says, and here they cannot be had: there is no C compiler"):
        train_family(tmp_path / "run", Choices(models=20), INLINE)
    assert not (tmp_path / "run" / "failures").exists()


def test_without_a_compiler_auto_takes_torch_and_says_what_is_lost(tiny_npz, tmp_path, monkeypatch):
    def none():
        raise NoLibraryError("there is no C compiler (cc, gcc or clang)")

    monkeypatch.setattr(choice, "library", none)
    given = ["--data", f"npz:{tiny_npz}", "--widths", "2", "--models", "10", "--epochs", "1", "--engine", "inline"]
    done = CliRunner().invoke(memscope, ["train-family", str(tmp_path / "run"), *given, "--backend", "auto"])
    assert done.exit_code == 0, done.output
    assert "narrow ones take up to 20 times as long: there is no C compiler" in done.output
    assert open_run(tmp_path / "run").plan.backend == "torch"


def test_a_forecast_times_what_will_train(choices, tmp_path, monkeypatch):
    stepped = []
    step = LaneNetworks.step
    monkeypatch.setattr(LaneNetworks, "step", lambda self, *given: stepped.append(self.lanes) or step(self, *given))
    torch = plan_ahead(tmp_path / "torch", replace(choices, backend="torch"), INLINE)
    assert not stepped
    lanes = plan_ahead(tmp_path / "lanes", choices, INLINE)
    assert stepped
    for one, other in zip(lanes.sizes, torch.sizes, strict=True):
        assert one.parameters == other.parameters
        assert one.seconds_per_model > 0
