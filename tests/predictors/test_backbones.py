"""The networks that are fitted: matched in size, for any image, and nothing of timm's names is made up."""

from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from memscope.errors import DataError, OptionError
from memscope.predictors.backbones import (
    HIDDEN,
    Backbone,
    build_regressor,
    check_names,
    chosen_backbones,
    parameters,
)
from memscope.predictors.pretrained import load_pretrained


@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3), (64, 64, 3), (20, 47, 3), (6, 6, 1)])
def test_plain_and_residual_have_as_many_parameters_and_take_images_of_any_size(shape):
    backbones = chosen_backbones(("plain", "resnet18"), shape, False)
    networks = [build_regressor(one, shape, 0) for one in backbones]
    plain, residual = (parameters(one.body) for one in networks)
    assert plain == pytest.approx(residual, rel=0.04)
    height, width, channels = shape
    for network in networks:
        said = network(torch.rand(3, channels, height, width), torch.zeros(3, dtype=torch.int64))
        assert said.shape == (3,)


def test_a_plain_net_alone_has_the_size_of_resnet18_and_no_shortcut():
    shape = (32, 32, 3)
    assert chosen_backbones(("plain",), shape, False) == chosen_backbones(("plain", "resnet18"), shape, False)[:1]
    network = build_regressor(chosen_backbones(("plain",), shape, False)[0], shape, 0)
    convolutions = [layer for layer in network.modules() if isinstance(layer, torch.nn.Conv2d)]
    assert [layer.out_channels // convolutions[0].out_channels for layer in convolutions] == [1, 3, 6, 4, 4]


def test_a_small_image_is_not_thrown_away_by_the_stem_and_a_large_one_meets_timms():
    small = build_regressor(Backbone("resnet18"), (32, 32, 3), 0).body
    assert small.conv1.kernel_size == (3, 3)
    assert small.conv1.stride == (1, 1)
    assert isinstance(small.maxpool, torch.nn.Identity)
    assert small.conv1.out_channels == 16
    large = build_regressor(Backbone("resnet18"), (64, 64, 3), 0).body
    assert large.conv1.kernel_size == (7, 7)
    assert large.conv1.out_channels == 64
    deep = build_regressor(Backbone("resnet26d"), (32, 32, 3), 0).body
    assert deep.conv1[0].stride == (1, 1)


def test_the_label_is_looked_at_only_where_there_are_classes():
    torch.manual_seed(0)
    images, labels = torch.rand(4, 1, 8, 8), torch.tensor([0, 1, 2, 0])
    without = build_regressor(Backbone("plain", 2), (8, 8, 1), 0).eval()
    assert torch.equal(without(images, labels), without(images, labels * 0))
    given = build_regressor(Backbone("plain", 2), (8, 8, 1), 3).eval()
    assert not torch.equal(given(images, labels), given(images, labels * 0))
    assert given.hidden.in_features - without.hidden.in_features == 3
    assert given.hidden.out_features == HIDDEN


@pytest.mark.parametrize(
    ("names", "shape", "pretrained", "told"),
    [
        (("plain", "resnet-18"), (32, 32, 3), None, "no backbone 'resnet-18'"),
        (("plain", "plain"), (32, 32, 3), None, "named 2 times"),
        (("resnet18", "vit_tiny_patch16_224"), (32, 32, 3), None, "cannot be used for images of 32 x 32"),
        (("plain",), (3, 30, 3), None, "sides of at least 4"),
        (("plain",), (32, 32, 3), Path("x"), "only plain is named"),
        (("resnet18",), (32, 32, 3), Path("x"), "x is not there"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(names, shape, pretrained, told):
    def choose() -> None:
        check_names(names, pretrained)
        chosen_backbones(names, shape, False)

    with pytest.raises(OptionError, match=told) as error:
        choose()
    assert "\n" not in str(error.value)


def test_pretrained_networks_that_take_no_larger_images_say_so_before_anything_is_fitted():
    with pytest.raises(OptionError, match="cannot be used for images of 240 x 240"):
        chosen_backbones(("vit_tiny_patch16_224",), (240, 240, 3), True)


def test_pretrained_weights_are_taken_but_for_the_classifier(tmp_path):
    shape = (12, 12, 1)
    network = build_regressor(Backbone("resnet18", pretrained=True), shape, 0)
    body = list(network.body.children())[-1]
    assert body.conv1.kernel_size == (7, 7)  # timm's own, for images that are scaled up
    weights = {
        name: torch.rand_like(values) for name, values in body.state_dict().items() if values.is_floating_point()
    }
    file = tmp_path / "weights.safetensors"
    safetensors.torch.save_file(weights | {"fc.weight": torch.rand(5, 512), "fc.bias": torch.rand(5)}, file)
    load_pretrained(body, file, "resnet18")
    assert all(torch.equal(body.state_dict()[name], values) for name, values in weights.items())
    assert network.eval()(torch.rand(1, 1, 12, 12), torch.zeros(1, dtype=torch.int64)).shape == (1,)

    lacking = dict(list(weights.items())[1:])
    safetensors.torch.save_file(lacking, file)
    with pytest.raises(DataError, match="is missing"):
        load_pretrained(body, file, "resnet18")
    safetensors.torch.save_file(weights | {"a.weight": torch.rand(5), "b.weight": torch.rand(5)}, file)
    with pytest.raises(DataError, match="timm's resnet18 has not"):
        load_pretrained(body, file, "resnet18")
    file.write_bytes(np.random.default_rng(0).bytes(1000))
    with pytest.raises(DataError):
        load_pretrained(body, file, "resnet18")
