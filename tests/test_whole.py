"""A real run, small but whole: real images, a real family, every step, and what must come out of it."""

from pathlib import Path

import numpy as np
import pytest

import memscope
from memscope.plan.teaching import Teaching
from memscope.reports.keys import keys_of
from memscope.steps.distill import distill
from memscope.steps.resmem import MemoryOptions, resmem
from memscope.steps.score import score
from memscope.steps.train_family import train_family
from memscope.steps.trajectories import trajectories
from memscope.work.carrying_out import WorkOptions
from memscope.work.options import Choices

# one process for all of them: the run is trained once
pytestmark = pytest.mark.xdist_group("whole")


@pytest.fixture(scope="session")
def real_run(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "run"
    choices = Choices(
        data="fashion-mnist-5k", examples=400, label_noise=0.1, widths=(1, 4, 16), models=10, epochs=20, batch_size=32
    )
    result = train_family(path, choices, WorkOptions(device="cpu", workers=1))
    assert not result.failed
    score(path)
    trajectories(path)
    return path


def test_flipped_labels_are_memorised_far_more_than_clean_ones_and_more_by_larger_models(real_run):
    rows = keys_of(score(real_run))["sizes"]
    run = memscope.open_run(real_run)
    flipped = run.examples.flipped
    assert flipped.sum() == 40
    largest = run.scores(size=16)["score"]
    assert largest[flipped].mean() > 0.8
    assert largest[flipped].mean() - largest[~flipped].mean() > 0.4
    assert rows[-1]["mean_score_flipped"] - rows[0]["mean_score_flipped"] > 0.6
    assert rows[-1]["auc_score"] > 0.8
    for row in rows:
        assert row["mean_accuracy_in"] > row["mean_accuracy_out"] + 0.01
        assert row["test_accuracy"] > 0.35  # chance is .1
    assert rows[-1]["interpolates"]
    assert not rows[0]["interpolates"]


def test_held_out_examples_with_true_labels_are_predicted_as_well_as_test_examples(real_run):
    # the long-tail theory's sanity check: the gap of clean examples is the models' own generalisation gap
    for row in keys_of(score(real_run))["sizes"]:
        assert abs(row["clean_accuracy_out_minus_test"]) < 0.06


def test_flipped_labels_increase_with_width(real_run):
    shares = keys_of(trajectories(real_run))["flipped_types"]
    assert shares["flipped"]["raw"]["increasing"] > 0.8
    assert shares["flipped"]["raw"]["increasing"] > shares["clean"]["raw"]["increasing"] + 0.3


def test_the_held_out_models_suggest_the_true_label(real_run):
    found = memscope.open_run(real_run).scores(size=16)
    examples = memscope.open_run(real_run).examples
    flipped = examples.flipped
    assert np.mean(found["suggested_label"][flipped] == examples.true_labels[flipped]) > 0.5


def test_a_residual_memory_raises_the_test_accuracy_of_the_smallest_width_most(real_run):
    tried = MemoryOptions(k=(10,), sigma=(1.0,), temperature=(1.0,))
    summary = keys_of(resmem(real_run, tried, WorkOptions(device="cpu", workers=1)))
    gain = [row["test_change"] for row in summary["sizes"]]
    assert gain[0] > 0.01
    assert gain[0] > gain[-1]
    assert abs(gain[-1]) < 0.01  # residuals of models that interpolate are near zero
    residuals = [row["mean_residual_in"] for row in summary["sizes"]]
    assert residuals == sorted(residuals, reverse=True)
    assert residuals[-1] < 0.1
    # what a small model gets wrong is what a large one memorises
    assert summary["foretells"][1]["correlation"] > 0.4


def test_students_memorise_flipped_labels_less_than_models_trained_on_the_labels_alone(real_run):
    found = distill(real_run, Teaching(16), [4], WorkOptions(device="cpu", workers=1))
    (row,) = found.settings[0].students
    assert row.mean_change_flipped < -0.1
    assert row.mean_change_flipped < row.mean_change_clean
