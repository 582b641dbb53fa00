import copy
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from memscope.analysis.proxies import networks as running
from memscope.analysis.proxies.gradients import gradient_norms, input_gradients, probability_of_label
from memscope.errors import MemscopeError
from memscope.families import open_family
from tests.analysis.proxies.tiny_networks import CLASSES, convolutional, perceptron, tiny

BUILDS = [convolutional, perceptron]


def loop_norms(network, inputs, labels):
    """Norms [N] by a plain loop: one example, one backward pass."""
    network = copy.deepcopy(network).eval()
    found = []
    for example, label in zip(inputs, labels, strict=True):
        network.zero_grad()
        nn.functional.cross_entropy(network(example[None]), label[None]).backward()
        found.append(sum(float(value.grad.double().square().sum()) for value in network.parameters()) ** 0.5)
    return found


def loop_gradients(network, inputs, labels, of):
    network = copy.deepcopy(network).eval()
    found = []
    for example, label in zip(inputs, labels, strict=True):
        here = example[None].clone().requires_grad_()
        found.append(torch.autograd.grad(of(network(here)[0], label), here)[0][0])
    return torch.stack(found).numpy()


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("precision", [torch.float64, torch.float32])
def test_gradient_norms_are_those_of_a_loop_over_examples(build, precision):
    network, inputs, labels = tiny(build, precision)
    found = gradient_norms(network, inputs, labels)
    assert found.dtype == np.float64
    tolerance = 1e-12 if precision == torch.float64 else 2e-5
    np.testing.assert_allclose(found, loop_norms(network, inputs, labels), rtol=tolerance)


@pytest.mark.parametrize("build", BUILDS)
def test_input_gradients_are_those_of_a_loop_over_examples(build):
    network, inputs, labels = tiny(build)
    logit = loop_gradients(network, inputs, labels, lambda logits, label: logits[label])
    np.testing.assert_allclose(input_gradients(network, inputs, labels), logit, rtol=1e-12, atol=1e-15)
    probability = loop_gradients(network, inputs, labels, lambda logits, label: logits.softmax(0)[label])
    found = input_gradients(network, inputs, labels, of=probability_of_label)
    np.testing.assert_allclose(found, probability, rtol=1e-12, atol=1e-15)
    assert found.shape == inputs.shape


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("function", [gradient_norms, input_gradients])
def test_the_number_of_rows_changes_nothing(build, function):
    network, inputs, labels = tiny(build)
    whole = function(network, inputs, labels, rows=100)
    for rows in (1, 2, 5, 11):
        np.testing.assert_allclose(function(network, inputs, labels, rows=rows), whole, rtol=1e-12, atol=1e-15)


def test_neither_the_network_nor_the_inputs_are_changed():
    network, inputs, labels = tiny(lambda: nn.Sequential(nn.ReLU(inplace=True), convolutional()))
    network[1].eval()  # a network of which a part is not trained
    network[1][0].weight.requires_grad_(False)
    before, pixels = copy.deepcopy(network.state_dict()), inputs.clone()
    for function in (gradient_norms, input_gradients):
        function(network, inputs, labels)
        after = network.state_dict()
        assert all(torch.equal(after[name], value) for name, value in before.items())
        assert torch.equal(inputs, pixels)
        assert network.training
        assert not network[1].training
        assert all(value.grad is None for value in network.parameters())


def test_shared_and_fixed_weights_are_parameters_too():
    shared = nn.Linear(72, 72, bias=False)
    layers = [nn.Flatten(), shared, nn.Tanh(), shared, nn.Linear(72, CLASSES)]
    network, inputs, labels = tiny(lambda: nn.Sequential(*layers))
    expected = loop_norms(network, inputs, labels)
    np.testing.assert_allclose(gradient_norms(network, inputs, labels), expected, rtol=1e-12)
    network[4].weight.requires_grad_(False)
    np.testing.assert_allclose(gradient_norms(network, inputs, labels), expected, rtol=1e-12)


