"""The goals of `population`, in simulation: the truths are of no form that it assumes, the outcomes share subsets."""

from functools import cache
from statistics import NormalDist

import numpy as np
import pytest

from memscope.analysis.population.estimate import HIGH, LOW, Population, population
from memscope.analysis.trajectories import TYPES, classify_trajectories, type_shares
from memscope.plan.subsets import balanced_subsets

pytestmark = pytest.mark.xdist_group("population")  # simulations and fits are kept by one process

SIZES = 5
STEPS = np.linspace(0, 1, SIZES)[:, np.newaxis]
MODELS = (20, 40, 100, 400)
SMOOTH, STEP, MIXTURE, FLAT, RARE = "smooth curves", "steps", "a mixture", "flat", "a rare type"


def logistic(values):
    return 1 / (1 + np.exp(-values))


def wandering(random, examples, scale):
    """Smooth random curves [sizes, examples]."""
    gaps = np.arange(SIZES)[:, np.newaxis] - np.arange(SIZES)
    root = np.linalg.cholesky(np.exp(-0.5 * (gaps / 2) ** 2) + 1e-8 * np.eye(SIZES))
    return scale * root @ random.normal(size=(SIZES, examples))


def truth(kind, examples):
    """True accuracies in and out [sizes, examples]."""
    random = np.random.default_rng(1)
    if kind == SMOOTH:
        inside = logistic(2.5 + wandering(random, examples, 2.0))
        level = random.normal(size=examples) * 1.5
        return inside, np.minimum(inside, logistic(level + wandering(random, examples, 1.5)))
    if kind == STEP:
        high = random.uniform(0.6, 1, examples)
        score = np.where(np.arange(SIZES)[:, np.newaxis] >= random.integers(0, SIZES + 1, examples), high, 0)
        score = np.where(random.random(examples) < 0.25, score[::-1], score)
        inside = np.ones((SIZES, examples)) - 0.05 * random.random(examples)
        return inside, np.clip(inside - score, 0, 1)
    if kind == MIXTURE:  # flipped labels, easy examples, and the rest
        flipped = random.random(examples) < 0.1
        easy = ~flipped & (random.random(examples) < 0.5)
        inside = np.where(
            flipped,
            logistic((STEPS - 0.45) * 12 + random.normal(size=examples)),
            logistic(1.5 + 3 * STEPS + wandering(random, examples, 0.7)),
        )
        hard = logistic(2 * random.normal(size=examples) + 1.5 + 0.8 * STEPS + wandering(random, examples, 0.4))
        outside = np.where(flipped, 0.02 * random.random(examples), hard)
        return np.where(easy, 0.998, inside), np.where(easy, 1 - 0.02 * random.random(examples), outside)
    if kind == FLAT:
        return np.ones((SIZES, examples)), np.full((SIZES, examples), 0.5)
    inside = logistic(-1 + 5 * STEPS + 0.7 * random.normal(size=examples))
    outside = inside * logistic(1.5 * random.normal(size=examples) + 2)
    rare = slice(0, round(0.005 * examples))
    inside[:, rare] = 1
    outside[:, rare] = 0.95 - 0.85 * np.abs(2 * STEPS - 1)
    return inside, outside


GRID = np.linspace(1e-6, 1 - 1e-6, 20001)
NORMAL = np.vectorize(NormalDist().inv_cdf)(GRID)


def threshold(accuracy):
    """What a standard normal number is below with the given probability, -inf and inf for 0 and 1."""
    return np.where(accuracy <= 0, -np.inf, np.where(accuracy >= 1, np.inf, np.interp(accuracy, GRID, NORMAL)))


def outcomes(inside, outside, models, seed):
    """Outcomes of models of which each subset does the same to an example at all sizes, and to like examples alike."""
    sizes, examples = inside.shape
    random = np.random.default_rng(seed)
    in_subset = balanced_subsets(examples, models, 0.7, seed)
    tastes = random.normal(size=(3, examples)).astype(np.float32)
    tastes /= np.linalg.norm(tastes, axis=0)
    of_subset = np.sqrt(0.1) * random.standard_normal((models, examples), dtype=np.float32)
    of_subset += np.sqrt(0.05) * random.standard_normal((models, 3), dtype=np.float32) @ tastes
    correct = np.empty((sizes, models, examples), dtype=bool)
    probability = np.empty((sizes, models, examples), dtype=np.float32)
    for size in range(sizes):
        limit = np.where(in_subset, threshold(inside[size]), threshold(outside[size])).astype(np.float32)
        drawn = of_subset + np.sqrt(0.85) * random.standard_normal((models, examples), dtype=np.float32)
        correct[size] = drawn < limit
        probability[size] = logistic(2.2 * (np.clip(limit, -6, 6) - drawn))
    return in_subset, correct, probability


class Simulated:
    """One simulation and what was made of its first models."""

    def __init__(self, kind, examples, models, seed=0):
        inside, outside = truth(kind, examples)
        self.score = inside - outside
        self.types = classify_trajectories(self.score)
        self.in_subset, self.correct, self.probability = outcomes(inside, outside, models, seed)

    def of(self, models, soft=True) -> Population:
        return population(*self.given(models, soft))

    def given(self, models, soft=True):
        return (
            self.in_subset[:models],
            self.correct[:, :models],
            self.probability[:, :models] if soft else None,
        )

    def raw(self, models):
        inside, correct, _ = self.given(models)
        return (correct & inside).sum(axis=1) / inside.sum(axis=0) - (correct & ~inside).sum(axis=1) / (~inside).sum(
            axis=0
        )


