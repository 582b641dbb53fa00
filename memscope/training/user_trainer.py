"""The user's own training: `--trainer package.module:function`, and a check of what it returns."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from memscope.datasets.image_dataset import ImageDataset
from memscope.errors import MemscopeError
from memscope.imports import import_function
from memscope.store.predictions import check_predictions, lost
from memscope.streams import stream_key
from memscope.training.draws import Draws


@dataclass(frozen=True)
class Seeds:
    """Integers in [0, 2^63) with which to seed the user's generators. Only `initialisation` depends on the size."""

    initialisation: int
    order: int
    augmentation: int


Trainer = Callable[[ImageDataset, np.ndarray, Seeds, int], tuple[np.ndarray, np.ndarray | None]]
"""(data, subset bool [N], seeds, size) -> predicted classes [N + M] and log-odds [N + M] or None"""


def load_trainer(name: str) -> Trainer:
    """The function that `package.module:function` names; OptionError if there is none."""
    return import_function(name, "trainer", "data, subset, seeds, size")


def seeds_of(draws: Draws) -> Seeds:
    order = stream_key("order", draws.seed, draws.model, draws.replicate)
    augmentation = stream_key("augmentation", draws.seed, draws.model, draws.replicate)
    return Seeds(draws.initialisation_seed, int(order[0] >> np.uint64(1)), int(augmentation[0] >> np.uint64(1)))


def train_with(
    trainer: Trainer, dataset: ImageDataset, subset: np.ndarray, draws: Draws
) -> tuple[np.ndarray, np.ndarray, bool]:
    """Train by the user's function: classes int64 [N + M], log-odds float16 [N + M], and whether it diverged."""
    given = trainer(dataset, subset, seeds_of(draws), draws.size)
    if not isinstance(given, tuple) or len(given) != 2:
        raise MemscopeError(
            f"the trainer returned {type(given).__name__}; expected a pair (predictions [N + M], log_odds [N + M] or "
            "None), training examples before test examples"
        )
    num_examples = len(dataset.train_labels) + len(dataset.test_labels)
    return *check_predictions(*given, num_examples, dataset.num_classes), lost(given[1])
