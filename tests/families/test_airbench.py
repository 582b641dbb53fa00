"""The parts of `airbench` against what they are for."""

import numpy as np
import pytest
import torch

from memscope.families import open_family
from memscope.families.airbench import LOGIT_SCALE, Patches, Shifted, cosines
from memscope.training.optimiser import CLASSIFIER_REFERENCE


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_cosines_are_an_orthonormal_basis_whose_first_is_constant(size):
    basis = cosines(size).double().numpy()
    assert np.allclose(basis @ basis.T, np.eye(size), atol=1e-6)
    assert np.allclose(basis[0], size**-0.5)


def test_cosines_of_three_channels_are_opponent_colours():
    assert np.allclose(cosines(3).numpy() * np.sqrt([[3], [2], [6]]), [[1, 1, 1], [1, 0, -1], [1, -2, 1]], atol=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
def test_patches_keep_all_that_is_in_them_with_both_signs(channels):
    images = torch.randn(2, channels, 5, 6, generator=torch.Generator().manual_seed(0))
    found = Patches(channels)(images)
    assert found.shape == (2, 8 * channels, 4, 5)
    half = 4 * channels
    assert torch.equal(found[:, :half], -found[:, half:])
    windows = images.unfold(2, 2, 1).unfold(3, 2, 1)  # [B, C, H - 1, W - 1, 2, 2]
    assert torch.allclose(found[:, :half].square().sum(1), windows.square().sum((1, 4, 5)), atol=1e-5)


def test_patches_of_smooth_images_hardly_correlate():
    # neighbouring pixels and channels alike, as in photographs: a Markov chain along rows, columns and channels
    drawn = np.random.default_rng(0).standard_normal((400, 3, 12, 12))
    for axis in (1, 2, 3):
        for place in range(1, drawn.shape[axis]):
            now, before = (tuple(k if a == axis else slice(None) for a in range(4)) for k in (place, place - 1))
            drawn[now] = 0.9 * drawn[before] + np.sqrt(1 - 0.9**2) * drawn[now]
    coordinates = Patches(3)(torch.tensor(drawn).float())[:, :12].transpose(0, 1).flatten(1).numpy()
    pixels = torch.tensor(drawn).unfold(2, 2, 1).unfold(3, 2, 1).permute(1, 4, 5, 0, 2, 3).flatten(3).flatten(0, 2)

    def largest(rows):
        return np.abs(np.corrcoef(rows) - np.eye(12)).max()

    assert largest(pixels.numpy()) > 0.85
    assert largest(coordinates) < 0.15


def test_shifts_move_64_times_as_fast_as_plain_ones():
    maps = 3 + 5 * torch.randn(64, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    moved = []
    for layer in (Shifted(2), torch.nn.Sequential(torch.nn.BatchNorm2d(2), torch.nn.GELU())):
        before = layer(maps)
        shift = layer.shift if isinstance(layer, Shifted) else layer[0].bias
        (slope,) = torch.autograd.grad(before.sum(), shift)
        with torch.no_grad():
            shift -= 1e-6 * slope
            moved.append((layer(maps).double() - before.double()).mean((0, 2, 3)))
        # to begin with, both normalise and give what a GELU makes of it
        normal = (maps - maps.mean((0, 2, 3), keepdim=True)) / maps.std((0, 2, 3), keepdim=True)
        assert torch.allclose(before, torch.nn.functional.gelu(normal), atol=0.01)
    assert (moved[0] / moved[1]).numpy() == pytest.approx(64, rel=0.02)


def test_the_first_outputs_of_each_convolution_are_its_inputs_to_begin_with():
    model = open_family("airbench").build(16, (28, 28, 1), 10)
    convolutions = [layer for layer in model.modules() if isinstance(layer, torch.nn.Conv2d)]
    assert [layer.in_channels for layer in convolutions] == [8, 16, 16, 64, 64, 64]
    for layer in convolutions:
        maps = torch.randn(1, layer.in_channels, 5, 5)
        assert torch.allclose(layer(maps)[:, : layer.in_channels], maps)


def test_logits_are_those_of_scaled_features():
    model = open_family("airbench").build(4, (32, 32, 3), 10).eval()
    images = torch.randn(3, 3, 32, 32)
    features = model[:-2](images)
    assert features.shape == (3, 16)
    assert torch.allclose(model(images), model[-1](LOGIT_SCALE * features))


def test_a_step_of_the_classifier_moves_logits_at_width_64_as_a_ninth_does_at_the_full_rate():
    classifier = open_family("airbench").build(64, (32, 32, 3), 10)[-1]
    rate = min(1, CLASSIFIER_REFERENCE / classifier.in_features)
    assert LOGIT_SCALE**2 * rate == pytest.approx((1 / 9) ** 2)
