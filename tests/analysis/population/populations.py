"""Populations with classes, for the check of what can be told: some that the estimate is right about, some it is not.

The kinds of test_estimate.py are among them, with classes at random; the others are here.
"""

import numpy as np

from memscope.analysis.trajectories import classify_trajectories
from tests.analysis.population.test_estimate import (
    KINDS,
    MIXTURE,
    SIZES,
    SMOOTH,
    STEPS,
    logistic,
    outcomes,
    truth,
    wandering,
)

CLASSES = 10
OWN, DIFFER, DIFFER_MIXTURE = "mixture of normals", "classes differ", "classes differ, a mixture"
RIGHT = (*KINDS, OWN, DIFFER, DIFFER_MIXTURE)
MINORITIES = {"flat": "rising", "falling": "rising", "u-shaped": "rising", "zigzag": "rising", "step": MIXTURE}
FLAT_AMONG_SMOOTH, FLAT_AMONG_RISING = "a flat class among smooth curves", "a flat class among rising ones"
TAILS, SPIKES, BURSTS = "heavy tails", "spikes at one size", "heavy-tailed waves"
BROKEN = (
    FLAT_AMONG_SMOOTH,
    FLAT_AMONG_RISING,
    "a falling class among rising ones",
    "a u-shaped class among rising ones",
    "a zigzag class among rising ones",
    "a class of steps in a mixture",
    TAILS,
    SPIKES,
    BURSTS,
)
NEARLY, STEPS_BELOW, STEPS_ABOVE = "rises of .18, some of .5", "steps of .17", "steps of .22"
NEAR_THRESHOLD = (NEARLY, STEPS_BELOW, STEPS_ABOVE, "rises of .15 or .25", "rises of .2, sd .03", "zigzags of .18")


def classed(kind, examples, seed):
    """True accuracies in and out [sizes, examples], and classes [examples]."""
    random = np.random.default_rng(1000 + seed)
    labels = random.integers(0, CLASSES, examples)
    if kind in KINDS:
        return *truth(kind, examples), labels
    if kind in (DIFFER, DIFFER_MIXTURE):  # in level: where the score is larger, the class is a later one
        inside, outside = truth(SMOOTH if kind == DIFFER else MIXTURE, examples)
        level = (inside - outside).mean(axis=0)
        order = np.argsort(np.argsort(level + 2 * level.std() * random.normal(size=examples)))
        return inside, outside, order * CLASSES // examples
    if kind == OWN:
        part = random.choice(4, examples, p=[0.4, 0.3, 0.2, 0.1])
        ends_in = np.array([(0.9, 1), (0.5, 0.98), (0.7, 1), (0.3, 1)])[part].T
        ends_out = np.array([(0.85, 0.95), (0.4, 0.5), (0.6, 0.8), (0.15, 0.02)])[part].T
        inside = np.linspace(*ends_in, SIZES) + wandering(random, examples, 0.06)
        outside = np.linspace(*ends_out, SIZES) + wandering(random, examples, 0.12)
        return within(inside), within(outside), labels
    if kind == TAILS:
        inside = np.full((SIZES, examples), 0.97)
        jumps = 0.03 * random.standard_t(1.2, size=(SIZES, examples))
        return inside, within(0.6 + 0.05 * random.normal(size=examples) + jumps), labels
    if kind == SPIKES:
        outside = np.full((SIZES, examples), 0.7) + 0.05 * random.normal(size=examples)
        hit = np.flatnonzero(random.random(examples) < 0.3)
        outside[random.integers(0, SIZES, len(hit)), hit] -= 0.2 + 0.4 * random.random(len(hit))
        return np.full((SIZES, examples), 0.97), within(outside), labels
    if kind == BURSTS:
        scale = 0.3 * np.abs(random.standard_t(1.5, size=examples))
        outside = logistic(random.normal(size=examples) + scale * wandering(random, examples, 1.0))
        return np.full((SIZES, examples), 0.97), within(outside), labels
    if kind in NEAR_THRESHOLD:
        level = 0.7 + 0.05 * random.normal(size=examples)
        return np.full((SIZES, examples), 0.97), within(level - near_threshold(kind, examples, random)), labels
    return minority(kind, examples, labels, random)


def near_threshold(kind, examples, random):
    """How much accuracies out fall, [sizes, examples], by nearly .2."""
    later = np.arange(SIZES)[:, np.newaxis] >= random.integers(1, SIZES, examples)
    odd = np.arange(SIZES)[:, np.newaxis] % 2
    if kind in (STEPS_BELOW, STEPS_ABOVE):
        return (0.17 if kind == STEPS_BELOW else 0.22) * later
    if "zigzags" in kind:
        return 0.18 * odd * np.ones(examples)
    if kind == NEARLY:
        return STEPS * np.where(random.random(examples) < 0.8, 0.18, 0.5)
    if "or" in kind:
        return STEPS * np.where(random.random(examples) < 0.5, 0.15, 0.25)
    return STEPS * (0.2 + 0.03 * random.normal(size=examples))


def minority(kind, examples, labels, random):
    """One class, a tenth of all, of its own kind."""
    if "smooth" in kind or "mixture" in kind:
        inside, outside = truth(SMOOTH if "smooth" in kind else MIXTURE, examples)
    else:
        inside = logistic(-1 + 5 * STEPS + 0.7 * random.normal(size=examples))
        outside = inside * logistic(1.5 * random.normal(size=examples) + 2)
    few = labels == 0
    count = few.sum()
    inside[:, few] = 0.97
    wide = random.uniform(-1, 1, count)
    if "flat" in kind:
        inside[:, few], outside[:, few] = 0.9, 0.6
    elif "falling" in kind:
        outside[:, few] = 0.45 + 0.3 * STEPS + 0.05 * wide
    elif "u-shaped" in kind:
        outside[:, few] = 0.95 - 0.6 * np.abs(2 * STEPS - 1) + 0.05 * wide
    elif "zigzag" in kind:
        outside[:, few] = np.where(np.arange(SIZES)[:, np.newaxis] % 2, 0.75, 0.4) + 0.1 * wide
    else:
        later = np.arange(SIZES)[:, np.newaxis] >= random.integers(1, SIZES, count)
        outside[:, few] = np.where(later, 0.55, 0.9)
    return within(inside), within(outside), labels


def within(accuracy):
    return np.clip(accuracy, 0.001, 0.999)


class Classed:
    """A population, and the outcomes of models."""

    def __init__(self, kind, examples=1000, models=40, seed=0):
        inside, outside, self.labels = classed(kind, examples, seed)
        self.types = classify_trajectories(inside - outside)
        self.in_subset, self.correct, self.probability = outcomes(inside, outside, models, seed)

    @property
    def classes(self):
        return {str(label): self.labels == label for label in range(CLASSES)}
