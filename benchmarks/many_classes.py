"""What does a residual memory of many classes take, of memory and time, that makes residuals when they are asked for?

    OMP_NUM_THREADS=1 python -m benchmarks.many_classes [--examples 200000] [--classes 32000] [--queries 1000]

Logits are a function of positions, as where a language model multiplies hidden states by its output layer: here of
rank 3, element by element, so that a row is the same to the last bit whichever others are asked for. First, at a size
that can be held, a memory that holds its residuals beside one that makes those of the neighbours that are asked for;
then a size that cannot. Each line is a process of its own, and its peak is beyond what that held before `fit`:
features, labels and the two factors of the logits. Where only the predictions of given labels are wanted, the residuals
of a neighbour are made once; where the whole row is needed, once for each query.
"""

import argparse
import hashlib
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from memscope.analysis.residual_memory import ResidualMemory

RANK = 3
WANTED = ("labels", "top", "all")


@dataclass(frozen=True)
class Size:
    examples: int
    classes: int
    queries: int
    features: int
    k: int


@dataclass(frozen=True)
class Measured:
    seconds: float
    """of fit and predict"""
    peak: float
    """MiB beyond what was held before"""
    digest: str


def low_rank(left: np.ndarray, right: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Rows of left [n, RANK] times right [RANK, classes], float32, each element by itself."""

    def rows(positions: np.ndarray) -> np.ndarray:
        total = left[positions, 0, None] * right[0]
        for factor in range(1, RANK):
            total += left[positions, factor, None] * right[factor]
        return total

    return rows


def megabytes() -> tuple[float, float]:
    """MiB that this process holds, and the most that it ever held."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize() / 2**20, most
    except OSError:  # not Linux: the most until now will do
        return most, most


def measure(size: Size, wanted: str, held: bool) -> Measured:
    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    everyone = size.examples + size.queries
    features = random.standard_normal((everyone, size.features), dtype=np.float32)
    labels = random.integers(0, size.classes, everyone)
    left = random.standard_normal((everyone, RANK), dtype=np.float32)
    right = random.standard_normal((RANK, size.classes), dtype=np.float32)
    here, there = slice(size.examples), slice(size.examples, None)
    known, asked = low_rank(left[here], right), low_rank(left[there], right)
    before, _ = megabytes()
    start = time.perf_counter()
    logits = known(np.arange(size.examples)) if held else known
    memory = ResidualMemory(size.k, 1.0).fit(features[here], logits, labels[here])
    del logits
    more = {"labels": {"labels": labels[there]}, "top": {"top": 10}, "all": {}}[wanted]
    found = memory.predict(features[there], asked, **more)
    seconds = time.perf_counter() - start
    digest = hashlib.sha256()
    for array in found if isinstance(found, tuple) else (found,):
        digest.update(np.ascontiguousarray(array))
    return Measured(seconds, megabytes()[1] - before, digest.hexdigest())


def in_a_process(size: Size, wanted: str, held: bool) -> Measured:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measure, (size, wanted, held))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, value in (("examples", 200_000), ("classes", 32_000), ("held-examples", 20_000), ("held-classes", 2_000)):
        parser.add_argument(f"--{name}", type=int, default=value)
    for name, value in (("queries", 1_000), ("features", 64), ("k", 10)):
        parser.add_argument(f"--{name}", type=int, default=value)
    args = parser.parse_args()
    small, large = (
        Size(*pair, args.queries, args.features, args.k)
        for pair in ((args.held_examples, args.held_classes), (args.examples, args.classes))
    )
    print("| examples x classes | wanted | residuals | seconds | peak, MiB | same bits | all residuals, MiB |")
    print("|---|---|---|---|---|---|---|")
    for size, ways in ((small, (True, False)), (large, (False,))):
        for wanted in WANTED:
            found = {held: in_a_process(size, wanted, held) for held in ways}
            same = "yes" if len({each.digest for each in found.values()}) == 1 else "no"
            for held, each in found.items():
                print(
                    f"| {size.examples:,} x {size.classes:,} | {wanted} | {'held' if held else 'made when asked for'} "
                    f"| {each.seconds:.1f} | {each.peak:,.0f} | {same if len(ways) > 1 else ''} "
                    f"| {8 * size.examples * size.classes / 2**20:,.0f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
