"""Weights are taken for those of an outcome as far as precision and devices may make them differ, and no further."""

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from memscope.errors import RunError
from memscope.run import open_run
from memscope.steps.resmem import MemoryOptions, resmem
from memscope.steps.train_family import train_family
from memscope.store.ledger import Outcome, Task, write_outcome
from memscope.store.weights import pack_weights, read_weights, weights_path
from memscope.training.agreement import Made, check_agreement
from memscope.training.material import open_material
from memscope.work.carrying_out import WorkOptions

INLINE = WorkOptions(device="cpu", engine="inline")
ONE = MemoryOptions(k=(5,), sigma=(0.5,), temperature=(2.0,))
CPU, GPU, APPLE = "cpu", "cuda (NVIDIA H100)", "mps"


@pytest.fixture(scope="module")
def bfloat16_run(tiny_choices, tmp_path_factory) -> Path:
    """A run in bfloat16 with two models on all the data. Tests must not change it."""
    path = tmp_path_factory.mktemp("bfloat16") / "run"
    choices = replace(tiny_choices, family="cnn", widths=(2,), models=20, full=2, epochs=1, precision="bfloat16")
    assert not train_family(path, choices, INLINE).failed
    return path


def recorded_on(device: str, run: Path) -> None:
    """All outcomes of a run say that they were made there."""
    opened = open_run(run)
    for variant in ("onehot", "full"):
        for size in opened.plan.sizes:
            for task, outcome in list(opened.outcomes(size, variant)):
                write_outcome(run, opened.plan, task, replace(outcome, made_by=outcome.made_by | {"device": device}))


@pytest.mark.parametrize("device", ["cpu", "cuda (NVIDIA H100)"])
@pytest.mark.parametrize("trained", ["full_run", "bfloat16_run"])
def test_weights_of_another_model_are_refused(request, tmp_path, trained, device):
    run = tmp_path / "run"
    shutil.copytree(request.getfixturevalue(trained), run)
    recorded_on(device, run)
    opened = open_run(run)
    size, last = opened.plan.sizes[-1], Task("onehot", opened.plan.sizes[-1], 10, 10)
    weights = read_weights(run, opened.plan, Task("full", size, 0, 1))[0]
    other = Task("full", size, 1, 1)
    renamed = {f"00001/{name}": weights[name] for name in weights}
    weights_path(run, opened.plan, other).write_bytes(pack_weights(opened.plan, other, renamed))
    weights = read_weights(run, opened.plan, last)  # of these ten models each gets the weights of the one before
    moved = {
        f"{10 + (model - 9) % 10:05d}/{name}": weights[model][name] for model in weights for name in weights[model]
    }
    weights_path(run, opened.plan, last).write_bytes(pack_weights(opened.plan, last, moved))
    found = resmem(run, ONE, INLINE)
    failed = {Task(each.variant, each.size, each.first, each.count): each.reason for each in found.failed}
    assert failed.keys() == {Task("full", size, 1, 1), last}
    assert (found.sizes, found.full, found.by_type, found.foretells) == ((), None, None, ())
    for message in failed.values():
        assert f"(it: {opened.plan.precision} on {device}, here: {opened.plan.precision} on cpu)" in message
        assert "differ beyond rounding, expected at most 1% and 10%: they are not the weights of that" in message
        assert "--missing-weights" in message


