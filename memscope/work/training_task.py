"""What a worker runs: from a bundle of tasks (each some models of one size) to the contents of their files.

`open_training` is called once in every worker process. The function that it returns trains one bundle after another. An
outcome is a pure function of (plan, data, task): nothing but the data set is kept between bundles. A bundle is one task
alone; or students of the same numbers at several sizes, which share each number's teacher; or tasks of one size, whose
models are trained in one vectorised pass. Each model becomes a `TrainedModel`, and the models of a task are `Packed`
together (packing.py) for the coordinator to write.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from memscope.errors import OptionError
from memscope.imports import source_digest
from memscope.plan.backends import LANES
from memscope.plan.plan import Plan
from memscope.plan.recipe import OWN_LOOP
from memscope.plan.teaching import Teaching
from memscope.store.examples import RunData, dataset_of, read_data
from memscope.store.ledger import FULL, ONEHOT, Task
from memscope.store.weights import check_in_sight
from memscope.training.backends import Grouping, grouping_of, train_models
from memscope.training.device import device_name, worker_device
from memscope.training.draws import Draws
from memscope.training.material import material_of
from memscope.training.models import TrainedModel
from memscope.training.user_trainer import load_trainer, train_with
from memscope.under_way import finish
from memscope.version import __version__
from memscope.work.packing import Packed, pack
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
