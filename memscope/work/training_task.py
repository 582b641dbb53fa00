"""What a worker runs: from a bundle of tasks (each some models of one size) to the contents of their files.

`open_training` is called once in every worker process. The function that it returns trains one bundle after another. An
outcome is a pure function of (plan, data, task): nothing but the data set is kept between bundles. A bundle is one task
alone; or students of the same numbers at several sizes, which share each number's teacher; or tasks of one size, whose
models are trained in one vectorised pass. Each model becomes a `TrainedModel`, and the models of a task are `Packed`
together for the coordinator to write.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from memscope.analysis.fit import own_accuracy
from memscope.errors import OptionError, RunError
from memscope.imports import source_digest
from memscope.plan.backends import LANES
from memscope.plan.plan import Plan
from memscope.plan.recipe import OWN_LOOP
from memscope.plan.teaching import Teaching
from memscope.store.dynamics import Dynamics, pack_checkpoints, pack_dynamics
from memscope.store.examples import Examples, RunData, dataset_of, read_data
from memscope.store.ledger import FULL, ONEHOT, Outcome, Task, outcome_digest, pack_outcome
from memscope.store.weights import check_in_sight, pack_weights
from memscope.training.backends import Grouping, grouping_of, train_models
from memscope.training.device import device_name, worker_device
from memscope.training.draws import Draws
from memscope.training.material import material_of
from memscope.training.models import TrainedModel
from memscope.training.recording import Recorded
from memscope.training.user_trainer import load_trainer, train_with
from memscope.under_way import finish
from memscope.version import __version__
from memscope.work.students import train_students


@dataclass(frozen=True)
class Job:
    """What every worker of a training needs to know. Plain data."""

    run: str
    plan: Plan
    device: str
    keep_weights: bool
    groups: Mapping[int, Grouping] = field(default_factory=dict)
    """How models are trained, by size; a size that is left out is trained one by one"""
    data: RunData | None = None
    """The data set, if it is not to be read from the run's directory"""
    teaching: Teaching | None = None
    """How the students among the tasks are taught, by teachers from the run's directory; None if there are none"""
    record: frozenset[Task] = frozenset()
    """The tasks whose models are recorded while they are trained"""
    there: Mapping[Task, str] = field(default_factory=dict)
    """Of those whose outcome is in the ledger, its digest: they are trained again only to be recorded"""


@dataclass(frozen=True)
class Summary:
    """What the coordinator wants to know about a trained task."""

    diverged: tuple[int, ...]
    """Numbers of the models that diverged"""
    seconds: dict[str, float]
    """Spent on `training` and on `evaluation`, which includes recording; training includes evaluation if a trainer does
    not tell them apart"""


@dataclass(frozen=True, eq=False)
class Packed:
    """What a worker returns for a task: the contents of its files, and what the coordinator wants to know about it.

    Packing an outcome takes tens of milliseconds, most of it compression; writing it takes a few. A coordinator that
    did the packing would be kept busy by some hundreds of workers.
    """

    outcome: bytes | None
    """None if it is in the ledger already"""
    weights: bytes | None
    """None if they are not kept"""
    summary: Summary
    checkpoints: bytes | None = None
    dynamics: bytes | None = None
    """Both None of a task that is not recorded"""


TrainBundle = Callable[[tuple[Task, ...], Sequence[np.ndarray]], Sequence[Sequence[TrainedModel]]]
"""(tasks, the subsets bool [models, N] of each) -> the trained models of each"""


def open_training(job: Job, worker: int = 0) -> Callable[[tuple[Task, ...]], list[Packed]]:
    """Open the data set in this process and return the function that trains a bundle of tasks.

    That function raises OptionError, before it trains anything, for a task whose variant this job does not train.
    """
    # One thread in each process: two threads on two cores collapse as soon as a neighbour is busy, and sums
    # split over another number of threads differ in the last bit.
    torch.set_num_threads(1)
    plan, run = job.plan, Path(job.run)
    if job.teaching is not None:
        check_in_sight(run)
    data = job.data or read_data(run, plan.data.fingerprint)
    examples = data.examples
    device = worker_device(job.device, worker)
    ours = plan.recipe.trainer == OWN_LOOP
    train = with_own_loop(job, data, device) if ours else with_trainer(job, data)
    num_train = len(examples.labels)
    made_by = {
        "device": device_name(device),
        "precision": plan.precision,
        "torch_version": str(torch.__version__),
        "memscope_version": __version__,
        **code_of(plan),
    }

    def work(bundle: tuple[Task, ...]) -> list[Packed]:
        for task in bundle:  # checked here too, not only where a run's tasks are handed out: others call this
            check_variant(plan, task.variant, job.teaching)
        subsets = [
            np.stack([subset_of(plan, task.variant, num_train, model) for model in task.models]) for task in bundle
        ]
        return [
            pack(plan, task, models, in_subset, examples, made_by | backend_of(job, task), job.there.get(task))
            for task, models, in_subset in zip(bundle, train(bundle, subsets), subsets, strict=True)
        ]

    return work


