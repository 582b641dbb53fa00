"""What a worker measures for proxies that need weights: from a task whose training was recorded to numbers an example.

`open_proxy_work` is called once in every worker process. A task here is one group of proxies of some models:
`of_group`. Only the examples that a model was trained on are asked, without augmentation, normalised as in training, in
float32. EL2N and GraNd are of the weights after epoch 1, VoG of all the checkpoints, curvature and prediction depth of
the weights at the end.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from memscope.analysis.proxies.catalogue import GROUPS
from memscope.analysis.proxies.curvature import (
    curvature_over_step,
    curvature_words,
    gradient_changes,
    input_curvature,
    squared_curvature,
)
from memscope.analysis.proxies.depth import prediction_depth
from memscope.analysis.proxies.error_norm import error_norm, squared_error_norm
from memscope.analysis.proxies.gradient_variance import (
    mean_variance_of_gradients,
    standardised_by_class,
    variance_of_gradients,
)
from memscope.analysis.proxies.gradients import (
    gradient_norms,
    input_gradients,
    logit_of_label,
    probability_of_label,
)
from memscope.analysis.proxies.layer_features import layer_features
from memscope.analysis.proxies.networks import logits_of
from memscope.errors import MemscopeError, RunError
from memscope.plan.plan import Plan
from memscope.store.dynamics import read_checkpoints, read_dynamics_of
from memscope.store.examples import RunData, read_data
from memscope.store.ledger import Task, outcome_digest, read_outcome
from memscope.store.proxies import MeasuredProxies, pack_proxies
from memscope.store.weights import Weights, check_in_sight
from memscope.streams import stream
from memscope.training.device import worker_device
from memscope.training.material import Material, material_of
from memscope.under_way import finish, part

INPUTS = 2**24
"""Bytes of inputs at a time: 16 MiB, of which VoG holds nine gradients in float32, and their pixels in float64."""

MOST = 1024
"""Examples at a time."""

Values = dict[str, np.ndarray]
"""Floats [n], one for each example that a model was trained on, by the name of the proxy"""

OfPiece = Callable[[Tensor, Tensor, np.ndarray], Values]
"""Of inputs [n, C, H, W], labels [n] and the numbers of the examples [n]"""


@dataclass(frozen=True)
class ProxyJob:
    """What every worker needs to know. Plain data."""

    run: str
    plan: Plan
    device: str
    data: RunData | None = None
    """The data set, if it is not to be read from the run's directory"""


