"""Predictors held against a target: no noise is on both sides, and intervals hold what they should."""

import numpy as np
import pytest

from memscope.analysis.example_split import split_examples
from memscope.analysis.memorisation import count_outcomes, stack_blocks
from memscope.analysis.predictor_agreement import Images, of_backbone, predictor_agreement
from memscope.analysis.predictor_claims import REVERSED, UNKNOWN, YES, less_elsewhere
from memscope.analysis.predictor_intervals import State
from memscope.analysis.predictor_target import Target, target_of_counts, target_of_models, target_of_numbers
from memscope.analysis.statistics.correlation import rank_correlation
from memscope.analysis.statistics.within import within_correlation

FINGERPRINT = "0123456789abcdef" * 4


def score_of(random, truth, blocks, tilt=0.0, times=1):
    """The score of so many blocks, each of 7 models with and 3 without every example, or so many times as many; `tilt`
    is noise that the examples of a block share along a direction."""
    direction = random.normal(size=len(truth))
    out = np.clip(0.98 - truth + tilt * random.normal(size=(blocks, 1)) * direction, 0, 1)
    models = 7 * times, 3 * times
    sums = random.binomial(models[0], 0.98, out.shape), random.binomial(models[1], out)
    plus, minus = ((one * 1.0, np.full(out.shape, float(of))) for one, of in zip(sums, models, strict=True))
    return Target(plus, minus)


def split_of(count, classes):
    return split_examples(classes, np.arange(count), FINGERPRINT)


def test_targets_are_the_scores_of_the_halves():
    random = np.random.default_rng(0)
    counts = [count_outcomes(random.random((10, 30)) < 0.7, random.random((10, 30)) < 0.5) for _ in range(5)]
    stacked = stack_blocks(counts)
    target = target_of_counts(stacked)
    even, odd = target.halves()
    assert even == pytest.approx(stacked.only([0, 2, 4]).score, nan_ok=True)
    assert odd == pytest.approx(stacked.only([1, 3]).score, nan_ok=True)
    assert target.everything() == pytest.approx(stacked.total().score, nan_ok=True)
    assert target.of_examples(np.array([3, 5])).everything() == pytest.approx(
        stacked.total().score[[3, 5]], nan_ok=True
    )


def test_a_target_of_models_is_their_mean_where_they_say_something():
    values = np.array([[1.0, np.nan, 4.0], [3.0, np.nan, np.nan], [5.0, 2.0, np.nan]])
    target = target_of_models(values, np.array([0, 0, 7]))
    assert target.blocks == 2
    assert target.everything() == pytest.approx([3.0, 2.0, 4.0])
    even, odd = target.halves()
    assert even == pytest.approx([2.0, np.nan, 4.0], nan_ok=True)
    assert odd == pytest.approx([5.0, 2.0, np.nan], nan_ok=True)


def classwise(values, classes, some):
    """The mean in the class of each of some examples, over those."""
    return np.array([np.mean([values[other] for other in some if classes[other] == classes[at]]) for at in some])


def test_numbers_are_means_over_seeds_of_what_each_says_of_the_other_half():
    random = np.random.default_rng(1)
    classes = np.arange(300) % 5
    truth = np.clip(random.normal(0.2, 0.4, 300), 0, 1)
    target = score_of(random, truth, 6)
    said = {name: random.normal(size=(4, 300)) + truth for name in ("plain", "other")}
    split = split_of(300, classes)
    found = predictor_agreement(Images(said, target, classes, np.arange(300)), split, "plain")
    halves, out, into = target.halves(), split.held_out, split.fitted
    for name, mine in said.items():
        one = found.backbones[name]
        pairs = [(mine[seed], halves[1 - seed % 2]) for seed in range(4)]
        assert one.spearman.value == pytest.approx(np.mean([rank_correlation(a[out], b[out]) for a, b in pairs]))
        assert one.within.value == pytest.approx(
            np.mean([within_correlation(a[out], b[out], classes[out]) for a, b in pairs])
        )
        assert one.squared_error.value == pytest.approx(np.mean([((a - b)[out] ** 2).mean() for a, b in pairs]))
        apart = [(a - b)[out] - classwise(a - b, classes, out) for a, b in pairs]
        assert one.squared_error_within.value == pytest.approx(
            np.mean([(each**2).sum() / (out.size - 5) for each in apart])
        )
        own = [rank_correlation(mine[seed][into], halves[seed % 2][into]) for seed in range(4)]
        assert one.on_fitted_own.value == pytest.approx(np.mean(own))
        assert one.lost_own.value == pytest.approx(np.mean(own) - one.spearman.value)
        mean = [mine[half::2].mean(axis=0) for half in (0, 1)]
        both = [rank_correlation(mean[half][out], halves[1 - half][out]) for half in (0, 1)]
        assert one.together.value == pytest.approx(np.mean(both))
        assert np.isnan(one.there.value)
    within = [(half[out] - classwise(half, classes, out)) ** 2 for half in halves]
    assert found.variance_within.value == pytest.approx(np.mean([each.sum() / (out.size - 5) for each in within]))
    (pair,) = found.pairs
    assert (pair.backbone, pair.other) == ("other", "plain")
    assert pair.spearman.value == pytest.approx(
        found.backbones["other"].spearman.value - found.backbones["plain"].spearman.value
    )
    assert found.noise.value == pytest.approx(((halves[0] - halves[1])[out] ** 2).mean() / 2)
    assert found.over == ("images", "seeds", "models")
    means = [
        np.array([halves[half][into][classes[into] == one].mean() for one in range(5)])[classes] for half in (0, 1)
    ]
    expected = np.mean([rank_correlation(means[half][out], halves[1 - half][out]) for half in (0, 1)])
    assert found.class_mean.value == pytest.approx(expected)