def backend_of(job: Job, task: Task) -> dict[str, str]:
    """The backend of a task's models if it is not torch; files of before name none."""
    name = grouping_of(job.plan, job.groups, task).backend
    return {"backend": name} if name == LANES else {}


def check_variant(plan: Plan, variant: str, teaching: Teaching | None) -> None:
    """OptionError for a variant that is not trained here: it would be trained as one-hot, under another name.

    Of the distilled variants, only that of `teaching` is trained.
    """
    ours = plan.recipe.trainer == OWN_LOOP
    if variant in (ONEHOT, FULL) or (ours and teaching is not None and variant == teaching.variant):
        return
    students = teaching.variant if teaching else "distilled/teacher-SIZE-tTEMPERATURE-wWEIGHT with its teaching"
    known = f"onehot, full or {students}; name one of these"
    without = f"onehot or full, because --trainer {plan.recipe.trainer} cannot distil; name one of these"
    raise OptionError(f"the variant of a task is {variant!r}, expected {known if ours else without}")


def code_of(plan: Plan) -> dict[str, str]:
    """Which code beside memscope's makes the models: users may edit theirs between two growths of a run.

    That code has been imported already. Empty if there is none, or if its source is not known.
    """
    if plan.recipe.trainer != OWN_LOOP:
        kind, found = "trainer_source", source_digest(plan.recipe.trainer)
    elif ":" in plan.family:
        kind, found = "family_source", source_digest(plan.family)
    elif plan.family.startswith("timm/"):
        import timm

        kind, found = "timm_version", str(timm.__version__)
    else:
        return {}
    return {} if found is None else {kind: found}


def subset_of(plan: Plan, variant: str, num_train: int, model: int) -> np.ndarray:
    """bool [N]: the training examples that a model of this variant sees."""
    return np.ones(num_train, dtype=bool) if variant == FULL else plan.subset(num_train, model)


def pack(
    plan: Plan,
    task: Task,
    models: Sequence[TrainedModel],
    in_subset: np.ndarray,
    examples: Examples,
    made_by: dict[str, str],
    there: str | None = None,
) -> Packed:
    """The files of one task from its models, which were trained on `in_subset`, bool [models, N].

    If its outcome is `there`, in the ledger, with that digest: only those of dynamics. RunError where the models have
    become others than that outcome's.
    """
    outcome = outcome_of(models, in_subset, examples, made_by)
    if there is not None:
        check_same(plan, task, outcome, there)
    weights = {
        f"{model:05d}/{name}": value
        for model, one in zip(task.models, models, strict=True)
        for name, value in one.weights.items()
    }
    evaluation = 0.0 if outcome.evaluation_seconds is None else float(outcome.evaluation_seconds.sum())
    recording = [one.recorded for one in models if one.recorded is not None]
    evaluated = evaluation + sum(one.seconds for one in recording)
    checkpoints, dynamics = None, None
    if recording:
        checkpoints = pack_checkpoints(
            plan, task, {model: one.checkpoints for model, one in zip(task.models, recording, strict=True)}
        )
        dynamics = pack_dynamics(plan, task, dynamics_of(recording, in_subset, outcome.diverged))
    return Packed(
        outcome=None if there is not None else pack_outcome(plan, task, outcome),
        weights=pack_weights(plan, task, weights) if weights and there is None else None,
        checkpoints=checkpoints,
        dynamics=dynamics,
        summary=Summary(
            diverged=tuple(model for model, one in zip(task.models, models, strict=True) if one.diverged),
            seconds={"training": float(outcome.seconds.sum()) - evaluation, "evaluation": evaluated},
        ),
    )


