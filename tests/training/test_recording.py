"""Recording a model by torch: what is noted is what a training that stops there would give, and nobody can tell."""

from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import pytest
import torch
from torch import nn

from memscope.families import open_family
from memscope.plan.plan import DataChoice, Plan
from memscope.plan.recipe import Recipe
from memscope.store.dynamics import checkpoint_epochs
from memscope.store.ledger import Task
from memscope.training import evaluation, recording
from memscope.training.backends import one_by_one
from memscope.training.draws import Draws
from memscope.training.evaluation import evaluate, log_odds_of
from memscope.training.inputs import normalise
from memscope.training.loop import train_model
from memscope.training.material import Material

RECIPE = Recipe(epochs=5, batch_size=20, learning_rate=0.05, augment="crop+flip")


class Restless(nn.Module):
    """Draws random numbers and counts its calls in evaluation mode too, and keeps a tensor of the last one."""

    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__()
        self.layer = nn.Linear(inputs, classes)
        self.register_buffer("calls", torch.zeros(()))
        self.kept = torch.zeros(())

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        logits = self.layer(images.flatten(1)) + self.kept.detach() * 0
        self.kept = logits.mean()
        return logits + 0.1 * torch.rand_like(logits) + 0.01 * self.calls


def dropping(size, image_shape, num_classes):
    """Layers that draw and layers that count, in training."""
    return nn.Sequential(
        nn.Conv2d(image_shape[2], 4, 3, stride=2), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.3), nn.Flatten(),
        nn.Linear(4 * 7 * 7, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, num_classes),
    )  # fmt: skip


def restless(size, image_shape, num_classes):
    return Restless(16 * 16 * 3, num_classes)


OWN = {"dropping": dropping, "restless": restless}
FAMILIES = ("dropping", "mlp", "cnn", "resnet8")


def material_of(data, family="cnn", recipe=RECIPE) -> Material:
    images, labels = data
    plan = Plan(DataChoice("made", "f" * 64), "cnn", "width", None, (2,), 20, 0.7, 0, "float32", recipe, 10)
    mean, scale = images[:160].float().mean((0, 1, 2)), 1 / images[:160].float().std((0, 1, 2))
    found = open_family("cnn" if family in OWN else family)
    found = replace(found, build=OWN[family]) if family in OWN else found
    return Material(plan, found, images, labels, mean, scale, (16, 16, 3), 160, 4)


TASK = Task("onehot", 2, 0, 10)


def trained(material, record, model=3):
    return one_by_one.train_one(material, True, TASK, model, material.plan.subset(160, model), record=record)


@pytest.mark.parametrize("family", [*FAMILIES, "restless"])
def test_nobody_can_tell_from_a_model_that_it_was_recorded(data, family):
    material = material_of(data, family)
    torch.manual_seed(7)
    alone, state = trained(material, False), torch.get_rng_state()
    torch.manual_seed(7)
    recorded = trained(material, True)
    assert (torch.get_rng_state() == state).all()
    assert recorded.recorded is not None
    assert alone.recorded is None
    assert recorded.epoch_loss.tobytes() == alone.epoch_loss.tobytes()
    assert recorded.log_odds.tobytes() == alone.log_odds.tobytes()
    assert (recorded.predictions == alone.predictions).all()
    assert recorded.weights.keys() == alone.weights.keys()
    for name, values in alone.weights.items():
        assert recorded.weights[name].tobytes() == values.tobytes(), name


@dataclass(frozen=True)
class Stopping(Draws):
    """Draws that run out after some steps, and so end a training there."""

    until: int = 0

    def batches(self, subset, steps, batch_size):
        return islice(super().batches(subset, steps, batch_size), self.until)


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_recorded_after_an_epoch_is_what_a_training_that_stopped_there_would_give(data, family):
    material = material_of(data, family)
    recorded = trained(material, True).recorded
    steps, labels = RECIPE.steps(112), data[1][:160].numpy()
    assert sorted(recorded.checkpoints) == [1, 2, 3, 4, 5]
    for epoch in range(1, 6):
        draws = Stopping(0, 2, 3, until=round(epoch * steps / 5))
        stopped = material.untrained(draws)
        train_model(stopped, material.inputs, np.flatnonzero(material.plan.subset(160, 3)), 112, RECIPE, draws)
        for name, value in stopped.state_dict().items():
            assert recorded.checkpoints[epoch][name].tobytes() == value.numpy().tobytes(), (epoch, name)
        predictions, log_odds = evaluate(stopped, material.inputs)
        assert recorded.log_odds[epoch - 1].tobytes() == log_odds[:160].tobytes()
        assert (recorded.correct[epoch - 1] == (predictions[:160] == labels)).all()
        # and as a plain pass over every example by itself says, without our evaluation
        stopped.eval()
        with torch.no_grad():
            images = normalise(data[0][:160], material.mean, material.scale)
            logits = torch.cat([stopped(one[None]) for one in images])
        alone = log_odds_of(logits, data[1][:160]).numpy()
        assert recorded.log_odds[epoch - 1].astype(float) == pytest.approx(alone.astype(float), rel=2e-3, abs=2e-3)


