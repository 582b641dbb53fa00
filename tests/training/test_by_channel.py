"""Normalisation and pools of many models in one call, against those of each; and what is not copied for it."""

import copy
import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from memscope.training.backends.vectorised import group
from memscope.training.backends.vectorised.stack import stack
from memscope.training.inputs import normalise
from tests.training.test_group import MEAN, SCALE, networks

CPU = torch.device("cpu")


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("layer", "shape"), [(nn.BatchNorm2d, (8, 5, 4, 4)), (nn.BatchNorm1d, (8, 5))])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shared", [True, False])
def test_batch_normalisation_of_a_group_is_that_of_each(layer, shape, kind, training, shared):
    torch.manual_seed(0)
    layers = [layer(5).train(training) for _ in range(3)]
    for one in layers:
        for values in (one.weight, one.bias, one.running_var):
            nn.init.uniform_(values, 0.5, 1.5)
    alone = copy.deepcopy(layers)
    maps = torch.randn(shape if shared else (3, *shape)).to(kind).requires_grad_()
    stacked = stack(layers, torch.device("cpu"))
    found = stacked.logits(maps, shared=shared)
    assert found.dtype == kind
    factors = torch.randn(found.shape).to(kind)
    (found * factors).sum().backward()
    rounding = 1e-5 if kind is torch.float32 else 0.05
    gradients = []
    for place, one in enumerate(alone):
        own = (maps if shared else maps[place]).detach().clone().requires_grad_()
        expected = one(own)
        assert found[place].detach().float().numpy() == pytest.approx(expected.detach().float().numpy(), abs=1e-6)
        (expected * factors[place]).sum().backward()
        gradients.append(own.grad)
        for name, value in one.named_parameters():
            theirs = stacked.parameters[name].grad[place].numpy()
            assert theirs == pytest.approx(value.grad.numpy(), rel=rounding, abs=rounding)
        for name, value in one.named_buffers():
            assert stacked.buffers[name][place].numpy() == pytest.approx(value.numpy(), rel=1e-6)
    together = sum(gradients) if shared else torch.stack(gradients)
    assert maps.grad.float().numpy() == pytest.approx(together.float().numpy(), rel=rounding, abs=rounding)


class Seen(TorchDispatchMode):
    """Copies of maps, and the maps that are given to convolutions, normalisations and pools."""

    def __init__(self):
        super().__init__()
        self.copied, self.given = [], []

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        name = operation.name()
        maps = [one for one in args[:2] if isinstance(one, torch.Tensor) and one.ndim >= 4 and one.shape[-1] > 1]
        if name in ("aten::clone", "aten::copy_"):
            self.copied += [tuple(one.shape) for one in maps]
        elif any(word in name for word in ("convolution", "batch_norm", "pool")):
            self.given += maps[:1]
        return operation(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", ["cnn", "airbench", "resnet8"])
def test_no_maps_are_copied_and_all_channels_lie_side_by_side(name, data):
    _, models = networks(name)
    stacked = stack(models, CPU)
    images = data[0][: 3 * 24].unflatten(0, (3, 24))
    inputs = group.side_by_side(images, MEAN, SCALE)
    assert torch.equal(inputs, torch.stack([normalise(one, MEAN, SCALE) for one in images]))
    with Seen() as seen, warnings.catch_warnings():
        warnings.simplefilter("error")  # torch warns where vmap does one model after the other
        stacked.logits(inputs).sum().backward()
    assert seen.copied == []
    assert len(seen.given) > 10
    # but for those that strided 1x1 convolutions take every other pixel of
    strange = [one for one in seen.given if not one.is_contiguous(memory_format=torch.channels_last)]
    assert len(strange) == (2 if name == "resnet8" else 0)


POOLS = {
    "global maximum": nn.AdaptiveMaxPool2d(1),
    "global maximum as a pair": nn.AdaptiveMaxPool2d((1, 1)),
    "maximum to 2x3": nn.AdaptiveMaxPool2d((2, 3)),
    "maximum of 2x2": nn.MaxPool2d(2),
    "overlapping, padded, rounded up": nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True),
    "global mean": nn.AdaptiveAvgPool2d(1),
    "mean to 2x3": nn.AdaptiveAvgPool2d((2, 3)),
}


@pytest.mark.parametrize("pool", POOLS.values(), ids=POOLS.keys())
@pytest.mark.parametrize("shared", [True, False])
def test_pools_of_a_group_are_those_of_each_ties_too(pool, shared):
    torch.manual_seed(0)
    layers = [nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), pool) for _ in range(3)]
    for one in layers:
        one[0].weight.data = torch.randint(-2, 3, one[0].weight.shape).float()
        one[0].bias.data.zero_()
    maps = torch.randint(0, 2, (4, 2, 7, 7) if shared else (3, 4, 2, 7, 7)).float()
    among = layers[0][0](maps if shared else maps[0]).detach().flatten(2)
    assert ((among == among.amax(2, keepdim=True)).sum(2) > 1).any(), "no ties"
    stacked = stack(layers, CPU)
    found = stacked.logits(maps, shared=shared)
    found.square().sum().backward()
    for place, one in enumerate(layers):
        expected = one(maps if shared else maps[place])
        assert torch.equal(found[place], expected)
        expected.square().sum().backward()
        wanted = one[0].weight.grad
        assert wanted.abs().max() > 1
        torch.testing.assert_close(stacked.parameters["0.weight"].grad[place], wanted)


class Shortcut(nn.Module):
    """Reads maps again after a ReLU has changed them in place, whose result it may not even use."""

    def __init__(self, used):
        super().__init__()
        self.norm, self.relu, self.out = nn.BatchNorm2d(3), nn.ReLU(inplace=True), nn.Linear(3, 4)
        self.used = used

    def forward(self, maps):
        maps = functional.max_pool2d(self.norm(maps), 3, stride=1)
        again = self.relu(maps)
        return self.out((again + 2 * maps if self.used else maps).mean(dim=(2, 3)))


@pytest.mark.parametrize("used", [True, False])
def test_what_is_changed_in_place_is_changed_for_all_who_read_it(used):
    torch.manual_seed(0)
    models = [Shortcut(used).double() for _ in range(3)]
    maps = torch.randn(3, 8, 3, 4, 4, dtype=torch.float64)
    stacked = stack(models, CPU)
    found = stacked.logits(maps)
    found.square().sum().backward()
    for place, one in enumerate(models):
        expected = one(maps[place])
        assert (expected - one.out(one.norm(maps[place]).mean(dim=(2, 3)))).abs().max() > 0.1
        torch.testing.assert_close(found[place], expected)
        expected.square().sum().backward()
        for name, value in one.named_parameters():
            torch.testing.assert_close(stacked.parameters[name].grad[place], value.grad)


class Slimmed(nn.Module):
    """Uses the first channels of running statistics that have more."""

    def __init__(self):
        super().__init__()
        self.norm, self.out = nn.BatchNorm2d(6), nn.Linear(3, 4)

    def forward(self, maps):
        mean, var = self.norm.running_mean[:3], self.norm.running_var[:3]
        return self.out(functional.batch_norm(maps, mean, var, training=True).mean(dim=(2, 3)))


def test_statistics_that_would_be_lost_are_refused():
    stacked = stack([Slimmed() for _ in range(3)], CPU)
    with pytest.raises(RuntimeError, match="view"):
        stacked.logits(torch.randn(3, 8, 3, 4, 4))
