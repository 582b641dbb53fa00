"""Fits learn what an image shows and nothing else, and are the same whenever they are made."""

import numpy as np
import pytest
import torch

from memscope.analysis.statistics.correlation import rank_correlation
from memscope.predictors.backbones import Backbone, Regressor, build_regressor
from memscope.predictors.fitting import BATCH, FitRecipe, fit, rate_at, said_of
from memscope.training.draws import torch_seeded
from memscope.training.inputs import Inputs

COUNT, SIDE = 656, 12
FITTED, VALIDATING, HELD_OUT = np.arange(192), np.arange(192, 256), np.arange(256, COUNT)


@pytest.fixture(scope="module")
def pictures() -> tuple[np.ndarray, np.ndarray]:
    """Noise with a square of 5 x 5 pixels somewhere, and how bright the square is."""
    random = np.random.default_rng(0)
    images = random.integers(0, 100, (COUNT, SIDE, SIDE, 1)).astype(np.uint8)
    cue = random.random(COUNT)
    for image, bright in zip(images, cue, strict=True):
        row, column = random.integers(0, SIDE - 5, 2)
        image[row : row + 5, column : column + 5] = 100 + 150 * bright
    return images, cue


def inputs(images: np.ndarray, labels: np.ndarray | None = None) -> Inputs:
    given = np.zeros(len(images), dtype=np.int64) if labels is None else labels
    tensors = torch.from_numpy(images), torch.from_numpy(given)
    return Inputs(*tensors, torch.tensor([60.0]), torch.tensor([1 / 45]), "float32")


def network(name: str, classes: int = 0) -> Regressor:
    with torch_seeded(0, torch.device("cpu")):
        return build_regressor(Backbone(name, 8 if name == "plain" else None), (SIDE, SIDE, 1), classes)


@pytest.mark.parametrize("name", ["plain", "resnet18"])
def test_a_planted_cue_is_learnt_and_a_permuted_one_is_not(pictures, name):
    images, cue = pictures
    permuted = np.random.default_rng(1).permutation(cue)
    found = [
        fit(network(name), inputs(images), one, FITTED, VALIDATING, FitRecipe(epochs=8), 0) for one in (cue, permuted)
    ]
    told = [
        rank_correlation(one.said[HELD_OUT], target[HELD_OUT])
        for one, target in zip(found, (cue, permuted), strict=True)
    ]
    assert told[0] > 0.85
    assert abs(told[1]) < 0.15  # 400 images: a standard error of .05
    assert ((found[0].said - cue)[HELD_OUT] ** 2).mean() < 0.3 * cue.var()  # in the target's units


def test_whether_a_label_agrees_with_its_image_shows_only_beside_the_label(pictures):
    images, cue = pictures
    bright = (cue > 0.5).astype(np.int64)
    labels = np.random.default_rng(2).integers(0, 2, COUNT)
    wrong = (labels != bright) * 1.0
    held_out = {}
    for classes in (0, 2):
        found = fit(
            network("plain", classes), inputs(images, labels), wrong, FITTED, VALIDATING, FitRecipe(epochs=15), 0
        )
        held_out[classes] = rank_correlation(found.said[HELD_OUT], wrong[HELD_OUT])
    assert abs(held_out[0]) < 0.35
    assert held_out[2] > 0.6


def test_a_fit_is_the_same_to_the_last_bit_and_another_seed_is_another(pictures):
    images, cue = pictures
    recipe = FitRecipe(epochs=2)
    made = [fit(network("plain"), inputs(images), cue, FITTED, VALIDATING, recipe, seed) for seed in (0, 0, 1)]
    assert all(np.array_equal(values, made[1].weights[name]) for name, values in made[0].weights.items())
    assert np.array_equal(made[0].said, made[1].said)
    assert not np.array_equal(made[0].said, made[2].said)


def test_what_is_kept_is_the_epoch_that_validates_best_in_the_targets_units(pictures):
    images, cue = pictures
    target = 40 + 10 * cue
    data = inputs(images)
    found = fit(network("plain"), data, target, FITTED, VALIDATING, FitRecipe(epochs=6, learning_rate=0.01), 0)
    assert found.epoch == 1 + int(np.argmin(found.course[:, 1]))
    again = network("plain")
    again.load_state_dict({name: torch.from_numpy(values) for name, values in found.weights.items()})
    assert np.array_equal(said_of(again, data, np.arange(COUNT)), found.said)
    error = ((found.said - target)[VALIDATING] ** 2).mean() / target[FITTED].var()
    assert error == pytest.approx(found.course[:, 1].min(), rel=1e-3)


def test_no_batch_is_of_one_image(pictures):
    images, cue = pictures
    some = np.arange(BATCH + 1)
    found = fit(network("plain"), inputs(images), cue, some, VALIDATING, FitRecipe(epochs=1), 0)
    assert np.isfinite(found.said).all()


def test_a_fit_that_diverges_says_so(pictures):
    images, cue = pictures
    found = fit(network("plain"), inputs(images), cue, FITTED, VALIDATING, FitRecipe(epochs=2, learning_rate=1e30), 0)
    assert found.epoch == 0
    assert len(found.said) == COUNT


def test_the_learning_rate_rises_and_falls():
    rates = [rate_at(step, 100, 1.0) for step in range(100)]
    assert rates[14] == max(rates) == 1
    assert rates[:15] == sorted(rates[:15])
    assert rates[15:] == sorted(rates[15:], reverse=True)
    assert rates[-1] < 0.01
