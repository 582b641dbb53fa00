"""What a training would take: models, time from a short measured probe, disk, and the precision of its scores."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from memscope.datasets.image_dataset import ImageDataset
from memscope.families import open_family
from memscope.plan.plan import Plan
from memscope.plan.recipe import OWN_LOOP
from memscope.plan.subsets import fraction_of
from memscope.steps.standard_errors import SizeErrors, Until, models_until
from memscope.store.examples import channel_statistics
from memscope.store.ledger import FULL, Task
from memscope.training.device import worker_device
from memscope.training.draws import Draws, build_model
from memscope.training.evaluation import BATCH, evaluate
from memscope.training.inputs import Inputs
from memscope.training.loop import train_model

PROBE_STEPS = 8


@dataclass(frozen=True)
class SizeForecast:
    size: int
    models: int
    """Models of this size that are still to be trained"""
    parameters: int | None
    seconds_per_model: float | None
    """On one worker; None where the training is the user's own"""


@dataclass(frozen=True)
class Forecast:
    plan: Plan
    sizes: tuple[SizeForecast, ...]
    workers: int
    steps: int
    seconds: float | None
    outcome_bytes: int
    weight_bytes: int
    standard_error: float
    """Expected of one score at p = 0.5 on both sides"""
    pilot: tuple[SizeErrors, ...] = ()
    """What the models that are there already say, at every size; nothing where a size has none"""
    models_until: int | None = None
    """Models of each size until the scores are as precise as asked; None where that was not asked or is not known"""

    at_most: bool = False
    """Whether fewer may do: the population estimate needs fewer than the raw scores that this is foretold from"""

    @property
    def seconds_until(self) -> float | None:
        """The time that those take, by the models that are there; None where not known."""
        if self.models_until is None:
            return None
        seconds = sum(max(self.models_until - one.models, 0) * one.seconds for one in self.pilot) / self.workers
        return None if math.isnan(seconds) else seconds


def forecast(
    plan: Plan,
    dataset: ImageDataset,
    tasks: list[Task],
    device: str,
    workers: int,
    keep_weights: bool,
    pilot: Sequence[SizeErrors] = (),
    until: Until | None = None,
) -> Forecast:
    """The forecast for the tasks that are missing, and for as many models as `until` takes; from a `pilot` if any."""
    missing = {size: sum(task.count for task in tasks if task.size == size) for size in plan.sizes}
    # models on all the data take as many epochs, and so 1 / fraction times the steps
    work = {
        size: sum(task.count / (plan.fraction if task.variant == FULL else 1) for task in tasks if task.size == size)
        for size in plan.sizes
    }
    own = plan.recipe.trainer == OWN_LOOP
    sizes = tuple(
        probe(plan, dataset, size, missing[size], device) if own else SizeForecast(size, missing[size], None, None)
        for size in plan.sizes
    )
    num_examples = len(dataset.train_labels) + len(dataset.test_labels)
    class_bytes = 1 if dataset.num_classes <= 256 else 2
    per_model = len(dataset.train_labels) // 8 + num_examples * (class_bytes + 2)
    total = sum(missing.values())
    return Forecast(
        plan=plan,
        sizes=sizes,
        workers=workers,
        steps=plan.recipe.steps(round(len(dataset.train_labels) * plan.fraction)),
        seconds=sum(work[s.size] * (s.seconds_per_model or 0) for s in sizes) / workers if own else None,
        outcome_bytes=total * per_model,
        weight_bytes=sum(4 * s.models * (s.parameters or 0) for s in sizes) if keep_weights else 0,
        standard_error=expected_error(plan.models, plan.fraction),
        pilot=tuple(pilot),
        models_until=None if until is None or not pilot else models_until(list(pilot), until, plan),
        at_most=until is not None and until.error_population is not None,
    )


def expected_error(models: int, fraction: float) -> float:
    """Standard error of a score at p = 0.5 on both sides: sqrt(.25 / (n_in - 1) + .25 / (n_out - 1))."""
    n_in = int(models * fraction_of(fraction))
    n_out = models - n_in
    return math.sqrt(0.25 / max(n_in - 1, 1) + 0.25 / max(n_out - 1, 1))


def probe(plan: Plan, dataset: ImageDataset, size: int, models: int, device: str) -> SizeForecast:
    """Time a few training steps and evaluation batches of one size, on one thread, as a worker has it."""
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

        def train(steps: int) -> None:
            train_model(model, data, few, steps * recipe.batch_size, recipe, draws)

        def score() -> None:
            evaluate(model, data)

        step = seconds_of(lambda: train(PROBE_STEPS), lambda: train(2)) / PROBE_STEPS
        evaluation = seconds_of(score, score) / len(few)
    finally:
        torch.set_num_threads(threads)
    steps = plan.recipe.steps(round(len(dataset.train_labels) * plan.fraction))
    examples = len(dataset.train_labels) + len(dataset.test_labels)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return SizeForecast(size, models, parameters, steps * step + examples * evaluation)


def seconds_of(run: Callable[[], None], warm_up: Callable[[], None]) -> float:
    """Wall-clock seconds of a call, after a warm-up that pays for what happens only once."""
    warm_up()
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
