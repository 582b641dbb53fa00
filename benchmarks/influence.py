"""How long do influence, scores and trajectory types take, beside the bare matrix products of influence?

    OMP_NUM_THREADS=1 python benchmarks/influence.py [--train 50000] [--test 1000] [--models 2000] [--repeats 3]

`influence_blocks` of bit-packed outcomes and the bare float32 products of blocks of the same shapes take turns; printed
are the least seconds of each, the rate, and the median over the repeats of the ratio within each. Time is as the
product of the three numbers, so that of larger sets is the measured one multiplied; memory is of the arguments and of
a block, beside the 0.25 GB that Python and torch take. Scores are of one model size, types of `--sizes` sizes; types
are called for 2,560 examples and their time multiplied, since each takes the same.
"""

import argparse
import resource
import time
from collections.abc import Callable

import numpy as np
import torch
from threadpoolctl import threadpool_limits

import memscope
from memscope.analysis.influence import BLOCK_SIZE
from memscope.analysis.products import multiply

LARGE = ((50_000, 10_000), (1_281_167, 50_000))
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", type=int, default=50_000)
    parser.add_argument("--test", type=int, default=1_000)
    parser.add_argument("--models", type=int, default=2_000)
    parser.add_argument("--sizes", type=int, default=8)
    parser.add_argument("--block-size", type=int, default=BLOCK_SIZE)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"{options.models} models, {options.threads} thread(s), {options.repeats} repeats")
    with threadpool_limits(options.threads):
        ours, products = compare(options)
        per_pair = [least / (options.train * options.test) for least in (ours, products)]
        print("\n| train x test | influence | products | memory, packed | memory, bool |\n|---|---|---|---|---|")
        for train, test in LARGE:
            bits, bools = ((train + test) * options.models / share / 1e9 for share in (8, 1))
            times = " | ".join(f"{train * test * each:.0f} s" for each in per_pair)
            blocks = options.block_size / 1e9
            print(f"| {train:,} x {test:,} | {times} | {bits + blocks:.2f} GB | {bools + blocks:.2f} GB |")
        score_and_classify(options)


def compare(options: argparse.Namespace) -> tuple[float, float]:
    """Print the table of influence and its products; their least seconds."""
    random = np.random.default_rng(0)
    mask, right = (packed(options.models, n, p, random) for n, p in ((options.train, 0.7), (options.test, 0.6)))
    sizes = {"train": options.train, "test": options.test, "block_size": options.block_size}

    def influence() -> list[tuple[int, ...]]:
        return [block.shape for _, _, block in memscope.influence_blocks(mask, right, **sizes)]

    before = peak()
    shapes = influence()
    taken = peak() - before
    rows, columns = (max(shape[axis] for shape in shapes) for axis in (0, 1))
    left, other = (torch.ones((options.models, edge)).T for edge in (rows, columns))
    counts = torch.empty(rows * columns)

    def products() -> None:
        for rows, columns in shapes:
            multiply(left[:rows], other[:columns], out=counts[: rows * columns].view(rows, columns))

    ours, bare = [], []
    for repeat in range(options.repeats):
        for work, times in [(influence, ours), (products, bare)][:: 1 if repeat % 2 else -1]:
            times.append(seconds(work))
    ratio = np.median(np.array(ours) / np.array(bare))
    rate = 2 * options.train * options.test * options.models / 1e9
    print("\n| train x test | blocks | influence | products | ratio | memory beside arguments | process |")
    print("|---|---|---|---|---|---|---|")
    cells = [f"{options.train:,} x {options.test:,}", f"{rows} x {columns}"]
    cells += [f"{min(times):.2f} s, {rate / min(times):.0f} GFLOP/s" for times in (ours, bare)]
    print("| " + " | ".join([*cells, f"{ratio:.2f}", f"{taken:.0f} MB", f"{before + taken:.0f} MB"]) + " |", flush=True)
    return min(ours), min(bare)


def score_and_classify(options: argparse.Namespace) -> None:
    """Print the seconds of scores at one size and of trajectory types."""
    random = np.random.default_rng(1)
    in_subset, correct = (unpacked(packed(options.models, options.train, p, random), options.train) for p in (0.7, 0.6))
    shape = (options.sizes, options.train)
    n_in = np.broadcast_to(in_subset.sum(axis=0), shape)
    n_out = options.models - n_in
    counts = random.binomial(n_in, random.random(shape)), n_in, random.binomial(n_out, random.random(shape)), n_out
    scores = counts[0] / n_in - counts[2] / n_out
    some = [values[:, :TYPED] for values in counts]
    scale = options.train / some[0].shape[1]
    times = {
        "memorisation, one size": seconds(lambda: memscope.memorisation(in_subset, correct)),
        f"classify_trajectories, {options.sizes} sizes": seconds(lambda: memscope.classify_trajectories(scores)),
        f"trajectory_types, {options.sizes} sizes": seconds(lambda: memscope.trajectory_types(*some)) * scale,
    }
    print(f"\n| {options.train:,} examples | time |\n|---|---|")
    for name, taken in times.items():
        print(f"| {name} | {taken:.2f} s |")
    print(f"\npeak of the whole process {peak():.0f} MB")


if __name__ == "__main__":
    main()
