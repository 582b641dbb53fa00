"""The vectorised pass against the readable loop, model by model."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from memscope.families import open_family
from memscope.plan.recipe import Recipe
from memscope.training import loop
from memscope.training.backends.vectorised import group
from memscope.training.backends.vectorised.group import evaluate_group, train_group
from memscope.training.backends.vectorised.stack import draws_while_training
from memscope.training.draws import Draws, build_model
from memscope.training.evaluation import evaluate
from memscope.training.inputs import Inputs
from memscope.training.loop import train_model

MEAN, SCALE = torch.tensor([90.0, 100.0, 110.0]), torch.tensor([0.02, 0.02, 0.02])
MODELS = (0, 1, 5)
SUBSETS = [np.flatnonzero(np.random.default_rng(model).random(240) < 0.7) for model in MODELS]


def networks(name, size=4):
    family = open_family(name)
    draws = [Draws(0, size, model) for model in MODELS]
    return draws, [build_model(family.build, one, (16, 16, 3), 4) for one in draws]


def both(name, recipe, data, precision="float32", double=False):
    """Courses and outcomes (predicted class, log-odds) of the group, and of the loop, on the same draws."""
    draws, models = networks(name)
    if double:
        models = [model.double() for model in models]
    alone = copy.deepcopy(models)
    given = (Inputs(*data, MEAN, SCALE, precision), SUBSETS, 168, recipe, draws)
    courses = train_group(models, *given)
    found = evaluate_group(models, Inputs(*data, MEAN, SCALE, precision))
    expected_courses, expected = [], []
    for model, subset, one in zip(alone, SUBSETS, draws, strict=True):
        expected_courses.append(train_model(model, Inputs(*data, MEAN, SCALE, precision), subset, 168, recipe, one))
        expected.append(evaluate(model, Inputs(*data, MEAN, SCALE, precision)))
    return (courses, found, models), (expected_courses, expected, alone)


FAMILIES = ("cnn", "resnet8", "airbench", "mlp", "timm/resnet18")


@pytest.fixture
def in_float64(monkeypatch):
    """Rounding grows tenfold a step in a training; in float64 it has no time to be seen."""
    for module in (group, loop):
        monkeypatch.setattr(module, "normalise", lambda images, mean, scale: normalise(images, mean, scale).double())
    monkeypatch.setattr("memscope.training.inputs.normalise", lambda *given: normalise(*given).double())


normalise = loop.normalise


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("augment", ["none", "crop+flip"])
@pytest.mark.usefixtures("in_float64")
def test_every_model_comes_out_as_it_does_alone(name, augment, data):
    rate = 0.01 if name == "airbench" else 0.1  # its shifts move 64 times as fast
    recipe = Recipe(epochs=3, batch_size=24, augment=augment, label_smoothing=0.1, learning_rate=rate)
    (courses, found, models), (expected_courses, expected, alone) = both(name, recipe, data, double=True)
    for one, other in zip(courses, expected_courses, strict=True):
        assert not one.diverged
        assert one.epoch_loss == pytest.approx(other.epoch_loss, abs=1e-6)
    for one, other in zip(found, expected, strict=True):
        assert (one[0] == other[0]).all()
        assert one[1].dtype == np.float16
        assert one[1] == pytest.approx(other[1], abs=2e-2)
    for model, other in zip(models, alone, strict=True):
        for (key, value), (other_key, wanted) in zip(
            model.state_dict().items(), other.state_dict().items(), strict=True
        ):
            assert key == other_key
            assert value.numpy() == pytest.approx(wanted.numpy(), rel=1e-6, abs=1e-6), key
    # the three are different models on different subsets, each with statistics of its own
    assert len({one.epoch_loss[-1].item() for one in courses}) == 3


@pytest.mark.parametrize("name", FAMILIES)
def test_in_float32_first_losses_agree_and_so_do_the_outcomes_of_a_short_training(name, data, monkeypatch):
    losses = {"group": [], "loop": []}
    done = loop.EpochLosses.done

    def listen(self, step):
        losses["group" if self.total.ndim else "loop"].append(self.total.clone())
        done(self, step)

    monkeypatch.setattr(loop.EpochLosses, "done", listen)
    recipe = Recipe(epochs=4, batch_size=24, augment="crop", learning_rate=0.01)
    (_, found, _), (_, expected, _) = both(name, recipe, data)
    together = torch.stack(losses["group"]).T  # [models, steps]
    alone = torch.stack(losses["loop"]).view(3, -1)
    assert together[:, :4].numpy() == pytest.approx(alone[:, :4].numpy(), abs=1e-4)
    agree = [(one[0] == other[0]).mean() for one, other in zip(found, expected, strict=True)]
    assert np.mean(agree) > 0.99


def test_bfloat16_runs_in_it_and_keeps_float32_weights(data):
    recipe = Recipe(epochs=1, batch_size=24)
    (courses, _, models), (expected, _, _) = both("cnn", recipe, data, "bfloat16")
    assert {value.dtype for value in models[0].parameters()} == {torch.float32}
    for one, other in zip(courses, expected, strict=True):
        assert one.epoch_loss == pytest.approx(other.epoch_loss, rel=0.1)


class AsAGpuCasts(TorchFunctionMode):
    """Convolutions and products in bfloat16, their results too, inside `vmap` as well: a CPU does not cast there."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function in (torch.nn.functional.conv2d, torch.nn.functional.linear):
            args = [arg.bfloat16() if isinstance(arg, torch.Tensor) else arg for arg in args]
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", FAMILIES)
def test_what_a_gpu_casts_to_bfloat16_is_trained_as_alone(name, data):
    recipe = Recipe(epochs=1, batch_size=24, learning_rate=0.01)
    with AsAGpuCasts():
        (courses, _, models), (expected, _, _) = both(name, recipe, data)
    assert {value.dtype for value in models[0].parameters()} == {torch.float32}
    for one, other in zip(courses, expected, strict=True):
        assert one.epoch_loss == pytest.approx(other.epoch_loss, rel=0.02)


