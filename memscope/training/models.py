"""Models to train and trained models, whatever the backend that trains them."""

from dataclasses import dataclass

import numpy as np
import torch

from memscope.store.ledger import FULL, Task
from memscope.store.weights import Weights
from memscope.training.loop import Course
from memscope.training.material import Material
from memscope.training.recording import Recorded

ModelToTrain = tuple[Task, int, np.ndarray]
"""The task, the model's number, and its subset bool [N]"""


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """One model, trained and evaluated. A worker packs those of a task together (`pack` in work/packing.py)."""

    predictions: np.ndarray
    """int [N + M], training examples first"""
    log_odds: np.ndarray
    """float16 [N + M]"""
    epoch_loss: np.ndarray
    diverged: bool
    weights: Weights
    seconds: float
    evaluation_seconds: float
    """NaN if not known"""
    teacher_seconds: float | None = None
    """None without a teacher"""
    recorded: Recorded | None = None
    """What it was after every epoch, if that was recorded; the time of that is in none of the others"""


def nominal_size(material: Material, task: Task) -> int:
    """The examples that set the number of steps of the models of a task."""
    return material.plan.nominal_size(material.num_train, full=task.variant == FULL)


def trained_model(
    network: torch.nn.Module,
    course: Course,
    predictions: np.ndarray,
    log_odds: np.ndarray,
    keep_weights: bool,
    seconds: float,
    evaluation_seconds: float,
    teacher_seconds: float | None = None,
    recorded: Recorded | None = None,
) -> TrainedModel:
    weights = {}
    if keep_weights:
        weights = {name: value.cpu().contiguous().numpy() for name, value in network.state_dict().items()}
    return TrainedModel(
        predictions,
        log_odds,
        course.epoch_loss,
        # weights can become NaN in the very last step, after the last loss was read
        diverged=course.diverged or bool(np.isnan(log_odds).any()),
        weights=weights,
        seconds=seconds,
        evaluation_seconds=evaluation_seconds,
        teacher_seconds=teacher_seconds,
        recorded=recorded,
    )


def without_teacher(material: Material) -> TrainedModel:
    """A student that was not trained because its teacher diverged. It counts as diverged and is never scored."""
    count = len(material.labels)
    return TrainedModel(
        np.zeros(count, dtype=np.int64),
        np.full(count, np.nan, dtype=np.float16),
        np.full(material.plan.recipe.epochs, np.nan, dtype=np.float32),
        diverged=True,
        weights={},
        seconds=0.0,
        evaluation_seconds=0.0,
        teacher_seconds=0.0,
    )
