"""How long does the search for influential pairs take, with what chance would show, beside the bare matrix products?

    OMP_NUM_THREADS=1 python -m benchmarks.influence_pairs [--train 50000] [--test 10000] [--models 400] [--all-classes]

Made-up models of ten classes: targets are easy or hard, models good or bad as a whole, a fifth of the training examples
are memorised. Memory is the most that the process ever had, with Python and all arguments.
"""

import argparse
import time
from collections.abc import Iterable

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks import Row, show
from benchmarks.influence import peak
from memscope.analysis.influential.at_size import AtSize, influence_at_size
from memscope.analysis.influential.roles import Roles, roles_of
from memscope.analysis.influential.units import Units
from memscope.plan.subsets import block_subsets

CLASSES = 10


def made_up(train: int, test: int, models: int) -> tuple[Units, np.ndarray]:
    """Units, and what they get right of the training examples, uint8 [models, train]."""
    random = np.random.default_rng(0)
    blocks = models // 10
    in_subset = np.concatenate([block_subsets(train, block, 0.7, 0) for block in range(blocks)])
    correct = np.empty((models, train), dtype=np.uint8)
    right = np.empty((models, test), dtype=np.uint8)
    memorised, hardness = np.arange(train) % 5 == 0, random.normal(size=test) - 1
    for model in range(models):  # one by one, lest drawing be what takes the memory
        skill = 0.3 * random.normal()
        right[model] = random.normal(size=test) + skill > hardness
        correct[model] = np.where(memorised, in_subset[model], random.random(train) < 0.95)
    return Units(in_subset, right, np.repeat(np.arange(blocks), 10)), correct


def measured(
    units: Units, correct: np.ndarray, roles: Roles, labels: np.ndarray, targets: np.ndarray, all_classes: bool
) -> tuple[AtSize, float]:
    start = time.perf_counter()
    found = influence_at_size(
        units, roles, correct, labels, targets, threshold=0.15, memorised=0.25, all_classes=all_classes
    )
    return found, time.perf_counter() - start


def products(units: Units, roles: Roles, found: AtSize, labels: np.ndarray, targets: np.ndarray) -> float:
    """Seconds of the products of the memorised with the targets that they are paired with."""
    choosing = units.only(roles.choosing)
    start = time.perf_counter()
    for one in np.unique(targets):
        rows = choosing.in_subset[:, found.memorised & (labels == one)].astype(np.float32)
        columns = choosing.right[:, targets == one].astype(np.float32)
        for first in range(0, rows.shape[1], 1024):
            rows[:, first : first + 1024].T @ columns
    return time.perf_counter() - start


def rows(train: int, test: int, models: int, repeats: int, all_classes: bool = False) -> Iterable[Row]:
    labels, targets = np.arange(train) % CLASSES, np.arange(test) % CLASSES
    units, correct = made_up(train, test, models)
    roles = roles_of(range(models // 10))
    ratios, times = [], []
    with threadpool_limits(1):
        for _ in range(repeats):
            found, seconds = measured(units, correct, roles, labels, targets, all_classes)
            times.append(seconds)
            ratios.append(seconds / products(units, roles, found, labels, targets))
    yield Row(
        f"influential pairs, {train:,} x {test:,}, {models:,} models" + (", all classes" if all_classes else ""),
        "bare products of one class with itself",
        ratios,
        f"{min(times):.1f} s; {int(found.memorised.sum()):,} memorised, {found.helpful.pairs:,} pairs, "
        f"{found.helpful.by_chance:,.0f} by chance; process {peak():.0f} MB",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", type=int, default=50_000)
    parser.add_argument("--test", type=int, default=10_000)
    parser.add_argument("--models", type=int, default=400)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--all-classes", action="store_true")
    given = parser.parse_args()
    show(list(rows(given.train, given.test, given.models, given.repeats, given.all_classes)))


if __name__ == "__main__":
    main()