def test_predictions_that_another_rounding_turned_are_taken_for_rounding(bfloat16_run, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(bfloat16_run, run)
    opened = open_run(run)
    material = open_material(run, opened.plan, opened.examples, torch.device("cpu"))
    pixels = ((material.images.float() - material.mean) * material.scale).permute(0, 3, 1, 2)
    most = 0.0
    for task, outcome in list(opened.outcomes(2)):
        weights = read_weights(run, opened.plan, task)
        with torch.no_grad():  # in float32: as if on a device that rounds otherwise
            logits = torch.stack([material.trained(2, weights[model])(pixels) for model in task.models])
        predicted = logits.argmax(2).numpy()
        turned = predicted != np.hstack([outcome.predicted_train, outcome.predicted_test])
        most = max(most, turned.mean(1).max())
        other = replace(outcome, predicted_train=predicted[:, :120], predicted_test=predicted[:, 120:])
        write_outcome(run, opened.plan, task, other)
    found = resmem(run, ONE, INLINE)
    assert found.failed is None
    if most <= 0.01:
        pytest.skip("rounding turned so few predictions that they would have been taken as they are")


def outcome_of(logits: np.ndarray, labels: np.ndarray, precision: str, device: str) -> Outcome:
    """The outcome of one model of which 150 training and 50 test examples have these logits."""
    own = logits[np.arange(200), labels]
    others = np.where(np.eye(4, dtype=bool)[labels], -np.inf, logits)
    odds = (own - np.log(np.exp(others).sum(1))).astype(np.float16)[None]
    predicted = logits.argmax(1)[None]
    return Outcome(
        in_subset=np.arange(150)[None] < 100,
        predicted_train=predicted[:, :150],
        predicted_test=predicted[:, 150:],
        log_odds_train=odds[:, :150],
        log_odds_test=odds[:, 150:],
        epoch_loss=np.zeros((1, 1), np.float32),
        own_accuracy=np.ones(1, np.float32),
        diverged=np.zeros(1, bool),
        seconds=np.ones(1, np.float32),
        made_by={"precision": precision, "device": device},
    )


def some_logits() -> tuple[np.ndarray, np.ndarray]:
    """float32 [200, 4] of which each row runs from -5 to 5, the rest below 3; and labels."""
    random = np.random.default_rng(0)
    rows = np.hstack([np.full((200, 1), 5), random.uniform(-4, 3, (200, 2)), np.full((200, 1), -5)])
    return random.permuted(rows, axis=1).astype(np.float32), random.integers(0, 4, 200)


@pytest.mark.parametrize(
    ("made", "here", "explained", "too_far"),
    [
        (("float32", CPU), ("float32", CPU), 0.00005, 0.0002),
        (("float32", GPU), ("float32", CPU), 0.004, 0.006),
        (("float32", CPU), ("float32", GPU), 0.004, 0.006),
        (("float32", GPU), ("float32", GPU), 0.004, 0.006),
        (("float32", APPLE), ("float32", CPU), 0.004, 0.006),
        (("float32", "unknown"), ("float32", CPU), 0.004, 0.006),
        (("bfloat16", CPU), ("bfloat16", CPU), 0.04, 0.06),
        (("bfloat16", GPU), ("bfloat16", CPU), 0.04, 0.06),
    ],
)
def test_a_class_may_fall_behind_by_what_precision_and_devices_explain_and_no_more(made, here, explained, too_far):
    logits, labels = some_logits()
    rows = np.arange(30)  # of 200: 15 %
    second = np.argsort(logits, 1)[:, -2]
    for behind, number in ((explained, 30), (too_far, 2), (too_far, 3)):
        before, after = logits.copy(), logits.copy()
        before[rows, second[:30]] = 5 + 1e-4  # the class that was predicted, by a hair
        after[rows, second[:30]] = 5
        after[rows[:number], second[:number]] = 5 - behind * 10  # 10: from -5 to 5
        after[rows[number:]] = before[rows[number:]]
        check = partial(check_agreement, after, labels, outcome_of(before, labels, *made), 0, Path("w"), Made(*here))
        if number == 3:
            with pytest.raises(RunError, match=r"98\.5% of the ledger's predictions .*1\.5% of the predictions and"):
                check()
        else:
            check()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_log_odds_that_moved_are_another_model_though_it_predicts_the_same(precision):
    logits, _ = some_logits()
    labels = logits.argmax(1)
    outcome = outcome_of(logits, labels, precision, CPU)
    for number in (20, 21):
        other = logits.copy()
        other[:number] *= 10
        assert (other.argmax(1) == logits.argmax(1)).all()
        check = partial(check_agreement, other, labels, outcome, 0, Path("w"), Made(precision, CPU))
        if number == 20:
            check()
        else:
            with pytest.raises(RunError, match=r"100\.0% of the ledger's .* 0\.0% of .* 10\.5% of the log-odds"):
                check()


def test_a_class_that_the_model_does_not_have_is_refused_in_one_line():
    logits, labels = some_logits()
    outcome = outcome_of(logits, labels, "bfloat16", CPU)
    outcome.predicted_train[:] = 9
    with pytest.raises(RunError, match=r"75\.0% of the predictions and 0\.0% of the log-odds differ"):
        check_agreement(logits, labels, outcome, 0, Path("w"), Made("bfloat16", CPU))
