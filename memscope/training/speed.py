"""How fast this machine trains a small network, by torch and in lanes: a measurement of seconds, on one thread."""

import time
from collections.abc import Callable

import numpy as np
import torch

from memscope.families import open_family
from memscope.plan.recipe import Recipe
from memscope.training.backends.lanes.description import describe
from memscope.training.backends.lanes.library import most_lanes
from memscope.training.backends.lanes.network import LaneNetworks, Pictures
from memscope.training.draws import Draws, build_model
from memscope.training.inputs import Inputs
from memscope.training.loop import train_model

WIDTH, SHAPE, CLASSES, EXAMPLES = 4, (28, 28, 1), 10, 512
STEPS = 4
"""Between two looks at the clock"""


def torch_speed(seconds: float) -> float:
    """Images a second that torch trains on, measured for about so long."""
    model, data = made()
    recipe = Recipe(epochs=1)
    draws, every = Draws(0, WIDTH, model=0), np.arange(EXAMPLES)

    def train() -> None:
        train_model(model, data, every, STEPS * recipe.batch_size, recipe, draws)

    return rate(train, STEPS * recipe.batch_size, seconds)


def lanes_speed(seconds: float) -> float:
    """The same in lanes, of all the models that are trained at once; NoLibraryError where there are none."""
    model, data = made()
    recipe, lanes = Recipe(epochs=1), most_lanes()
    description = describe(model)
    assert description is not None
    pictures = Pictures(*(one.numpy() for one in (data.images, data.labels, data.mean, data.scale)))
    group = LaneNetworks([model] * lanes, description, pictures, recipe.batch_size)
    index = np.resize(np.arange(EXAMPLES), (lanes, recipe.batch_size))

    def train() -> None:
        for _ in range(STEPS):
            group.step(index, (1e-3, 1e-3, recipe.momentum, recipe.weight_decay))

    return rate(train, STEPS * recipe.batch_size * lanes, seconds)


def made() -> tuple[torch.nn.Module, Inputs]:
    """A network and noise to train it on."""
    model = build_model(open_family("cnn").build, Draws(0, WIDTH, model=0), SHAPE, CLASSES)
    images = torch.from_numpy(np.random.Generator(np.random.Philox(0)).integers(0, 256, (EXAMPLES, *SHAPE), np.uint8))
    labels = torch.arange(EXAMPLES) % CLASSES
    return model, Inputs(images, labels, torch.full((1,), 127.5), torch.full((1,), 1 / 74), "float32")


def rate(train: Callable[[], None], images: int, seconds: float) -> float:
    """Images a second, each call of `train` taking so many, on one thread as in a worker."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        train()
        done, start = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - start) < seconds:
            train()
            done += images
    finally:
        torch.set_num_threads(threads)
    return done / elapsed