def check_same(plan: Plan, task: Task, outcome: Outcome, there: str) -> None:
    """RunError where models that were trained again are not, to the bit, those of the outcome that is in the ledger."""
    if outcome_digest(outcome) != there:
        here = f"{outcome.made_by['device']}, torch {outcome.made_by['torch_version']}"
        raise RunError(
            f"{plan.axis} {task.size}, models {task.first} to {task.first + task.count - 1} ({task.variant}) were "
            f"trained again to record them, and became others here ({here}), so nothing was recorded: record them on a "
            "machine like that of their outcome (GPUs are seldom bit for bit the same), or give --dynamics when a run "
            "is made"
        )


def dynamics_of(models: Sequence[Recorded], in_subset: np.ndarray, diverged: np.ndarray) -> Dynamics:
    """What is kept about the training of the models of one task."""
    return Dynamics(
        in_subset=in_subset,
        correct=np.stack([one.correct for one in models]),
        log_odds=np.stack([one.log_odds for one in models]),
        diverged=diverged,
        seconds=np.array([one.seconds for one in models], dtype=np.float32),
    )


def outcome_of(
    models: Sequence[TrainedModel], in_subset: np.ndarray, examples: Examples, made_by: dict[str, str]
) -> Outcome:
    """What the ledger keeps about the models of one task."""
    num_train = len(examples.labels)
    predictions = np.stack([one.predictions for one in models])
    log_odds = np.stack([one.log_odds for one in models])
    evaluation = np.array([one.evaluation_seconds for one in models], dtype=np.float32)
    told = [one.teacher_seconds for one in models if one.teacher_seconds is not None]
    return Outcome(
        in_subset=in_subset,
        predicted_train=predictions[:, :num_train],
        predicted_test=predictions[:, num_train:],
        log_odds_train=log_odds[:, :num_train],
        log_odds_test=log_odds[:, num_train:],
        epoch_loss=np.stack([one.epoch_loss for one in models]),
        own_accuracy=own_accuracy(predictions[:, :num_train], examples.labels, in_subset),
        diverged=np.array([one.diverged for one in models]),
        seconds=np.array([one.seconds for one in models], dtype=np.float32),
        evaluation_seconds=None if np.isnan(evaluation).any() else evaluation,
        teacher_seconds=np.array(told, dtype=np.float32) if len(told) == len(models) else None,
        made_by=made_by,
    )


def with_own_loop(job: Job, data: RunData, device: torch.device) -> TrainBundle:
    """Training with the plan's family and recipe, by the backends that the job names."""
    material, groups = material_of(job.plan, data, device), dict(job.groups)

    def train(bundle: tuple[Task, ...], subsets: Sequence[np.ndarray]) -> Sequence[Sequence[TrainedModel]]:
        models = [
            (task, model, subset)
            for task, rows in zip(bundle, subsets, strict=True)
            for model, subset in zip(task.models, rows, strict=True)
        ]
        if job.teaching is not None and bundle[0].variant == job.teaching.variant:
            trained = train_students(material, Path(job.run), job.keep_weights, job.teaching, models, groups)
        else:
            trained = train_models(material, job.keep_weights, models, groups, record=job.record)
        return [[next(trained) for _ in task.models] for task in bundle]

    return train


def with_trainer(job: Job, data: RunData) -> TrainBundle:
    """Training by the user's own function."""
    plan = job.plan
    trainer = load_trainer(plan.recipe.trainer)
    dataset = dataset_of(data, plan.data.spec)
    unknown = np.full(plan.recipe.epochs, np.nan, dtype=np.float32)

    def train_one_of(task: Task, model: int, subset: np.ndarray) -> TrainedModel:
        start = time.perf_counter()
        draws = Draws(plan.seed, task.size, model, task.replicate)
        predictions, log_odds, diverged = train_with(trainer, dataset, subset, draws)
        seconds = time.perf_counter() - start
        finish(1)
        # the user's function does not say how much of it is evaluation
        return TrainedModel(predictions, log_odds, unknown, diverged, {}, seconds, evaluation_seconds=np.nan)

    def train(bundle: tuple[Task, ...], subsets: Sequence[np.ndarray]) -> list[list[TrainedModel]]:
        return [
            [train_one_of(task, model, subset) for model, subset in zip(task.models, rows, strict=True)]
            for task, rows in zip(bundle, subsets, strict=True)
        ]

    return train
