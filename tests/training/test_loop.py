import math

import numpy as np
import pytest
import torch
from torch import nn

from memscope.errors import OptionError
from memscope.plan.recipe import Recipe
from memscope.training.augmentation import augment_batch, crop_padding, draw_shifts
from memscope.training.draws import Draws, build_model
from memscope.training.evaluation import evaluate, log_odds_of
from memscope.training.inputs import Inputs, normalise
from memscope.training.loop import train_model
from memscope.training.optimiser import parameter_groups

MEAN, SCALE = torch.tensor([100.0]), torch.tensor([0.02])


def small_net(size: int, image_shape: tuple[int, int, int], num_classes: int) -> nn.Module:
    inputs = math.prod(image_shape)
    return nn.Sequential(nn.Flatten(), nn.Linear(inputs, size), nn.ReLU(), nn.Linear(size, num_classes))


def small_data(count: int = 60) -> tuple[torch.Tensor, torch.Tensor]:
    random = np.random.default_rng(0)
    return torch.from_numpy(random.integers(0, 256, (count, 6, 6, 1), dtype=np.uint8)), torch.arange(count) % 3


def test_every_epoch_visits_every_example_of_the_subset_once():
    subset = np.array([3, 5, 7, 11, 13, 17, 19])
    positions = np.concatenate(list(Draws(0, 4, 2).batches(subset, steps=14, batch_size=3)))
    for epoch in positions.reshape(6, 7):
        assert sorted(epoch) == list(subset)


def test_all_batches_are_full_so_that_none_is_a_single_example():
    assert {len(batch) for batch in Draws(0, 4, 2).batches(np.arange(33), steps=20, batch_size=32)} == {32}


def test_order_and_augmentation_are_the_same_at_every_size_and_initialisation_is_not():
    small, large = Draws(0, 2, 5), Draws(0, 32, 5)
    pairs = zip(small.batches(np.arange(9), 9, 4), large.batches(np.arange(9), 9, 4), strict=True)
    assert all((a == b).all() for a, b in pairs)
    assert (small.augmentation().random_raw(9) == large.augmentation().random_raw(9)).all()
    assert small.initialisation_seed != large.initialisation_seed


@pytest.mark.parametrize("change", [{"seed": 1}, {"model": 6}, {"replicate": 1}])
def test_other_seeds_models_and_replicates_have_other_draws(change):
    given = {"seed": 0, "size": 2, "model": 5, "replicate": 0}
    one, other = Draws(**given), Draws(**(given | change))
    assert one.initialisation_seed != other.initialisation_seed
    assert not (next(one.batches(np.arange(50), 1, 50)) == next(other.batches(np.arange(50), 1, 50))).all()


def test_every_model_takes_the_same_number_of_steps_for_the_nominal_subset():
    assert Recipe(epochs=10, batch_size=32).steps(700) == round(10 * 700 / 32)


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_the_learning_rate_warms_up_and_decays_to_almost_nothing(schedule):
    recipe = Recipe(learning_rate=0.4, warmup=0.2, schedule=schedule)
    rates = np.array([recipe.learning_rate_at(step, 1000) for step in range(1000)])
    assert rates[100] == pytest.approx(0.4 * 100.5 / 200)
    assert rates.argmax() in (199, 200)
    half = 0.4 * (1 - (599.5 + 1 - 200) / 800) if schedule == "linear" else 0.2 * (1 + math.cos(math.pi * 400.5 / 800))
    assert rates[600] == pytest.approx(half)
    assert 0 < rates[-1] < 0.001