@cache
def simulated(kind, examples=1200, models=100, seed=0):
    return Simulated(kind, examples, models, seed)


@cache
def fitted(kind, models, examples=1200):
    return simulated(kind, examples, 400 if models > 100 else 100).of(models)


KINDS = (SMOOTH, STEP, MIXTURE, FLAT, RARE)


@pytest.mark.parametrize("kind", KINDS)
def test_squared_error_is_below_the_raw_scores_at_every_size_whatever_the_number_of_models(kind):
    for models in MODELS:
        here = simulated(kind, 1200, 400 if models > 100 else 100)
        error = ((fitted(kind, models).score - here.score) ** 2).mean(axis=1)
        raw_error = ((here.raw(models) - here.score) ** 2).mean(axis=1)
        assert (error < 0.85 * raw_error).all(), models
        if models == 20:
            assert (error / raw_error).mean() < 0.4
            assert (error < 0.5 * raw_error).all()


@pytest.mark.parametrize("kind", [SMOOTH, MIXTURE, STEP])
def test_standard_deviations_are_calibrated(kind):
    """Over all sizes, at each, and in each third of the examples by sd: there too large a sd is safe, too small not."""
    for models in MODELS:
        here, found = simulated(kind, 1200, 400 if models > 100 else 100), fitted(kind, models)
        error, variance = (found.score - here.score) ** 2, found.score_sd**2
        assert 0.8 < error.sum() / variance.sum() < 1.25, models
        assert (error.sum(axis=1) < 1.5 * variance.sum(axis=1)).all(), models
        order = np.argsort(variance, axis=1, kind="stable")
        for third in np.array_split(order, 3, axis=1):
            parts = [np.take_along_axis(values, third, axis=1).sum() for values in (error, variance)]
            assert 0.4 < parts[0] / parts[1] < 1.3, models


@pytest.mark.parametrize("kind", KINDS)
def test_called_types_are_right_as_often_as_they_say(kind):
    for models in MODELS:
        here, found = simulated(kind, 1200, 400 if models > 100 else 100), fitted(kind, models)
        called = np.isin(found.called, TYPES)
        assert called.mean() > 0.2
        stated = found.type_probabilities[called].max(axis=1).mean()
        assert abs(stated - (found.called == here.types)[called].mean()) < 0.05, models


@pytest.mark.parametrize("kind", KINDS)
def test_shares_of_types_are_right_at_40_models(kind):
    here = simulated(kind)
    expected = type_shares(here.types)
    shares = fitted(kind, 40).shares
    assert shares.sum() == pytest.approx(1)
    assert 0.5 * np.abs(shares - expected).sum() < 0.06
    raw = type_shares(classify_trajectories(here.raw(40)))
    assert 0.5 * np.abs(raw - expected).sum() > 0.15  # what it takes out


@pytest.mark.parametrize("kind", KINDS)
def test_shares_of_hardly_and_fully_memorised_examples_are_those_of_the_truth(kind):
    """Flat trajectories and the rare type's common company have none: all that raw scores show of them is noise."""
    here = simulated(kind)
    expected = np.stack([(here.score < LOW).mean(axis=1), (here.score > HIGH).mean(axis=1)])
    for models, most in ((20, 0.03), (40, 0.025)):
        found, raw = fitted(kind, models), here.raw(models)
        error = np.abs(np.stack([found.share_low, found.share_high]) - expected).mean()
        assert error < most
        raw_error = np.abs(np.stack([(raw < LOW).mean(axis=1), (raw > HIGH).mean(axis=1)]) - expected).mean()
        assert error < (0.7 if kind in (FLAT, RARE) else 1.1) * raw_error


def test_a_rare_type_is_not_lost():
    here = simulated(RARE, 2000)
    rare = here.types == "u-shaped"
    assert rare.sum() == 10
    called = here.of(40).called[rare]
    assert (called == "u-shaped").mean() >= 0.5
    assert np.isin(called, ["u-shaped", "undetermined"]).all()


def test_trajectories_that_are_all_flat_are_called_constant():
    here, found = simulated(FLAT), fitted(FLAT, 40)
    assert (classify_trajectories(here.raw(40)) == "constant").mean() < 0.3
    assert (found.called == "constant").mean() > 0.99
    assert found.shares[0] > 0.99


def test_the_mean_score_is_not_biased():
    """Over six sets of models; a single set's mean score has an error of its own, which the raw one shares."""
    for kind in (SMOOTH, MIXTURE):
        errors = []
        for seed in range(6):
            here = Simulated(kind, 500, 20, seed)
            errors.append(here.of(20).score.mean(axis=1) - here.score.mean(axis=1))
        assert np.abs(np.mean(errors, axis=0)).max() < 0.01


def test_counts_alone_help_less_than_probabilities_and_more_than_nothing():
    here = simulated(MIXTURE)
    counts = here.of(20, soft=False)
    error = ((counts.score - here.score) ** 2).mean()
    assert ((fitted(MIXTURE, 20).score - here.score) ** 2).mean() < 0.9 * error
    assert error < 0.5 * ((here.raw(20) - here.score) ** 2).mean()
    assert counts.without_probability.tolist() == [1200] * SIZES


def test_the_jackknife_of_the_shares_shows_how_they_differ_between_sets_of_models():
    shares, stated = [], []
    for seed in range(8):
        found = Simulated(SMOOTH, 500, 40, seed).of(40)
        shares.append(found.shares)
        stated.append(found.shares_sd**2)
    spread = np.sqrt(np.var(shares, axis=0, ddof=1).sum())
    assert 0.5 < np.sqrt(np.mean(stated, axis=0).sum()) / spread < 2.5
