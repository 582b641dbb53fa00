"""How many tasks a second does one coordinator hand out and write?

    python -m benchmarks.coordinator [--workers 1000] [--tasks 3000] [--sleep 5] [--ray HOST:PORT]

Workers that sleep instead of training give a realistic product: the packed outcome of five models of 50,000 training
and 10,000 test examples. It goes the way of `memscope train-family`: claimed, handed out, written under a temporary
name, flushed, renamed, counted. First with simulated workers in this process, which costs the engine nearly nothing;
then, with --ray, through a cluster whose workers do not sleep at all.
"""

import argparse
import heapq
import tempfile
import time
from collections.abc import Callable, Generator, Iterable
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np

from memscope.engines import Bundle, Cluster, Engine, OpenWork, Report, open_engine
from memscope.files.atomic import write_atomically
from memscope.plan.plan import DataChoice, Plan
from memscope.plan.recipe import Recipe
from memscope.run import create_or_open
from memscope.store.ledger import Outcome, Task, all_tasks, outcome_path, pack_outcome
from memscope.work.carrying_out import Ended, Work, WorkOptions, carry_out

TRAIN, TEST, CLASSES, UNIT, EPOCHS = 50_000, 10_000, 10, 5, 20


def example_plan(tasks: int) -> Plan:
    data = DataChoice("nowhere", "0" * 64)
    return Plan(data, "cnn", "width", None, (4,), -(-tasks // 2) * 10, 0.7, 0, "float32", Recipe(epochs=EPOCHS), UNIT)


def example_outcome(plan: Plan) -> bytes:
    """An outcome's file, with log-odds spread as those of real models, because their compression takes its time."""
    random = np.random.default_rng(0)
    labels = random.integers(0, CLASSES, TRAIN + TEST)
    in_subset = random.random((UNIT, TRAIN)) < plan.fraction
    seen = np.concatenate([in_subset, np.zeros((UNIT, TEST), dtype=bool)], axis=1)
    log_odds = random.normal(np.where(seen, 6, 2.5), np.where(seen, 2.5, 3))
    wrong = (labels + random.integers(1, CLASSES, log_odds.shape)) % CLASSES
    predicted = np.where(log_odds > 0, labels, wrong)
    each = np.ones(UNIT, dtype=np.float32)
    outcome = Outcome(
        in_subset=in_subset,
        predicted_train=predicted[:, :TRAIN],
        predicted_test=predicted[:, TRAIN:],
        log_odds_train=log_odds[:, :TRAIN].astype(np.float16),
        log_odds_test=log_odds[:, TRAIN:].astype(np.float16),
        epoch_loss=np.ones((UNIT, EPOCHS), dtype=np.float32),
        own_accuracy=each,
        diverged=np.zeros(UNIT, dtype=bool),
        seconds=each,
        evaluation_seconds=each,
        made_by={"device": "cpu", "precision": "float32", "torch_version": "2", "memscope_version": "0"},
    )
    start = time.perf_counter()
    packed = pack_outcome(plan, Task("onehot", 4, 0, UNIT), outcome)
    print(f"packed by a worker in {(time.perf_counter() - start) * 1e3:.0f} ms, {len(packed):,} bytes a task")
    return packed


def sleeping(product: bytes, seconds: float, worker: int) -> Callable[[Bundle], list[bytes]]:
    def work(bundle: Bundle) -> list[bytes]:
        if seconds:
            time.sleep(seconds)
        return [bytes(product) for _ in bundle]

    return work


def simulated(seconds: float) -> Engine:
    """An engine whose workers end in their time and cost nothing."""

    def run(open_work: OpenWork, bundles: Iterable[Bundle], workers: int) -> Generator[Report, None, None]:
        work = open_work(0)
        waiting = iter(bundles)
        ends: list[tuple[float, Bundle]] = []
        jitter = np.random.default_rng(0)

        def hand_out() -> None:
            bundle = next(waiting, None)
            if bundle is not None:
                heapq.heappush(ends, (time.monotonic() + seconds * jitter.uniform(0.5, 1.5), bundle))

        for _ in range(workers):
            hand_out()
        while ends:
            end, bundle = heapq.heappop(ends)
            if end > time.monotonic():
                time.sleep(max(0.0, end - time.monotonic()))
            hand_out()
            yield Report(bundle, work(bundle))

    return run


def measure(name: str, engine: Engine, plan: Plan, product: bytes, seconds: float, options: WorkOptions) -> None:
    with tempfile.TemporaryDirectory(dir=".") as directory:
        run = create_or_open(Path(directory), plan)

        def path_of(task: Task) -> Path:
            return outcome_path(run.path, plan, task)

        work = Work(
            partial(sleeping, product, seconds), path_of, lambda task, content: write_atomically(path_of(task), content)
        )
        ended: list[float] = []
        used: list[float] = []

        def tick(_: Ended) -> None:
            ended.append(time.perf_counter())
            used.append(time.process_time())

        with patch("memscope.work.carrying_out.open_engine", lambda *_: engine):
            start = time.perf_counter()
            done = carry_out(run, work, [(task,) for task in all_tasks(plan)], options, "cpu", tick)
        count = len(ended)
        assert done.models == count * UNIT, done
        assert all(path_of(task).stat().st_size == len(product) for task in all_tasks(plan))
        first, last = count // 4, count - 1 - count // 4
        print(
            f"{name}: {count} tasks in {ended[-1] - start:.1f} s; "
            f"in the middle half {(last - first) / (ended[last] - ended[first]):.0f} a second, "
            f"{(used[last] - used[first]) / (last - first) * 1e3:.1f} ms of this process's CPU each",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=1000)
    parser.add_argument("--tasks", type=int, default=6000)
    parser.add_argument("--sleep", type=float, default=5.0, help="seconds of a task, half more or less")
    parser.add_argument("--ray", metavar="HOST:PORT", help="measure through this cluster as well")
    options = parser.parse_args()
    plan = example_plan(options.tasks)
    product = example_outcome(plan)
    how = WorkOptions(device="cpu", engine="processes", workers=options.workers)
    for seconds in (0.0, options.sleep):
        name = f"{options.workers} simulated workers, tasks of {seconds:g} s"
        measure(name, simulated(seconds), plan, product, seconds=0.0, options=how)
    if options.ray:
        cluster = Cluster(options.ray)
        how = WorkOptions(device="cpu", engine="ray", address=options.ray)
        small = example_plan(options.tasks // 4)
        measure("through Ray", open_engine("ray", cluster), small, product, seconds=0.0, options=how)


if __name__ == "__main__":
    main()