def test_building_a_model_leaves_torchs_generator_alone_and_repeats():
    torch.manual_seed(7)
    state = torch.get_rng_state()
    first, again = (build_model(small_net, Draws(0, 8, 1), (6, 6, 1), 3) for _ in range(2))
    assert (torch.get_rng_state() == state).all()
    pairs = zip(first.parameters(), again.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    other = build_model(small_net, Draws(0, 8, 2), (6, 6, 1), 3)
    assert not torch.equal(next(first.parameters()), next(other.parameters()))


def test_one_training_is_sgd_with_nesterov_momentum_as_written_by_hand():
    images, labels = small_data()
    recipe = Recipe(epochs=3, batch_size=10, learning_rate=0.05, weight_decay=0.01)
    draws, subset = Draws(0, 8, 1), np.arange(0, 60, 2)
    model = build_model(small_net, draws, (6, 6, 1), 3)
    reference = build_model(small_net, draws, (6, 6, 1), 3).double()
    train_model(model, Inputs(images, labels, MEAN, SCALE, "float32"), subset, 30, recipe, draws)

    velocity = [torch.zeros_like(parameter) for parameter in reference.parameters()]
    for step, batch in enumerate(draws.batches(subset, 9, 10)):
        inputs = (images[batch].double() - 100) * SCALE.double()
        loss = nn.functional.cross_entropy(reference(inputs.permute(0, 3, 1, 2)), labels[batch])
        gradients = torch.autograd.grad(loss, list(reference.parameters()))
        rate = recipe.learning_rate_at(step, 9)
        with torch.no_grad():
            for parameter, gradient, momentum in zip(reference.parameters(), gradients, velocity, strict=True):
                gradient = gradient + 0.01 * parameter if parameter.ndim > 1 else gradient
                momentum.mul_(0.9).add_(gradient)
                parameter.sub_(rate * (gradient + 0.9 * momentum))
    for ours, theirs in zip(model.parameters(), reference.parameters(), strict=True):
        assert torch.allclose(ours.double(), theirs, atol=1e-5)


def test_only_the_subset_is_trained_on():
    images, labels = small_data()
    recipe, draws, subset = Recipe(epochs=3, batch_size=10), Draws(0, 8, 1), np.arange(0, 60, 2)
    trained = []
    for changed in (False, True):
        seen = images.clone()
        if changed:
            seen[1::2] = 0
        model = build_model(small_net, draws, (6, 6, 1), 3)
        train_model(model, Inputs(seen, labels, MEAN, SCALE, "float32"), subset, 30, recipe, draws)
        trained.append(torch.cat([parameter.flatten() for parameter in model.parameters()]))
    assert torch.equal(*trained)


def test_the_classifiers_learning_rate_falls_with_its_inputs():
    narrow, wide = small_net(16, (6, 6, 1), 3), small_net(256, (6, 6, 1), 3)
    rates = [
        {id(p): group.relative_rate for group in parameter_groups(net, Recipe()) for p in group.parameters}
        for net in (narrow, wide)
    ]
    assert rates[0][id(narrow[3].weight)] == 1
    assert rates[1][id(wide[3].weight)] == 16 / 256
    assert rates[1][id(wide[1].weight)] == 1


def test_a_training_whose_loss_becomes_infinite_is_marked_as_diverged():
    images, labels = small_data()
    draws = Draws(0, 8, 1)
    model = build_model(small_net, draws, (6, 6, 1), 3)
    recipe = Recipe(epochs=5, batch_size=10, learning_rate=1e20)
    course = train_model(model, Inputs(images, labels, MEAN, SCALE, "float32"), np.arange(40), 40, recipe, draws)
    assert course.diverged
    assert np.isnan(course.epoch_loss[-1])


def test_the_loss_is_recorded_for_every_epoch_and_falls():
    images, labels = small_data()
    draws = Draws(0, 32, 1)
    model = build_model(small_net, draws, (6, 6, 1), 3)
    recipe = Recipe(epochs=30, batch_size=7, learning_rate=0.05)
    course = train_model(model, Inputs(images, labels, MEAN, SCALE, "float32"), np.arange(40), 40, recipe, draws)
    assert not course.diverged
    assert course.epoch_loss.shape == (30,)
    assert course.epoch_loss[-1] < 0.1 < 0.8 < course.epoch_loss[0]


def test_bfloat16_trains_with_float32_weights_to_nearly_the_same_loss():
    images, labels = small_data()
    draws = Draws(0, 32, 1)
    losses = []
    for precision in ("float32", "bfloat16"):
        model = build_model(small_net, draws, (6, 6, 1), 3)
        recipe = Recipe(epochs=5, batch_size=10, learning_rate=0.02)
        course = train_model(model, Inputs(images, labels, MEAN, SCALE, precision), np.arange(40), 40, recipe, draws)
        assert next(model.parameters()).dtype == torch.float32
        losses.append(course.epoch_loss)
    assert not np.array_equal(*losses)
    assert np.allclose(*losses, atol=0.05)


@pytest.mark.parametrize("augment", ["crop", "flip", "crop+flip"])
def test_augmentation_shifts_and_mirrors_as_a_loop_over_pixels_would(augment):
    images = np.random.default_rng(1).integers(1, 256, (40, 8, 8, 3), dtype=np.uint8)
    words = np.random.default_rng(2).integers(0, 2**64, 40, dtype=np.uint64)
    rows, columns, mirror = draw_shifts(words, augment, 8)
    padding = crop_padding(augment, 8)
    expected = np.zeros_like(images)
    for i in range(40):
        for y in range(8):
            for x in range(8):
                from_x = 7 - x if mirror[i] else x
                source_y, source_x = y + rows[i] - padding, from_x + columns[i] - padding
                if 0 <= source_y < 8 and 0 <= source_x < 8:
                    expected[i, y, x] = images[i, source_y, source_x]
    given = augment_batch(*(torch.from_numpy(a) for a in (images, rows, columns, mirror)), padding)
    assert (given.numpy() == expected).all()
    assert len(set(rows)) == (3 if "crop" in augment else 1)
    assert mirror.any() == ("flip" in augment)


def test_shifts_and_mirrors_are_uniform_and_independent():
    words = np.random.default_rng(3).integers(0, 2**64, 90_000, dtype=np.uint64)
    rows, columns, mirror = draw_shifts(words, "crop+flip", 16)
    table = np.zeros((5, 5, 2))
    np.add.at(table, (rows, columns, mirror.astype(int)), 1)
    assert abs(table / 90_000 - 1 / 50).max() < 0.003


def test_log_odds_are_those_of_the_softmax_in_double_precision():
    logits = torch.tensor([[1.0, -2.0, 0.5], [30.0, 0.0, -30.0], [0.0, 0.0, 0.0], [-50.0, 60.0, 0.0]])
    labels = torch.tensor([0, 0, 2, 0])
    probability = logits.double().softmax(1).gather(1, labels[:, None]).squeeze(1)
    expected = torch.log(probability) - torch.log1p(-probability)
    assert torch.allclose(log_odds_of(logits, labels).double()[[0, 2]], expected[[0, 2]], atol=2e-3)
    # where 1 - p rounds to 0 the odds are still known: 30 - log(1 + e^-30) and -50 - log(e^60 + 1)
    assert log_odds_of(logits, labels)[1].item() == pytest.approx(30, rel=1e-3)
    assert log_odds_of(logits, labels)[3].item() == pytest.approx(-110, rel=1e-3)


def test_log_odds_stay_finite_in_half_precision_and_keep_nan():
    odds = log_odds_of(torch.tensor([[2e5, 0.0], [0.0, 2e5], [float("nan"), 0.0]]), torch.tensor([0, 0, 0]))
    assert odds[:2].tolist() == [60000.0, -60000.0]
    assert odds[2].isnan()


def test_evaluation_uses_running_statistics_and_changes_nothing():
    images, labels = small_data()
    model = nn.Sequential(nn.BatchNorm2d(1), nn.Dropout(0.5), nn.Flatten(), nn.Linear(36, 3))
    model(normalise(images, MEAN, SCALE))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    predicted, _ = evaluate(model, Inputs(images, labels, MEAN, SCALE, "float32"))
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    one_by_one = [
        evaluate(model, Inputs(images[i : i + 1], labels[i : i + 1], MEAN, SCALE, "float32"))[0][0] for i in range(60)
    ]
    assert predicted.tolist() == one_by_one


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"batch_size": 1},
        {"learning_rate": -1.0},
        {"learning_rate": float("nan")},
        {"augment": "spin"},
        {"trainer": "x"},
    ],
)
def test_a_recipe_that_cannot_be_is_refused(wrong):
    with pytest.raises(OptionError, match="must be"):
        Recipe(**wrong)


def test_a_training_of_fewer_steps_than_epochs_still_has_its_loss_recorded_and_checked():
    images, labels = small_data()
    for rate, diverges in ((0.01, False), (1e30, True)):
        model = build_model(small_net, Draws(0, 8, 1), (6, 6, 1), 3)
        recipe = Recipe(epochs=8, batch_size=30, learning_rate=rate)
        draws = Draws(0, 8, 1)
        course = train_model(model, Inputs(images, labels, MEAN, SCALE, "float32"), np.arange(10), 10, recipe, draws)
        assert recipe.steps(10) == 3
        assert course.diverged == diverges
        assert np.isnan(course.epoch_loss).any() == diverges
