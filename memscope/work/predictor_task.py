"""What a worker does for predictors: from (backbone, seed) to the content of the file of a fit.

`open_fitting` is called once in every worker process. A task here has the backbone for its variant and the seed for its
first model. The seed fits to the target of one half of the blocks: the even seeds to that of the even ones.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from memscope.plan.plan import Plan
from memscope.predictors.backbones import Backbone, Regressor, build_regressor
from memscope.predictors.fits import pack_fit
from memscope.predictors.fitting import FitRecipe, fit, seed_of
from memscope.predictors.pretrained import load_pretrained, network_in
from memscope.store.examples import Examples, RunData, open_images, read_examples
from memscope.store.ledger import Task
from memscope.training.device import worker_device
from memscope.training.draws import torch_seeded
from memscope.training.inputs import Inputs
from memscope.under_way import finish


@dataclass(frozen=True, eq=False)
class FittingJob:
    """What every worker needs to know. Plain data."""

    run: str
    plan: Plan
    device: str
    settings: Mapping[str, str]
    """By backbone, SHA-256 over all that decides its fits"""
    backbones: tuple[Backbone, ...]
    recipe: FitRecipe
    halves: np.ndarray
    """float64 [2, N], the target of either half of the blocks"""
    fitted: np.ndarray
    """int64 [n], positions"""
    validating: np.ndarray
    with_label: bool
    pretrained: str | None
    data: RunData | None = None
    """The data set, if it is not to be read from the run's directory"""


def open_fitting(job: FittingJob, worker: int = 0) -> Callable[[tuple[Task, ...]], list[bytes]]:
    """Open the data set in this process; the function from a bundle of tasks to the contents of their files."""
    torch.set_num_threads(1)  # sums split over another number of threads differ in the last bit
    device = worker_device(job.device, worker)
    if job.data is None:
        examples = read_examples(Path(job.run), job.plan.data.fingerprint)
        images = open_images(Path(job.run), examples)
    else:
        examples, images = job.data.examples, job.data.images
    data = inputs_of(examples, images[: len(examples.labels)], job.plan.precision, device)
    by_name = {one.name: one for one in job.backbones}

    def work(bundle: tuple[Task, ...]) -> list[bytes]:
        return [of_task(task) for task in bundle]

    def of_task(task: Task) -> bytes:
        seed, backbone = task.first, by_name[task.variant]
        target = job.halves[seed % 2]
        known = ~np.isnan(target)
        found = fit(
            untrained(job, backbone, examples, seed).to(device),
            data,
            target,
            job.fitted[known[job.fitted]],
            job.validating[known[job.validating]],
            job.recipe,
            seed,
        )
        finish(1)
        return pack_fit(job.settings[backbone.name], backbone.name, seed, found)

    return work


def untrained(job: FittingJob, backbone: Backbone, examples: Examples, seed: int) -> Regressor:
    """A network with initial weights, or those that it begins with, on the CPU."""
    classes = len(examples.class_names) if job.with_label else 0
    with torch_seeded(seed_of(f"predictor initialisation {backbone.name}", seed), torch.device("cpu")):
        network = build_regressor(backbone, examples.image_shape, classes)
    if backbone.pretrained and job.pretrained is not None:
        load_pretrained(network_in(network.body), Path(job.pretrained), backbone.name)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch does not annotate it


def inputs_of(examples: Examples, images: np.ndarray, precision: str, device: torch.device) -> Inputs:
    """A run's training images as its networks take them."""
    return Inputs(
        torch.from_numpy(np.asarray(images)).to(device),
        torch.from_numpy(examples.labels).to(device),
        torch.tensor(examples.channel_mean, dtype=torch.float32, device=device),
        # a constant channel has no spread to divide by
        torch.tensor(1 / np.maximum(examples.channel_sd, 1), dtype=torch.float32, device=device),
        precision,
    )
