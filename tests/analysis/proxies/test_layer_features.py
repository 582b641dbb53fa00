import copy
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from memscope.analysis.proxies.layer_features import layer_features
from memscope.errors import MemscopeError
from memscope.families import open_family
from tests.analysis.proxies.tiny_networks import CLASSES, Residual, convolutional, perceptron, tiny


def shapes(network, *shape):
    return [features.shape[1] for features in layer_features(network, torch.randn(3, *shape))]


def test_layers_are_the_input_what_follows_each_matrix_and_the_logits():
    network, inputs, _ = tiny(convolutional)
    found = list(layer_features(network, inputs))
    network.eval()
    with torch.no_grad():
        first = functional.relu(network[1](network[0](inputs)))
        second = network[3](first.clone()).mean(dim=(2, 3))
        logits = network(inputs)
    for layer, expected in zip(found, [inputs, first, second, logits], strict=True):
        np.testing.assert_allclose(layer, expected.flatten(1).numpy(), rtol=1e-12, atol=1e-14)


def test_a_perceptron_has_its_hidden_layers():
    network, inputs, _ = tiny(perceptron, torch.float32)
    found = list(layer_features(network, inputs))
    assert [layer.shape[1] for layer in found] == [72, 5, CLASSES]
    assert found[1].min() == 0  # after its ReLU
    assert found[1].dtype == torch.float32


def averaged(maps, side=4):
    """Maps [C, H, W] averaged to 4 x 4: of H rows, cell i has those from floor(i H / 4) to ceil((i + 1) H / 4)."""
    _, height, width = maps.shape
    rows = [slice(i * height // side, math.ceil((i + 1) * height / side)) for i in range(side)]
    columns = [slice(i * width // side, math.ceil((i + 1) * width / side)) for i in range(side)]
    return np.array([[[channel[r, c].mean() for c in columns] for r in rows] for channel in maps])


def test_maps_are_averaged_to_4_by_4_and_the_input_is_left_as_it_is():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Conv2d(3, 2, (5, 1)), nn.Flatten(), nn.LazyLinear(2)).double()
    inputs = torch.randn(2, 2, 9, 12, dtype=torch.float64)
    network(inputs)
    found = list(layer_features(network, inputs))
    with torch.no_grad():
        first = network[0](inputs)  # 7 x 10
        second = network[1](first)  # 3 x 10; what flattens it belongs to the same layer
    assert np.array_equal(found[0], inputs.flatten(1).numpy())
    for example in range(2):
        np.testing.assert_allclose(found[1][example], averaged(first[example].numpy()).ravel(), rtol=1e-12)
        np.testing.assert_allclose(found[2][example], second[example].numpy().ravel(), rtol=1e-12)
    assert len(found) == 4


def test_tokens_are_averaged_to_16():
    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.head = nn.Linear(2, 3), nn.Linear(3, 2)

        def forward(self, inputs):  # [B, 32, 2]
            return self.head(self.embed(inputs).mean(dim=1))

    network, inputs = Tokens().double(), torch.randn(5, 32, 2, dtype=torch.float64)
    found = list(layer_features(network, inputs))
    tokens = network.embed(inputs).detach().numpy().reshape(5, 16, 2, 3).mean(axis=2)
    np.testing.assert_allclose(found[1], tokens.transpose(0, 2, 1).reshape(5, -1), rtol=1e-12)
    assert [layer.shape[1] for layer in found] == [64, 48, 2]


def test_what_functions_do_in_place_later_is_not_seen_before():
    class InPlace(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 2)

        def forward(self, inputs):
            return self.second(functional.relu(self.first(inputs.mul_(2)), inplace=True))

    network, inputs = InPlace(), torch.randn(50, 4)
    before = inputs.clone()
    found = list(layer_features(network, inputs))
    assert found[1].min() < 0  # a function between modules belongs to no module
    assert np.array_equal(found[0], before.numpy())
    assert torch.equal(inputs, before)


def test_a_network_that_wraps_another_has_the_others_layers():
    class Wrapper(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = Body()

        def forward(self, inputs):
            return 2 * self.body(inputs)

    class Body(nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = nn.ModuleList([Residual(), Residual()])
            self.activation, self.head = nn.ReLU(), nn.Linear(3, 2)

        def forward(self, maps):
            for block in self.blocks:
                maps = self.activation(block(maps))  # one module, run twice
            return self.head(maps.mean(dim=(2, 3)))

    network, inputs = Wrapper(), torch.randn(4, 3, 4, 4)
    found = list(layer_features(network, inputs))
    assert [layer.shape[1] for layer in found] == [48, 48, 48, 2]
    with torch.no_grad():
        np.testing.assert_allclose(found[3], network.eval()(inputs).numpy(), rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "options", "size", "layers"),
    [
        ("mlp", {"axis": "depth", "fixed": 6}, 3, [192, 6, 6, 6, CLASSES]),
        ("cnn", {}, 4, [192, 64, 32, 32, 16, 16, CLASSES]),
        ("resnet8", {}, 2, [192, 32, 32, 64, 8, CLASSES]),
    ],
)
def test_built_in_families_have_a_layer_for_each_block(name, options, size, layers):
    assert shapes(open_family(name, **options).build(size, (8, 8, 3), CLASSES), 3, 8, 8) == layers


@pytest.mark.parametrize(
    ("name", "width", "layers"),
    [
        ("timm/resnet18", 8, 11),  # input, stem, eight blocks, logits
        ("timm/vit_tiny_patch16_224", 16, 15),  # input, patches, twelve blocks, logits
        ("timm/convnext_atto", 8, 7),  # input, stem, four stages, logits
    ],
)
def test_families_of_timm_have_layers(name, width, layers):
    assert len(shapes(open_family(name).build(width, (32, 32, 3), CLASSES), 3, 32, 32)) == layers


def test_nothing_of_the_network_is_changed():
    network, inputs, _ = tiny(convolutional)
    before = copy.deepcopy(network.state_dict())
    for _ in layer_features(network, inputs, rows=4):
        assert network.training  # between layers it is as it was
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules())


def test_the_number_of_rows_changes_nothing():
    network, inputs, _ = tiny(convolutional)
    whole = list(layer_features(network, inputs, rows=100))
    for rows in (1, 4, None):
        for layer, expected in zip(layer_features(network, inputs, rows), whole, strict=True):
            np.testing.assert_allclose(layer, expected, rtol=1e-12, atol=1e-15)


def test_a_network_without_layers_is_told():
    class Functions(nn.Module):
        def forward(self, inputs):
            return inputs.flatten(1)[:, :2]

    told = "prediction depth cannot be had of the network Functions: none of its modules has weights"
    with pytest.raises(MemscopeError, match=told):
        next(layer_features(Functions(), torch.randn(3, 2, 4, 4)))
