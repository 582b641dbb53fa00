"""What training a model of one size costs, by a short measured probe."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from memscope.datasets.image_dataset import ImageDataset
from memscope.families import open_family
from memscope.plan.plan import Plan
from memscope.store.examples import channel_statistics
from memscope.training.backends.lanes import models_in_lanes
from memscope.training.device import worker_device
from memscope.training.draws import Draws, build_model
from memscope.training.evaluation import BATCH, evaluate
from memscope.training.inputs import Inputs
from memscope.training.loop import train_model

PROBE_STEPS = 8


@dataclass(frozen=True)
class Cost:
    """What training a model of one size costs, on one worker."""

    parameters: int | None
    seconds: float
    asked: float
    """Seconds in which it is asked about one example"""


UNKNOWN = Cost(None, math.nan, math.nan)
"""The cost when the training is the user's own."""


def probe(plan: Plan, dataset: ImageDataset, size: int, device: str) -> Cost:
    """Time a few training steps and evaluation batches of one size, on one thread, as in a worker."""
    where = worker_device(device, 0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        family = open_family(plan.family, axis=plan.axis, fixed=plan.fixed)
        draws = Draws(plan.seed, size, model=0)
        model = build_model(family.build, draws, dataset.image_shape, dataset.num_classes).to(where)
        few = np.arange(min(len(dataset.train_labels), BATCH))
        images = torch.from_numpy(dataset.train_images[few]).to(where)
        labels = torch.from_numpy(dataset.train_labels[few]).to(where)
        mean_pixel, sd_pixel = channel_statistics(dataset.train_images[few])
        mean = torch.tensor(mean_pixel, dtype=torch.float32, device=where)
        scale = torch.tensor(1 / np.maximum(sd_pixel, 1), dtype=torch.float32, device=where)
        recipe = replace(plan.recipe, epochs=1)

        data = Inputs(images, labels, mean, scale, plan.precision)

        together = 1.0
        if models_in_lanes.fits(plan, size, device):
            group, together = models_in_lanes.group_to_time(model, data, recipe.batch_size, plan)

            def train(steps: int) -> None:
                index = np.resize(few, (group.lanes, recipe.batch_size))
                for _ in range(steps):
                    group.step(index, (1e-3, 1e-3, recipe.momentum, recipe.weight_decay))

            def score() -> None:
                group.evaluate()
        else:

            def train(steps: int) -> None:
                train_model(model, data, few, steps * recipe.batch_size, recipe, draws)

            def score() -> None:
                evaluate(model, data)

        step = seconds_of(lambda: train(PROBE_STEPS), lambda: train(2)) / PROBE_STEPS / together
        evaluation = seconds_of(score, score) / len(few) / together
    finally:
        torch.set_num_threads(threads)
    steps = plan.recipe.steps(plan.nominal_size(len(dataset.train_labels)))
    examples = len(dataset.train_labels) + len(dataset.test_labels)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return Cost(parameters, steps * step + examples * evaluation, evaluation)


def seconds_of(run: Callable[[], None], warm_up: Callable[[], None]) -> float:
    """Wall-clock seconds of a call, after a warm-up that pays one-off costs."""
    warm_up()
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
