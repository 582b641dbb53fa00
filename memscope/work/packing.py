"""From the trained models of a task to the contents of its files: its outcome, its weights, and how it was trained."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from memscope.analysis.fit import own_accuracy
from memscope.errors import RunError
from memscope.plan.plan import Plan
from memscope.store.dynamics import Dynamics, pack_checkpoints, pack_dynamics
from memscope.store.examples import Examples
from memscope.store.ledger import Outcome, Task, outcome_digest, pack_outcome
from memscope.store.weights import pack_weights
from memscope.training.models import TrainedModel
from memscope.training.recording import Recorded


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