def test_rows_are_as_many_as_fit_in_the_space(monkeypatch):
    network, inputs, _ = tiny(convolutional, torch.float32, examples=40)
    # of an example and its leaves: convolution, norm, ReLU; convolution, norm; pool, flatten, dropout, classifier
    outputs = 4 * (72 + 3 * 27 + 2 * 27 + 3 * 3 + CLASSES)
    assert running.bytes_of_outputs(network, inputs[:1]) == outputs
    monkeypatch.setattr(running, "SPACE", 2 * outputs * 7)
    network.eval()
    assert [some.stop - some.start for some in running.chunks(network, inputs, None)] == [7] * 6
    weights = 4 * sum(value.numel() for value in network.parameters())
    assert next(running.chunks(network, inputs, None, own_weights=True)).stop == 7 * outputs // (outputs + weights)
    monkeypatch.setattr(running, "SPACE", 1)
    assert len(list(running.chunks(network, inputs, None))) == 40


def test_a_network_that_diverged_has_no_numbers():
    network, inputs, labels = tiny(perceptron)
    with torch.no_grad():
        network[1].weight.fill_(torch.nan)
    assert np.isnan(gradient_norms(network, inputs, labels)).all()


class Branching(nn.Module):
    """Looks at what its output is, as no vectorised gradient can."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(72, CLASSES)

    def forward(self, inputs):
        logits = self.layer(inputs.flatten(1))
        return logits if logits.sum().item() > 0 else 2 * logits


def test_a_network_without_such_gradients_is_told_with_proxy_and_reason():
    network, inputs, labels = tiny(Branching)
    told = r"^GraNd cannot be had of the network Branching: .*item.*; leave this proxy out$"
    with pytest.raises(MemscopeError, match=told):
        gradient_norms(network, inputs, labels)
    assert network.training


def test_batch_normalisation_without_running_statistics_is_told():
    network, inputs, labels = tiny(
        lambda: nn.Sequential(nn.BatchNorm2d(2, track_running_stats=False), nn.Flatten(), nn.Linear(72, CLASSES))
    )
    for function, name in ((gradient_norms, "GraNd"), (input_gradients, "variance of gradients")):
        with pytest.raises(MemscopeError, match=f"^{name} cannot be had of the network Sequential: its batch norm"):
            function(network, inputs, labels)


@pytest.mark.parametrize(
    ("name", "options"),
    [("mlp", {}), ("cnn", {}), ("airbench", {}), ("resnet8", {}), ("resnet", {"axis": "depth", "fixed": 2})],
)
def test_built_in_families_have_gradients(name, options):
    hold_against_loops(open_family(name, **options).build(8, (12, 12, 3), CLASSES), side=12)


@pytest.mark.parametrize(
    ("name", "width"),
    [
        ("timm/resnet18", 8),
        ("timm/vit_tiny_patch16_224", 16),
        ("timm/convnext_atto", 8),
        ("timm/densenet121", 4),
        ("timm/mobilenetv3_small", 50),
    ],
)
@pytest.mark.filterwarnings("error")
def test_families_of_timm_have_gradients(name, width):
    hold_against_loops(open_family(name).build(width, (32, 32, 3), CLASSES), side=32)


def hold_against_loops(network, side):
    torch.manual_seed(0)
    network.double()
    inputs, labels = torch.randn(3, 3, side, side, dtype=torch.float64), torch.arange(3) % CLASSES
    images = inputs.contiguous(memory_format=torch.channels_last)
    for function, expected in (
        (gradient_norms, loop_norms),
        (input_gradients, partial(loop_gradients, of=lambda logits, label: logits[label])),
    ):
        np.testing.assert_allclose(
            function(network, images, labels), expected(network, inputs, labels), rtol=1e-9, atol=1e-12
        )


def test_convolutions_and_products_are_full_float32_while_a_network_runs():
    network, inputs, labels = tiny(perceptron, torch.float32)
    backends = torch.backends
    places = [backends.cuda.matmul, backends.mkldnn.matmul, backends.cudnn.conv, backends.mkldnn.conv]
    before, seen = [place.fp32_precision for place in places], []
    network.register_forward_hook(lambda *given: seen.append([place.fp32_precision for place in places]))
    input_gradients(network, inputs, labels)
    assert seen
    assert all(precisions == ["ieee"] * 4 for precisions in seen)
    assert [place.fp32_precision for place in places] == before
    assert before[2] == "tf32"  # as torch has it
