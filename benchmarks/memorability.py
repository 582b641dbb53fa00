"""How much memory does predicting people's memorability take, and how long an image?

    python -m benchmarks.memorability [--images 50000] [--side 32] [--workers 2] [--real 100]

A stream of images is predicted by the stand-in of the tests, whose weights take nothing, so that whatever grows with
the number of images would show; then, with --real and where the package is installed, some images by `resmem` itself.
Each is measured in a process of its own, whose peak of resident memory is told.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from memscope.datasets.duplicates import Duplicates
from memscope.datasets.image_dataset import ImageDataset
from memscope.plan.plan import DataChoice, Plan
from memscope.plan.recipe import Recipe
from memscope.run import Run, create_or_open
from memscope.store.examples import cache_images, write_examples

STAND_IN = Path(__file__).parents[1] / "tests" / "predictors" / "stand_in"


def make_run(path: Path, images: int, side: int) -> Run:
    """A run of random images and no models."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (images, side, side, 3), dtype=np.uint8)
    labels, number = np.arange(images) % 10, np.arange(images)
    names = tuple("abcdefghij")
    dataset = ImageDataset("nowhere", pixels, labels, pixels[:10], labels[:10], names, number, number[:10])
    choice = DataChoice("nowhere", dataset.fingerprint)
    run = create_or_open(path, Plan(choice, "cnn", "width", None, (4,), 10, 0.7, 0, "float32", Recipe(), 5))
    none = np.full(images, -1, np.int32)
    write_examples(path, dataset, Duplicates(none, none[:10], none, none[:10], True))
    cache_images(path, dataset)
    return run


def peak() -> float:
    """Megabytes of resident memory at most so far; Linux only."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def child(path: Path) -> None:
    """Predict and print the seconds of wall and of cores, and the peaks before and after."""
    from memscope.run import open_run
    from memscope.work.memorability import Source, memorability_of

    run = open_run(path)
    start, cpu = time.perf_counter(), time.process_time()
    found = memorability_of(run, Source("resmem"), "cpu")
    count = len(found.values)
    assert np.isfinite(found.values).all()
    took, used = time.perf_counter() - start, time.process_time() - cpu
    print(f"{found.source}, {count:,} images: {took:.1f} s, {1e3 * took / count:.1f} ms an image, ", end="")
    print(f"{1e3 * used / count:.1f} ms of a core; {peak():,.0f} MB at most", flush=True)


def measure(images: int, side: int, workers: int, stand_in: bool) -> None:
    with tempfile.TemporaryDirectory() as directory:
        script = (
            f"from pathlib import Path; from benchmarks.memorability import child; child(Path({directory!r}) / 'run')"
        )
        make_run(Path(directory) / "run", images, side)
        places = [str(STAND_IN)] if stand_in else []
        environment = {
            **os.environ,
            "OMP_NUM_THREADS": str(workers),
            "PYTHONPATH": os.pathsep.join([*places, *sys.path]),
        }
        print(
            f"{'the stand-in' if stand_in else 'the package'}, {workers} threads, {side} x {side}: ", end="", flush=True
        )
        subprocess.run([sys.executable, "-c", script], env=environment, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--real", type=int, default=0, help="images for the package resmem, if it is installed")
    options = parser.parse_args()
    for images in (max(1, options.images // 10), options.images):
        measure(images, options.side, options.workers, stand_in=True)
    if options.real:
        measure(options.real, options.side, options.workers, stand_in=False)


if __name__ == "__main__":
    main()
