"""What do time and memory grow with? A small profile, and the same with one thing doubled at a time.

    python -m benchmarks.growth [--repeats 1]

`train-family` and then `score` and `trajectories`, whole commands: 20 models of `cnn` at each of the widths 4 and 8 on
500 images, one worker; then 1,000 images, 40 models, widths 8 and 16, and two workers. Memory is the most that all
processes of the training had at a time, what they share counted once.
"""

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

from benchmarks import Row, show

BASE = {"images": 500, "models": 20, "width": 8, "workers": 1}
EPOCHS = 5


def memory(session: int) -> float:
    """MB that the processes of a session have, each page shared out among those that share it."""
    total = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError, IndexError):
                if int((entry / "stat").read_text().rsplit(")", 1)[1].split()[3]) == session:
                    lines = (entry / "smaps_rollup").read_text().splitlines()
                    total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def run(command: list[str]) -> tuple[float, float]:
    """Seconds and MB of a command."""
    start, most = time.perf_counter(), 0.0
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
    ended = threading.Event()

    def watch() -> None:
        nonlocal most
        while not ended.wait(0.2):
            most = max(most, memory(process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    said = process.communicate()[1]
    seconds = time.perf_counter() - start
    ended.set()
    watcher.join()
    if process.returncode:
        raise SystemExit(said.decode())
    return seconds, most


def measure(images: int, models: int, width: int, workers: int) -> tuple[float, float, float]:
    """Seconds and MB of the training, seconds of scores and trajectories."""
    command = str(Path(sys.executable).parent / "memscope")
    with tempfile.TemporaryDirectory() as directory:
        place = str(Path(directory) / "run")
        given = ["--data", "fashion-mnist-5k", "--examples", str(images), "--widths", f"{width // 2},{width}"]
        given += ["--models", str(models), "--epochs", str(EPOCHS), "--workers", str(workers), "--no-weights"]
        seconds, most = run([command, "train-family", place, *given])
        rest = run([command, "score", place])[0] + run([command, "trajectories", place])[0]
    return seconds, most, rest


def rows(repeats: int) -> Iterator[Row]:
    """Of each thing that is doubled: by how much it makes the training longer."""
    base = np.array([measure(**BASE) for _ in range(repeats)])
    yield Row("train-family, 20 models, 500 images", "itself", list(base[:, 0] / base[:, 0].mean()), told(base))
    for name, value in BASE.items():
        found = np.array([measure(**BASE | {name: 2 * value}) for _ in range(repeats)])
        yield Row(f"{2 * value:,} {name}", f"{value} {name}, time", list(found[:, 0] / base[:, 0]), told(found))


def told(found: np.ndarray) -> str:
    seconds, most, rest = np.median(found, axis=0)
    return f"{seconds:.1f} s, {most:.0f} MB; score and trajectories {rest:.1f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=1)
    for number, row in enumerate(rows(parser.parse_args().repeats)):
        show([row], head=number == 0)


if __name__ == "__main__":
    main()
