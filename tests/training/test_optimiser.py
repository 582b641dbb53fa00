import copy
import subprocess
import sys

import pytest
import torch
from torch import nn

from memscope.families import classifier_of, open_family
from memscope.plan.recipe import Recipe
from memscope.training.draws import Draws, build_model
from memscope.training.optimiser import descend, parameter_groups


def network(width: int = 32) -> nn.Module:
    return build_model(open_family("cnn").build, Draws(0, width, 0), (12, 12, 1), 3)


def give_gradients(model: nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        drawn = torch.randn(parameter.shape, generator=generator)
        parameter.grad = torch.empty_like(parameter).copy_(drawn)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_steps_are_those_of_torchs_class_to_the_bit(momentum):
    recipe = Recipe(momentum=momentum, weight_decay=0.01)
    ours = network()
    theirs = copy.deepcopy(ours)
    groups = parameter_groups(ours, recipe)
    classifier = list(classifier_of(theirs).parameters())
    others = [p for p in theirs.parameters() if all(p is not of_it for of_it in classifier)]
    assert len(classifier) == 2
    relative = 16 / classifier[0].shape[1]
    assert relative < 1
    optimiser = torch.optim.SGD(
        [
            {"params": [p for p in part if (p.ndim > 1) == decayed], "lr": rate, "weight_decay": 0.01 * decayed}
            for part, rate in ((others, 0.1), (classifier, 0.1 * relative))
            for decayed in (True, False)
        ],
        momentum=momentum,
        nesterov=momentum > 0,
        fused=True,
    )
    for step in range(4):
        give_gradients(ours, step)
        give_gradients(theirs, step)
        for group in groups:
            descend(group, 0.1 * group.relative_rate, momentum)
        optimiser.step()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(mine, other)
        assert mine.grad is None


def test_a_parameter_without_a_gradient_stays_and_moves_when_it_has_one():
    model = network()
    groups = parameter_groups(model, Recipe())
    give_gradients(model, 0)
    first = next(model.parameters())
    gradient, first.grad = first.grad, None
    before = first.detach().clone()
    for group in groups:
        descend(group, 0.1, 0.9)
    assert torch.equal(first, before)
    first.grad = gradient
    for group in groups:  # the others have none this time
        descend(group, 0.1, 0.9)
    assert not torch.equal(first, before)


def test_training_does_not_load_torchs_compiler():
    code = """
import sys
import numpy as np, torch
from memscope.families import classifier_of, open_family
from memscope.plan.recipe import Recipe
from memscope.training.loop import train_model
from memscope.training.draws import Draws, build_model
from memscope.training.inputs import Inputs
draws = Draws(0, 2, 0)
model = build_model(open_family("cnn").build, draws, (12, 12, 1), 3)
images, labels = torch.zeros(8, 12, 12, 1, dtype=torch.uint8), torch.zeros(8, dtype=torch.int64)
mean = scale = torch.ones(1)
data = Inputs(images, labels, mean, scale, "float32")
train_model(model, data, np.arange(8), 8, Recipe(epochs=1, batch_size=4), draws)
print("torch._dynamo" in sys.modules)
"""
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert told.split() == ["False"]