def test_the_last_epoch_says_what_the_outcome_says(data):
    one = trained(material_of(data), True)
    assert one.recorded.log_odds[-1].tobytes() == one.log_odds[:160].tobytes()
    assert (one.recorded.correct[-1] == (one.predictions[:160] == data[1][:160].numpy())).all()
    for name, values in one.recorded.checkpoints[5].items():
        assert values.tobytes() == one.weights[name].tobytes()


def test_examples_are_asked_in_the_batches_of_the_evaluation_at_the_end(data, monkeypatch):
    """So the last of them holds test examples too: sums grouped otherwise could differ in the last bit."""
    for module in (evaluation, recording):
        monkeypatch.setattr(module, "BATCH", 64)
    material, seen = material_of(data), []
    network = material.untrained(Draws(0, 2, 0))
    network.register_forward_hook(lambda module, given, said: seen.append(given[0].clone()))
    evaluate(network, material.inputs)
    asked, seen[:] = seen[:], []
    recording.look_at(network, material.inputs, range(1), recording.Recorded(1, material.train_labels))
    assert [len(one) for one in seen] == [64, 64, 64]
    assert all((one == other).all() for one, other in zip(seen, asked[:3], strict=True))


def test_the_time_of_recording_is_not_counted_as_the_models(data, monkeypatch):
    def slow(*given, into):
        into.seconds += 1000

    monkeypatch.setattr(one_by_one, "look_at", slow)
    one = trained(material_of(data), True)
    assert one.recorded.seconds == 5000
    assert one.seconds < -4000  # as if they had been spent


def test_of_fewer_steps_than_epochs_every_epoch_has_what_the_steps_so_far_gave(data):
    recipe = replace(RECIPE, epochs=12, batch_size=112 * 4)
    material = material_of(data, recipe=recipe)
    assert recipe.steps(112) == 3
    recorded = trained(material, True).recorded
    assert not np.isnan(recorded.log_odds).any()
    ends = [max(1, round(epoch * 3 / 12)) for epoch in range(1, 13)]
    for epoch in range(1, 12):
        same = recorded.log_odds[epoch].tobytes() == recorded.log_odds[epoch - 1].tobytes()
        assert same == (ends[epoch] == ends[epoch - 1])
    assert sorted(recorded.checkpoints) == list(checkpoint_epochs(12))


@pytest.mark.parametrize("after", [0, 2, 5])
def test_of_a_model_that_diverges_what_was_before_is_kept_and_then_nothing_is_known(data, monkeypatch, after):
    """At the start, in the third epoch, and by the last step of all, after which no loss is read."""
    calm = trained(material_of(data), True).recorded
    steps = RECIPE.steps(112)
    at = round(after * steps / 5) + 2 if after < 5 else steps - 1
    whole = one_by_one.Draws.batches

    def spoiling(self, *given):
        for step, batch in enumerate(whole(self, *given)):
            if step == at:
                monkeypatch.setattr(Recipe, "learning_rate_at", lambda *given: float("nan"))
            yield batch

    monkeypatch.setattr(Draws, "batches", spoiling)
    one = trained(material_of(data), True)
    assert one.diverged
    good = min(after, 4)
    assert one.recorded.log_odds[:good].tobytes() == calm.log_odds[:good].tobytes()
    assert (one.recorded.correct[:good] == calm.correct[:good]).all()
    assert np.isnan(one.recorded.log_odds[good:]).all()
    assert not one.recorded.correct[good:].any()
    assert sorted(one.recorded.checkpoints) == list(range(1, good + 1))


@pytest.mark.parametrize(
    ("epochs", "expected"),
    [(1, (1,)), (2, (1, 2)), (5, (1, 2, 3, 4, 5)), (8, tuple(range(1, 9))), (9, (1, 2, 3, 4, 5, 6, 7, 8, 9)),
     (16, (1, 2, 4, 6, 8, 10, 12, 14, 16)), (20, (1, 3, 5, 8, 10, 13, 15, 18, 20))],
)  # fmt: skip
def test_checkpoints_are_of_the_first_epoch_and_of_eight_evenly_spaced_ones(epochs, expected):
    assert checkpoint_epochs(epochs) == expected
