"""How much faster are models trained in lanes than by torch, and how much of the processor do they use?

    python -m benchmarks.lanes [--family cnn] [--widths 1,2,4,8,16,32] [--repeats 3] [--shape 28,28,1] [--batch 64]
    python -m benchmarks.lanes --whole [--family cnn] [--widths 2,4,8,16,32] [--repeats 2]

Without `--whole`, training steps: of torch's loop and of lanes, in turn, one thread in one process, images a second of
processor time; and the multiply-adds of convolutions and classifier, forward and backward, as a share of what a loop of
nothing but multiply-adds reaches; and the memory that the lanes take. ATEN_CPU_CAPABILITY=avx2 and
ONEDNN_MAX_CPU_ISA=AVX2 measure eight lanes on a processor that has sixteen.

With `--whole`, `memscope train-family` from start to end, on as many models as last about half a minute, beside the
usual loop (throughput.py) on a few models, by seconds a model: 2,000 images of Fashion-MNIST, 6 epochs, float32.
"""

import argparse
import ctypes
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn

from benchmarks import Row, show
from benchmarks.__main__ import processor
from benchmarks.throughput import BATCH, FRACTION, write_images
from memscope.families import open_family
from memscope.plan.recipe import Recipe
from memscope.training.backends.lanes.description import describe
from memscope.training.backends.lanes.flags import COMMON, KINDS
from memscope.training.backends.lanes.library import SOURCES, kinds_of_processor, most_lanes
from memscope.training.backends.lanes.network import LaneNetworks, Pictures
from memscope.training.draws import Draws, build_model
from memscope.training.inputs import Inputs
from memscope.training.loop import train_model

SECONDS = 0.4
EXAMPLES, EPOCHS, HALF_A_MINUTE = 2000, 6, 30
PEAK = """
#include "vector.h"
float peak(long rounds) {   // 12 chains, as many as a tile of a convolution has
    V a[12], x = all(1.0000001f), y = all(1e-9f), sum = {};
    for (int i = 0; i < 12; i++) a[i] = all(i);
    while (rounds--) UNROLL for (int i = 0; i < 12; i++) a[i] = fma_(a[i], x, y);
    for (int i = 0; i < 12; i++) sum += a[i];
    return sum[0];
}
"""


def peak_of(folder: Path) -> Callable[[], float]:
    """A function that measures the multiply-adds of one core, a second of processor time."""
    kind = kinds_of_processor()[0]
    assert kind is not None
    source, library = folder / "peak.c", folder / "peak.so"
    source.write_text(PEAK)
    how = [one for one in COMMON if one != "-fvisibility=hidden"]
    subprocess.run(["cc", *how, *KINDS[kind], f"-I{SOURCES}", str(source), "-o", str(library)], check=True)
    peak = ctypes.CDLL(str(library)).peak
    peak.argtypes, peak.restype = [ctypes.c_long], ctypes.c_float

    def measured() -> float:
        start = time.process_time()
        peak(10_000_000)
        return 10_000_000 * 12 * most_lanes() / (time.process_time() - start)

    return measured


