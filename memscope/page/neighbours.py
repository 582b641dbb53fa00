"""The nearest of each example in a residual memory: what a model would look up, and add to what it says."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil

import numpy as np
import torch

from memscope.analysis.neighbours.exact import nearest, prepare
from memscope.analysis.neighbours.feature_space import fit_feature_space, tensor_of
from memscope.errors import MemscopeError
from memscope.plan.recipe import OWN_LOOP
from memscope.run import Run
from memscope.store.examples import RunData, open_images
from memscope.store.ledger import FULL, ONEHOT, Outcome, Task, finished_tasks, read_outcome
from memscope.store.weights import read_weights, weights_path
from memscope.training.agreement import Made, check_agreement
from memscope.training.backends import BACKENDS, backend_for
from memscope.training.device import device_name, resolve_device, worker_device
from memscope.training.material import material_of
from memscope.work.carrying_out import Say

COUNT = 8
"""Neighbours of each example"""
PIECE = 2**28
"""Bytes of images that are looked at together: 50,000 of 224 x 224 would take 7 GiB"""


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The neighbours of the gallery's examples among those that one model's memory holds."""

    positions: np.ndarray
    """int32 [COUNT, n], positions in the gallery, the nearest first; -1 where the memory holds no more"""
    size: int
    """Width or depth of the model whose features they are near in"""
    model: int
    variant: str
    """`onehot`, whose memory holds the model's own subset, or `full`, whose memory holds all"""
    held: int
    """Examples of the gallery that the memory holds"""


def neighbours_of(run: Run, shown: np.ndarray, normalise: str, metric: str, say: Say) -> Neighbours | None:
    """The neighbours of the examples `shown` [n]; None, and `say` says why, where no model's weights are there.

    The model is the first of the largest size that has weights; one on a subset, where there is such a one. What its
    memory holds of the examples is searched exactly, as `memscope resmem` does, each example itself left out.
    """
    try:
        for task, position, outcome in candidates(run):
            return in_memory_of(run, task, position, outcome, shown, normalise, metric, say)
        say("no neighbours are shown, because no model has kept its weights")
    except MemscopeError as error:
        say(f"no neighbours are shown: {error}")
    return None


def candidates(run: Run) -> Iterator[tuple[Task, int, Outcome]]:
    """Models with weights that have not diverged, in order of preference: the task, their place in it, its outcome."""
    if run.plan.recipe.trainer != OWN_LOOP:
        return
    for size in sorted(run.plan.sizes, reverse=True):
        for variant in (ONEHOT, FULL):
            for task in finished_tasks(run.path, run.plan, size, variant):
                if weights_path(run.path, run.plan, task).is_file():
                    outcome = read_outcome(run.path, run.plan, task)
                    yield from ((task, int(position), outcome) for position in np.flatnonzero(~outcome.diverged))


def in_memory_of(
    run: Run, task: Task, position: int, outcome: Outcome, shown: np.ndarray, normalise: str, metric: str, say: Say
) -> Neighbours:
    """The neighbours in the memory of one model of a task."""
    model = task.models[position]
    say(f"finding neighbours in the residual memory of model {model} of {run.plan.axis} {task.size}")
    features = features_of(run, task, position, outcome, shown)
    held = np.flatnonzero(outcome.in_subset[position][shown])
    given = tensor_of(features, "features", "N, F")
    space = fit_feature_space(given[held], normalise, metric)
    vectors = space.vectors(given)
    found = np.full((len(shown), COUNT), -1, dtype=np.int32)
    if len(held):
        among = min(COUNT + 1, len(held))  # one more: an example that the memory holds is its own nearest
        near = held[nearest(prepare(vectors[held], among), vectors)[0].numpy()]
        found[:, : min(among, COUNT)] = without_itself(near)[:, :COUNT]
    return Neighbours(found.T.copy(), task.size, model, task.variant, len(held))


def without_itself(near: np.ndarray) -> np.ndarray:
    """The neighbours [n, k] of examples 0 to n - 1, each example's own number moved to the end, as -1."""
    own = near == np.arange(len(near))[:, None]
    order = np.argsort(own, axis=1, kind="stable")
    return np.take_along_axis(np.where(own, -1, near), order, axis=1)


def features_of(run: Run, task: Task, position: int, outcome: Outcome, shown: np.ndarray) -> np.ndarray:
    """Penultimate features float32 [n, F] of the examples `shown`, of one model of a task.

    RunError where its weights are damaged, or do not give what the ledger says of it.
    """
    plan, examples = run.plan, run.examples
    images = open_images(run.path, examples)
    device = worker_device(resolve_device("auto"), 0)
    weights = read_weights(run.path, plan, task)[task.models[position]]
    backend = BACKENDS[backend_for(plan, task.size, device.type)]
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for some in np.array_split(shown, ceil(len(shown) * images[0].nbytes / PIECE)):
        data = RunData(examples, np.asarray(images[some]))
        labels = torch.from_numpy(examples.labels[some]).to(device)
        material = replace(material_of(plan, data, device), labels=labels, num_train=len(some))
        found += backend.represent(material, task.size, [weights])
    features, logits = (np.concatenate(each) for each in zip(*found, strict=True))
    told = replace(
        outcome,
        predicted_train=outcome.predicted_train[:, shown],
        predicted_test=outcome.predicted_test[:, :0],
        log_odds_train=outcome.log_odds_train[:, shown],
        log_odds_test=outcome.log_odds_test[:, :0],
    )
    here = Made(plan.precision, device_name(device))
    check_agreement(logits, examples.labels[shown], told, position, weights_path(run.path, plan, task), here)
    return features