def test_given_numbers_rest_on_no_models():
    random = np.random.default_rng(2)
    values = random.normal(size=100)
    values[::7] = np.nan
    said = {"plain": random.normal(size=(3, 100))}
    images = Images(said, target_of_numbers(values), np.zeros(100, dtype=int), np.arange(100))
    found = predictor_agreement(images, split_of(100, np.zeros(100, dtype=int)), "plain")
    assert found.over == ("images", "seeds")
    out = split_of(100, np.zeros(100, dtype=int)).held_out
    expected = rank_correlation(said["plain"].mean(axis=0)[out], values[out])
    assert found.backbones["plain"].together.value == pytest.approx(expected)
    assert found.noise.value == 0


def test_memorised_noise_of_shared_models_is_on_one_side_only():
    """Predictors that say nothing but the noise of the models that they were fitted to foretell nothing of others."""
    random = np.random.default_rng(3)
    values = []
    for _ in range(20):
        target = score_of(random, np.full(200, 0.5), 4, tilt=0.3)
        halves = target.halves()
        said = np.stack([halves[seed % 2] for seed in range(2)])
        everything = np.ones((2, 200), dtype=bool)
        out = np.arange(200) % 4 == 0
        state = State(everything, halves, everything[:, :0], np.zeros((2, 0)))
        found = of_backbone(said, state, np.arange(200) % 3, ~out, out)
        values.append((found["spearman"], found["on_fitted"], found["on_fitted_own"]))
    held_out, on_fitted, own = np.mean(values, axis=0)
    assert max(abs(held_out), abs(on_fitted)) < 0.1
    assert own == pytest.approx(1)


def coverage(worlds, count, relation, seed=0):
    """Of so many worlds: in what share the interval holds the mean over worlds, and the mean error over the standard
    deviation over worlds; by number.

    Scores tie heavily; seeds share most of what they say; models tilt the scores of many images together.
    """
    random = np.random.default_rng(seed)
    rows = []
    for _ in range(worlds):
        classes = random.integers(0, 5, count)
        truth = np.clip(random.normal(-0.2, 0.5, count), 0, 1)
        target = score_of(random, truth, 5, tilt=0.15)
        common = random.normal(size=count)
        said = {
            name: relation * truth
            + 0.7 * common
            + 0.7 * random.normal(size=count)
            + 0.7 * random.normal(size=(4, count))
            for name in ("plain", "other")
        }
        found = predictor_agreement(Images(said, target, classes, np.arange(count)), split_of(count, classes), "plain")
        one = found.backbones["other"]
        numbers = [one.spearman, one.within, one.lost, one.squared_error, found.pairs[0].spearman]
        rows.append([*numbers, found.class_mean, found.noise])
    held, widths = [], []
    for column in zip(*rows, strict=True):
        values = np.array([each.value for each in column])
        held.append(np.mean([each.low <= values.mean() <= each.high for each in column]))
        widths.append(np.mean([each.error for each in column]) / values.std(ddof=1))
    return held, widths


@pytest.mark.parametrize(("count", "relation"), [(150, 0.0), (400, 0.0), (400, 2.0)])
def test_intervals_hold_the_truth_of_many_worlds(count, relation):
    held, widths = coverage(60, count, relation)
    # of 60: below .87 once in a hundred times where it is .95; too wide rather than too narrow is allowed
    assert min(held) >= 0.87
    *others, of_class_mean, of_noise = widths
    assert max(others) < 1.4, widths
    assert of_noise < 1.9
    assert of_class_mean < 2.6  # classes do not differ here, and their order changes with every image that is left out


