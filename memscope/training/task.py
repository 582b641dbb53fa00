"""What a worker runs: a bundle of tasks (some models of one size each) to outcomes and, if they are kept, weights.

`open_work` is called once in every worker process; what it gives trains one bundle after another. An outcome is a
pure function of (plan, data, task): nothing is remembered between bundles but the memory-mapped data. The tasks of
a bundle have the same models: students of several sizes, which share each model's teacher, or one task alone.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

import memscope
from memscope.plan import Plan
from memscope.recipe import OWN_LOOP
from memscope.store.examples import Examples, open_dataset, read_examples
from memscope.store.ledger import FULL, ONEHOT, Outcome, Task, own_accuracy, read_outcome
from memscope.store.weights import Weights, read_weights
from memscope.teaching import Teaching, teaching_of
from memscope.training.device import device_name, worker_device
from memscope.training.distillation import Teacher, open_teacher
from memscope.training.evaluation import evaluate
from memscope.training.loop import Draws, train_model
from memscope.training.material import Material, open_material
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
    seconds: float
    teacher_seconds: float = 0.0


TrainModel = Callable[[int, tuple[Task, ...], np.ndarray], Iterator[OneModel]]
"""(model number, tasks, subset bool [N]) -> the trained model of each task"""


def open_work(job: Job, worker: int = 0) -> Callable[[tuple[Task, ...]], list[Trained]]:
    """Open the data set in this process and return the function that trains a bundle of tasks."""
    # One thread in each process: two threads on two cores collapse as soon as a neighbour is busy, and sums
    # split over another number of threads differ in the last bit.
    torch.set_num_threads(1)
    plan, run = job.plan, Path(job.run)
    examples = read_examples(run, plan.data.fingerprint)
    device = worker_device(job.device, worker)
    ours = plan.recipe.trainer == OWN_LOOP
    train = with_own_loop(job, examples, device) if ours else with_trainer(job, examples)
    num_train = len(examples.labels)
    made_by = {
        "device": device_name(device),
        "precision": plan.precision,
        "torch_version": str(torch.__version__),
        "memscope_version": memscope.__version__,
    }

    def work(bundle: tuple[Task, ...]) -> list[Trained]:
        subsets = [subset_of(plan, bundle[0].variant, num_train, model) for model in bundle[0].models]
        rows = [
            list(train(model, bundle, subset)) for model, subset in zip(bundle[0].models, subsets, strict=True)
        ]  # [models][tasks]
        return [
            put_together(task, models, np.stack(subsets), examples, made_by)
            for task, models in zip(bundle, zip(*rows, strict=True), strict=True)
        ]

    return work


def subset_of(plan: Plan, variant: str, num_train: int, model: int) -> np.ndarray:
    """bool [N]: the training examples that a model of this variant sees."""
    return np.ones(num_train, dtype=bool) if variant == FULL else plan.subset(num_train, model)


def put_together(
    task: Task, models: tuple[OneModel, ...], in_subset: np.ndarray, examples: Examples, made_by: dict[str, str]
) -> Trained:
    """The outcome and the weights of one task from those of its models."""
    num_train = len(examples.labels)
    predictions = np.stack([one.predictions for one in models])
    log_odds = np.stack([one.log_odds for one in models])
    outcome = Outcome(
        in_subset=in_subset,
        predicted_train=predictions[:, :num_train],
        predicted_test=predictions[:, num_train:],
        log_odds_train=log_odds[:, :num_train],
        log_odds_test=log_odds[:, num_train:],
        epoch_loss=np.stack([one.epoch_loss for one in models]),
        own_accuracy=own_accuracy(predictions[:, :num_train], examples.labels, in_subset),
        diverged=np.array([one.diverged for one in models]),
        seconds=np.array([one.seconds for one in models], dtype=np.float32),
        teacher_seconds=np.array([one.teacher_seconds for one in models], dtype=np.float32),
        made_by=made_by,
    )
    weights = {
        f"{model:05d}/{name}": value
        for model, one in zip(task.models, models, strict=True)
        for name, value in one.weights.items()
    }
    return outcome, weights


def with_own_loop(job: Job, examples: Examples, device: torch.device) -> TrainModel:
    """Training by `loop.py` with the plan's family and recipe."""
    plan, run = job.plan, Path(job.run)
    material = open_material(run, plan, examples, device)

    def train(model: int, tasks: tuple[Task, ...], subset: np.ndarray) -> Iterator[OneModel]:
        teaching = teaching_of(tasks[0].variant)
        if teaching is None:
            yield from (train_one(material, job.keep_weights, task, model, subset) for task in tasks)
            return
        network = teacher_network(material, run, teaching, model)
        if network is None:
            yield from (without_teacher(material) for _ in tasks)
            return
        teacher = open_teacher(network, teaching, material, np.flatnonzero(subset))
        # its logits are computed once and serve all the sizes: each bears its part of the time
        shared = teacher.seconds / len(tasks)
        for task in tasks:
            teacher.seconds = shared
            yield train_one(material, job.keep_weights, task, model, subset, teacher)

    return train


