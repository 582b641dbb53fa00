"""How many models to train at once, measured for each size by a few steps of groups that grow fourfold.

Larger groups pay until the device is busy. When that is depends on the size, the data and the device, so only a probe
can tell. The smallest group is one model, whose step a GPU records too.
"""

import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from memscope.training.backends.vectorised.group import RECORDED_FROM, evaluate_group, train_group
from memscope.training.backends.vectorised.stack import draws_while_training
from memscope.training.device import no_room
from memscope.training.draws import Draws
from memscope.training.evaluation import BATCH
from memscope.training.material import Material

STEPS, EPOCHS = 6, 4
"""Steps per epoch of the probe, and its epochs. The first epoch, with its one-off costs, does not count."""
FACTOR = 4
WORTH = 1.1
"""The next larger group must train at least this many times as many models in the same time."""
LARGEST = 256

Rate = Callable[[int], float]
"""(models in a group) -> models trained per second, counting training steps only"""


def best_group(rate: Rate, most: int) -> int:
    """The size, of 1, 4, 16, ... and `most` models, beyond which a larger group is not worth it, or fails.

    0 if no group can be trained: a user's own networks may branch on their data.
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
    """A `Rate` that trains the first models of a size for a few steps, on subsets of the usual size."""
    plan = material.plan
    batch = plan.recipe.batch_size
    # no model diverges at such a low learning rate, and a step takes as long as ever
    recipe = replace(plan.recipe, epochs=EPOCHS, learning_rate=1e-3 * plan.recipe.learning_rate)

    def rate(group: int) -> float:
        draws = [Draws(plan.seed, size, model) for model in range(group)]
        networks = [material.untrained(one) for one in draws]
        subsets = [np.flatnonzero(plan.subset(material.num_train, model)) for model in range(group)]
        data = material.inputs
        course = train_group(networks, data, subsets, STEPS * batch, recipe, draws)[0]
        # evaluation needs more memory than training, most of all where it is recorded: a lack of it must show here
        some = RECORDED_FROM * BATCH
        evaluate_group(networks, replace(data, images=data.images[:some], labels=data.labels[:some]))
        if len(course.ended) < EPOCHS:
            return group  # the loss is NaN from the start, in groups of any size
        return group * STEPS / float(np.diff(course.ended).min())  # the fastest epoch: devices have their hiccups

    return rate


def group_of(material: Material, size: int, most: int = LARGEST) -> int:
    """The number of models of a size to train at once, at most `most`; 0: one by one, by the loop.

    Networks whose layers draw random numbers are trained one by one, because only then has each its own stream.
    """
    if draws_while_training(material.untrained(Draws(material.plan.seed, size, 0))):
        return 0
    return best_group(measured_rate(material, size), min(most, LARGEST))
