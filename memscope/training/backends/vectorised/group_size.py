"""How many models to train at once: measured, for each size, by a few steps of groups that grow fourfold.

A group pays where few models leave the device idle, until it is busy: that depends on the size, the data and the
device, so nothing but a probe can tell. No group is smaller than one model, whose step a GPU records as well.
"""

import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from memscope.training.backends.vectorised.group import evaluate_group, train_group
from memscope.training.backends.vectorised.stack import draws_while_training
from memscope.training.device import no_room
from memscope.training.draws import Draws
from memscope.training.evaluation import BATCH
from memscope.training.material import Material

STEPS, EPOCHS = 6, 4
"""Steps of an epoch of the probe, and its epochs, of which the first, with all that is done once, does not count."""
FACTOR = 4
WORTH = 1.1
"""The next larger group must train so many times as many models in the same time."""
LARGEST = 256

Rate = Callable[[int], float]
"""Models per second, as far as training steps go, of a group of so many"""


def best_group(rate: Rate, most: int) -> int:
    """The group, of 1, 4, 16, ... and `most` models, beyond which a larger one is not worth it, or fails.

    0 where none can be trained so: networks of the user's own may branch on their data.
    """
    best, fastest = 0, 0.0
    groups = [1]
    while groups[-1] < most:
        groups.append(min(groups[-1] * FACTOR, most))
    for group in groups:
        try:
            found = rate(group)
        except RuntimeError as error:
            if not no_room(error):
                warnings.warn(
                    f"models of one size are trained {f'{best} at once' if best else 'one by one'}: {error}",
                    RuntimeWarning,
                    stacklevel=2,
                )
            break
        if found < WORTH * fastest:
            break
        best, fastest = group, found
    return best


def measured_rate(material: Material, size: int) -> Rate:
    """Trains the first models of a size for a few steps, on subsets of the usual size; nothing of it is kept."""
    plan = material.plan
    batch = plan.recipe.batch_size
    # nothing diverges at such a rate, and a step takes the same time
    recipe = replace(plan.recipe, epochs=EPOCHS, learning_rate=1e-3 * plan.recipe.learning_rate)

    def rate(group: int) -> float:
        draws = [Draws(plan.seed, size, model) for model in range(group)]
        networks = [material.untrained(one) for one in draws]
        subsets = [np.flatnonzero(plan.subset(material.num_train, model)) for model in range(group)]
        data = material.inputs
        course = train_group(networks, data, subsets, STEPS * batch, recipe, draws)[0]
        # needs more room than training: that there is enough must show here
        evaluate_group(networks, replace(data, images=data.images[:BATCH], labels=data.labels[:BATCH]))
        if len(course.ended) < EPOCHS:
            return group  # not a number from the start, in groups of any size
        return group * STEPS / float(np.diff(course.ended).min())  # the fastest: a device has its hiccups

    return rate


def group_of(material: Material, size: int, most: int = LARGEST) -> int:
    """The number of models of a size to train at once, at most `most`; 0: one by one, by the loop.

    Networks whose layers draw random numbers are: only so does each have its own stream.
    """
    if draws_while_training(material.untrained(Draws(material.plan.seed, size, 0))):
        return 0
    return best_group(measured_rate(material, size), min(most, LARGEST))
