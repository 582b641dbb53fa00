"""Runs of models that were trained elsewhere, with log-odds of a known distribution: what attacks find is known too."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from memscope.run import Run, open_run
from memscope.steps.train_family import train_family
from memscope.work.carrying_out import WorkOptions
from memscope.work.options import Choices

TRAIN, TEST, CLASSES = 400, 100, 4


def data(path: Path) -> Path:
    random = np.random.default_rng(0)
    arrays = {}
    for part, count in (("train", TRAIN), ("test", TEST)):
        arrays[f"{part}_images"] = random.integers(0, 256, (count, 4, 4, 1)).astype(np.uint8)
        arrays[f"{part}_labels"] = np.arange(count) % CLASSES
    np.savez(path, **arrays)
    return path


def middles(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(1, 1.5, TRAIN + TEST)


def recorded(
    path: Path, effects: Mapping[int, np.ndarray | float], models: int = 40, seed: int = 0, odds: bool = True
) -> Run:
    """Log-odds of every example are normal about its middle with deviation 1, and higher by the effect for members."""
    npz = data(path.with_suffix(".npz"))
    choices = Choices(data=f"npz:{npz}", trainer="record", widths=tuple(effects), models=models)
    train_family(path, choices, WorkOptions(engine="inline"))
    run = open_run(path)
    random, middle = np.random.default_rng(seed + 1), middles(seed)
    labels = np.append(run.examples.labels, run.examples.test_labels)
    for size, effect in effects.items():
        added = np.append(np.broadcast_to(effect, TRAIN), np.zeros(TEST))
        for model in range(models):
            inside = np.append(run.subset(model), np.zeros(TEST, dtype=bool))
            phi = middle + np.where(inside, added, 0) + random.normal(size=TRAIN + TEST)
            predictions = np.where(phi > 0, labels, (labels + 1) % CLASSES)
            run.record(size, model, predictions, phi if odds else None)
    return run