def resident() -> float:
    """MB of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def multiply_adds(model: nn.Module, shape: tuple[int, int, int]) -> int:
    """Of an image, forward and backward; the first layer has no gradient of its input."""
    counts: list[int] = []

    def count(layer: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        counts.append(output[0].numel() * layer.weight[0].numel())

    layers = [one for one in model.modules() if isinstance(one, nn.Conv2d | nn.Linear)]
    handles = [one.register_forward_hook(count) for one in layers]
    model.eval()(torch.zeros(2, shape[2], *shape[:2]))
    for handle in handles:
        handle.remove()
    model.train()
    return 3 * sum(counts) - counts[0]


def step_rows(family: str, widths: list[int], shape: tuple[int, int, int], batch: int, repeats: int) -> Iterator[Row]:
    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    images, labels = random.integers(0, 256, (3000, *shape), dtype=np.uint8), random.integers(0, 10, 3000)
    mean, scale = np.full(shape[2], 120, np.float32), np.full(shape[2], 1 / 60, np.float32)
    inputs = Inputs(*map(torch.from_numpy, (images, labels, mean, scale)), "float32")
    subset, count = np.arange(2000), most_lanes()
    recipe = Recipe(epochs=1, batch_size=batch, learning_rate=1e-3)
    with tempfile.TemporaryDirectory() as folder:
        peak = peak_of(Path(folder))
        for width in widths:
            models = [build_model(open_family(family).build, Draws(0, width, one), shape, 10) for one in range(count)]
            description = describe(models[0])
            assert description is not None
            before = resident()
            group = LaneNetworks(models, description, Pictures(images, labels, mean, scale), batch)
            index = random.integers(0, 2000, (count, batch))

            def in_lanes(steps: int, group: LaneNetworks = group, index: np.ndarray = index) -> float:
                start = time.process_time()
                for _ in range(steps):
                    group.step(index, (1e-3, 1e-3, 0.9, 5e-4))
                return count * steps * batch / (time.process_time() - start)

            def by_torch(steps: int, model: nn.Module = models[0]) -> float:
                start = time.process_time()
                train_model(model, inputs, subset, steps * batch, recipe, Draws(0, 1, 0))
                return steps * batch / (time.process_time() - start)

            in_lanes(2)
            taken = resident() - before
            by_torch(2)
            many, few = (max(3, int(SECONDS * rate(5) / batch)) for rate in (in_lanes, by_torch))
            found = np.array([(in_lanes(max(3, many // count)), by_torch(few), peak()) for _ in range(repeats)])
            ours, theirs, most = np.median(found, axis=0)
            share = multiply_adds(models[0], shape) / most
            note = f"{ours:,.0f}, {theirs:,.0f} images/s; {ours * share:.0%}, {theirs * share:.0%} of the peak"
            note += f"; {taken:.0f} MB"
            what = f"step in {count} lanes, {family}, width {width}, {batch} of {'x'.join(map(str, shape))}"
            yield Row(what, "torch's step", list(found[:, 0] / found[:, 1]), note)


def usual_seconds(data: str, family: str, width: int) -> float:
    """Seconds of the usual loop for a model, from a process that trains few."""
    own = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    command = [sys.executable, "-m", "benchmarks.throughput", "--family", family, "--usual", f"{data},{width},{EPOCHS}"]
    start = time.perf_counter()
    told = subprocess.run(command, check=True, capture_output=True, text=True, env=own).stdout
    return (time.perf_counter() - start) / json.loads(told.splitlines()[-1])["models"]


def our_seconds(data: str, family: str, width: int, models: int) -> float:
    """Seconds of `memscope train-family` for a model."""
    with tempfile.TemporaryDirectory() as folder:
        command = [str(Path(sys.executable).parent / "memscope"), "train-family", str(Path(folder) / "run")]
        command += ["--data", data, "--family", family, "--widths", str(width), "--models", str(models), "--no-weights"]
        command += ["--epochs", str(EPOCHS), "--batch-size", str(BATCH), "--fraction", str(FRACTION)]
        start = time.perf_counter()
        subprocess.run([*command, "--precision", "float32", "--backend", "lanes"], check=True, capture_output=True)
        return (time.perf_counter() - start) / models


def whole_rows(family: str, widths: list[int], repeats: int) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        data = write_images(Path(folder) / "images.npz", EXAMPLES)
        for width in widths:
            guess = our_seconds(data, family, width, 80)
            models = max(80, min(4000, round(HALF_A_MINUTE / guess / 80) * 80))  # two workers, full lanes
            found = np.array(
                [(usual_seconds(data, family, width), our_seconds(data, family, width, models)) for _ in range(repeats)]
            )
            usual, ours = np.median(found, axis=0)
            note = f"{ours:.3f}, {usual:.2f} s a model; {models} models in {ours * models:.0f} s"
            yield Row(f"train-family, {family}, width {width}", "usual loop", list(found[:, 0] / found[:, 1]), note)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--family", default="cnn")
    parser.add_argument("--widths", default="2,4,8,16,32")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--shape", default="28,28,1")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--whole", action="store_true")
    options = parser.parse_args()
    widths = [int(width) for width in options.widths.split(",")]
    height, wide, channels = (int(one) for one in options.shape.split(","))
    print(f"{processor()}, {kinds_of_processor()[0]}\n")
    show([])
    steps = step_rows(options.family, widths, (height, wide, channels), options.batch, options.repeats)
    for row in whole_rows(options.family, widths, options.repeats) if options.whole else steps:
        show([row], head=False)


if __name__ == "__main__":
    main()