def test_another_run_is_asked_about_all_its_images_and_brings_its_own_noise():
    random = np.random.default_rng(4)
    classes = np.arange(200) % 4
    truths = [np.clip(random.normal(0.2, 0.4, 200), 0, 1) for _ in range(2)]
    targets = [score_of(random, truth, 5) for truth in truths]
    said = [{"plain": random.normal(size=(4, 200)) + 2 * truth} for truth in truths]
    here, there = (Images(each, target, classes, np.arange(200)) for each, target in zip(said, targets, strict=True))
    found = predictor_agreement(here, split_of(200, classes), "plain", there)
    one = found.backbones["plain"]
    halves = targets[1].halves()
    assert one.there.value == pytest.approx(
        np.mean([rank_correlation(said[1]["plain"][seed], half) for seed in range(4) for half in halves])
    )
    assert found.halves_there.value == pytest.approx(rank_correlation(*halves))
    assert 0.02 < found.halves_there.error < 0.2
    left = [one.spearman.value / np.sqrt(found.halves.value), one.there.value / np.sqrt(found.halves_there.value)]
    assert one.lost_there.value == pytest.approx(left[0] - left[1])
    assert one.lost_there.error > one.there.error / np.sqrt(found.halves_there.value) / 2
    assert one.there.error < one.spearman.error  # 200 images are more than 40


def answers_elsewhere(worlds, times, relation_there, seed=0):
    """What is said of a loss on another run, in so many worlds.

    Scores are of so many `times` 20 models here and there, and tie; predictors say 2 x truth and noise here, and
    `relation_there` x truth and noise there.
    """
    random = np.random.default_rng(seed)
    found = []
    for _ in range(worlds):
        images = []
        for count, relation, models in zip((800, 500), (2.0, relation_there), times, strict=True):
            truth = np.clip(random.uniform(-0.1, 1.1, count), 0, 0.98)
            said = relation * truth + 0.2 * random.normal(size=count) + 0.1 * random.normal(size=(4, count))
            target = score_of(random, truth, 4, times=models)
            images.append(Images({"plain": said}, target, np.arange(count) % 4, np.arange(count)))
        split = split_of(800, images[0].classes)
        found.append(less_elsewhere(predictor_agreement(images[0], split, "plain", images[1]).backbones["plain"]))
    return found


@pytest.mark.parametrize("times", [(1, 10), (10, 1)])
def test_a_noisier_target_is_no_loss(times):
    """With the correlations as they are, `yes` or `the other way round` came out in all of these worlds."""
    assert sum(one in (YES, REVERSED) for one in answers_elsewhere(5, times, 2.0)) <= 1


def test_a_loss_is_told_also_where_the_target_there_is_less_noisy():
    assert answers_elsewhere(4, (1, 10), 0.3).count(YES) >= 3


def test_few_images_that_are_held_out_bound_the_degrees_of_freedom():
    random = np.random.default_rng(5)
    truth = np.clip(random.normal(0.2, 0.4, 125), 0, 1)
    images = Images(
        {"plain": random.normal(size=(4, 125)) + truth}, score_of(random, truth, 6), np.arange(125) % 5, np.arange(125)
    )
    one = predictor_agreement(images, split_of(125, images.classes), "plain").backbones["plain"]
    assert one.spearman.degrees <= 24 + 3 + 4  # 25 are held out: Satterthwaite's are at most the sum of all
    assert not np.isnan(one.spearman.low)
    some = np.arange(90)
    fewer = Images({"plain": images.said["plain"][:, some]}, images.target.of_examples(some), some % 5, some)
    few = predictor_agreement(fewer, split_of(90, some % 5), "plain")
    assert np.isnan(few.backbones["plain"].spearman.low)  # 18 are too few


def test_few_models_of_another_run_have_no_interval():
    random = np.random.default_rng(6)
    images = []
    for blocks in (6, 3):
        truth = np.clip(random.normal(0.2, 0.4, 200), 0, 1)
        said = {"plain": random.normal(size=(4, 200)) + truth}
        images.append(Images(said, score_of(random, truth, blocks), np.arange(200) % 4, np.arange(200)))
    one = predictor_agreement(images[0], split_of(200, images[0].classes), "plain", images[1]).backbones["plain"]
    assert not np.isnan(one.spearman.low)
    assert not np.isnan(one.there.value)
    assert np.isnan([one.there.low, one.lost_there.low]).all()
    assert less_elsewhere(one) == UNKNOWN


def test_a_loss_that_is_not_defined_without_some_images_has_no_interval():
    """Halves of three blocks there that agree by .1 or less when some images are left out, and by more of all."""
    random = np.random.default_rng(0)
    images = []
    for blocks, spread in ((6, 0.4), (3, 0.06)):
        truth = np.clip(random.normal(0.3, spread, 200), 0, 1)
        said = {"plain": random.normal(size=(4, 200)) + truth}
        images.append(Images(said, score_of(random, truth, blocks), np.arange(200) % 4, np.arange(200)))
    found = predictor_agreement(images[0], split_of(200, images[0].classes), "plain", images[1])
    one = found.backbones["plain"].lost_there
    assert not np.isnan(one.value)
    assert np.isnan(one.low)
