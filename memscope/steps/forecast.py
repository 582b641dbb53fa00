"""What a training would take: models, time from a short measured probe, disk, and the precision of its scores."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from memscope.counting.standard_errors import SizeErrors, Until, models_until
from memscope.datasets.image_dataset import ImageDataset
from memscope.families import open_family
from memscope.plan.plan import Plan
from memscope.plan.recipe import OWN_LOOP
from memscope.plan.subsets import fraction_of
from memscope.reports.train_family import ForecastReport, Pilot, SizeForecast
from memscope.store.examples import channel_statistics
from memscope.store.ledger import FULL, Task
from memscope.training.device import worker_device
from memscope.training.draws import Draws, build_model
from memscope.training.evaluation import BATCH, evaluate
from memscope.training.inputs import Inputs
from memscope.training.loop import train_model

PROBE_STEPS = 8


@dataclass(frozen=True)
class Cost:
    """What a model of one size takes, on one worker."""

    parameters: int | None
    seconds: float


UNKNOWN = Cost(None, math.nan)
"""Where the training is the user's own."""


def forecast(
    plan: Plan,
    dataset: ImageDataset,
    tasks: list[Task],
    device: str,
    workers: int,
    keep_weights: bool,
    pilot: Sequence[SizeErrors] = (),
    until: Until | None = None,
) -> ForecastReport:
    """The forecast for the tasks that are missing, and for as many models as `until` takes; from a `pilot` if any."""
    missing = {size: sum(task.count for task in tasks if task.size == size) for size in plan.sizes}
    # models on all the data take as many epochs, and so 1 / fraction times the steps
    work = {
        size: sum(task.count / (plan.fraction if task.variant == FULL else 1) for task in tasks if task.size == size)
        for size in plan.sizes
    }
    own = plan.recipe.trainer == OWN_LOOP
    costs = {size: probe(plan, dataset, size, device) if own else UNKNOWN for size in plan.sizes}
    said = {one.size: pilot_row(one, plan.models) for one in pilot}
    sizes = tuple(
        SizeForecast(
            size=size,
            models=missing[size],
            parameters=cost.parameters,
            seconds_per_model=cost.seconds,
            pilot=said.get(size),
        )
        for size, cost in costs.items()
    )
    num_examples = len(dataset.train_labels) + len(dataset.test_labels)
    class_bytes = 1 if dataset.num_classes <= 256 else 2
    per_model = len(dataset.train_labels) // 8 + num_examples * (class_bytes + 2)
    total = sum(missing.values())
    enough = None if until is None or not pilot else models_until(list(pilot), until, plan)
    return ForecastReport(
        sizes=sizes,
        workers=workers,
        steps=plan.recipe.steps(round(len(dataset.train_labels) * plan.fraction)),
        seconds=sum(work[each.size] * each.seconds_per_model for each in sizes) / workers,
        outcome_bytes=total * per_model,
        weight_bytes=sum(4 * each.models * (each.parameters or 0) for each in sizes) if keep_weights else 0,
        expected_standard_error=expected_error(plan.models, plan.fraction),
        models_until=enough,
        seconds_until=math.nan
        if enough is None
        else sum(max(enough - one.models, 0) * one.seconds for one in pilot) / workers,
        axis=plan.axis,
        family=plan.family,
        precision=plan.precision,
        batch_size=plan.recipe.batch_size,
        models=plan.models,
        block=plan.block,
        fraction=plan.fraction,
        until_asked=until is not None and until.asked,
        at_most=until is not None and until.error_population is not None,
    )


def pilot_row(one: SizeErrors, models: int) -> Pilot:
    """What the models of one size say, now and of so many."""
    return Pilot(
        models=one.models,
        rms_standard_error=one.error,
        expected_rms_standard_error=one.error_with(models),
        agreement=one.agreement,
        expected_agreement=one.agreement_with(models),
    )


def expected_error(models: int, fraction: float) -> float:
    """Standard error of a score at p = 0.5 on both sides: sqrt(.25 / (n_in - 1) + .25 / (n_out - 1))."""
    n_in = int(models * fraction_of(fraction))
    n_out = models - n_in
    return math.sqrt(0.25 / max(n_in - 1, 1) + 0.25 / max(n_out - 1, 1))


def probe(plan: Plan, dataset: ImageDataset, size: int, device: str) -> Cost:
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
    return Cost(parameters, steps * step + examples * evaluation)


def seconds_of(run: Callable[[], None], warm_up: Callable[[], None]) -> float:
    """Wall-clock seconds of a call, after a warm-up that pays for what happens only once."""
    warm_up()
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
