"""Recording models in lanes: what is noted is what lanes that stop there would say, and nobody can tell afterwards."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from memscope.plan.recipe import Recipe
from memscope.store.ledger import Task
from memscope.training.augmentation import crop_padding, draw_shifts
from memscope.training.backends import one_by_one
from memscope.training.backends.lanes import models_in_lanes
from memscope.training.backends.lanes.library import kinds_of_processor, most_lanes
from memscope.training.backends.lanes.models_in_lanes import described, pictures_of
from memscope.training.backends.lanes.network import LaneNetworks, Shifts
from memscope.training.draws import Draws
from memscope.training.evaluation import evaluate
from memscope.training.material import Material
from memscope.training.optimiser import CLASSIFIER_REFERENCE
from tests.training.lanes.test_models_in_lanes import material_of, models_of, same

pytestmark = pytest.mark.skipif(not kinds_of_processor(), reason="no vectors to train in")
RECIPE = Recipe(epochs=4, batch_size=20, learning_rate=0.05)
AUGMENTED = replace(RECIPE, augment="crop+flip", label_smoothing=0.1, schedule="cosine")
KINDS = [("cnn", RECIPE), ("cnn", AUGMENTED), ("resnet8", AUGMENTED), ("mlp", AUGMENTED)]


@pytest.mark.parametrize(("family", "recipe"), KINDS)
def test_nobody_can_tell_from_models_that_they_were_recorded(data, family, recipe):
    material = material_of(data, family, recipe)
    models = models_of(material, most_lanes() + 3)
    alone = models_in_lanes.train(material, True, models, None)
    recorded = models_in_lanes.train(material, True, models, None, {models[0][0]})
    assert all(same(one, other) for one, other in zip(recorded, alone, strict=True))
    assert all(one.recorded is not None for one in recorded)
    assert all(one.recorded is None for one in alone)


def test_only_the_tasks_that_are_asked_for_are_recorded_also_beside_others(data):
    material = material_of(data, recipe=RECIPE)
    first, second = Task("onehot", 2, 0, 2), Task("onehot", 2, 2, 2)
    models = [(task, number, material.plan.subset(160, number)) for task in (first, second) for number in task.models]
    found = models_in_lanes.train(material, True, models, None, [second])
    assert [one.recorded is not None for one in found] == [False, False, True, True]
    apart = models_in_lanes.train(material, True, models[2:], None, [second])
    for one, other in zip(found[2:], apart, strict=True):
        assert one.recorded.log_odds.tobytes() == other.recorded.log_odds.tobytes()


@pytest.mark.parametrize(("family", "recipe"), KINDS)
def test_what_is_recorded_after_an_epoch_is_what_lanes_that_stopped_there_would_say(data, family, recipe):
    material = material_of(data, family, recipe)
    models = models_of(material, 3)
    found = models_in_lanes.train(material, True, models, None, {models[0][0]})
    steps, labels = recipe.steps(112), data[1][:160].numpy()
    for epoch in range(1, 5):
        done = round(epoch * steps / 4)
        group, networks = stopped_after(material, models, done, steps)
        predicted, odds = group.evaluate()
        for lane, one in enumerate(found):
            assert one.recorded.log_odds[epoch - 1].tobytes() == odds[lane, :160].tobytes()
            assert (one.recorded.correct[epoch - 1] == (predicted[lane, :160] == labels)).all()
            group.give_back(lane, networks[lane], done)
            for name, value in networks[lane].state_dict().items():
                assert one.recorded.checkpoints[epoch][name].tobytes() == value.numpy().tobytes(), name
            # and torch says nearly the same of those weights
            network = material.trained(2, one.recorded.checkpoints[epoch])
            _, torchs = evaluate(network, material.inputs)
            assert torchs[:160].astype(float) == pytest.approx(
                one.recorded.log_odds[epoch - 1].astype(float), rel=5e-3, abs=5e-3
            )


def stopped_after(material, models, done, steps):
    """Lanes that were trained for some of the steps, by a plain loop on the same draws."""
    recipe, lanes = material.plan.recipe, [Draws(0, 2, number) for _, number, _ in models]
    networks = [material.untrained(one) for one in lanes]
    group = LaneNetworks(networks, described(networks[0]), pictures_of(material), recipe.batch_size)
    batches = [
        one.batches(np.flatnonzero(subset), steps, recipe.batch_size)
        for one, (*_, subset) in zip(lanes, models, strict=True)
    ]
    words = [one.augmentation() for one in lanes]
    relative = min(1.0, CLASSIFIER_REFERENCE / group.description.features)
    spare = group.lanes - len(models)
    for step in range(done):
        rows = [next(one) for one in batches]
        index = np.stack(rows + rows[:1] * spare)
        shifts = None
        if recipe.augment != "none":
            drawn = [draw_shifts(one.random_raw(recipe.batch_size), recipe.augment, 16) for one in words]
            drawn += drawn[:1] * spare
            down, across, mirror = (np.stack(one) for one in zip(*drawn, strict=True))
            shifts = Shifts(
                down.astype(np.int32),
                across.astype(np.int32),
                mirror.astype(np.uint8),
                crop_padding(recipe.augment, 16),
            )
        rate = recipe.learning_rate_at(step, steps)
        group.step(index, (rate, rate * relative, recipe.momentum, recipe.weight_decay), recipe.label_smoothing, shifts)
    return group, networks


def test_the_last_epoch_says_what_the_outcome_says(data):
    material = material_of(data, recipe=AUGMENTED)
    models = models_of(material, 3)
    for one in models_in_lanes.train(material, True, models, None, {models[0][0]}):
        assert one.recorded.log_odds[-1].tobytes() == one.log_odds[:160].tobytes()
        assert (one.recorded.correct[-1] == (one.predictions[:160] == data[1][:160].numpy())).all()
        for name, values in one.recorded.checkpoints[4].items():
            assert values.tobytes() == one.weights[name].tobytes()
        assert one.recorded.seconds > 0


def test_of_a_model_that_diverges_nothing_is_known_and_the_others_are_recorded(data, monkeypatch):
    material = material_of(data, recipe=RECIPE)
    models = models_of(material, 4)
    calm = models_in_lanes.train(material, True, models, None, {models[0][0]})
    build = Material.untrained

    def spoilt(self, draws):
        network = build(self, draws)
        if draws.model == 2:
            network[-1].bias.data.fill_(float("inf"))
        return network

    monkeypatch.setattr(Material, "untrained", spoilt)
    found = models_in_lanes.train(material, True, models, None, {models[0][0]})
    assert [one.diverged for one in found] == [False, False, True, False]
    assert np.isnan(found[2].recorded.log_odds).all()
    assert not found[2].recorded.correct.any()
    assert found[2].recorded.checkpoints == {}
    for lane in (0, 1, 3):
        assert found[lane].recorded.log_odds.tobytes() == calm[lane].recorded.log_odds.tobytes()


def test_lanes_and_torch_record_much_the_same(data):
    """The first epochs, before rounding has grown."""
    material = material_of(data, recipe=RECIPE)
    models = models_of(material, 4)
    ours = models_in_lanes.train(material, True, models, None, {models[0][0]})
    loops = one_by_one.train(material, True, models, None, {models[0][0]})
    for one, other in zip(ours, loops, strict=True):
        assert one.recorded.log_odds[0] == pytest.approx(other.recorded.log_odds[0], rel=0.05, abs=0.05)
        assert (one.recorded.correct[0] == other.recorded.correct[0]).mean() > 0.97
        assert one.recorded.checkpoints.keys() == other.recorded.checkpoints.keys()
        for name, values in one.recorded.checkpoints[1].items():
            assert values.dtype == other.recorded.checkpoints[1][name].dtype
            assert torch.from_numpy(values).shape == other.recorded.checkpoints[1][name].shape
