"""How long do influence, scores and trajectory types take, beside the bare matrix products of influence?

    OMP_NUM_THREADS=1 python -m benchmarks.influence [--train 50000] [--test 1000] [--models 2000] [--repeats 3]

`influence_blocks` of bit-packed outcomes and the bare float32 products of blocks of the same shapes take turns, with
one thread. Their time is as the product of the three numbers, so that with 10,000 test examples it is the measured one
multiplied, as `--test 10000` shows. Scores are measured at one size and multiplied by `--sizes`; types are called for
2,560 examples and their time multiplied, since each takes the same. Memory is beside that of the arguments and of the
result, unless it says of the whole process, which with Python and torch begins at some 250 MB.
"""

import argparse
import resource
import time
from collections.abc import Callable

import numpy as np
import torch
from threadpoolctl import threadpool_limits

import memscope
from benchmarks import Row, show
from memscope.analysis.influence import BLOCK_SIZE
from memscope.analysis.products import multiply

FULL = 10_000
"""Test examples for which the time of all of it is told."""
TYPED = 2560


def packed(models: int, examples: int, share: float, random: np.random.Generator) -> np.ndarray:
    """Zeros and ones [models, examples], packed; drawn row by row, lest drawing be what takes the memory."""
    return np.stack([np.packbits(random.random(examples) < share, bitorder="little") for _ in range(models)])


def unpacked(bits: np.ndarray, examples: int) -> np.ndarray:
    return np.unpackbits(bits, axis=1, count=examples, bitorder="little").view(bool)


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def peak() -> float:
    """The most memory that this process ever had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def compare(
    train: int, test: int, models: int, repeats: int, block_size: int
) -> tuple[list[float], list[float], float]:
    """Seconds of influence and of its products, one of each for every repeat, and MB beside the arguments."""
    random = np.random.default_rng(0)
    mask, right = (packed(models, n, p, random) for n, p in ((train, 0.7), (test, 0.6)))

    def influence() -> list[tuple[int, ...]]:
        blocks = memscope.influence_blocks(mask, right, train=train, test=test, block_size=block_size)
        return [block.shape for _, _, block in blocks]

    before = peak()
    shapes = influence()
    taken = peak() - before
    rows, columns = (max(shape[axis] for shape in shapes) for axis in (0, 1))
    left, other = (torch.ones((models, edge)).T for edge in (rows, columns))
    counts = torch.empty(rows * columns)

    def products() -> None:
        for rows, columns in shapes:
            multiply(left[:rows], other[:columns], out=counts[: rows * columns].view(rows, columns))

    ours: list[float] = []
    bare: list[float] = []
    for repeat in range(repeats):
        for work, times in [(influence, ours), (products, bare)][:: 1 if repeat % 2 else -1]:
            times.append(seconds(work))
    return ours, bare, taken


def scores_and_types(train: int, models: int, sizes: int) -> dict[str, float]:
    """Seconds of scores at one size, of the raw rule, and of called types."""
    random = np.random.default_rng(1)
    in_subset, correct = (unpacked(packed(models, train, p, random), train) for p in (0.7, 0.6))
    shape = (sizes, train)
    n_in = np.broadcast_to(in_subset.sum(axis=0), shape)
    n_out = models - n_in
    counts = random.binomial(n_in, random.random(shape)), n_in, random.binomial(n_out, random.random(shape)), n_out
    scores = counts[0] / n_in - counts[2] / n_out
    some = [values[:, :TYPED] for values in counts]
    share = some[0].shape[1] / train
    return {
        "memorisation, one size": seconds(lambda: memscope.memorisation(in_subset, correct)),
        f"classify_trajectories, {sizes} sizes": seconds(lambda: memscope.classify_trajectories(scores)),
        f"trajectory_types, {sizes} sizes": seconds(lambda: memscope.trajectory_types(*some)) / share,
    }


def rows(train: int, test: int, models: int, sizes: int, repeats: int, block_size: int = BLOCK_SIZE) -> list[Row]:
    """Influence over its products; influence, scores of all sizes and types over the products of influence."""
    with threadpool_limits(1):
        torch.set_num_threads(1)
        ours, bare, taken = compare(train, test, models, repeats, block_size)
        times = scores_and_types(train, models, sizes)
    rest = sizes * times["memorisation, one size"] + sum(list(times.values())[1:])
    rate = 2 * train * test * models / min(bare) / 1e9
    shape = f"{train:,} x {test:,}, {models:,} models"
    both = [(own * FULL / test + rest) / (products * FULL / test) for own, products in zip(ours, bare, strict=True)]
    told = ", ".join(f"{name} {value:.2f} s" for name, value in times.items())
    return [
        Row(
            f"influence, {shape}",
            "its bare products",
            [one / other for one, other in zip(ours, bare, strict=True)],
            f"{min(ours):.1f} s, {min(bare):.1f} s at {rate:.0f} GFLOP/s; {taken:.0f} MB beside arguments and result",
        ),
        Row(
            f"influence, scores and types, {train:,} x {FULL:,}",
            "products of influence",
            both,
            f"influence and products x {FULL / test:g}; {told}; peak of the whole process {peak():.0f} MB",
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", type=int, default=50_000)
    parser.add_argument("--test", type=int, default=1_000)
    parser.add_argument("--models", type=int, default=2_000)
    parser.add_argument("--sizes", type=int, default=8)
    parser.add_argument("--block-size", type=int, default=BLOCK_SIZE)
    parser.add_argument("--repeats", type=int, default=3)
    show(rows(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()
