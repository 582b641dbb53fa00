"""How many models to train at once: measured, for each size, by a few steps of groups that double.

A group pays where single models leave the device idle, until it is busy: that depends on the size, the data and the
device, so nothing but a probe can tell. Where one by one is as fast, one by one it is.
"""

import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from memscope.training.device import no_room
from memscope.training.draws import Draws
from memscope.training.evaluation import BATCH
from memscope.training.group import draws_while_training, evaluate_group, train_group
from memscope.training.loop import train_model
from memscope.training.material import Material

STEPS, EPOCHS = 6, 4
"""Steps of an epoch of the probe, and its epochs, of which the first, with all that is done once, does not count."""
WORTH = 1.05
"""A larger group must train so many times as many models in the same time."""
LARGEST = 256

Rate = Callable[[int], float]
"""Models per second, as far as training steps go, of a group of so many"""


def best_group(rate: Rate) -> int:
    """The group, of 1, 2, 4, ... LARGEST models, beyond which doubling is not worth it, or fails.

    Networks of the user's own may branch on their data, or hold layers that draw random numbers: those are trained one
    by one.
    """
    best, fastest = 1, rate(1)
    group = 2
    while group <= LARGEST:
        try:
            found = rate(group)
        except RuntimeError as error:
            if not no_room(error):
                warnings.warn(f"only {best} at once are trained of one size: {error}", RuntimeWarning, stacklevel=2)
            break
        if found < WORTH * fastest:
            if group > 2:  # two at once may pay less than they cost, and four be worth it
                break
        else:
            best, fastest = group, found
        group *= 2
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
        data, count = material.inputs, STEPS * batch
        if group == 1:
            course = train_model(networks[0], data, subsets[0], count, recipe, draws[0])
        else:
            course = train_group(networks, data, subsets, count, recipe, draws)[0]
            # needs more room than training: that there is enough must show here
            evaluate_group(networks, replace(data, images=data.images[:BATCH], labels=data.labels[:BATCH]))
        if len(course.ended) < EPOCHS:
            return 1.0  # not a number from the start, in groups of any size
        return group * (EPOCHS - 1) * STEPS / (course.ended[-1] - course.ended[0])

    return rate


def group_of(material: Material, size: int) -> int:
    """The number of models of a size to train at once; 1 for networks whose layers draw random numbers."""
    if draws_while_training(material.untrained(Draws(material.plan.seed, size, 0))):
        return 1
    return best_group(measured_rate(material, size))