def train_one(
    material: Material,
    keep_weights: bool,
    task: Task,
    model: int,
    subset: np.ndarray,
    teacher: Teacher | None = None,
) -> OneModel:
    """Train and evaluate the model of this number in a task."""
    plan = material.plan
    start = time.perf_counter()
    draws = Draws(plan.seed, task.size, model, task.replicate)
    network = material.untrained(draws)
    # models on all the data see as many epochs, not as many steps
    nominal = material.num_train if task.variant == FULL else round(material.num_train * plan.fraction)
    course = train_model(
        network,
        material.images,
        material.labels,
        np.flatnonzero(subset),
        nominal,
        plan.recipe,
        draws,
        material.mean,
        material.scale,
        plan.precision,
        teacher,
    )
    predictions, log_odds = evaluate(
        network, material.images, material.labels, material.mean, material.scale, plan.precision
    )
    weights = {}
    if keep_weights:
        weights = {name: value.cpu().contiguous().numpy() for name, value in network.state_dict().items()}
    return OneModel(
        predictions,
        log_odds,
        course.epoch_loss,
        # weights can become NaN in the very last step, after the last loss that was looked at
        diverged=course.diverged or bool(np.isnan(log_odds).any()),
        weights=weights,
        # logits that are told from a table were computed before the start
        seconds=time.perf_counter() - start + (teacher.seconds if teacher and teacher.table is not None else 0.0),
        teacher_seconds=teacher.seconds if teacher else 0.0,
    )


def teacher_network(material: Material, run: Path, teaching: Teaching, model: int) -> torch.nn.Module | None:
    """The teacher of the students of this number; None where it diverged.

    RunError where it is missing, or its weights are.
    """
    plan = material.plan
    variant, number, unit = (FULL, 0, 1) if teaching.on == "full" else (ONEHOT, model, plan.unit)
    task = Task(variant, teaching.teacher, number // unit * unit, unit)
    if read_outcome(run, plan, task).diverged[number - task.first]:
        return None
    return material.trained(teaching.teacher, read_weights(run, plan, task)[number])


def without_teacher(material: Material) -> OneModel:
    """A student that was not trained, because its teacher diverged: it counts as diverged, and is never scored."""
    count = len(material.labels)
    return OneModel(
        np.zeros(count, dtype=np.int64),
        np.full(count, np.nan, dtype=np.float16),
        np.full(material.plan.recipe.epochs, np.nan, dtype=np.float32),
        diverged=True,
        weights={},
        seconds=0.0,
    )


def with_trainer(job: Job, examples: Examples) -> TrainModel:
    """Training by the user's own function."""
    plan = job.plan
    trainer = load_trainer(plan.recipe.trainer)
    dataset = open_dataset(Path(job.run), examples, plan.data.spec)
    unknown = np.full(plan.recipe.epochs, np.nan, dtype=np.float32)

    def train(model: int, tasks: tuple[Task, ...], subset: np.ndarray) -> Iterator[OneModel]:
        for task in tasks:
            start = time.perf_counter()
            draws = Draws(plan.seed, task.size, model, task.replicate)
            predictions, log_odds, diverged = train_with(trainer, dataset, subset, draws)
            yield OneModel(predictions, log_odds, unknown, diverged, weights={}, seconds=time.perf_counter() - start)

    return train
