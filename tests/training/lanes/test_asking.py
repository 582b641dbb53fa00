"""Evaluation, features and teachers in lanes against torch's."""

import numpy as np
import pytest
import torch

from memscope.families import features_and_logits
from memscope.training.backends.lanes.library import most_lanes
from memscope.training.backends.lanes.network import Shifts
from memscope.training.evaluation import log_odds_of
from tests.training.lanes.nets import in_lanes, networks, pictures, torch_batch

RATES = (0.1, 0.05, 0.9, 5e-4)


def asked_after_steps(family, size, shape, count=None):
    """Networks a few steps old, in lanes and as torch modules in evaluation mode."""
    about = pictures(shape, 50)
    models = networks(family, size, shape, count or most_lanes())
    group = in_lanes(models, about, 12)
    for seed in range(3):
        group.step(np.random.default_rng(seed).integers(0, 50, (group.lanes, 12)), RATES)
    for lane, model in enumerate(models):
        group.give_back(lane, model, 3)
        assert all(int(one) == 3 for name, one in model.named_buffers() if "num_batches" in name)
        model.eval()
    return about, models, group


@pytest.mark.parametrize(
    ("family", "size", "shape"),
    [("cnn", 3, (28, 28, 1)), ("cnn", 8, (7, 5, 3)), ("resnet8", 2, (9, 8, 3)), ("mlp", 6, (5, 6, 3))],
)
@torch.inference_mode()
def test_predictions_log_odds_logits_and_features_are_torchs(family, size, shape):
    about, models, group = asked_after_steps(family, size, shape)
    predicted, odds = group.evaluate()
    logits, features = group.ask(np.arange(50), features=True)
    for lane, model in enumerate(models):
        wide = model.double()
        true_features, true = features_and_logits(wide, torch_batch(about, np.arange(50), torch.float64))
        assert logits[lane] == pytest.approx(true.numpy(), abs=2e-5)
        assert features[lane] == pytest.approx(true_features.numpy(), abs=2e-5)
        assert (predicted[lane] == logits[lane].argmax(1)).all()
        theirs = log_odds_of(true.float(), torch.from_numpy(about.labels)).float().numpy()
        assert odds[lane] == pytest.approx(theirs, rel=2e-3, abs=2e-3)


@torch.inference_mode()
def test_every_lane_is_asked_its_own_shifted_images():
    about, models, group = asked_after_steps("cnn", 3, (16, 16, 3))
    random = np.random.default_rng(4)
    index = random.integers(0, 50, (group.lanes, 9))
    rows, columns = (random.integers(0, 5, index.shape, dtype=np.int32) for _ in range(2))
    mirror = random.integers(0, 2, index.shape, dtype=np.uint8)
    logits, _ = group.ask(index, Shifts(rows, columns, mirror, 2))
    for lane, model in enumerate(models):
        shifts = (rows[lane].astype(int), columns[lane].astype(int), mirror[lane].astype(bool), 2)
        true = model.double()(torch_batch(about, index[lane], torch.float64, shifts))
        assert logits[lane] == pytest.approx(true.numpy(), abs=2e-5)


def test_nan_logits_give_nan_log_odds_and_ties_go_to_the_first_class():
    about = pictures((4, 4, 1), 10)
    models = networks("cnn", 2, (4, 4, 1), 2)
    models[0][-1].weight.data.zero_()
    models[0][-1].bias.data.zero_()
    models[1][-1].bias.data[3] = float("nan")
    group = in_lanes(models, about, 0)
    predicted, odds = group.evaluate()
    assert (predicted[0] == 0).all()
    assert odds[0].astype(float) == pytest.approx(-np.log(6), abs=1e-3)
    assert np.isnan(odds[1]).all()
