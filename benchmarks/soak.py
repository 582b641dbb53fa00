"""Do memory and open files stay flat over 10,000 tasks?

    python -m benchmarks.soak [--engine processes] [--tasks 10000] [--workers 2] [--figure FILE.png]

The whole of `train-family` on 160 images of noise, with a trainer that does nothing: every task is handed to a worker,
comes back, and is written to the ledger like any other (temporary file, fsync, rename). Every hundredth task the memory
and the open files of the coordinator, and the memory of its workers, are read from /proc. Printed are the
medians of the second and of the last tenth of the run, and tasks a second.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from memscope.steps.train_family import train_family
from memscope.work.carrying_out import Ended, WorkOptions
from memscope.work.options import Choices

SIZES = (1, 2, 3, 4, 5)
EVERY = 100


def nothing(data, subset, seeds, size):
    """A trainer that is done at once."""
    return np.zeros(len(data.train_labels) + len(data.test_labels), dtype=int), None


def megabytes(process: int) -> float:
    """Resident memory of a process."""
    fields = Path(f"/proc/{process}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def workers_of(engine: str) -> list[int]:
    """The processes in which an engine does its tasks on this machine."""
    name = "multiprocessing.forkserver" if engine == "processes" else "ray::"
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            if name in command:
                parents[int(entry.name)] = parent
    return [process for process, parent in parents.items() if engine == "ray" or parents.get(parent) == os.getpid()]


def soak(engine: str, tasks: int, workers: int | None) -> tuple[np.ndarray, float]:
    """Samples [n, 4] (tasks done, MB of the coordinator, MB of all workers, open files), and tasks a second."""
    samples: list[tuple[float, ...]] = []
    with tempfile.TemporaryDirectory() as directory:
        random = np.random.default_rng(0)
        arrays = {
            f"{part}_{what}": values
            for part, count in (("train", 120), ("test", 40))
            for what, values in (
                ("images", random.integers(0, 256, (count, 8, 8, 1), dtype=np.uint8)),
                ("labels", np.arange(count) % 4),
            )
        }
        np.savez(Path(directory) / "noise.npz", **arrays)

        def sample(ended: Ended) -> None:
            done = ended.done // 10
            if done % EVERY == 0:
                working = sum(megabytes(process) for process in workers_of(engine))
                samples.append((done, megabytes(os.getpid()), working, len(os.listdir("/proc/self/fd"))))

        choices = Choices(
            data=f"npz:{directory}/noise.npz",
            trainer="benchmarks.soak:nothing",
            widths=SIZES,
            models=10 * tasks // len(SIZES),
        )
        start = time.perf_counter()
        trained = train_family(
            Path(directory) / "run", choices, WorkOptions("cpu", engine, workers=workers), on_end=sample
        )
        rate = tasks / (time.perf_counter() - start)
        assert trained.trained == 10 * tasks, trained.failed[:3]
    return np.array(samples), rate


def draw(samples: np.ndarray, engine: str, path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.6), layout="constrained")
    memory, files = figure.subplots(2, 1, sharex=True)
    memory.plot(samples[:, 0], samples[:, 1], color="#0072B2", label="coordinator")
    memory.plot(samples[:, 0], samples[:, 2], color="#D55E00", label="all workers")
    memory.set_ylabel("resident memory, MB")
    memory.set_ylim(0, 1.25 * samples[:, 1:3].max())
    memory.legend(loc="lower left", frameon=False)
    memory.set_title(f"{int(samples[-1, 0]):,} tasks through the engine {engine}", loc="left", fontsize=11)
    files.plot(samples[:, 0], samples[:, 3], color="#0072B2")
    files.set_ylabel("open files, coordinator")
    files.set_ylim(0, 1.25 * samples[:, 3].max())
    files.yaxis.get_major_locator().set_params(integer=True)
    files.set_xlabel("tasks finished")
    for axes in (memory, files):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=130)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", default="processes")
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()
    samples, rate = soak(options.engine, options.tasks, options.workers)
    tenth = max(1, len(samples) // 10)
    early, late = np.median(samples[tenth : 2 * tenth], axis=0), np.median(samples[-tenth:], axis=0)
    print(f"{options.tasks:,} tasks through {options.engine}, {rate:.0f} a second")
    print("| | second tenth | last tenth |\n|---|---|---|")
    for name, column in (("coordinator, MB", 1), ("workers, MB", 2), ("open files", 3)):
        print(f"| {name} | {early[column]:.0f} | {late[column]:.0f} |")
    if options.figure:
        draw(samples, options.engine, options.figure)


if __name__ == "__main__":
    main()
