"""How much of the machine's bare matrix rate does a training step reach?

    python -m benchmarks.step [--family resnet8] [--widths 4,8,16,32,64] [--repeats 3]

In a process of its own, of one thread and with the environment of a worker. Forward, backward and optimiser on a batch
of 64 images of 28x28, and a product of large matrices in the same precision, take turns. Counted are the
multiplications and additions of the convolutions and matrix products, forward and backward; normalisation, ReLU and the
optimiser take time and count for nothing.
"""

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import Row, show
from memscope.engines.processes import ENVIRONMENT, environment
from memscope.families import open_family
from memscope.plan.recipe import Recipe
from memscope.training.device import resolve_precision
from memscope.training.draws import Draws, build_model
from memscope.training.inputs import autocast
from memscope.training.optimiser import descend, parameter_groups

BATCH, SHAPE, CLASSES = 64, (28, 28, 1), 10
SECONDS = 1.0
SIDE = 1024


def training_step(family: str, width: int, precision: str) -> Callable[[], Tensor]:
    model = build_model(open_family(family).build, Draws(0, width, 0), SHAPE, CLASSES).train()
    groups, momentum = parameter_groups(model, Recipe()), Recipe().momentum
    inputs = torch.randn(BATCH, 1, 28, 28).to(memory_format=torch.channels_last)
    labels = torch.arange(BATCH) % CLASSES

    def step() -> Tensor:
        with autocast(torch.device("cpu"), precision):
            logits = model(inputs)
        loss = cross_entropy(logits.float(), labels)
        loss.backward()
        for group in groups:
            descend(group, 0.01, momentum)
        return loss

    return step


def rate(work: Callable[[], object], operations: float) -> float:
    """Operations a second, over about a second."""
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        work()
        count += 1
    return count * operations / (time.perf_counter() - start)


def rows(family: str, widths: list[int], repeats: int) -> list[Row]:
    with environment(ENVIRONMENT), ProcessPoolExecutor(1, get_context("spawn")) as one:
        return one.submit(measured, family, widths, repeats).result()


def measured(family: str, widths: list[int], repeats: int) -> list[Row]:
    torch.set_num_threads(1)
    precision = resolve_precision("auto", "cpu")
    kind = torch.bfloat16 if precision == "bfloat16" else torch.float32
    left, right = (torch.randn(SIDE, SIDE, dtype=kind) for _ in range(2))
    found = []
    for width in widths:
        step = training_step(family, width, precision)
        with FlopCounterMode(display=False) as counter:
            step()
        step()
        ours, bare = [], []
        for _ in range(repeats):
            bare.append(rate(lambda: left @ right, 2 * SIDE**3))
            ours.append(rate(step, counter.get_total_flops()))
        ratios = [one / other for one, other in zip(ours, bare, strict=True)]
        images = max(ours) / counter.get_total_flops() * BATCH
        note = f"{images:,.0f} images/s, {max(ours) / 1e9:.0f} of {max(bare) / 1e9:.0f} GFLOP/s, {precision}"
        found.append(Row(f"training step, {family}, width {width}", "rate of matrix products", ratios, note))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--family", default="resnet8")
    parser.add_argument("--widths", default="4,8,16,32,64")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    show(rows(options.family, [int(width) for width in options.widths.split(",")], options.repeats))


if __name__ == "__main__":
    main()