def test_a_model_that_diverges_leaves_the_others_as_they_are(data):
    draws, models = networks("mlp")
    recipe = Recipe(epochs=3, batch_size=24)
    with torch.no_grad():
        models[1][1].weight.fill_(torch.inf)
    alone = copy.deepcopy(models)
    courses = train_group(models, Inputs(*data, MEAN, SCALE, "float32"), SUBSETS, 168, recipe, draws)
    assert [one.diverged for one in courses] == [False, True, False]
    assert np.isnan(courses[1].epoch_loss).all()
    for place in (0, 2):
        given = (SUBSETS[place], 168, recipe, draws[place])
        expected = train_model(alone[place], Inputs(*data, MEAN, SCALE, "float32"), *given)
        assert courses[place].epoch_loss == pytest.approx(expected.epoch_loss, abs=1e-3)
    everyone = train_group(models[1:2], Inputs(*data, MEAN, SCALE, "float32"), SUBSETS[:1], 168, recipe, draws[:1])
    assert [one.diverged for one in everyone] == [True]


def test_buffers_that_are_not_kept_and_layers_under_two_names_are_given_back(data):
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden = nn.Linear(768, 8)
            self.again = self.hidden
            self.register_buffer("scale", torch.ones(8), persistent=False)
            self.out = nn.Linear(8, 4)

        def forward(self, images):
            return self.out(torch.relu(self.again(images.flatten(1)) * self.scale))

    torch.manual_seed(0)
    networks = [Own() for _ in MODELS]
    alone = copy.deepcopy(networks)
    draws = [Draws(0, 4, model) for model in MODELS]
    recipe = Recipe(epochs=1, batch_size=24)
    train_group(networks, Inputs(*data, MEAN, SCALE, "float32"), SUBSETS, 168, recipe, draws)
    for model, subset, one, other in zip(networks, SUBSETS, draws, alone, strict=True):
        train_model(other, Inputs(*data, MEAN, SCALE, "float32"), subset, 168, recipe, one)
        assert model.hidden.weight.detach().numpy() == pytest.approx(other.hidden.weight.detach().numpy(), abs=1e-3)


def test_random_layers_are_seen():
    assert draws_while_training(nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.1)))
    assert not draws_while_training(nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.0)))
    assert not any(draws_while_training(networks(name)[1][0]) for name in FAMILIES)