@dataclass(frozen=True, eq=False)
class Trained:
    """A model whose training was recorded, as the proxies ask it."""

    material: Material
    size: int
    checkpoints: dict[int, Weights]
    """By epoch, from 1 to the last"""
    inside: np.ndarray
    """int64 [n], the numbers of the examples that it was trained on"""
    words: Callable[[], np.ndarray]
    """Gives uint64 [N, W], of the directions of curvature"""

    def network(self, epoch: int, model: torch.nn.Module | None = None) -> torch.nn.Module:
        """The network after an epoch; `model` may be overwritten for it."""
        return self.material.trained(self.size, self.checkpoints[epoch], model)

    @property
    def last(self) -> int:
        return max(self.checkpoints)

    def inputs(self, which: np.ndarray) -> tuple[Tensor, Tensor]:
        """Examples by their numbers [n] as the network takes them, float32 [n, C, H, W], and their labels [n]."""
        places = torch.from_numpy(which).to(self.material.device)
        return self.material.inputs.of(places), self.material.labels[places]

    def in_pieces(self, of_piece: OfPiece) -> Values:
        """The values of all its examples, so many at a time that memory stays bounded however many there are."""
        height, width, colours = self.material.images.shape[1:]
        rows = max(1, min(MOST, INPUTS // (4 * height * width * colours)))
        found: list[Values] = []
        for first in range(0, len(self.inside), rows):
            which = self.inside[first : first + rows]
            found.append(of_piece(*self.inputs(which), which))
            part((first + len(which)) / len(self.inside))
        return {name: np.concatenate([values[name] for values in found]) for name in found[0]}


def of_group(task: Task, group: str) -> Task:
    """The task to measure a group of proxies of the models of a task; like its file, of the variant VARIANT/GROUP."""
    return replace(task, variant=f"{task.variant}/{group}")


def group_of(task: Task) -> tuple[str, Task]:
    """The group that a task is to measure, and the task that the models are of."""
    variant, _, group = task.variant.rpartition("/")
    return group, replace(task, variant=variant)


def open_proxy_work(job: ProxyJob, worker: int = 0) -> Callable[[tuple[Task, ...]], list[bytes]]:
    """Open the data set in this process and return the function from a bundle of tasks to the contents of their files.

    RunError if the run's directory, from which the checkpoints are read, is not there.
    """
    torch.set_num_threads(1)
    plan, run = job.plan, Path(job.run)
    check_in_sight(run)
    material = material_of(plan, job.data or read_data(run, plan.data.fingerprint), worker_device(job.device, worker))

    @cache
    def words() -> np.ndarray:
        """Of all the examples, so that those of one depend on its number alone."""
        source = stream("input curvature", plan.seed)
        return curvature_words(source, material.num_train, tuple(material.images.shape[1:]))

    def work(bundle: tuple[Task, ...]) -> list[bytes]:
        return [measure(task) for task in bundle]

    def measure(asked: Task) -> bytes:
        group, task = group_of(asked)
        outcome = read_outcome(run, plan, task)
        read_dynamics_of(run, plan, task, outcome, material.train_labels)
        unknown = np.full(outcome.in_subset.shape, np.nan, dtype=np.float32)
        found = {name: unknown.copy() for name in GROUPS[group]}
        left_out = None
        for position, model in enumerate(task.models):
            if position:
                finish(1)
            if outcome.diverged[position]:
                continue
            inside = np.flatnonzero(outcome.in_subset[position])
            trained = Trained(material, task.size, read_checkpoints(run, plan, task, model), inside, words)
            try:
                values = MEASURES[group](trained)
            except RunError:
                raise
            except MemscopeError as error:  # such networks cannot give it, so the others cannot either
                found, left_out = dict.fromkeys(found, unknown), str(error)
                break
            for name, those in values.items():
                found[name][position, inside] = those
        return pack_proxies(plan, task, group, MeasuredProxies(found, left_out), outcome_digest(outcome))

    return work


def el2n(trained: Trained) -> Values:
    """EL2N and its square, of the weights after epoch 1."""
    network = trained.network(1)

    def of_piece(inputs: Tensor, labels: Tensor, which: np.ndarray) -> Values:
        logits = torch.from_numpy(logits_of(network, inputs, "EL2N"))
        probabilities, given = logits.double().softmax(dim=1).numpy(), labels.cpu().numpy()
        return {
            "el2n": error_norm(probabilities, given),
            "el2n-squared": squared_error_norm(probabilities, given),
        }

    return trained.in_pieces(of_piece)


def grand(trained: Trained) -> Values:
    """GraNd, of the weights after epoch 1."""
    network = trained.network(1)
    return trained.in_pieces(lambda inputs, labels, which: {"grand": gradient_norms(network, inputs, labels)})


def vog(trained: Trained) -> Values:
    """The variances of gradients over all the checkpoints."""
    epochs = sorted(trained.checkpoints)
    if len(epochs) < 2:
        raise MemscopeError(
            f"variance of gradients cannot be had of models trained for {trained.last} epoch, of which there is one "
            "checkpoint, expected at least two; leave this proxy out"
        )
    network = trained.network(1)

    def of_piece(inputs: Tensor, labels: Tensor, which: np.ndarray) -> Values:
        by_logit, by_probability = [], []
        for epoch in epochs:
            trained.network(epoch, network)
            by_logit.append(input_gradients(network, inputs, labels, logit_of_label))
            by_probability.append(input_gradients(network, inputs, labels, probability_of_label))
        return {
            "vog": variance_of_gradients(by_logit),
            "vog-probability": variance_of_gradients(by_probability),
            "vog-variance": mean_variance_of_gradients(by_probability),
        }

    found = trained.in_pieces(of_piece)
    labels = trained.material.train_labels[trained.inside]
    return found | {"vog-by-class": standardised_by_class(found["vog"], labels)}


def curvature(trained: Trained) -> Values:
    """Input curvature, of the weights at the end."""
    network, words = trained.network(trained.last), trained.words()

    def of_piece(inputs: Tensor, labels: Tensor, which: np.ndarray) -> Values:
        changes = gradient_changes(network, inputs, labels, words[which])
        return {
            "curvature": input_curvature(changes),
            "curvature-squared": squared_curvature(changes),
            "curvature-over-h": curvature_over_step(changes),
        }

    return trained.in_pieces(of_piece)


def depth(trained: Trained) -> Values:
    """Prediction depth, of the weights at the end; neighbours are examples that the model was trained on."""
    network = trained.network(trained.last)
    inputs, labels = trained.inputs(trained.inside)
    predictions = logits_of(network, inputs, "prediction depth").argmax(axis=1)
    layers = layer_features(network, inputs)
    return {"prediction-depth": prediction_depth(layers, labels.cpu().numpy(), predictions)}


MEASURES: dict[str, Callable[[Trained], Values]] = {
    "el2n": el2n,
    "grand": grand,
    "vog": vog,
    "curvature": curvature,
    "prediction-depth": depth,
}
"""By the name of the group"""
