"""What a worker runs: a task (some models of one size) to an outcome and, if they are kept, weights.

`open_work` is called once in every worker process; what it gives trains one task after another. A task is a
pure function of (plan, data, task): nothing is remembered between tasks but the memory-mapped data.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

import memscope
from memscope.families import open_family
from memscope.plan import Plan
from memscope.recipe import OWN_LOOP
from memscope.store.examples import Examples, open_dataset, open_images, read_examples
from memscope.store.ledger import Outcome, Task, own_accuracy
from memscope.store.weights import Weights
from memscope.training.device import device_name, worker_device
from memscope.training.evaluation import evaluate
from memscope.training.loop import Draws, build_model, train_model
from memscope.training.own import load_trainer, train_with

Trained = tuple[Outcome, Weights]


@dataclass(frozen=True)
class Job:
    """What every worker of a training needs to know. Plain data."""

    run: str
    plan: Plan
    device: str
    keep_weights: bool


@dataclass(frozen=True, eq=False)
class OneModel:
    """What training one model gives, before the models of a task are put together."""

    predictions: np.ndarray
    """int [N + M], training examples first"""
    log_odds: np.ndarray
    """float16 [N + M]"""
    epoch_loss: np.ndarray
    diverged: bool
    weights: Weights


TrainOne = Callable[[Draws, np.ndarray], OneModel]
"""(draws, subset bool [N]) -> the trained model's predictions and weights"""


def open_work(job: Job, worker: int = 0) -> Callable[[Task], Trained]:
    """Open the data set in this process and return the function that trains a task."""
    # One thread in each process: two threads on two cores collapse as soon as a neighbour is busy, and sums
    # split over another number of threads differ in the last bit.
    torch.set_num_threads(1)
    plan, run = job.plan, Path(job.run)
    examples = read_examples(run, plan.data.fingerprint)
    device = worker_device(job.device, worker)
    ours = plan.recipe.trainer == OWN_LOOP
    train_one = with_own_loop(job, examples, device) if ours else with_trainer(job, examples)
    num_train = len(examples.labels)
    made_by = {
        "device": device_name(device),
        "precision": plan.precision,
        "torch_version": str(torch.__version__),
        "memscope_version": memscope.__version__,
    }

    def work(task: Task) -> Trained:
        models, seconds = [], []
        subsets = [plan.subset(num_train, model) for model in task.models]
        for model, subset in zip(task.models, subsets, strict=True):
            start = time.perf_counter()
            models.append(train_one(Draws(plan.seed, task.size, model, task.replicate), subset))
            seconds.append(time.perf_counter() - start)
        predictions = np.stack([one.predictions for one in models])
        log_odds = np.stack([one.log_odds for one in models])
        in_subset = np.stack(subsets)
        outcome = Outcome(
            in_subset=in_subset,
            predicted_train=predictions[:, :num_train],
            predicted_test=predictions[:, num_train:],
            log_odds_train=log_odds[:, :num_train],
            log_odds_test=log_odds[:, num_train:],
            epoch_loss=np.stack([one.epoch_loss for one in models]),
            own_accuracy=own_accuracy(predictions[:, :num_train], examples.labels, in_subset),
            diverged=np.array([one.diverged for one in models]),
            seconds=np.array(seconds, dtype=np.float32),
            made_by=made_by,
        )
        weights = {
            f"{model:05d}/{name}": value
            for model, one in zip(task.models, models, strict=True)
            for name, value in one.weights.items()
        }
        return outcome, weights

    return work


def with_own_loop(job: Job, examples: Examples, device: torch.device) -> TrainOne:
    """Training by `loop.py` with the plan's family and recipe."""
    plan = job.plan
    family = open_family(plan.family, axis=plan.axis, fixed=plan.fixed)
    num_train, num_classes = len(examples.labels), len(examples.class_names)
    images = torch.from_numpy(open_images(Path(job.run), examples)).to(device)
    labels = torch.from_numpy(np.concatenate([examples.labels, examples.test_labels])).to(device)
    mean = torch.tensor(examples.channel_mean, dtype=torch.float32, device=device)
    # a constant channel has no spread to divide by
    scale = torch.tensor(1 / np.maximum(examples.channel_sd, 1), dtype=torch.float32, device=device)
    nominal = round(num_train * plan.fraction)

    def train_one(draws: Draws, subset: np.ndarray) -> OneModel:
        model = build_model(family.build, draws, examples.image_shape, num_classes).to(device)
        positions = np.flatnonzero(subset)
        course = train_model(model, images, labels, positions, nominal, plan.recipe, draws, mean, scale, plan.precision)
        predictions, log_odds = evaluate(model, images, labels, mean, scale, plan.precision)
        weights = {}
        if job.keep_weights:
            weights = {name: value.cpu().contiguous().numpy() for name, value in model.state_dict().items()}
        # weights can become NaN in the very last step, after the last loss that was looked at
        diverged = course.diverged or bool(np.isnan(log_odds).any())
        return OneModel(predictions, log_odds, course.epoch_loss, diverged, weights)

    return train_one


def with_trainer(job: Job, examples: Examples) -> TrainOne:
    """Training by the user's own function."""
    plan = job.plan
    trainer = load_trainer(plan.recipe.trainer)
    dataset = open_dataset(Path(job.run), examples, plan.data.spec)

    def train_one(draws: Draws, subset: np.ndarray) -> OneModel:
        predictions, log_odds, diverged = train_with(trainer, dataset, subset, draws)
        unknown = np.full(plan.recipe.epochs, np.nan, dtype=np.float32)
        return OneModel(predictions, log_odds, unknown, diverged, weights={})

    return train_one
