"""The backend: whole trainings in lanes, beside the loop's; what is kept of them; bits that bundles do not change."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from memscope.families import open_family
from memscope.plan.plan import DataChoice, Plan
from memscope.plan.recipe import Recipe
from memscope.plan.teaching import Teaching
from memscope.store.ledger import FULL, Task
from memscope.training.backends import one_by_one
from memscope.training.backends.lanes import library, models_in_lanes
from memscope.training.backends.lanes.library import most_lanes
from memscope.training.evaluation import evaluate
from memscope.training.material import Material

RECIPE = Recipe(epochs=8, batch_size=20, learning_rate=0.05)
AUGMENTED = replace(RECIPE, augment="crop+flip", label_smoothing=0.1, schedule="cosine")


def material_of(data, family="cnn", recipe=RECIPE) -> Material:
    images, labels = data
    plan = Plan(
        DataChoice("made", "f" * 64), family, "width", None, (2, 4), 20, 0.7, 0, "float32", recipe, 10, 0, "lanes"
    )
    mean = images[:160].float().mean((0, 1, 2))
    scale = 1 / images[:160].float().std((0, 1, 2))
    return Material(plan, open_family(family), images, labels, mean, scale, (16, 16, 3), 160, 4)


def models_of(material, count, size=2, variant="onehot"):
    task = Task(variant, size, 0, count)
    every = np.ones(160, dtype=bool)
    return [(task, number, every if variant == FULL else material.plan.subset(160, number)) for number in range(count)]


def same(one, other) -> bool:
    return (
        (one.predictions == other.predictions).all()
        and np.array_equal(one.log_odds, other.log_odds, equal_nan=True)
        and np.array_equal(one.epoch_loss, other.epoch_loss, equal_nan=True)
        and one.weights.keys() == other.weights.keys()
        and all(np.array_equal(one.weights[name], other.weights[name], equal_nan=True) for name in one.weights)
    )


@pytest.mark.parametrize(
    ("family", "recipe"),
    [("cnn", RECIPE), ("cnn", AUGMENTED), ("resnet8", AUGMENTED), ("mlp", RECIPE), ("mlp", AUGMENTED)],
)
def test_models_in_lanes_learn_what_the_loops_learn(data, family, recipe):
    material = material_of(data, family, recipe)
    models = models_of(material, 6)
    ours = models_in_lanes.train(material, True, models, None)
    loops = one_by_one.train(material, True, models, None)
    labels = data[1].numpy()
    for one, other in zip(ours, loops, strict=True):
        assert one.epoch_loss[0] == pytest.approx(other.epoch_loss[0], rel=2e-3)
        assert one.epoch_loss.shape == (recipe.epochs,)
        assert one.weights.keys() == other.weights.keys()
        assert all(one.weights[name].shape == other.weights[name].shape for name in one.weights)
        assert all(one.weights[name].dtype == other.weights[name].dtype for name in one.weights)
        assert one.log_odds.dtype == np.float16
        assert not one.diverged
        assert 0 < one.evaluation_seconds < one.seconds
    accuracies = [np.mean([(one.predictions == labels).mean() for one in found]) for found in (ours, loops)]
    assert accuracies[0] == pytest.approx(accuracies[1], abs=0.04)
    assert ours[0].epoch_loss[-1] < ours[0].epoch_loss[0]


def test_the_weights_that_are_kept_give_the_outcome_again_in_torch(data):
    material = material_of(data)
    (one,) = models_in_lanes.train(material, True, models_of(material, 1), None)
    predictions, log_odds = evaluate(material.trained(2, one.weights), material.inputs)
    assert (predictions == one.predictions).mean() > 0.99
    assert log_odds.astype(float) == pytest.approx(one.log_odds.astype(float), rel=2e-3, abs=2e-3)
    assert int(one.weights["0.1.num_batches_tracked"]) == RECIPE.steps(112)


@pytest.mark.parametrize("recipe", [RECIPE, AUGMENTED], ids=["plain", "augmented"])
def test_how_models_are_bundled_changes_no_bit(data, recipe):
    material = material_of(data, recipe=recipe)
    models = models_of(material, most_lanes() + 3)
    together = models_in_lanes.train(material, True, models, None)
    alone = [found for one in models[-4:] for found in models_in_lanes.train(material, True, [one], None)]
    turned = models_in_lanes.train(material, True, models[::-1], None)[::-1]
    assert all(same(one, other) for one, other in zip(together[-4:], alone, strict=True))
    assert all(same(one, other) for one, other in zip(together, turned, strict=True))
    assert not same(together[0], together[1])


@pytest.mark.parametrize("recipe", [RECIPE, AUGMENTED], ids=["plain", "augmented"])
def test_students_in_lanes_are_taught_as_by_the_loop_whoever_else_is(data, recipe):
    material = material_of(data, recipe=replace(recipe, epochs=3))
    subsets = {model: subset for _, model, subset in models_of(material, 5)}
    taught = one_by_one.train(material, True, models_of(material, 5, size=4), None)
    networks = {number: material.trained(4, one.weights) for number, one in enumerate(taught)}
    teaching, students = Teaching(4), models_of(material, 5)
    found = {}
    for name, backend in (("lanes", models_in_lanes), ("loop", one_by_one)):
        teachers = backend.open_teachers(material, teaching, networks, subsets, 5)
        found[name] = backend.train(material, True, students, teachers)
    for one, other in zip(found["lanes"], found["loop"], strict=True):
        assert one.epoch_loss == pytest.approx(other.epoch_loss, rel=0.15)
        assert one.epoch_loss[0] == pytest.approx(other.epoch_loss[0], rel=2e-3)
        assert one.teacher_seconds > 0
    two = {number: networks[number] for number in (3, 1)}
    teachers = models_in_lanes.open_teachers(material, teaching, two, subsets, 2)
    again = models_in_lanes.train(material, True, [students[3], students[1]], teachers)
    assert same(again[0], found["lanes"][3])
    assert same(again[1], found["lanes"][1])
    untaught = models_in_lanes.train(material, True, students[:1], None)
    assert not same(untaught[0], found["lanes"][0])


def test_models_on_all_the_data_take_as_many_epochs_and_so_more_steps(data):
    material = material_of(data)
    (one,) = models_in_lanes.train(material, True, models_of(material, 1, variant=FULL), None)
    assert int(one.weights["0.1.num_batches_tracked"]) == RECIPE.steps(160)


def test_a_model_that_diverges_is_recorded_and_the_others_go_on(data, monkeypatch):
    material = material_of(data)
    models = models_of(material, 4)
    calm = models_in_lanes.train(material, True, models, None)
    build = Material.untrained

    def spoilt(self, draws):
        network = build(self, draws)
        if draws.model == 2:
            network[-1].bias.data.fill_(float("inf"))
        return network

    monkeypatch.setattr(Material, "untrained", spoilt)
    found = models_in_lanes.train(material, True, models, None)
    assert [one.diverged for one in found] == [False, False, True, False]
    assert np.isnan(found[2].epoch_loss).all()
    assert all(same(found[lane], calm[lane]) for lane in (0, 1, 3))


def test_training_stops_when_every_model_has_diverged(data):
    material = material_of(data, recipe=replace(RECIPE, epochs=500, learning_rate=1e30))
    found = models_in_lanes.train(material, False, models_of(material, 3), None)
    assert all(one.diverged for one in found)
    assert all(one.seconds < 5 for one in found)  # of 2,800 steps a few were taken


MACHINES = {8: ("avx2",), 16: ("avx512", "avx2"), 4: ("neon",)}


@pytest.mark.parametrize(
    ("width", "unit", "most", "expected"),
    [
        *((8, 10, 10, 10), (8, 10, 20, 20), (8, 10, 50, 30), (8, 10, 40, 40), (8, 10, 1000, 40), (8, 1, 5, 5)),
        *((8, 1, 100, 8), (8, 5, 11, 15), (16, 10, 10, 10), (16, 10, 20, 20), (16, 10, 40, 40), (16, 1, 100, 16)),
        *((4, 10, 40, 20), (4, 1, 100, 4), (16, 1, 5, 5)),
    ],
)
def test_bundles_take_the_fewest_lanes_that_whole_units_can(monkeypatch, data, width, unit, most, expected):
    monkeypatch.setattr(library, "kinds_of_processor", lambda: MACHINES[width])
    count = models_in_lanes.at_once(replace(material_of(data).plan, unit=unit), most)
    assert count == expected
    if most >= 20:
        whole, rest = divmod(-(-most // unit) * unit, count)
        taken = whole * models_in_lanes.lanes_taken(count) + models_in_lanes.lanes_taken(rest)
        assert most / taken >= 0.8


def test_what_is_left_over_takes_the_narrowest_vectors_that_hold_it(monkeypatch):
    monkeypatch.setattr(library, "kinds_of_processor", lambda: MACHINES[16])
    assert [models_in_lanes.lanes_taken(count) for count in (1, 8, 9, 16, 17, 25, 40)] == [8, 8, 16, 16, 24, 32, 40]
    monkeypatch.setattr(library, "kinds_of_processor", lambda: MACHINES[8])
    assert [models_in_lanes.lanes_taken(count) for count in (1, 8, 9, 20)] == [8, 8, 16, 24]


def test_torchs_generator_is_left_as_it_was(data):
    material = material_of(data)
    torch.manual_seed(3)
    before = torch.get_rng_state()
    models_in_lanes.train(material, False, models_of(material, 2), None)
    assert (torch.get_rng_state() == before).all()
